/**
 * A process that serves the health port, prints which one it is, and has nothing else to do once its input ends.
 */
import * as Effect from "effect/Effect"
import { serveHealth } from "../../../src/adapters/http/status.ts"
import { statusOf } from "../../domain/sync/statusOf.ts"

process.stdin.resume()

const run = Effect.gen(function* () {
  console.log(yield* serveHealth({ port: 0, status: () => statusOf([]), ready: () => true }))
  return yield* Effect.callback<never>(() => undefined)
}).pipe(Effect.scoped)

Effect.runFork(run)
