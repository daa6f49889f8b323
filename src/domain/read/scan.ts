/**
 * The scanner: one pass over a list page or a block of watch lines fills the table of records.
 * Every byte is checked, so whatever is cut out of a scanned block is JSON; nothing is built, and no record costs an allocation.
 * The last of several members of the same name wins, as in every JSON parser of Kubernetes; names match exactly.
 * Does not know what an object means, and does not look at the block before or after this one.
 */
import * as Result from "effect/Result"
import { lineBytesMax, pageObjectsMax, pageRecordsMax } from "../limit.ts"
import {
  closeBrace,
  closeBracket,
  comma,
  enterObject,
  faultAt,
  makeWalk,
  nextMember,
  nullInitial,
  openBrace,
  openBracket,
  passName,
  placeOf,
  quote,
  skipSpace,
  skipValue,
  type Walk,
} from "./json.ts"
import {
  eventNames,
  LineMember,
  lineMembers,
  ListMember,
  listMembers,
  listMetadataMembers,
  metadataFirst,
  metadataLast,
  metadataMember,
  metadataMembers,
  objectMembers,
  valueOfName,
  type NameTable,
} from "./member.ts"
import { Field, fieldCount, Flaw, makeRecords, Source, startOf, type PageHead, type Records } from "./record.ts"
import { decodeString, decodeText } from "./text.ts"

/**
 * Why an answer is no list page. `Truncated`: it ends too early, so asking again may help.
 * `NotAList`: JSON of another shape. `TooMany`: more than `pageRecordsMax` items. `text` holds no value of an object.
 */
export interface ScanFault {
  readonly _tag: "NotJson" | "NotAList" | "Truncated" | "TooMany"
  /** The byte at which the scan gave up. */
  readonly at: number
  readonly text: string
}

/** Begins a block. A table that an outsize answer has blown up is given back. */
const clear = (records: Records, bytes: Uint8Array): void => {
  if (records.sources.length > 2 * pageObjectsMax) {
    const { flaws, sources, spans } = makeRecords()
    Object.assign(records, { flaws, sources, spans })
  }
  records.bytes = bytes
  records.count = 0
}

/** Appends an empty record, and returns its number. */
const append = (records: Records): number => {
  const record = records.count++
  if (record === records.sources.length) {
    const { flaws, sources, spans } = makeRecords(Math.max(1, record * 2))
    spans.set(records.spans)
    sources.set(records.sources)
    flaws.set(records.flaws)
    Object.assign(records, { flaws, sources, spans })
  }
  records.spans.fill(-1, record * fieldCount * 2, (record + 1) * fieldCount * 2)
  records.sources[record] = Source.listed
  records.flaws[record] = Flaw.none
  return record
}

/** Notes where the value of one of the table's members lies; `first` is the record's first pair. */
const note = (walk: Walk, names: NameTable, spans: Int32Array, first: number, column: number, start: number, end: number): void => {
  const absent = walk.bytes[start] === nullInitial && names.keepsNull[column] !== true
  spans[first + column * 2] = absent ? -1 : start
  spans[first + column * 2 + 1] = absent ? -1 : end
}

/**
 * Scans an object whose members are columns and nothing else.
 * @param at the position of its opening brace
 * @param depth containers around its members
 */
const scanColumns = (walk: Walk, at: number, depth: number, names: NameTable, spans: Int32Array, first: number): number => {
  let i = enterObject(walk, at)
  while (i >= 0 && walk.bytes[i] !== closeBrace) {
    const start = passName(walk, i)
    if (start < 0) return start
    const column = valueOfName(names, walk.bytes, walk.nameStart, walk.nameEnd)
    const end = skipValue(walk, start, depth)
    if (end < 0) return end
    if (column >= 0) note(walk, names, spans, first, column, start, end)
    i = nextMember(walk, end)
  }
  return i < 0 ? i : i + 1
}

/** Scans the members of a Kubernetes object into its columns. */
const scanMembers = (walk: Walk, at: number, spans: Int32Array, first: number): number => {
  let i = enterObject(walk, at)
  while (i >= 0 && walk.bytes[i] !== closeBrace) {
    const start = passName(walk, i)
    if (start < 0) return start
    const column = valueOfName(objectMembers, walk.bytes, walk.nameStart, walk.nameEnd)
    const isMetadata = column === metadataMember
    if (isMetadata) spans.fill(-1, first + metadataFirst * 2, first + (metadataLast + 1) * 2)
    const end =
      isMetadata && walk.bytes[start] === openBrace ? scanColumns(walk, start, 2, metadataMembers, spans, first) : skipValue(walk, start, 1)
    if (end < 0) return end
    if (column >= 0 && !isMetadata) note(walk, objectMembers, spans, first, column, start, end)
    i = nextMember(walk, end)
  }
  return i < 0 ? i : i + 1
}

