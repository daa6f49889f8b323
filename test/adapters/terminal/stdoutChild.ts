/**
 * A process that writes as many messages to standard output as its first argument says; exit 0 also when the reader goes away.
 */
import * as Effect from "effect/Effect"
import { layerStdout } from "../../../src/adapters/terminal/stdout.ts"
import { Sink } from "../../../src/ports/Sink.ts"
import { batchOf } from "../message.ts"

const count = Number(process.argv[2])

const run = Effect.gen(function* () {
  const sink = yield* Sink
  for (let index = 0; index < count; index += 10)
    yield* sink.deliver(batchOf("live", ...Array.from({ length: 10 }, (_, offset) => ({ name: `p${index + offset}` }))))
}).pipe(
  Effect.provide(layerStdout),
  Effect.catchTag("SinkError", (failure) =>
    Effect.sync(() => {
      console.error(failure.readerGone === true ? "the reader is gone" : failure.message)
      process.exitCode = failure.readerGone === true ? 0 : 1
    }),
  ),
)

await Effect.runPromise(run)
