/**
 * What is asked over the broker, each verb to whoever answers it: announcements, the version, dumps, sessions in pods.
 *
 * Invariants: no request waits for another one's answer; every verb is counted; what is asked in error is named once in a while and
 * ignored. Does not know how a request looks on the wire, nor what an announcement consists of.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { addToCounter } from "../domain/sync/engine.ts"
import { encodeMeta } from "../domain/wire/reply.ts"
import type { Request } from "../domain/wire/request.ts"
import { Requests } from "../ports/Requests.ts"
import type { SinkError } from "../ports/Sink.ts"
import { untilQuiet } from "./announce.ts"
import type { Desk } from "./desk.ts"
import { makeComplaints } from "./notices.ts"
import { makeSessions, type SessionPolicy } from "./sessions.ts"
import { makeStoreDumps } from "./storeDump.ts"

/** What answers are made with. */
export interface Answering {
  readonly desk: Desk
  /** What may be opened in pods, and where. */
  readonly policy: SessionPolicy
  /** Where a wish for an announcement is put. */
  readonly announcements: Queue.Queue<void>
  /** Announces everything again. */
  readonly announce: Effect.Effect<void, SinkError>
}

/** Answers requests for as long as the run lasts. Fails only when the sink is broken for good. */
export const answerRequests = Effect.fnUntraced(function* ({ announce, announcements, desk, policy }: Answering) {
  const requests = yield* Requests
  const { engine } = desk
  const resyncs = yield* Queue.sliding<void>(1)
  const dumps = yield* makeStoreDumps(desk, requests)
  const sessions = yield* makeSessions(policy)
  const complain = makeComplaints()
  const gather = Queue.take(resyncs).pipe(
    Effect.andThen(untilQuiet(resyncs)),
    Effect.andThen(Queue.offer(announcements, undefined)),
    Effect.forever,
  )
  // Apart from the requests: an announcement waits for lanes that are closing, and a request must not wait for it.
  const obey = Effect.forever(Effect.andThen(Queue.take(announcements), announce))
  const answer = (request: Request): Effect.Effect<void> => {
    switch (request._tag) {
      case "Resync":
        addToCounter(engine, `resyncs_${request.origin}`)
        return Effect.asVoid(Queue.offer(request.origin === "request" ? resyncs : announcements, undefined))
      case "Meta":
        addToCounter(engine, "requests_meta")
        return requests.reply("meshsync-meta", encodeMeta(engine.version))
      case "Store":
        addToCounter(engine, "requests_store")
        return dumps.ask(request.reply) ? Effect.void : complain("store", "an informer-store request was refused: too many wait already")
      case "Logs":
        addToCounter(engine, "requests_logs")
        return sessions.ask("Logs", request.wishes)
      case "Terminals":
        addToCounter(engine, "requests_exec")
        return sessions.ask("Terminals", request.wishes)
      case "Sessions":
        addToCounter(engine, "requests_sessions")
        return sessions.list
      case "Unknown":
        addToCounter(engine, "requests_unknown")
        return complain("unknown", `a request for ${JSON.stringify(request.entity)} is not understood and was ignored`)
      case "Invalid":
        addToCounter(engine, "requests_invalid")
        return complain(request.reason, `a request was ignored: ${request.reason}`)
    }
  }
  const duties = [gather, obey, Stream.runForEach(requests.incoming, answer), dumps.work, sessions.work]
  return yield* Effect.all(duties, { concurrency: "unbounded", discard: true })
})
