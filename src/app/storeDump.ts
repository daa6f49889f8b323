/**
 * The answer to `informer-store`: everything that is announced, read anew from the API server and sent to whoever asked.
 * Invariants: one dump at a time; an item goes out only while the ledger holds that very life and version, so a dump says nothing that
 * a lane has not said; deletions accepted meanwhile are said again afterwards, because a slow reader may meet the dump after them.
 * Nothing is kept: memory is one page, and what goes out waits for whoever takes it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import {
  dumpItemsMax,
  dumpRepeatsMs,
  dumpRetriesMax,
  dumpsWaitingMax,
  paceBytesPerSecond,
  paceMessagesPerSecond,
  pageObjectsFirst,
  retryLastMs,
} from "../domain/limit.ts"
import { Flaw, makeRecords, type Records } from "../domain/read/record.ts"
import { scanPage } from "../domain/read/scan.ts"
import { typeKey, typeName } from "../domain/select/resource.ts"
import { pauseMs } from "../domain/sync/backoff.ts"
import { recentDepartures } from "../domain/sync/departures.ts"
import { makeOutput, type Failure } from "../domain/sync/fact.ts"
import type { Lane } from "../domain/sync/lane.ts"
import { holds, holdsLife } from "../domain/sync/ledger.ts"
import { encodeBatch, noRecords, repeatDeparture } from "../domain/sync/turn.ts"
import { packStore } from "../domain/wire/reply.ts"
import { serviceAddresses } from "../domain/wire/service.ts"
import { ApiError, type ListRequest } from "../ports/ClusterApi.ts"
import type { Requests } from "../ports/Requests.ts"
import { deliverTurn } from "./deliver.ts"
import { returnWriter, takeWriter, withWord, type Desk } from "./desk.ts"
import { logNotice } from "./notices.ts"
import { releaseNow } from "./release.ts"

type Replies = Pick<Requests["Service"], "reply" | "unpaced">

/**
 * The queue of dumps.
 * @returns `ask` takes a validated subject, and is false where too many wait already; `work` answers for ever, and fails with the sink
 */
export const makeStoreDumps = Effect.fnUntraced(function* (desk: Desk, replies: Replies) {
  const subjects = yield* Queue.bounded<string>(dumpsWaitingMax)
  const work = Effect.forever(Effect.flatMap(Queue.take(subjects), (subject) => dumpStore(desk, replies, subject)))
  return { ask: (subject: string): boolean => Queue.offerUnsafe(subjects, subject), work }
})

/** One dump that runs. */
interface Dump {
  readonly desk: Desk
  readonly send: (payload: Uint8Array) => Effect.Effect<void>
  readonly paced: boolean
  /** Failed lists that it may still ask for again. */
  retriesLeft: number
}

const dumpStore = Effect.fnUntraced(function* (desk: Desk, { reply, unpaced = false }: Replies, subject: string) {
  const beganMs = yield* Clock.currentTimeMillis
  const dump: Dump = { desk, send: (payload) => reply(subject, payload), paced: !unpaced, retriesLeft: dumpRetriesMax }
  const lanes = [...desk.engine.lanes.values()].filter((lane) => lane.delivered && !lane.spec.hidden)
  // A type in trouble comes last: it may be read again by then, and others do not wait for it.
  const isTroubled = ({ trouble }: Lane): number => (trouble === undefined ? 0 : 1)
  for (const lane of lanes.toSorted((a, b) => isTroubled(a) - isTroubled(b))) yield* dumpLane(dump, lane)
  const endedMs = yield* Clock.currentTimeMillis
  for (const repeatMs of dumpRepeatsMs) {
    yield* Effect.sleep(Math.max(0, endedMs + repeatMs - (yield* Clock.currentTimeMillis)))
    for (const lane of desk.engine.lanes.values()) yield* withWord(desk, lane.key)(repeatDeletions(desk, lane, beganMs))
  }
})

/** All pages of one type. Where a list cannot be read in the end, whoever asked is told the rest by asking again. */
const dumpLane = Effect.fnUntraced(function* (dump: Dump, lane: Lane) {
  const { desk } = dump
  // What waits for its kind's interval is not what the API server will show: it would be missing, for whoever asks has not heard it before.
  yield* releaseNow(desk, lane)
  const records = makeRecords()
  let [token, limit, failures] = ["", pageObjectsFirst, 0]
  do {
    const page = yield* Effect.result(desk.lists.withPermits(1)(readPage(desk, lane, records, token, limit)))
    if (Result.isSuccess(page)) {
      yield* dumpPage(dump, lane, records)
      desk.api.recycle?.(page.success.bytes)
      token = page.success.continue
      failures = 0
      if (token === "") return
      continue
    }
    const { failure } = page.failure
    if (!mayPass(failure) || dump.retriesLeft === 0)
      return yield* Effect.logWarning(`informer-store lacks the rest of ${typeName(lane.spec.type)}: ${page.failure.message}`)
    dump.retriesLeft--
    // What has gone out goes out once more: the state of an object may be said twice.
    if (failure._tag === "Gone") token = ""
    if (failure._tag === "TooLarge") limit = Math.max(1, limit >> 1)
    const retryAfterMs = failure._tag === "Unavailable" ? Math.min(failure.retryAfterMs ?? 0, retryLastMs) : 0
    yield* Effect.sleep(pauseMs({ _tag: "Pause", slow: false, attempt: failures++, retryAfterMs }, yield* Random.next))
  } while (desk.engine.lanes.get(lane.key) === lane)
})

