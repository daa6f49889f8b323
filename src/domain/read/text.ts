/**
 * From the block's bytes to what outlives it: texts, comparisons and hashes.
 * Texts are decoded by hand, because the domain has no host: UTF-8 with U+FFFD for what is none, as the WHATWG's decoder does it.
 * Does not know what the bytes mean.
 */
import { backslash, quote } from "./json.ts"
import { endOf, startOf, type Field, type Records } from "./record.ts"

const replacement = 0xfffd

/** Code units handed to one call of `String.fromCharCode`; engines bound the number of arguments. */
const unitsPerCall = 4096

const textOfUnits = (units: ReadonlyArray<number>): string => {
  if (units.length <= unitsPerCall) return String.fromCharCode(...units)
  let text = ""
  for (let i = 0; i < units.length; i += unitsPerCall) text += String.fromCharCode(...units.slice(i, i + unitsPerCall))
  return text
}

/** Appends the character whose UTF-8 form begins at a byte >= 0x80, and returns the position behind it. */
const decodeSequence = (bytes: Uint8Array, at: number, end: number, units: Array<number>): number => {
  const lead = bytes[at]!
  const more = lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0
  let point = more === 1 ? lead & 0x1f : more === 2 ? lead & 0x0f : lead & 0x07
  // The second byte's range excludes overlong forms, surrogates and points above U+10FFFF.
  let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  for (let i = 1; i <= more; i++) {
    const byte = at + i < end ? bytes[at + i]! : 0
    if (byte < low || byte > high) {
      units.push(replacement)
      return at + i
    }
    point = (point << 6) | (byte & 0x3f)
    low = 0x80
    high = 0xbf
  }
  if (more === 0) units.push(replacement)
  else if (point < 0x10000) units.push(point)
  else units.push(0xd7c0 + (point >> 10), 0xdc00 | (point & 0x3ff))
  return at + more + 1
}

const hexValue = (byte: number): number => (byte & 0x0f) + (byte > 0x39 ? 9 : 0)

/** Appends the code unit of the escape behind a backslash, and returns the position behind it. The escape is known to be valid. */
const decodeEscape = (bytes: Uint8Array, at: number, units: Array<number>): number => {
  const letter = bytes[at]!
  if (letter === 0x75) {
    let unit = 0
    for (let i = 1; i <= 4; i++) unit = (unit << 4) | hexValue(bytes[at + i]!)
    units.push(unit)
    return at + 5
  }
  switch (letter) {
    case 0x62:
      units.push(0x08)
      break
    case 0x66:
      units.push(0x0c)
      break
    case 0x6e:
      units.push(0x0a)
      break
    case 0x72:
      units.push(0x0d)
      break
    case 0x74:
      units.push(0x09)
      break
    default:
      units.push(letter)
  }
  return at + 1
}

/** Decodes what is plain ASCII and short, as nearly every name is; undefined for anything else. */
const decodePlain = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  const length = end - start
  if (length > unitsPerCall) return undefined
  // An array of the right size is a third of the cost of one that grows, and this runs for three texts an object.
  // oxlint-disable-next-line unicorn/no-new-array
  const units = new Array<number>(length)
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!
    if (byte >= 0x80 || byte === backslash) return undefined
    units[i] = byte
  }
  return String.fromCharCode(...units)
}

const decode = (bytes: Uint8Array, start: number, end: number, escaped: boolean): string => {
  const plain = decodePlain(bytes, start, end)
  if (plain !== undefined) return plain
  const units: Array<number> = []
  let i = start
  while (i < end) {
    const byte = bytes[i]!
    if (byte >= 0x80) i = decodeSequence(bytes, i, end, units)
    else if (escaped && byte === backslash) i = decodeEscape(bytes, i + 1, units)
    else {
      units.push(byte)
      i++
    }
  }
  return textOfUnits(units)
}

/** Decodes UTF-8 as it stands. */
export const decodeText = (bytes: Uint8Array, start: number, end: number): string => decode(bytes, start, end, false)

/** Decodes the content of a JSON string, given without its quotes and known to be valid: escapes are undone. */
export const decodeString = (bytes: Uint8Array, start: number, end: number): string => decode(bytes, start, end, true)

/** The text of a member that is a JSON string; empty when it is absent or anything else. */
export const textOf = (records: Records, record: number, field: Field): string => {
  const start = startOf(records, record, field)
  return start < 0 || records.bytes[start] !== quote ? "" : decodeString(records.bytes, start + 1, endOf(records, record, field) - 1)
}

/** The member's JSON as it stands, e.g. `true`, `17` or `{"a":1}`; empty when it is absent. */
export const jsonOf = (records: Records, record: number, field: Field): string => {
  const start = startOf(records, record, field)
  return start < 0 ? "" : decodeText(records.bytes, start, endOf(records, record, field))
}

/** Whether two stretches of bytes are equal. */
export const sameBytes = (a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean => {
  const length = aEnd - aStart
  if (length !== bEnd - bStart) return false
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false
  return true
}

/** Four bytes as a little-endian word. */
const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** The last 0 to 3 bytes before `end` as a word. */
const restAt = (bytes: Uint8Array, at: number, end: number): number => {
  let word = 0
  for (let i = end - 1; i >= at; i--) word = (word << 8) | bytes[i]!
  return word
}

const rotate = (word: number, by: number): number => (word << by) | (word >>> (32 - by))

/** MurmurHash3's finaliser: every bit of the input moves every bit of the output. */
const finish = (word: number): number => {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

const mixOdd = (word: number): number => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
const mixEven = (word: number): number => Math.imul(rotate(Math.imul(word, 0xab0e9789), 16), 0x38b34ae5)

/**
 * A 64-bit digest of content: equal bytes give equal digests, and two different ones agree once in 2^64.
 * Two lanes of MurmurHash3's kind, each over every word: with a lane for every second word only, as MurmurHash3 x86_128 has it, contents
 * that differ in their last bytes differ in 32 bits.
 * @param into receives the two words
 */
export const digestOf = (bytes: Uint8Array, start: number, end: number, into: Uint32Array): void => {
  let a = 0x239b961b
  let b = 0x21e38b93
  const whole = start + ((end - start) & ~3)
  for (let i = start; i < whole; i += 4) {
    const word = wordAt(bytes, i)
    a = (Math.imul(rotate(a ^ mixEven(word), 19), 5) + 0x561ccd1b) | 0
    b = (Math.imul((rotate(b ^ mixOdd(word), 17) + a) | 0, 5) + 0x0bcaa747) | 0
  }
  const rest = restAt(bytes, whole, end)
  a = finish((rotate(a ^ mixEven(rest), 19) + (end - start)) | 0)
  b = finish((rotate(b ^ mixOdd(rest), 17) + a) | 0)
  into[0] = a + b
  into[1] = b
}

/** The order of JavaScript's own comparison, for what people read: the same on every machine, whatever its language. */
export const compareText = (first: string, second: string): number => (first < second ? -1 : first > second ? 1 : 0)
