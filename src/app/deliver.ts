/**
 * The way out of one turn: its changes as batches, each delivered until the sink has it, and what is to be said about them behind them.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { markAttemptsMax, markWaitMs } from "../domain/limit.ts"
import type { Notice } from "../domain/notice.ts"
import type { Records } from "../domain/read/record.ts"
import { pauseMs } from "../domain/sync/backoff.ts"
import { rememberNews, selectNews } from "../domain/sync/content.ts"
import type { Change, Mark, Output } from "../domain/sync/fact.ts"
import { countPublished, type Lane } from "../domain/sync/lane.ts"
import { holds } from "../domain/sync/ledger.ts"
import { describeMark, noteOmitted } from "../domain/sync/mark.ts"
import { departedOf, encodeBatch, type EncodedMessage } from "../domain/sync/turn.ts"
import { encodeMark } from "../domain/wire/mark.ts"
import { serviceAddresses } from "../domain/wire/service.ts"
import type { Writer } from "../domain/wire/writer.ts"
import type { Batch, Message, Receipt, SinkError } from "../ports/Sink.ts"
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
  // What nobody is told needs nobody's acceptance.
  if (yield* intend(desk, lane, records, output.unsaid, nothing)) yield* confirm(desk, lane)
  let from = 0
  while (from < output.changes.length) {
    const writer = takeWriter(desk)
    const { redact, redactPaths, sink, whole } = desk
    const bounds = { bytesMax: sink.bytesMax(), oversizeBytesMax: sink.oversizeBytesMax?.() }
    const settings = { clusterId: desk.engine.clusterId, redact, redactPaths, reachable, ...bounds, whole }
    const { leftOut, messages, next } = encodeBatch(lane, records, output, from, writer, settings)
    const news = desk.contentDedup ? selectNews(lane.contents, messages, writer.bytes) : undefined
    const fresh = news?.messages ?? messages
    const recorded = yield* intend(desk, lane, records, output.changes.slice(from, next), leftOut)
    const untaken = fresh.length === 0 ? [] : yield* deliverMessages(desk, lane, fresh, writer, urgency)
    const taken = untaken.length === 0 ? fresh : fresh.filter((message) => !untaken.includes(message))
    if (news !== undefined) rememberNews(lane.contents, news)
    if (recorded) yield* confirm(desk, lane)
    countPublished(lane, taken)
    returnWriter(desk, writer)
    yield* leaveOut(desk, lane, records, untaken)
    output.changes.splice(next, 0, ...endsOf(lane, records, untaken))
    from = next
  }
  for (const mark of output.marks) yield* deliverMark(desk, lane, mark)
  for (const notice of output.notices) yield* logNotice(notice)
})

/** Delivers the messages of one batch until the sink has it; answers those that it has left out. */
const deliverMessages = Effect.fnUntraced(function* (
  desk: Desk,
  lane: Lane,
  messages: ReadonlyArray<EncodedMessage>,
  writer: Writer,
  urgency: Batch["urgency"],
) {
  const batch: Batch = { urgency, messages: messages.map((message) => toMessage(message, writer)) }
  const leftOut = yield* deliverUntilAccepted(lane, desk.sink.deliver(batch))
  return leftOut === undefined ? [] : messages.filter((_, at) => leftOut.has(batch.messages[at] as Message))
})

/**
 * What the sink has left out after all counts as if it had been left out from the start. To be called behind the confirmation of the batch:
 * what is written down here is not to be confirmed with it. The sink has said which it were; of a deletion the identity follows.
 */
const leaveOut = (desk: Desk, lane: Lane, records: Records, messages: ReadonlyArray<EncodedMessage>): Effect.Effect<void> => {
  lane.counts.tooLarge += messages.length
  for (const { uid } of messages) lane.contents.delete(uid)
  const changes = messages.flatMap(({ change, event }) => (event === "Deleted" ? [] : [change]))
  for (const change of changes) noteOmitted(lane, departedOf(change, records))
  return changes.length === 0 ? Effect.void : Effect.asVoid(intend(desk, lane, records, changes, new Set(changes)))
}

/**
 * A deletion that turned out to be too large goes out with its identity alone, or the object would live on for whoever listens. Not where
 * its address lives again: what has been said of that takes the older life's place.
 */
