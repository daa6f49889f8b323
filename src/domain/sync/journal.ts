/**
 * What a run writes down of itself, so that the next one knows what has been announced: one line an entry, a checksum before each.
 *
 *   1c291ca3 ["meshsync-state",1,"<cluster id>","<where the messages go>"]
 *   5d7a0f1e ["type",3,{"type":{"group":"","version":"v1","plural":"pods", …},"content":"1"}]
 *   8e24f0b7 ["+",3,"shop","web","<uid>","811"]
 *   0b33c9d2 ["ok",3]
 *
 * An object of a name of 40 characters takes some 120 bytes. Names, uids and versions are all there is of an object: no value of it.
 * Does not know what the entries add up to; that is recollection's.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { decodeText } from "../read/text.ts"
import type { LaneSpec } from "../select/selection.ts"
import { copyRaw, encodeText, writeAscii, type Writer } from "../wire/writer.ts"
import type { Departed } from "./fact.ts"

/** Raised when an older program could misread what a newer one writes. */
const formatVersion = 1
const formatName = "meshsync-state"

export type Entry =
  /** The first line: whose announcements these are. */
  | { readonly _tag: "Head"; readonly clusterId: string; readonly audience: string }
  /** The process that takes the messages from here on: where it is another one than before, all that is known by now is owed. */
  | { readonly _tag: "Receiver"; readonly name: string }
  /**
   * Gives a lane a number; earlier entries of the same type under another one are void. Under the same one: it is selected differently.
   * `content`: what else decides what its messages say. `custom`: a definition made it.
   */
  | { readonly _tag: "Type"; readonly lane: number; readonly spec: LaneSpec; readonly content: string; readonly custom: boolean }
  /** Is about to be announced as living. It has been when an `Accepted` of the lane follows. */
  | { readonly _tag: "Said"; readonly lane: number; readonly object: Departed }
  /** Is about to be announced as deleted. */
  | { readonly _tag: "Ended"; readonly lane: number; readonly object: Departed; readonly atMs: number }
  /** All that was about to be announced of this lane has been accepted. */
  | { readonly _tag: "Accepted"; readonly lane: number }
  /** Consumers may have missed what was accepted: everything that is known by now is to be announced again. */
  | { readonly _tag: "Owed" }
  /** The same of one lane: it has not been since. */
  | { readonly _tag: "LaneOwed"; readonly lane: number }
  /** Everything of this lane has been announced again. */
  | { readonly _tag: "Announced"; readonly lane: number }
  /** The run was there at this time, and had nothing to write for a while. */
  | { readonly _tag: "Alive"; readonly atMs: number }
  /** Nobody knows any more what of this lane lives: it is no longer selected. */
  | { readonly _tag: "Forgotten"; readonly lane: number }
  /** Was announced as living, for sure or perhaps. */
  | { readonly _tag: "Held"; readonly lane: number; readonly object: Departed; readonly inDoubt: boolean }
  /** Was announced as deleted, for sure. */
  | { readonly _tag: "Gone"; readonly lane: number; readonly object: Departed; readonly atMs: number }

const texts = ({ name, namespace, resourceVersion, uid }: Departed) => [namespace, name, uid, resourceVersion]

const namesOf = (set: ReadonlySet<string> | undefined): ReadonlyArray<string> | undefined => (set === undefined ? undefined : [...set])

const toLine = (entry: Entry): ReadonlyArray<unknown> => {
  switch (entry._tag) {
    case "Head":
      return [formatName, formatVersion, entry.clusterId, entry.audience]
    case "Receiver":
      return ["to", entry.name]
    case "Type": {
      const { depth, events, namespace, namespaces, selector, type } = entry.spec
      const spec = { type, depth, events: namesOf(events), namespace, namespaces: namesOf(namespaces), selector }
      return ["type", entry.lane, { ...spec, content: entry.content, custom: entry.custom }]
    }
    case "Said":
      return ["+", entry.lane, ...texts(entry.object)]
    case "Ended":
      return ["-", entry.lane, ...texts(entry.object), entry.atMs]
    case "Accepted":
      return ["ok", entry.lane]
    case "Owed":
      return ["owed", 0]
    case "LaneOwed":
      return ["owed", entry.lane]
    case "Announced":
      return ["announced", entry.lane]
    case "Alive":
      return ["at", entry.atMs]
    case "Forgotten":
      return ["forget", entry.lane]
    case "Held":
      return [entry.inDoubt ? "?" : "=", entry.lane, ...texts(entry.object)]
    case "Gone":
      return ["gone", entry.lane, ...texts(entry.object), entry.atMs]
  }
}

