/**
 * The Go MeshSync's way with strings: it writes the object anew with Go's encoder, copies the text between a string's quotes with the
 * escapes in it, and escapes that once more on the wire. A value with a newline or with `<` arrives with a literal backslash in it.
 * Consumers show and store these texts, so the spelling matters to the letter, and the server's own escapes must not show through.
 */
import { backslash, quote } from "../read/json.ts"
import { controlEscape, escapeInto, putCodePoint, reserve, sequenceLength, writeAscii, type Writer } from "./writer.ts"

/** Bytes that stand for themselves in both encodings. */
const plain = new Uint8Array(256)
plain.fill(1, 0x20, 0x80)
for (const c of '"\\<>&') plain[c.charCodeAt(0)] = 0

/** Letters whose escape Go writes with the same letter. */
const sameEscape = new Uint8Array(256)
for (const c of '"\\bfnrt') sameEscape[c.charCodeAt(0)] = 1

/**
 * Writes the content of a JSON string as the content of a JSON string that holds Go's spelling of it.
 * @param start the first byte behind the opening quote
 * @param end the closing quote
 */
export const escapeCanonical = (writer: Writer, bytes: Uint8Array, start: number, end: number): void => {
  let i = start
  while (i < end) {
    // Twice the length holds plain bytes and the two-byte escapes; the rare longer forms take their own room.
    reserve(writer, (end - i) * 2)
    i = writeCommon(writer, bytes, i, end)
    if (i < end) i = writeRare(writer, bytes, i, end)
  }
}

/** Writes plain bytes and short escapes up to the first byte that is neither, and answers its place. */
const writeCommon = (writer: Writer, bytes: Uint8Array, start: number, end: number): number => {
  const out = writer.bytes
  let at = writer.at
  let i = start
  while (i < end) {
    const c = bytes[i] as number
    if (plain[c] === 1) {
      out[at++] = c
      i++
      continue
    }
    const letter = i + 1 < end ? (bytes[i + 1] as number) : 0
    if (c !== backslash || sameEscape[letter] === 0) break
    out[at++] = backslash
    out[at++] = backslash
    if (letter === quote || letter === backslash) out[at++] = backslash
    out[at++] = letter
    i += 2
  }
  writer.at = at
  return i
}

/** Writes the one character at `at`, escaped or not, and answers the place behind it. */
const writeRare = (writer: Writer, bytes: Uint8Array, at: number, end: number): number => {
  const c = bytes[at] as number
  if (c === backslash) return writeEscaped(writer, bytes, at, end)
  const length = sequenceLength(bytes, at, end)
  writeTwice(writer, length === 0 ? 0xfffd : codePointAt(bytes, at, length))
  return at + Math.max(length, 1)
}

/** Writes the character of a `\u` escape, of a surrogate pair of them, or of `\/`. */
const writeEscaped = (writer: Writer, bytes: Uint8Array, at: number, end: number): number => {
  if (bytes[at + 1] !== 0x75) {
    writeTwice(writer, at + 1 < end ? (bytes[at + 1] as number) : backslash)
    return at + 2
  }
  const first = unitAt(bytes, at + 2)
  const paired = first >= 0xd800 && first < 0xdc00 && at + 12 <= end && bytes[at + 6] === backslash && bytes[at + 7] === 0x75
  const second = paired ? unitAt(bytes, at + 8) : 0
  if (second >= 0xdc00 && second < 0xe000) {
    writeTwice(writer, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    return at + 12
  }
  writeTwice(writer, first)
  return at + 6
}

/** The code unit of four hexadecimal digits. */
const unitAt = (bytes: Uint8Array, at: number): number => {
  let unit = 0
  for (let i = at; i < at + 4; i++) {
    const c = bytes[i] ?? 0x30
    unit = (unit << 4) | ((c & 0x0f) + (c > 0x39 ? 9 : 0))
  }
  return unit
}

/** The code point of a well-formed UTF-8 sequence. */
const codePointAt = (bytes: Uint8Array, at: number, length: number): number => {
  let point = (bytes[at] as number) & (length === 1 ? 0x7f : 0x7f >> length)
  for (let i = 1; i < length; i++) point = (point << 6) | ((bytes[at + i] as number) & 0x3f)
  return point
}

/** Characters that Go's encoder writes as `\uXXXX` so that its output may stand in HTML and in JavaScript. */
const unsafe: ReadonlyMap<number, string> = new Map([
  [0x26, "\\u0026"],
  [0x3c, "\\u003c"],
  [0x3e, "\\u003e"],
  [0x2028, "\\u2028"],
  [0x2029, "\\u2029"],
])

/** Writes one character in Go's spelling, with every backslash and quote of that spelling escaped. */
const writeTwice = (writer: Writer, codePoint: number): void => {
  const spelt = codePoint < 0x20 ? controlEscape(codePoint) : unsafe.get(codePoint)
  if (spelt !== undefined) writeAscii(writer, `\\${spelt}`)
  else if (codePoint === quote) writeAscii(writer, '\\\\\\"')
  else if (codePoint === backslash) writeAscii(writer, "\\\\\\\\")
  else {
    reserve(writer, 4)
    putCodePoint(writer, codePoint)
  }
}

/** Writes a JSON value as the content of a JSON string: a string by its own text in Go's spelling, anything else as it stands. */
export const writeRawText = (writer: Writer, bytes: Uint8Array, start: number, end: number): void => {
  if (bytes[start] === quote) escapeCanonical(writer, bytes, start + 1, end - 1)
  else escapeInto(writer, bytes, start, end)
}
