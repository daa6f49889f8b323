/**
 * One log of a container on its way to the platform. Pieces end with lines where they can; what comes last is said too.
 * Knows neither other sessions nor why it may run.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { logChunkBytesMax, sessionBytesPerSecond } from "../domain/limit.ts"
import { cutStream, encodeLog, logSubject } from "../domain/wire/sessionMessage.ts"
import { decodeText } from "../domain/read/text.ts"
import type { SessionWish } from "../domain/wire/sessionRequest.ts"
import type { SessionPorts, Tally } from "./sessionTally.ts"

/**
 * Publishes a log until its end, or until interrupted.
 * Fails when it cannot be opened or breaks off, also after `sessionIdleMs` of silence.
 */
export const streamLog = Effect.fnUntraced(function* ({ pods, requests }: SessionPorts, wish: SessionWish, tally: Tally) {
  const stream = yield* pods.openLog(wish)
  const say = Effect.fnUntraced(function* (texts: ReadonlyArray<string>, bytes: number) {
    for (const text of texts) yield* requests.reply(logSubject, encodeLog(wish.id, text, wish.pod, wish.container))
    tally.sentBytes += bytes
    tally.saidMs = yield* Clock.currentTimeMillis
    yield* Effect.sleep((bytes / sessionBytesPerSecond) * 1000)
  })
  let rest: Uint8Array = new Uint8Array(0)
  while (true) {
    const next = yield* Effect.result(stream.next)
    if (Result.isSuccess(next) && next.success !== undefined) {
      const all = joinBytes(rest, next.success)
      const cut = cutStream(all, logChunkBytesMax, true)
      rest = cut.rest
      if (cut.texts.length > 0) yield* say(cut.texts, all.length - rest.length)
      continue
    }
    if (rest.length > 0) yield* say([decodeText(rest, 0, rest.length)], rest.length)
    return yield* Result.isFailure(next) ? Effect.fail(next.failure) : Effect.void
  }
})

/** Two pieces as one, copied. */
export const joinBytes = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const all = new Uint8Array(first.length + second.length)
  all.set(first)
  all.set(second, first.length)
  return all
}