/** Failures of a moment; the others are the lane's to overcome, which takes minutes. */
const mayPass = ({ _tag }: Failure): boolean => _tag === "Unavailable" || _tag === "TooLarge" || _tag === "Gone"

/** The bytes live as long as the records are read. */
const readPage = Effect.fnUntraced(function* (desk: Desk, lane: Lane, records: Records, token: string, limit: number) {
  const { depth = "full", namespace, selector, type } = lane.spec
  const bytes = yield* listUnlessTroubled(desk, lane, { type, namespace, selector, depth, continue: token, limit })
  const head = scanPage(bytes, records)
  if (Result.isSuccess(head)) return { bytes, continue: head.success.continue }
  const text = `the answer is not a list of the API server: ${head.failure.text}`
  return yield* Effect.fail(new ApiError({ failure: { _tag: "Unavailable", text, retryAfterMs: undefined }, path: typeName(type) }))
})

/** A type that is in trouble waits for its own time to be read again; nobody asks the API server earlier. */
const listUnlessTroubled = (desk: Desk, lane: Lane, request: ListRequest): Effect.Effect<Uint8Array, ApiError> =>
  Effect.suspend(() => {
    const { spec, trouble } = lane
    if (trouble === undefined) return desk.api.list(request)
    return Effect.fail(new ApiError({ failure: trouble.failure, path: typeName(spec.type) }))
  })

const dumpPage = Effect.fnUntraced(function* ({ desk, paced, send }: Dump, lane: Lane, records: Records) {
  const all = Array.from({ length: records.count }, (_, record) => record).filter((record) => records.flaws[record] === Flaw.none)
  const addresses = lane.spec.type.kind === "Service" ? all.flatMap((record) => serviceAddresses(records, record)) : []
  const reachable = addresses.length === 0 ? new Set<string>() : yield* desk.dialer.reachable(addresses)
  for (let from = 0; from < all.length; from += dumpItemsMax) {
    const items = all.slice(from, from + dumpItemsMax)
    const { bytes, count } = yield* withWord(desk, lane.key)(dumpItems(desk, send, lane, records, items, reachable))
    if (paced) yield* Effect.sleep(Math.max(count / paceMessagesPerSecond, bytes / paceBytesPerSecond) * 1000)
  }
})

/** Judges, encodes and sends a few items: with the word, or the lane could say something newer before the last of them is out. */
const dumpItems = Effect.fnUntraced(function* (
  desk: Desk,
  send: Dump["send"],
  lane: Lane,
  records: Records,
  items: ReadonlyArray<number>,
  reachable: ReadonlySet<string>,
) {
  const output = makeOutput()
  // What one consumer is told, or cannot be told, changes nothing of what is known to have reached all.
  const aside: Lane = { ...lane, omitted: new Map(), counts: { ...lane.counts } }
  for (const record of items) if (holdsLife(lane.ledger, records, record)) output.changes.push({ event: "Added", record })
  const bounds = { bytesMax: desk.sink.bytesMax(), oversizeBytesMax: desk.sink.oversizeBytesMax?.() }
  const settings = { clusterId: desk.engine.clusterId, redact: desk.redact, redactPaths: desk.redactPaths, reachable, ...bounds }
  const payloads: Array<Uint8Array> = []
  for (let next = 0; next < output.changes.length;) {
    const writer = takeWriter(desk)
    const batch = encodeBatch(aside, records, output, next, writer, settings)
    const fitting = batch.messages.filter(({ end, start }) => end - start <= bounds.bytesMax)
    for (const { name, namespace } of batch.messages.filter((message) => !fitting.includes(message))) {
      yield* Effect.logWarning(`informer-store lacks ${typeName(lane.spec.type)} ${namespace}/${name}: its message goes in pieces only`)
    }
    payloads.push(...packStore(writer.bytes, fitting, Math.floor(bounds.bytesMax / 2)))
    next = batch.next
    returnWriter(desk, writer)
  }
  yield* Effect.forEach(payloads, send, { discard: true })
  for (const notice of output.notices) yield* logNotice(notice)
  return { bytes: payloads.reduce((sum, payload) => sum + payload.length, 0), count: output.changes.length }
})

/** Says again what a lane said to be gone since the dump began, unless the address lives again. */
const repeatDeletions = Effect.fnUntraced(function* (desk: Desk, lane: Lane, sinceMs: number) {
  // Another lane of the type knows better; one that has not begun does not know yet what the one before it still holds.
  if (desk.engine.lanes.get(lane.key) !== lane || lane.state._tag === "idle") return
  const gone = recentDepartures(
    desk.engine.departures,
    yield* Clock.currentTimeMillis,
    ({ atMs, name, namespace, type }) => atMs >= sinceMs && typeKey(type) === lane.key && !holds(lane.ledger, namespace, name),
  )
  if (gone.length === 0) return
  const output = makeOutput()
  output.changes.push(...gone.map(repeatDeparture))
  yield* deliverTurn(desk, lane, noRecords, output, "live")
})
