/**
 * One block through a lane: the transitions, what has to be remembered of them, and the messages, cut into batches.
 * A turn is a transaction: its batches are delivered until accepted before the lane's next block is looked at.
 */
import { batchBytesMax, batchMessagesMax } from "../limit.ts"
import { Field, type Records } from "../read/record.ts"
import { textOf } from "../read/text.ts"
import { typeKey, typeName, type ResourceType } from "../select/resource.ts"
import { encodeChange, encodeIdentity, encodeWhole, type EncodeSettings } from "../wire/message.ts"
import type { Writer } from "../wire/writer.ts"
import { forgetDepartures, recentDepartures, rememberDeparture, type Departure, type Departures } from "./departures.ts"
import type { Change, ChangeEvent, Departed, Fact, Output } from "./fact.ts"
import { holdBack, noteStep } from "./holding.ts"
import type { Lane } from "./lane.ts"
import { holds } from "./ledger.ts"
import { noteOmitted, noteSent } from "./mark.ts"
import { step } from "./reflector.ts"

/** A block that brought no records. */
export const noRecords: Records = {
  bytes: new Uint8Array(0),
  count: 0,
  spans: new Int32Array(0),
  sources: new Uint8Array(0),
  flaws: new Uint8Array(0),
}

const recordsOf = (fact: Fact): Records => ("records" in fact ? fact.records : noRecords)

/**
 * Advances a lane by one fact, but for what is held back of it, remembers the deletions that this announces or keeps back, and after a
 * completed announcement repeats those of the last while whose address is not live again.
 */
export const takeTurn = (lane: Lane, fact: Fact, nowMs: number, departures: Departures, output: Output): void => {
  const { holding } = lane
  const records = recordsOf(fact)
  if (holding !== undefined && fact._tag === "Observed") holdBack(holding, lane, records, nowMs)
  step(lane, fact, nowMs, output)
  if (holding !== undefined) noteStep(holding, lane, fact, records, output, nowMs)
  const { events, hidden, type } = lane.spec
  const remember = (changes: ReadonlyArray<Change>): void => {
    for (const change of changes) {
      if (change.event === "Deleted") rememberDeparture(departures, { ...departedOf(change, records), type, atMs: nowMs })
    }
  }
  remember(output.changes)
  // Deletions may count later on: then an announcement says what was kept back.
  if (!hidden && lane.state._tag !== "closed") remember(output.unsaid)
  if (fact._tag === "Deselected") {
    // From now on nobody knows what lives at these addresses: an earlier life's deletion, repeated, would take the present one away.
    forgetDepartures(departures, (gone) => typeName(gone.type) === typeName(type) && holds(lane.ledger, gone.namespace, gone.name))
  }
  if (!output.announced) return
  if (!events.has("DELETED")) return
  const isGone = (gone: Departed & { readonly type: ResourceType }): boolean =>
    typeKey(gone.type) === lane.key && (gone.type.version !== type.version || !holds(lane.ledger, gone.namespace, gone.name))
  // Swept in this very turn, under the lane's own version: the same life may have departed under an older one before.
  const swept = new Set(output.changes.flatMap((change) => (change.event === "Deleted" ? [departedOf(change, records).uid] : [])))
  const isSaid = (gone: Departed & { readonly type: ResourceType }): boolean => gone.type.version === type.version && swept.has(gone.uid)
  for (const departure of recentDepartures(departures, nowMs, isGone)) {
    if (!isSaid(departure)) output.changes.push(repeatDeparture(departure))
  }
}

/** A remembered deletion, to be said once more. */
export const repeatDeparture = ({ type, ...departed }: Departure): Change => ({
  event: "Deleted",
  record: -1,
  departed,
  type,
  repeated: true,
})

/** What identifies the object of a change. */
export const departedOf = (change: Change, records: Records): Departed =>
  change.departed ?? {
    namespace: textOf(records, change.record, Field.namespace),
    name: textOf(records, change.record, Field.name),
    uid: textOf(records, change.record, Field.uid),
    resourceVersion: textOf(records, change.record, Field.resourceVersion),
  }

