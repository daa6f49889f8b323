/**
 * The answer to `informer-store`: everything that is announced, read anew from the API server and sent to whoever asked.
 * Invariants: one dump at a time; an item goes out only while the ledger holds that very life and version, so a dump says nothing that
 * a lane has not said; deletions accepted meanwhile are said again afterwards, because a slow reader may meet the dump after them.
 * Nothing is kept: memory is one page.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import {
  dumpItemsMax,
  dumpRepeatsMs,
  dumpsWaitingMax,
  paceBytesPerSecond,
  paceMessagesPerSecond,
  pageObjectsFirst,
} from "../domain/limit.ts"
import { Flaw, makeRecords, type Records } from "../domain/read/record.ts"
import { scanPage } from "../domain/read/scan.ts"
import { typeKey, typeName } from "../domain/select/resource.ts"
import { recentDepartures } from "../domain/sync/departures.ts"
import { makeOutput } from "../domain/sync/fact.ts"
import type { Lane } from "../domain/sync/lane.ts"
import { holds, holdsLife } from "../domain/sync/ledger.ts"
import { encodeBatch, noRecords, repeatDeparture } from "../domain/sync/turn.ts"
import { packStore } from "../domain/wire/reply.ts"
import { serviceAddresses } from "../domain/wire/service.ts"
import { ApiError, type ListRequest } from "../ports/ClusterApi.ts"
import { deliverTurn } from "./deliver.ts"
import { returnWriter, takeWriter, withWord, type Desk } from "./desk.ts"
import { logNotice } from "./notices.ts"

/** Publishes one reply. */
type Reply = (subject: string, payload: Uint8Array) => Effect.Effect<void>

/**
 * The queue of dumps.
 * @returns `ask` takes a validated subject, and is false where too many wait already; `work` answers for ever, and fails with the sink
 */
export const makeStoreDumps = Effect.fnUntraced(function* (desk: Desk, reply: Reply) {
  const subjects = yield* Queue.bounded<string>(dumpsWaitingMax)
  const work = Effect.forever(Effect.flatMap(Queue.take(subjects), (subject) => dumpStore(desk, reply, subject)))
  return { ask: (subject: string): boolean => Queue.offerUnsafe(subjects, subject), work }
})

const dumpStore = Effect.fnUntraced(function* (desk: Desk, reply: Reply, subject: string) {
  const beganMs = yield* Clock.currentTimeMillis
  const lanes = [...desk.engine.lanes.values()].filter((lane) => lane.delivered && !lane.spec.hidden)
  for (const lane of lanes) yield* dumpLane(desk, lane, (payload) => reply(subject, payload))
  const endedMs = yield* Clock.currentTimeMillis
  for (const repeatMs of dumpRepeatsMs) {
    yield* Effect.sleep(Math.max(0, endedMs + repeatMs - (yield* Clock.currentTimeMillis)))
    for (const lane of desk.engine.lanes.values()) yield* withWord(desk, lane.key)(repeatDeletions(desk, lane, beganMs))
  }
})

/** All pages of one type. A list that breaks off ends the type's part; whoever asked is told the rest by asking again. */
const dumpLane = Effect.fnUntraced(function* (desk: Desk, lane: Lane, send: (payload: Uint8Array) => Effect.Effect<void>) {
  const { depth = "full", namespace, selector, type } = lane.spec
  const records = makeRecords()
  let token = ""
  do {
    const request = { type, namespace, selector, depth, continue: token, limit: pageObjectsFirst }
    const page = yield* Effect.result(desk.lists.withPermits(1)(listUnlessTroubled(desk, lane, request)))
    if (Result.isFailure(page))
      return yield* Effect.logWarning(`informer-store lacks the rest of ${typeName(type)}: ${page.failure.message}`)
    const head = scanPage(page.success, records)
    if (Result.isFailure(head)) return yield* Effect.logWarning(`informer-store lacks the rest of ${typeName(type)}: ${head.failure.text}`)
    yield* dumpPage(desk, lane, records, send)
    desk.api.recycle?.(page.success)
    token = head.success.continue
  } while (token !== "" && desk.engine.lanes.get(lane.key) === lane)
})

/** A type that is in trouble waits for its own time to be read again; nobody asks the API server earlier. */
const listUnlessTroubled = (desk: Desk, lane: Lane, request: ListRequest): Effect.Effect<Uint8Array, ApiError> =>
  Effect.suspend(() => {
    const { spec, trouble } = lane
    if (trouble === undefined) return desk.api.list(request)
    return Effect.fail(new ApiError({ failure: trouble.failure, path: typeName(spec.type) }))
  })

const dumpPage = Effect.fnUntraced(function* (
  desk: Desk,
  lane: Lane,
  records: Records,
  send: (payload: Uint8Array) => Effect.Effect<void>,
) {
  const all = Array.from({ length: records.count }, (_, record) => record).filter((record) => records.flaws[record] === Flaw.none)
  const addresses = lane.spec.type.kind === "Service" ? all.flatMap((record) => serviceAddresses(records, record)) : []
  const reachable = addresses.length === 0 ? new Set<string>() : yield* desk.dialer.reachable(addresses)
  for (let from = 0; from < all.length; from += dumpItemsMax) {
    // Judged, encoded and sent without a pause in between: the ledger cannot move on meanwhile.
    const output = makeOutput()
    for (const record of all.slice(from, from + dumpItemsMax)) {
      if (holdsLife(lane.ledger, records, record)) output.changes.push({ event: "Added", record })
    }
    const bytesMax = desk.sink.bytesMax()
    const settings = { clusterId: desk.engine.clusterId, redact: desk.redact, redactPaths: desk.redactPaths, reachable, bytesMax }
    const payloads: Array<Uint8Array> = []
    for (let next = 0; next < output.changes.length;) {
      const writer = takeWriter(desk)
      const batch = encodeBatch(lane, records, output, next, writer, settings)
      payloads.push(...packStore(writer.bytes, batch.messages, Math.floor(bytesMax / 2)))
      next = batch.next
      returnWriter(desk, writer)
    }
    yield* Effect.forEach(payloads, send, { discard: true })
    for (const notice of output.notices) yield* logNotice(notice)
    const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0)
    yield* Effect.sleep(Math.max(output.changes.length / paceMessagesPerSecond, bytes / paceBytesPerSecond) * 1000)
  }
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