/** Scans the value that should be a Kubernetes object, and judges its shape. */
const scanRecord = (walk: Walk, at: number, records: Records, record: number): number => {
  const first = record * fieldCount * 2
  const isObject = at < walk.end && walk.bytes[at] === openBrace
  walk.tooDeep = false
  const end = isObject ? scanMembers(walk, at, records.spans, first) : skipValue(walk, at, 0)
  if (end < 0) return end
  note(walk, objectMembers, records.spans, first, Field.object, at, end)
  records.flaws[record] = walk.tooDeep ? Flaw.tooDeep : !isObject ? Flaw.notAnObject : end - at > lineBytesMax ? Flaw.tooLarge : Flaw.none
  return end
}

/** Whether a column holds a string with at least one character. */
const isFilled = (records: Records, record: number, field: Field): boolean => {
  const start = startOf(records, record, field)
  return start >= 0 && records.bytes[start] === quote && records.bytes[start + 1] !== quote
}

/** An object with neither name nor uid cannot be told from others. */
const judgeName = (records: Records, record: number): void => {
  if (records.flaws[record] !== Flaw.none || isFilled(records, record, Field.name) || isFilled(records, record, Field.uid)) return
  records.flaws[record] = Flaw.noName
}

/** Scans the array of a list's items: one record each. */
const scanItems = (walk: Walk, at: number, records: Records): number => {
  const { bytes, end } = walk
  let i = skipSpace(bytes, at + 1, end)
  if (i < end && bytes[i] === closeBracket) return i + 1
  for (;;) {
    const record = append(records)
    if (record >= pageRecordsMax) return faultAt(i)
    i = scanRecord(walk, i, records, record)
    if (i < 0) return i
    judgeName(records, record)
    i = skipSpace(bytes, i, end)
    if (i >= end) return faultAt(end)
    if (bytes[i] === closeBracket) return i + 1
    if (bytes[i] !== comma) return faultAt(i)
    i = skipSpace(bytes, i + 1, end)
  }
}

/** Scans a list's members: `head` receives the spans of those around the items. */
const scanList = (walk: Walk, at: number, records: Records, head: Int32Array): number => {
  const { bytes } = walk
  let i = enterObject(walk, at)
  while (i >= 0 && bytes[i] !== closeBrace) {
    const start = passName(walk, i)
    if (start < 0) return start
    const column = valueOfName(listMembers, bytes, walk.nameStart, walk.nameEnd)
    let end: number
    if (column === ListMember.items) {
      records.count = 0
      end = bytes[start] === openBracket ? scanItems(walk, start, records) : skipValue(walk, start, 1)
    } else if (column === metadataMember) {
      head.fill(-1, ListMember.resourceVersion * 2, (ListMember.remaining + 1) * 2)
      end = bytes[start] === openBrace ? scanColumns(walk, start, 2, listMetadataMembers, head, 0) : skipValue(walk, start, 1)
    } else {
      end = skipValue(walk, start, 1)
    }
    if (end < 0) return end
    if (column >= 0 && column !== metadataMember) note(walk, listMembers, head, 0, column, start, end)
    i = nextMember(walk, end)
  }
  return i < 0 ? i : i + 1
}

const describeFault = (bytes: Uint8Array, at: number, count: number): ScanFault => {
  if (count > pageRecordsMax) return { _tag: "TooMany", at, text: `the answer holds more than ${pageRecordsMax} items` }
  if (at >= bytes.length) return { _tag: "Truncated", at, text: `the answer is cut off after ${bytes.length} bytes` }
  return bytes[skipSpace(bytes, 0, bytes.length)] === 0x3c
    ? { _tag: "NotJson", at, text: "the answer is HTML or XML instead of JSON" }
    : { _tag: "NotJson", at, text: `the answer is no JSON: byte ${at} cannot stand there` }
}

const notAList = (text: string): Result.Result<PageHead, ScanFault> => Result.fail({ _tag: "NotAList", at: 0, text })

