/**
 * How uids and resourceVersions are kept in numbers: a UUID as 16 bytes, a decimal of up to 18 digits as two words.
 * Anything else is legal too (both are opaque in Kubernetes) and is kept as text by the ledger.
 */
import { reserve, type Writer, writeAscii } from "../wire/writer.ts"

const dash = 0x2d
const uidLength = 36

const nibbleOf = (byte: number): number => (byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1)

const isDashPlace = (place: number): boolean => place === 8 || place === 13 || place === 18 || place === 23

/**
 * The word of eight hex digits from place `at`, dashes skipped; `next` of the result would cost an object, so the caller knows the places.
 */
const wordPlaces: ReadonlyArray<number> = [0, 9, 19, 28]

/**
 * Writes a canonical lower-case UUID as four words.
 * @returns false when the text is none; the words are undefined then
 */
export const packUid = (bytes: Uint8Array, start: number, end: number, words: Int32Array, at: number): boolean => {
  if (end - start !== uidLength) return false
  for (let word = 0; word < 4; word++) {
    const packed = packWord(bytes, start, wordPlaces[word] as number)
    if (packed < 0) return false
    words[at + word] = packed | 0
  }
  return bytes[start + 8] === dash && bytes[start + 13] === dash && bytes[start + 18] === dash && bytes[start + 23] === dash
}

/** Eight hex digits as a number, -1 when one is none. */
const packWord = (bytes: Uint8Array, start: number, place: number): number => {
  let value = 0
  for (let digits = 0, i = place; digits < 8; i++) {
    if (isDashPlace(i)) continue
    const nibble = nibbleOf(bytes[start + i] as number)
    if (nibble < 0) return -1
    value = value * 16 + nibble
    digits++
  }
  return value
}

/** Whether the text is the UUID that four words hold. */
export const matchesUid = (words: Int32Array, at: number, bytes: Uint8Array, start: number, end: number): boolean => {
  if (end - start !== uidLength) return false
  for (let word = 0; word < 4; word++) {
    const packed = packWord(bytes, start, wordPlaces[word] as number)
    if (packed < 0 || (packed | 0) !== words[at + word]) return false
  }
  return true
}

/** The UUID that four words hold. */
export const unpackUid = (words: Int32Array, at: number): string => {
  let hex = ""
  for (let word = 0; word < 4; word++) hex += ((words[at + word] as number) >>> 0).toString(16).padStart(8, "0")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Writes the UUID that four words hold. */
export const writeUid = (writer: Writer, words: Int32Array, at: number): void => {
  reserve(writer, uidLength)
  const { bytes } = writer
  for (let place = 0, digit = 0; place < uidLength; place++) {
    if (isDashPlace(place)) bytes[writer.at++] = dash
    else {
      const nibble = ((words[at + (digit >> 3)] as number) >>> (28 - 4 * (digit & 7))) & 15
      bytes[writer.at++] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
      digit++
    }
  }
}

/** A decimal of 1 to 18 digits without a leading zero: what fits two words of nine digits and can be written back as it was. */
export const versionDigits = (bytes: Uint8Array, start: number, end: number): boolean => {
  const length = end - start
  if (length < 1 || length > 18 || bytes[start] === 0x30) return false
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte < 0x30 || byte > 0x39) return false
  }
  return true
}

/** Writes digits that `versionDigits` admits into two words of nine digits each. */
export const packVersion = (bytes: Uint8Array, start: number, end: number, words: Int32Array, at: number): void => {
  const split = Math.max(start, end - 9)
  let high = 0
  let low = 0
  for (let i = start; i < split; i++) high = high * 10 + (bytes[i] as number) - 0x30
  for (let i = split; i < end; i++) low = low * 10 + (bytes[i] as number) - 0x30
  words[at] = high
  words[at + 1] = low
}

/** The digits that two words hold. */
export const unpackVersion = (words: Int32Array, at: number): string => {
  const high = words[at] as number
  const low = words[at + 1] as number
  return high === 0 ? String(low) : String(high) + String(low).padStart(9, "0")
}

/** Writes the version that two words hold. */
export const writeVersion = (writer: Writer, words: Int32Array, at: number): void => writeAscii(writer, unpackVersion(words, at))
