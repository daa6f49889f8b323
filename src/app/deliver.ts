/**
 * The way out of one turn: its changes as batches, each delivered until the sink has it.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Records } from "../domain/read/record.ts"
import { pauseMs } from "../domain/sync/backoff.ts"
import { isRepeat, rememberContent } from "../domain/sync/content.ts"
import type { Notice, Output } from "../domain/sync/fact.ts"
import { countPublished, type Lane } from "../domain/sync/lane.ts"
import { encodeBatch, type EncodedMessage } from "../domain/sync/turn.ts"
import { serviceAddresses } from "../domain/wire/service.ts"
import type { Writer } from "../domain/wire/writer.ts"
import type { Batch, Message } from "../ports/Sink.ts"
import { returnWriter, takeWriter, type Desk } from "./desk.ts"
import { logNotice } from "./notices.ts"

/** Delivers all changes of a turn, in order, and logs its notices. Returns when the sink has accepted the last of them. */
export const deliverTurn = Effect.fnUntraced(function* (
  desk: Desk,
  lane: Lane,
  records: Records,
  output: Output,
  urgency: Batch["urgency"],
) {
  const reachable = yield* dialServices(desk, lane, records, output)
  let from = 0
  while (from < output.changes.length) {
    const writer = takeWriter(desk)
    const settings = { clusterId: desk.engine.clusterId, redact: desk.redact, reachable, bytesMax: desk.sink.bytesMax() }
    const { messages, next } = encodeBatch(lane, records, output, from, writer, settings)
    const fresh = desk.contentDedup ? messages.filter((message) => !isRepeat(lane.contents, message, writer.bytes)) : messages
    if (fresh.length > 0) yield* deliverUntilAccepted(desk, lane, { urgency, messages: fresh.map((message) => toMessage(message, writer)) })
    if (desk.contentDedup) for (const message of fresh) rememberContent(lane.contents, message, writer.bytes)
    countPublished(lane, fresh)
    returnWriter(desk, writer)
    from = next
  }
  for (const notice of output.notices) yield* logNotice(notice)
})

const toMessage = ({ end, start, ...about }: EncodedMessage, writer: Writer): Message => ({
  ...about,
  payload: writer.bytes.subarray(start, end),
})

/** On doubt the very same batch again, whole and in order: anything cleverer loses deletions or leaves ghosts. */
const deliverUntilAccepted = Effect.fnUntraced(function* (desk: Desk, lane: Lane, batch: Batch) {
  for (let attempt = 0; ; attempt++) {
    const receipt = yield* desk.sink.deliver(batch)
    if (receipt._tag === "accepted") return
    lane.counts.doubtful++
    lane.counts.resent++
    yield* logNotice(doubtOf(lane, receipt.reason))
    // The sink itself waits while it is away; the pause is for one that is there and refuses.
    if (attempt > 0) yield* Effect.sleep(pauseMs({ _tag: "Pause", slow: false, attempt, retryAfterMs: undefined }, yield* Random.next))
  }
})

const doubtOf = (lane: Lane, reason: string): Notice => ({
  error: "ErrPublish",
  subject: lane.key,
  detail: `${lane.key}: a batch is sent again because its acceptance is in doubt: ${reason}`,
  level: "debug",
})

const noAddresses: ReadonlySet<string> = new Set()

/** Only the lane of Services waits for their addresses. */
const dialServices = (desk: Desk, lane: Lane, records: Records, output: Output): Effect.Effect<ReadonlySet<string>> => {
  if (lane.spec.type.kind !== "Service") return Effect.succeed(noAddresses)
  const addresses = output.changes.flatMap((change) => (change.event === "Deleted" ? [] : serviceAddresses(records, change.record)))
  return addresses.length === 0 ? Effect.succeed(noAddresses) : desk.dialer.reachable(addresses)
}