const endsOf = (lane: Lane, records: Records, messages: ReadonlyArray<EncodedMessage>): ReadonlyArray<Change> =>
  messages
    .filter(
      ({ change, name, namespace }) => change.event === "Deleted" && change.departed === undefined && !holds(lane.ledger, namespace, name),
    )
    .map(({ change }) => ({ event: "Deleted", record: -1, departed: departedOf(change, records), repeated: true }))

const nothing: ReadonlySet<Change> = new Set()

/** Writes down what is about to be said for the first time; false where nothing is. Repeats change nothing of what has been said. */
const intend = (desk: Desk, lane: Lane, records: Records, changes: ReadonlyArray<Change>, leftOut: ReadonlySet<Change>) => {
  const { recorder } = desk
  const news = recorder === undefined ? [] : changes.filter(({ repeated }) => repeated !== true)
  return recorder === undefined || news.length === 0
    ? Effect.succeed(false)
    : Effect.as(recorder.intend(lane, records, news, leftOut), true)
}

const confirm = ({ recorder }: Desk, lane: Lane): Effect.Effect<void> => (recorder === undefined ? Effect.void : recorder.confirm(lane))

const toMessage = ({ end, event, name, namespace, start, type, uid }: EncodedMessage, writer: Writer): Message => ({
  event,
  type,
  namespace,
  name,
  uid,
  payload: writer.bytes.subarray(start, end),
})

/**
 * On doubt the very same batch again, whole and in order: anything cleverer loses deletions or leaves ghosts.
 * @returns what the sink has left out, if anything
 */
const deliverUntilAccepted = Effect.fnUntraced(function* (lane: Lane, delivery: Effect.Effect<Receipt, SinkError>, attemptsMax = Infinity) {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const receipt = yield* delivery
    if (receipt._tag === "accepted") return receipt.leftOut
    lane.counts.doubtful++
    lane.counts.resent++
    yield* logNotice(doubtOf(lane, receipt.reason))
    // The sink itself waits while it is away; the pause is for one that is there and refuses.
    if (attempt > 0) yield* Effect.sleep(pauseMs({ _tag: "Pause", slow: false, attempt, retryAfterMs: undefined }, yield* Random.next))
  }
  return undefined
})

/**
 * Where repeats are left out, nothing is said of the content: no consumer has the versions that the ledger has.
 * A mark may be lost: a consumer without it leaves its copy as it is, and the next digest tells. So one that is refused again and again is
 * given up, and a digest is sent once or not at all, so that a broker that is away does not hold up a lane which has nothing else to say.
 */
const deliverMark = (desk: Desk, lane: Lane, mark: Mark): Effect.Effect<void, SinkError> => {
  const { contentDedup, engine, sink } = desk
  if (sink.mark === undefined || (contentDedup && mark !== "deselected" && mark !== "vanished")) return Effect.void
  const said = describeMark(engine, lane, mark)
  if (said === undefined) return Effect.void
  const payload = encodeMark(said)
  const delivery = sink.mark(() => payload)
  return mark === "digest"
    ? Effect.asVoid(Effect.timeoutOption(delivery, markWaitMs))
    : Effect.asVoid(deliverUntilAccepted(lane, delivery, markAttemptsMax))
}

const doubtOf = (lane: Lane, reason: string): Notice => ({
  error: "ErrPublish",
  subject: lane.key,
  detail: `${lane.key}: a batch is sent again because its acceptance is in doubt: ${reason}`,
  level: "debug",
})

const noAddresses: ReadonlySet<string> = new Set()

/** Only the lane of Services waits for their addresses. */
const dialServices = (desk: Desk, lane: Lane, records: Records, output: Output): Effect.Effect<ReadonlySet<string>> => {
  // A whole object says nothing of who answers.
  if (lane.spec.type.kind !== "Service" || desk.whole !== undefined) return Effect.succeed(noAddresses)
  const addresses = output.changes.flatMap((change) => (change.event === "Deleted" ? [] : serviceAddresses(records, change.record)))
  return addresses.length === 0 ? Effect.succeed(noAddresses) : desk.dialer.reachable(addresses)
}
