/**
 * The embedded API server as a process of its own: so many distinct pods of 8 KB. Prints the path of a kubeconfig, serves until it is
 * killed.   node bench/cluster.ts PODS FOLDER
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { makeDemoCluster } from "../src/adapters/memory/demoCluster.ts"
import { serveCluster } from "../src/adapters/memory/server.ts"

const [pods = "20000", folder = "."] = process.argv.slice(2)

const serve = Effect.gen(function* () {
  const cluster = yield* serveCluster({ cluster: makeDemoCluster({ seed: 7, nowMs: Date.now(), pods: Number(pods) }) })
  const path = join(folder, "kubeconfig")
  writeFileSync(path, cluster.kubeconfig())
  process.stdout.write(`${path}\n`)
  return yield* Effect.never
})

Effect.runFork(Effect.scoped(serve))