/** Appends an entry as a line. */
export const writeEntry = (writer: Writer, entry: Entry): void => {
  const body = encodeText(JSON.stringify(toLine(entry)))
  writeAscii(writer, `${sumText(checksum(body, 0, body.length))} `)
  copyRaw(writer, body, 0, body.length)
  writeAscii(writer, "\n")
}

const Type = Schema.Struct({
  type: Schema.Struct({
    group: Schema.String,
    version: Schema.String,
    plural: Schema.String,
    kind: Schema.String,
    namespaced: Schema.Boolean,
  }),
  depth: Schema.optional(Schema.Literals(["full", "metadata"])),
  events: Schema.Array(Schema.Literals(["ADDED", "MODIFIED", "DELETED"])),
  namespace: Schema.optional(Schema.String),
  namespaces: Schema.optional(Schema.Array(Schema.String)),
  selector: Schema.String,
  content: Schema.String,
  custom: Schema.Boolean,
})
const decodeType = Schema.decodeUnknownResult(Type)

const readType = (lane: number, value: unknown): Entry | undefined => {
  const decoded = decodeType(value)
  if (Result.isFailure(decoded)) return undefined
  const { content, custom, depth, events, namespace, namespaces, selector, type } = decoded.success
  const spec = { type, events: new Set(events), namespace, selector, hidden: false, ...(depth === undefined ? {} : { depth }) }
  return { _tag: "Type", lane, content, custom, spec: { ...spec, namespaces: namespaces === undefined ? undefined : new Set(namespaces) } }
}

/**
 * Reads a line back.
 * @param end its line feed
 * @returns undefined when the checksum is wrong, or when this program would not have written it
 */
export const readEntry = (bytes: Uint8Array, start: number, end: number): Entry | undefined => {
  const body = start + sumLength + 1
  if (body > end || bytes[body - 1] !== space || sumText(checksum(bytes, body, end)) !== decodeText(bytes, start, body - 1))
    return undefined
  return fromLine(parse(decodeText(bytes, body, end)))
}

const parse = (text: string): ReadonlyArray<unknown> => {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

const fromLine = (line: ReadonlyArray<unknown>): Entry | undefined => {
  const [tag, lane, namespace, name, uid, resourceVersion, atMs = 0] = line
  if (tag === formatName) {
    return lane === formatVersion && typeof namespace === "string" && typeof name === "string"
      ? { _tag: "Head", clusterId: namespace, audience: name }
      : undefined
  }
  if (tag === "to" && typeof lane === "string") return { _tag: "Receiver", name: lane }
  if (typeof lane !== "number") return undefined
  if (tag === "type") return readType(lane, namespace)
  if (tag === "ok") return { _tag: "Accepted", lane }
  if (tag === "owed") return lane === 0 ? { _tag: "Owed" } : { _tag: "LaneOwed", lane }
  if (tag === "announced") return { _tag: "Announced", lane }
  if (tag === "at") return { _tag: "Alive", atMs: lane }
  if (tag === "forget") return { _tag: "Forgotten", lane }
  if (typeof namespace !== "string" || typeof name !== "string" || typeof uid !== "string") return undefined
  if (typeof resourceVersion !== "string" || typeof atMs !== "number") return undefined
  const object = { namespace, name, uid, resourceVersion }
  switch (tag) {
    case "+":
      return { _tag: "Said", lane, object }
    case "-":
      return { _tag: "Ended", lane, object, atMs }
    case "=":
    case "?":
      return { _tag: "Held", lane, object, inDoubt: tag === "?" }
    case "gone":
      return { _tag: "Gone", lane, object, atMs }
    default:
      return undefined
  }
}

// Checksums --------------------------------------------------------------------------------------------------------------

const space = 0x20
const sumLength = 8
const sumText = (sum: number): string => sum.toString(16).padStart(sumLength, "0")

/** CRC-32 of IEEE 802.3, as in gzip: every change of up to four neighbouring bytes is noticed, others but once in 4 * 10^9. */
const checksum = (bytes: Uint8Array, start: number, end: number): number => {
  let sum = -1
  for (let i = start; i < end; i++) sum = (sum >>> 8) ^ (remainders[(sum ^ (bytes[i] as number)) & 0xff] as number)
  return (sum ^ -1) >>> 0
}

const remainderOf = (byte: number): number => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xedb88320
  return remainder
}

const remainders = Int32Array.from({ length: 256 }, (_, byte) => remainderOf(byte))
