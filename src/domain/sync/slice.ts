/**
 * A text of a record as UTF-8 with the escapes of JSON undone, without a string or an object for each: a slice is filled again and again.
 * Names of RBAC objects may hold what JSON escapes, e.g. `<` or `"`; everything else is a view of the block.
 */
import { quote } from "../read/json.ts"
import { endOf, startOf, type Field, type Records } from "../read/record.ts"
import { decodeString } from "../read/text.ts"
import { makeWriter, writeText } from "../wire/writer.ts"

export interface Slice {
  bytes: Uint8Array
  start: number
  end: number
}

export const makeSlice = (): Slice => ({ bytes: new Uint8Array(0), start: 0, end: 0 })

/** Fills a slice with a text that comes from no record. */
export const assignText = (slice: Slice, text: string): void => {
  const writer = makeWriter(text.length * 3)
  writeText(writer, text)
  slice.bytes = writer.bytes
  slice.start = 0
  slice.end = writer.at
}

const backslash = 0x5c

/** The text of a member; empty when it is absent or no string. */
export const takeText = (slice: Slice, records: Records, record: number, field: Field): void => {
  const { bytes } = records
  const opening = startOf(records, record, field)
  const isText = opening >= 0 && bytes[opening] === quote
  slice.bytes = bytes
  slice.start = isText ? opening + 1 : 0
  slice.end = isText ? endOf(records, record, field) - 1 : 0
  for (let i = slice.start; i < slice.end; i++) {
    if (bytes[i] === backslash) return assignText(slice, decodeString(bytes, slice.start, slice.end))
  }
}