/** One message of a batch: what it is about, and where it lies in the writer. */
export interface EncodedMessage {
  readonly event: ChangeEvent
  readonly type: ResourceType
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly start: number
  readonly end: number
  /** What it tells. */
  readonly change: Change
}

export interface EncodedBatch {
  readonly messages: ReadonlyArray<EncodedMessage>
  /** The first change that is not in this batch. */
  readonly next: number
  /** Changes before it that have no message, because it would be too large. */
  readonly leftOut: ReadonlySet<Change>
}

/** What decides the form of a message besides the object itself. */
export interface MessageSettings extends EncodeSettings {
  /** Largest message that the sink takes, in bytes. */
  readonly bytesMax: number
  /** The same of an object that is there, where the sink has another way for what exceeds `bytesMax`. */
  readonly oversizeBytesMax?: number | undefined
}

/**
 * Encodes changes from `from` on into the writer, until the batch is full or the changes are at their end.
 * A message above the sink's bound is reported and left out, unless the sink has another way for it: then it is a batch of its own, so that
 * no batch exceeds its bytes by more than one message. A Deleted of that size goes out with its identity alone.
 */
export const encodeBatch = (
  lane: Lane,
  records: Records,
  output: Output,
  from: number,
  writer: Writer,
  settings: MessageSettings,
): EncodedBatch => {
  const messages: Array<EncodedMessage> = []
  const leftOut = new Set<Change>()
  writer.at = 0
  let next = from
  for (; next < output.changes.length && writer.at < batchBytesMax && messages.length < batchMessagesMax; next++) {
    const change = output.changes[next] as Change
    const type = change.departed === undefined ? lane.spec.type : (change.type ?? lane.spec.type)
    const start = writer.at
    const event = encodeEvent(writer, change, records, type, settings)
    if (event === undefined) continue
    const isOversize = writer.at - start > settings.bytesMax
    const isAlone = isOversize && event !== "Deleted" && writer.at - start <= (settings.oversizeBytesMax ?? 0)
    if (isAlone && messages.length > 0) {
      writer.at = start
      break
    }
    if (isOversize && !isAlone && !shrink(lane, records, output, change, start, writer, settings)) {
      leftOut.add(change)
      continue
    }
    const departed = departedOf(change, records)
    const { name, namespace, uid } = departed
    noteSent(lane, departed)
    messages.push({ event, type, namespace, name, uid, start, end: writer.at, change })
    if (isAlone) return { messages, next: next + 1, leftOut }
  }
  return { messages, next, leftOut }
}

/** Encodes one change; answers what it is to whoever receives it, or undefined where nothing is to be said. */
const encodeEvent = (
  writer: Writer,
  change: Change,
  records: Records,
  type: ResourceType,
  { whole, ...settings }: MessageSettings,
): ChangeEvent | undefined => {
  if (whole === undefined || change.departed !== undefined) encodeChange(writer, change, records, type, settings)
  else if (change.event === "Deleted") encodeIdentity(writer, records, change.record, type, settings.clusterId)
  else if (!encodeWhole(writer, change, records, type, { ...settings, whole })) {
    // What has got an owner since it was told is left out from now on.
    if (change.event === "Added") return undefined
    encodeIdentity(writer, records, change.record, type, settings.clusterId)
    return "Deleted"
  }
  return change.event
}

/** Replaces an oversize message by what may be sent in its place; false when nothing may. */
const shrink = (
  lane: Lane,
  records: Records,
  output: Output,
  change: Change,
  start: number,
  writer: Writer,
  settings: MessageSettings,
): boolean => {
  const bytes = writer.at - start
  writer.at = start
  if (change.event === "Deleted" && change.departed === undefined) {
    encodeIdentity(writer, records, change.record, lane.spec.type, settings.clusterId)
    return true
  }
  const departed = departedOf(change, records)
  const { name, namespace } = departed
  noteOmitted(lane, departed)
  lane.counts.tooLarge++
  output.notices.push({
    error: "ErrMessageTooLarge",
    subject: lane.key,
    detail: `${lane.spec.type.kind} ${namespace === "" ? name : `${namespace}/${name}`}: its message of ${bytes} bytes exceeds the broker's ${settings.bytesMax}`,
    level: "error",
  })
  return false
}
