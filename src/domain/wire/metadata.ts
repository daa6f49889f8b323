/**
 * The `metadata` of a message: which members an object's metadata keeps, in the order and with the types of the Go MeshSync.
 * A member of another type than Kubernetes gives it counts as absent. managedFields never get here.
 */
import { backslash, quote } from "../read/json.ts"
import { Field, endOf, startOf, type Records } from "../read/record.ts"
import { decodeString, decodeText, jsonOf } from "../read/text.ts"
import { writeRawText } from "./canonical.ts"
import { pairSize, readPairs, type Pairs } from "./pairs.ts"
import { designLabel, designOf } from "./pattern.ts"
import { lastAppliedKey, redactManifest } from "./redact.ts"
import { encodeText, writeAscii, writeString, type Writer } from "./writer.ts"

/**
 * Appends the metadata object.
 * @param isRedacted whether the object is a Secret whose values must not be seen
 * @returns the UUID of the design that a label names, all-zero when the label's text is none, undefined without such a label
 */
export const writeMetadata = (writer: Writer, records: Records, record: number, isRedacted: boolean): string | undefined => {
  writeAscii(writer, '{"id":""')
  writeTextMember(writer, records, record, Field.name, ',"name":')
  writeTextMember(writer, records, record, Field.generateName, ',"generateName":')
  writeTextMember(writer, records, record, Field.namespace, ',"namespace":')
  writeTextMember(writer, records, record, Field.selfLink, ',"selfLink":')
  if (!writeTextMember(writer, records, record, Field.uid, ',"uid":')) writeAscii(writer, ',"uid":""')
  writeTextMember(writer, records, record, Field.resourceVersion, ',"resourceVersion":')
  const generation = integerOf(jsonOf(records, record, Field.generation)) ?? "0"
  if (generation !== "0") writeAscii(writer, `,"generation":${generation}`)
  writeTextMember(writer, records, record, Field.creationTimestamp, ',"creationTimestamp":')
  writeTextMember(writer, records, record, Field.deletionTimestamp, ',"deletionTimestamp":')
  if (startOf(records, record, Field.deletionGracePeriodSeconds) >= 0) {
    const seconds = integerOf(jsonOf(records, record, Field.deletionGracePeriodSeconds)) ?? "0"
    writeAscii(writer, `,"deletionGracePeriodSeconds":${seconds}`)
  }
  const design = writeLabels(writer, records, record)
  writeAnnotations(writer, records, record, isRedacted)
  writeRawMember(writer, records, record, Field.ownerReferences, ',"ownerReferences":"')
  writeRawMember(writer, records, record, Field.finalizers, ',"finalizers":"')
  writeTextMember(writer, records, record, Field.clusterName, ',"clusterName":')
  writeAscii(writer, ',"cluster_id":""}')
  return design
}

/** Writes a member that is a string and not empty, and answers whether it did. */
const writeTextMember = (writer: Writer, records: Records, record: number, field: Field, head: string): boolean => {
  const start = startOf(records, record, field)
  if (start < 0 || records.bytes[start] !== quote) return false
  const end = endOf(records, record, field)
  if (end - start === 2) return false
  writeAscii(writer, head)
  writeString(writer, records.bytes, start + 1, end - 1)
  return true
}

