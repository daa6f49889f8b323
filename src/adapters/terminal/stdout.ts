/**
 * Standard output as a sink: every message as one line of JSON, and plain text for the surfaces of the terminal.
 * A reader that is slow slows the run down; one that went away ends it in order. Knows nothing of what the messages say.
 */
import type { Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { meshError } from "../../domain/error.ts"
import { accepted, Sink, SinkError, type Message } from "../../ports/Sink.ts"

/** How a pipe or terminal says that its other end is gone; a stream that saw it once reports itself destroyed from then on. */
const readerGoneCodes: ReadonlySet<unknown> = new Set(["EPIPE", "ECONNRESET", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"])

const outputError = (cause: Error): SinkError => {
  const error = meshError("ErrWriteOutput", `standard output: ${cause.message}`)
  return "code" in cause && readerGoneCodes.has(cause.code) ? new SinkError({ error, readerGone: true }) : new SinkError({ error })
}

/** The callback of each write reports the error; the event alone would end the process. */
const ignoreEvent = (): void => undefined

/** Writes and waits until the stream has passed it on: that is the back-pressure. Interrupting stops the waiting, not the write. */
export const writeTo = (stream: Writable, chunk: string | Uint8Array): Effect.Effect<void, SinkError> =>
  Effect.callback<void, SinkError>((resume) => {
    if (!stream.listeners("error").includes(ignoreEvent)) stream.on("error", ignoreEvent)
    stream.write(chunk, (cause) => {
      resume(cause === null || cause === undefined ? Effect.void : Effect.fail(outputError(cause)))
    })
  })

const lineFeed = 0x0a

/** JSON never holds a raw line feed, so a message is a line as it stands. The copy outlives the batch's buffer. */
const joinLines = (messages: ReadonlyArray<Message>): Uint8Array => {
  const lines = Buffer.allocUnsafe(messages.reduce((sum, { payload }) => sum + payload.length + 1, 0))
  let at = 0
  for (const { payload } of messages) {
    lines.set(payload, at)
    at += payload.length
    lines[at++] = lineFeed
  }
  return lines
}

/** Messages as lines of JSON on any stream, in the order of the batches. Named `name` in the status. */
export const layerLines = (stream: Writable, name: string): Layer.Layer<Sink> =>
  Layer.effect(
    Sink,
    Effect.gen(function* () {
      const lock = yield* Semaphore.make(1)
      let lines = 0
      return Sink.of({
        deliver: ({ messages }) =>
          Effect.suspend(() => (messages.length === 0 ? Effect.void : writeTo(stream, joinLines(messages)))).pipe(
            lock.withPermits(1),
            Effect.map(() => {
              lines += messages.length
              return accepted
            }),
          ),
        bytesMax: () => Number.MAX_SAFE_INTEGER,
        status: () => ({ name, state: stream.writable ? "open" : "closed", detail: `${lines} lines` }),
        settled: Effect.void,
      })
    }),
  )

/** Every message as one line of JSON on standard output. */
export const layerStdout: Layer.Layer<Sink> = Layer.suspend(() => layerLines(process.stdout, "stdout"))

/** Text on standard output, for the feed and the progress line, or bytes. */
export const writeStdout = (text: string | Uint8Array): Effect.Effect<void, SinkError> =>
  Effect.suspend(() => writeTo(process.stdout, text))
