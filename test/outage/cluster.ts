/**
 * The embedded API server as a process of its own, whose pods and ConfigMaps change all the time: mostly in place, one in sixteen is
 * deleted, and one in sixteen deleted and created anew at once.   node test/outage/cluster.ts PODS RATE FOLDER
 * Prints the path of a kubeconfig; on a line of stdin it changes nothing any more and prints what there is, as JSON.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import { makeDemoCluster } from "../../src/adapters/memory/demoCluster.ts"
import { treeOf } from "../../src/adapters/memory/model.ts"
import { serveCluster } from "../../src/adapters/memory/server.ts"
import { createObject, patchObject, removeObject } from "../../src/adapters/memory/write.ts"

const [pods = "2000", rate = "1000", folder = "."] = process.argv.slice(2)
const tickMs = 10
const kinds = ["pods", "configmaps"] as const

const cluster = makeDemoCluster({ seed: 11, nowMs: Date.now(), pods: Number(pods) })
const configMaps = Number(pods) / 4
for (let i = 0; i < configMaps; i++) {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: `settings-${i}` }, data: { step: "0" } }
  createObject(cluster, "configmaps", object, Date.now())
}

let step = 0
let made = 0

/** One change of one object, chosen by the number of the step. */
const change = (): void => {
  step++
  const key = kinds[step % 4 === 0 ? 1 : 0]
  const items = cluster.shelves.get(key)?.items
  if (items === undefined || items.size === 0) return
  // A stride that has no divisor in common with most sizes meets every object in turn.
  const stored = [...items.values()][(step * 7_919) % items.size]
  if (stored === undefined) return
  const { name, namespace } = stored
  const nowMs = Date.now()
  if (step % 16 === 3 || step % 16 === 7) {
    const { metadata, ...rest } = treeOf(stored)
    const { creationTimestamp: _, resourceVersion: __, uid: ___, ...kept } = metadata
    removeObject(cluster, key, namespace, name, nowMs)
    // Every other one comes back under a name of its own, so that the cluster neither shrinks nor stays as it was.
    const again = step % 16 === 3 ? name : `made-${++made}`
    createObject(cluster, key, { ...rest, metadata: { ...kept, name: again } }, nowMs)
  } else patchObject(cluster, key, namespace, name, { metadata: { labels: { step: String(step) } } })
}

const serve = Effect.gen(function* () {
  const served = yield* serveCluster({ cluster })
  const path = join(folder, "kubeconfig")
  writeFileSync(path, served.kubeconfig())
  process.stdout.write(`${path}\n`)
  const startedMs = performance.now()
  const churn = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * Number(rate)
    // What the process could not do in time it does not make up for without bound.
    for (let i = 0; step < due && i < Number(rate); i++) change()
  }, tickMs)
  createInterface({ input: process.stdin }).once("line", () => {
    clearInterval(churn)
    const state = kinds.flatMap((key) =>
      [...(cluster.shelves.get(key)?.items.values() ?? [])].map(({ name, namespace, uid, version }) => [
        `${key} ${namespace}/${name}`,
        `${uid}@${version}`,
      ]),
    )
    process.stdout.write(`${JSON.stringify({ changes: step, state })}\n`)
  })
  return yield* Effect.never
})

Effect.runFork(Effect.scoped(serve))