/** Reads what stands around the items. A member of a wrong type would be mistaken for the last page's absent one, so it is a fault. */
const readHead = (bytes: Uint8Array, head: Int32Array): Result.Result<PageHead, ScanFault> => {
  const texts: Array<string> = []
  for (const column of [ListMember.apiVersion, ListMember.kind, ListMember.resourceVersion, ListMember.continue]) {
    const start = head[column * 2]!
    if (start >= 0 && bytes[start] !== quote) return notAList("a member of the list's head is no string")
    texts.push(start < 0 ? "" : decodeString(bytes, start + 1, head[column * 2 + 1]! - 1))
  }
  const [apiVersion = "", kind = "", resourceVersion = "", token = ""] = texts
  const items = head[ListMember.items * 2]!
  if (kind === "" || apiVersion === "") return notAList("the answer is JSON, but names no kind")
  if (items >= 0 ? bytes[items] !== openBracket : !kind.endsWith("List"))
    return notAList(`the answer is ${/^\w{1,63}$/.test(kind) ? kind : "JSON"}, no list`)
  const remainingStart = head[ListMember.remaining * 2]!
  const remaining = remainingStart < 0 ? Number.NaN : Number(decodeText(bytes, remainingStart, head[ListMember.remaining * 2 + 1]!))
  return Result.succeed({
    apiVersion,
    kind,
    resourceVersion,
    continue: token,
    remaining: Number.isSafeInteger(remaining) ? remaining : undefined,
  })
}

/**
 * Scans the answer to a list request.
 * @param bytes the whole answer and nothing else
 * @param records filled with one record an item, in order; empty when the answer is no list
 * @returns what stands around the items, or why the answer is no list page. It never throws.
 */
export const scanPage = (bytes: Uint8Array, records: Records): Result.Result<PageHead, ScanFault> => {
  clear(records, bytes)
  const walk = makeWalk(bytes)
  const head = new Int32Array((ListMember.items + 1) * 2).fill(-1)
  const at = skipSpace(bytes, 0, bytes.length)
  const isObject = bytes[at] === openBrace
  let end = isObject ? scanList(walk, at, records, head) : skipValue(walk, at, 0)
  if (end >= 0) {
    end = skipSpace(bytes, end, bytes.length)
    if (end < bytes.length) end = faultAt(end)
  }
  const page =
    end < 0
      ? Result.fail(describeFault(bytes, placeOf(end), records.count))
      : isObject
        ? readHead(bytes, head)
        : notAList("the answer is JSON, but no object")
  if (Result.isFailure(page)) records.count = 0
  return page
}

/** Scans the members of one watch line. Its `type` becomes the source, or -1 when it is none that we know. */
const scanEvent = (walk: Walk, at: number, records: Records, record: number): number => {
  const { bytes } = walk
  let source = -1
  if (bytes[at] !== openBrace) return faultAt(at)
  records.flaws[record] = Flaw.notAnObject
  let i = enterObject(walk, at)
  while (i >= 0 && bytes[i] !== closeBrace) {
    const start = passName(walk, i)
    if (start < 0) return start
    const member = valueOfName(lineMembers, bytes, walk.nameStart, walk.nameEnd)
    if (member === LineMember.object) records.spans.fill(-1, record * fieldCount * 2, (record + 1) * fieldCount * 2)
    const end = member === LineMember.object ? scanRecord(walk, start, records, record) : skipValue(walk, start, 1)
    if (end < 0) return end
    if (member === LineMember.type) source = bytes[start] === quote ? valueOfName(eventNames, bytes, start + 1, end - 1) : -1
    i = nextMember(walk, end)
  }
  if (i < 0) return i
  if (source < 0) records.flaws[record] = Flaw.unknownEvent
  records.sources[record] = source < 0 ? Source.modified : source
  return i + 1
}

/** Scans one line into a record of its own. */
const scanLine = (walk: Walk, at: number, records: Records): void => {
  const record = append(records)
  const behind = scanEvent(walk, at, records, record)
  if (behind < 0 || skipSpace(walk.bytes, behind, walk.end) < walk.end) {
    records.spans.fill(-1, record * fieldCount * 2, (record + 1) * fieldCount * 2)
    records.sources[record] = Source.error
    records.flaws[record] = Flaw.notJson
  } else if (records.sources[record]! <= Source.deleted) {
    judgeName(records, record)
  }
}

/**
 * Scans lines of a watch, in order; blank ones are passed over.
 * A line that is no JSON is a record of source `error` with the flaw `notJson`; one of an unknown type counts as `modified` with
 * the flaw `unknownEvent`. The object of an `error` is the API server's Status.
 * @param bytes whole lines; the last may lack its line feed
 * @param records filled with one record a line
 */
export const scanLines = (bytes: Uint8Array, records: Records): void => {
  clear(records, bytes)
  const walk = makeWalk(bytes)
  let start = 0
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start)
    walk.end = newline < 0 ? bytes.length : newline
    const at = skipSpace(bytes, start, walk.end)
    if (at < walk.end) scanLine(walk, at, records)
    start = walk.end + 1
  }
}