/** Writes a member as the string of its JSON, unless it is absent or the empty string. */
const writeRawMember = (writer: Writer, records: Records, record: number, field: Field, head: string): void => {
  const start = startOf(records, record, field)
  if (start < 0) return
  const end = endOf(records, record, field)
  if (records.bytes[start] === quote && end - start === 2) return
  writeAscii(writer, head)
  writeRawText(writer, records.bytes, start, end)
  writeAscii(writer, '"')
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/**
 * The integer that a JSON number is, as Go decodes it into 64 bits: `2.0` and `1e3` are integers, `2.5` and a string are none.
 * @returns its shortest decimal spelling, or undefined
 */
export const integerOf = (json: string): string | undefined => {
  if (!/^-?[0-9]/.test(json)) return undefined
  let value: bigint
  if (/^-?[0-9]{1,19}$/.test(json)) value = BigInt(json)
  else {
    const double = Number(json)
    // Go spells doubles from 1e21 on with an exponent, below that all digits as JavaScript does; either fails on 64 bits or is exact.
    if (!Number.isInteger(double) || Math.abs(double) >= 1e21) return undefined
    value = BigInt(String(double))
  }
  return value > int64Max || value < int64Min ? undefined : String(value)
}

/** Appends the labels and answers the design that one of them names. */
const writeLabels = (writer: Writer, records: Records, record: number): string | undefined => {
  const start = startOf(records, record, Field.labels)
  if (start < 0) return undefined
  const { bytes } = records
  const pairs = readPairs(bytes, start, endOf(records, record, Field.labels))
  if (pairs.length === 0) return undefined
  let design: string | undefined
  writeAscii(writer, ',"labels":[')
  for (let i = 0; i < pairs.length; i += pairSize) {
    if (i > 0) writeAscii(writer, ",")
    writeElement(writer, bytes, pairs, i, '{"id":"","unique_id":"","kind":"label"')
    if (isNamed(bytes, pairs, i, designLabel)) design = designOf(valueText(bytes, pairs, i))
  }
  writeAscii(writer, "]")
  return design
}

const writeAnnotations = (writer: Writer, records: Records, record: number, isRedacted: boolean): void => {
  const start = startOf(records, record, Field.annotations)
  if (start < 0) return
  const { bytes } = records
  const pairs = readPairs(bytes, start, endOf(records, record, Field.annotations))
  if (pairs.length === 0) return
  writeAscii(writer, ',"annotations":[')
  for (let i = 0; i < pairs.length; i += pairSize) {
    if (i > 0) writeAscii(writer, ",")
    const manifest = isRedacted && isNamed(bytes, pairs, i, lastAppliedKey) ? redactManifest(valueText(bytes, pairs, i)) : undefined
    writeElement(writer, bytes, pairs, i, '{"id":"","unique_id":"","kind":"annotation"', manifest)
  }
  writeAscii(writer, "]")
}

/**
 * Writes one label or annotation. Its name and its value are left out where they are empty.
 * @param instead a text in the place of the value
 */
const writeElement = (writer: Writer, bytes: Uint8Array, pairs: Pairs, at: number, head: string, instead?: string): void => {
  const nameStart = pairs[at] as number
  const nameEnd = pairs[at + 1] as number
  writeAscii(writer, head)
  if (nameStart < nameEnd) {
    writeAscii(writer, ',"key":')
    writeString(writer, bytes, nameStart, nameEnd)
  }
  if (instead === undefined) writeValue(writer, bytes, pairs[at + 2] as number, pairs[at + 3] as number)
  else {
    const inner = encodeText(JSON.stringify(instead))
    writeValue(writer, inner, 0, inner.length)
  }
  writeAscii(writer, "}")
}

const writeValue = (writer: Writer, bytes: Uint8Array, start: number, end: number): void => {
  if (bytes[start] === quote && end - start === 2) return
  writeAscii(writer, ',"value":"')
  writeRawText(writer, bytes, start, end)
  writeAscii(writer, '"')
}

/** The value's text where it is a string, else its JSON. */
const valueText = (bytes: Uint8Array, pairs: Pairs, at: number): string => {
  const start = pairs[at + 2] as number
  const end = pairs[at + 3] as number
  return bytes[start] === quote ? decodeString(bytes, start + 1, end - 1) : decodeText(bytes, start, end)
}

/** Whether an entry's name spells an ASCII text, with escapes or without. An escape only lengthens it. */
const isNamed = (bytes: Uint8Array, pairs: Pairs, at: number, text: string): boolean => {
  const start = pairs[at] as number
  const end = pairs[at + 1] as number
  if (end - start < text.length) return false
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] === text.charCodeAt(i)) continue
    return bytes.subarray(start, end).includes(backslash) && decodeString(bytes, start, end) === text
  }
  return end - start === text.length
}
