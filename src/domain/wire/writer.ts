/**
 * A growing run of bytes, and the few ways in which JSON gets into it: plain ASCII, text, verbatim copies, and text inside JSON strings.
 * Invariants: `at` never exceeds the capacity; what is written by any function but `copyRaw` is valid UTF-8, whatever came in.
 * Knows nothing of messages.
 */
import { backslash, quote } from "../read/json.ts"
import { decodeString } from "../read/text.ts"

export interface Writer {
  /** Replaced when it grows: views of it are valid only until the next write. */
  bytes: Uint8Array
  /** Bytes written so far. */
  at: number
}

/**
 * An empty writer.
 * @param capacity bytes that it takes before it grows
 */
export const makeWriter = (capacity: number): Writer => ({ bytes: new Uint8Array(Math.max(capacity, 64)), at: 0 })

/** Makes room for `n` more bytes, at least doubling when it must grow. */
export const reserve = (writer: Writer, n: number): void => {
  const needed = writer.at + n
  if (needed <= writer.bytes.length) return
  const grown = new Uint8Array(Math.max(needed, writer.bytes.length * 2))
  grown.set(writer.bytes.subarray(0, writer.at))
  writer.bytes = grown
}

/** Writes text of which every character is below U+0080. */
export const writeAscii = (writer: Writer, text: string): void => {
  reserve(writer, text.length)
  const { bytes } = writer
  let at = writer.at
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
  writer.at = at
}

const replacement = 0xfffd

/** Writes one code point as UTF-8; a surrogate becomes U+FFFD. Room for four bytes must be there. */
export const putCodePoint = (writer: Writer, codePoint: number): void => {
  const { bytes } = writer
  const c = codePoint >= 0xd800 && codePoint <= 0xdfff ? replacement : codePoint
  if (c < 0x80) {
    bytes[writer.at++] = c
  } else if (c < 0x800) {
    bytes[writer.at++] = 0xc0 | (c >> 6)
    bytes[writer.at++] = 0x80 | (c & 0x3f)
  } else if (c < 0x10000) {
    bytes[writer.at++] = 0xe0 | (c >> 12)
    bytes[writer.at++] = 0x80 | ((c >> 6) & 0x3f)
    bytes[writer.at++] = 0x80 | (c & 0x3f)
  } else {
    bytes[writer.at++] = 0xf0 | (c >> 18)
    bytes[writer.at++] = 0x80 | ((c >> 12) & 0x3f)
    bytes[writer.at++] = 0x80 | ((c >> 6) & 0x3f)
    bytes[writer.at++] = 0x80 | (c & 0x3f)
  }
}

/** Writes any string as UTF-8; lone surrogates become U+FFFD. */
export const writeText = (writer: Writer, text: string): void => {
  reserve(writer, text.length * 3)
  for (let i = 0; i < text.length; i++) {
    const codePoint = text.codePointAt(i) ?? replacement
    if (codePoint > 0xffff) i++
    putCodePoint(writer, codePoint)
  }
}

/** A string as UTF-8; lone surrogates become U+FFFD. */
export const encodeText = (text: string): Uint8Array => {
  const writer = makeWriter(text.length * 3)
  writeText(writer, text)
  return writer.bytes.subarray(0, writer.at)
}

/** Writes any string as a JSON string, quotes included; lone surrogates become U+FFFD. */
export const writeQuoted = (writer: Writer, text: string): void => writeText(writer, JSON.stringify(text.toWellFormed()))

/** Copies bytes as they are: for values that are known to be valid, such as numbers. */
export const copyRaw = (writer: Writer, bytes: Uint8Array, start: number, end: number): void => {
  reserve(writer, end - start)
  writer.bytes.set(bytes.subarray(start, end), writer.at)
  writer.at += end - start
}

/**
 * The length of the well-formed UTF-8 sequence that begins at `at`, or 0 (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF).
 */
export const sequenceLength = (bytes: Uint8Array, at: number, end: number): number => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (length === 0 || at + length > end) return 0
  const second = bytes[at + 1] ?? 0
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0
  return length
}

const hex = "0123456789abcdef"

/** What a byte needs inside a JSON string: 0 nothing, 1 a backslash before it, 2 more than that. */
const need = new Uint8Array(256)
need.fill(2, 0, 0x20)
need.fill(2, 0x80)
need[quote] = 1
need[backslash] = 1

/** Short escapes by control character. */
const short: ReadonlyMap<number, string> = new Map([
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
])

/** The escape of a control character: its short form, else `\\u00xx`. */
export const controlEscape = (c: number): string => short.get(c) ?? `\\u00${hex[c >> 4] ?? ""}${hex[c & 15] ?? ""}`

/**
 * Writes bytes as the content of a JSON string (without the quotes around it). Escapes `"`, `\` and control characters only; a byte that
 * belongs to no well-formed UTF-8 sequence becomes U+FFFD, so that no consumer meets an undecodable message.
 */
export const escapeInto = (writer: Writer, bytes: Uint8Array, start: number, end: number): void => {
  let i = start
  while (i < end) {
    // Twice the length is enough for quotes and backslashes; the rare longer forms take their own room.
    reserve(writer, (end - i) * 2)
    i = escapeCommon(writer, bytes, i, end)
    if (i < end) i += escapeRare(writer, bytes, i, end)
  }
}

/**
 * Escapes up to the first byte that needs more than a backslash and answers its place. The hot loop of the program: 900 MB/s where a plain
 * one reaches 450. Two things make it so: no branch on the quotes, which come too irregularly to be predicted (the backslash is written
 * always and kept only where needed), and `| 0`, which spares the overflow checks.
 */
const escapeCommon = (writer: Writer, bytes: Uint8Array, start: number, end: number): number => {
  const out = writer.bytes
  const table = need
  const last = end | 0
  let at = writer.at | 0
  let i = start | 0
  for (; i < last; i = (i + 1) | 0) {
    const c = bytes[i] as number
    const kind = table[c] as number
    if (kind === 2) break
    out[at] = backslash
    at = (at + kind) | 0
    out[at] = c
    at = (at + 1) | 0
  }
  writer.at = at
  return i
}

/** Writes the control character or the sequence at `at` and answers how many bytes it took of the input. */
const escapeRare = (writer: Writer, bytes: Uint8Array, at: number, end: number): number => {
  const c = bytes[at] ?? 0
  if (c < 0x20) {
    writeAscii(writer, controlEscape(c))
    return 1
  }
  const length = sequenceLength(bytes, at, end)
  reserve(writer, 4)
  if (length === 0) {
    putCodePoint(writer, replacement)
    return 1
  }
  for (let i = 0; i < length; i++) writer.bytes[writer.at++] = bytes[at + i] ?? 0
  return length
}

/** Characters of a plain string: ASCII without quotes, backslashes and control characters. */
const isPlain = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) if (need[bytes[i] as number] !== 0) return false
  return true
}

/**
 * Writes a JSON string again as a JSON string, quotes included. It is copied where it is plain, else decoded and written anew, so that its
 * escapes and its UTF-8 are valid afterwards.
 * @param start the first byte of its content
 * @param end the closing quote
 */
export const writeString = (writer: Writer, bytes: Uint8Array, start: number, end: number): void => {
  if (!isPlain(bytes, start, end)) {
    writeQuoted(writer, decodeString(bytes, start, end))
    return
  }
  reserve(writer, end - start + 2)
  const out = writer.bytes
  let at = writer.at
  out[at++] = quote
  for (let i = start; i < end; i++) out[at++] = bytes[i] as number
  out[at++] = quote
  writer.at = at
}
