/**
 * A process that records into the folder of its first argument, says so, and then waits to be killed; an error of the sink ends it.
 */
import * as Effect from "effect/Effect"
import { layer } from "../../../src/adapters/filesystem/snapshot.ts"
import { Sink } from "../../../src/ports/Sink.ts"
import { batchOf } from "../message.ts"

const run = Effect.gen(function* () {
  const sink = yield* Sink
  for (let index = 0; index < 40; index++)
    yield* sink.deliver(batchOf("announcement", { name: `p${index}`, spec: { text: "x".repeat(2_000) } }))
  console.log("recorded")
  // A timer keeps the process up until it is killed.
  yield* Effect.sleep("1 minute")
}).pipe(
  Effect.provide(layer({ file: "snap.yaml", extended: true, append: false, folder: process.argv[2] ?? "" })),
  Effect.catchTag("SinkError", ({ error }) => Effect.sync(() => console.log(error.key, error.message))),
)

await Effect.runPromise(run)
