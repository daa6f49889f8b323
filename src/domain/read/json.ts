/**
 * The grammar of JSON (RFC 8259) over bytes: where a value, a string or white space ends.
 * Each function takes a position and returns the one behind what it skipped, or a fault: a negative number that carries the place.
 * A fault at the end of the input means that the input is cut off. Nothing is decoded, allocated or thrown, and nothing recurses.
 * Does not know which members matter, and leaves the validity of UTF-8 to whoever decodes.
 */
import { depthMax } from "../limit.ts"

export const quote = 0x22
export const comma = 0x2c
const colon = 0x3a
export const openBracket = 0x5b
export const backslash = 0x5c
export const closeBracket = 0x5d
export const openBrace = 0x7b
export const closeBrace = 0x7d
/** First byte of `null`, and of nothing else in JSON. */
export const nullInitial = 0x6e

/** One scan under way: the input and what its functions share, so that no call allocates. */
export interface Walk {
  readonly bytes: Uint8Array
  /** First byte that does not belong to the input; moves from line to line in a block of lines. */
  end: number
  /** The closing bytes of the open containers; as long as containers may nest. */
  readonly closers: Uint8Array
  /** A container nested deeper than `depthMax` was passed. */
  tooDeep: boolean
  /** The name that `passName` passed, without its quotes. */
  nameStart: number
  nameEnd: number
}

/** A walk over all of these bytes. */
export const makeWalk = (bytes: Uint8Array): Walk => ({
  bytes,
  end: bytes.length,
  closers: new Uint8Array(depthMax),
  tooDeep: false,
  nameStart: 0,
  nameEnd: 0,
})

/** The fault that says: what stands at this place cannot stand there. */
export const faultAt = (at: number): number => -1 - at

/** The place of a fault. */
export const placeOf = (fault: number): number => -1 - fault

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

const isHexDigit = (byte: number): boolean => isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66)

/** Skips white space: blank, tab, line feed, carriage return. */
export const skipSpace = (bytes: Uint8Array, at: number, end: number): number => {
  let i = at
  while (i < end) {
    const byte = bytes[i]!
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    i++
  }
  return i
}

/** Skips what follows a backslash. */
const skipEscape = (bytes: Uint8Array, at: number, end: number): number => {
  if (at >= end) return faultAt(end)
  switch (bytes[at]) {
    case quote:
    case backslash:
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 1
    case 0x75: // u
      for (let i = at + 1; i <= at + 4; i++) {
        if (i >= end) return faultAt(end)
        if (!isHexDigit(bytes[i]!)) return faultAt(i)
      }
      return at + 5
    default:
      return faultAt(at)
  }
}

/**
 * Skips a string.
 * @param at the first byte behind the opening quote
 * @returns the position behind the closing quote
 */
export const skipString = (bytes: Uint8Array, at: number, end: number): number => {
  let i = at
  for (;;) {
    // Most bytes of a block pass here. A loop of bare comparisons is half as fast again as one over a table of classes.
    let byte = quote
    while (i < end) {
      byte = bytes[i]!
      if (byte === quote || byte === backslash || byte < 0x20) break
      i++
    }
    if (i >= end) return faultAt(end)
    if (byte === quote) return i + 1
    if (byte !== backslash) return faultAt(i)
    i = skipEscape(bytes, i + 1, end)
    if (i < 0) return i
  }
}

/** Skips white space, the colon behind a member's name, and white space again. */
export const skipColon = (bytes: Uint8Array, at: number, end: number): number => {
  const i = skipSpace(bytes, at, end)
  return i < end && bytes[i] === colon ? skipSpace(bytes, i + 1, end) : faultAt(i)
}

/** Skips one or more digits. */
const skipDigits = (bytes: Uint8Array, at: number, end: number): number => {
  let i = at
  while (i < end && isDigit(bytes[i]!)) i++
  return i === at ? faultAt(at) : i
}

const skipNumber = (bytes: Uint8Array, at: number, end: number): number => {
  let i = bytes[at] === 0x2d ? at + 1 : at
  if (i < end && bytes[i] === 0x30) i++
  else i = skipDigits(bytes, i, end)
  if (i >= 0 && i < end && bytes[i] === 0x2e) i = skipDigits(bytes, i + 1, end)
  if (i < 0 || i >= end || (bytes[i]! | 0x20) !== 0x65) return i
  i++
  if (i < end && (bytes[i] === 0x2b || bytes[i] === 0x2d)) i++
  return skipDigits(bytes, i, end)
}

const bytesOf = (ascii: string): Uint8Array => Uint8Array.from(ascii, (letter) => letter.charCodeAt(0))
const trueBytes = bytesOf("true")
const falseBytes = bytesOf("false")
const nullBytes = bytesOf("null")

const skipWord = (bytes: Uint8Array, at: number, end: number, word: Uint8Array): number => {
  for (let i = 0; i < word.length; i++) {
    if (at + i >= end) return faultAt(end)
    if (bytes[at + i] !== word[i]) return faultAt(at + i)
  }
  return at + word.length
}

/** Skips a number, `true`, `false` or `null`. */
const skipScalar = (bytes: Uint8Array, at: number, end: number): number => {
  switch (bytes[at]) {
    case 0x74:
      return skipWord(bytes, at, end, trueBytes)
    case 0x66:
      return skipWord(bytes, at, end, falseBytes)
    case nullInitial:
      return skipWord(bytes, at, end, nullBytes)
    default:
      return skipNumber(bytes, at, end)
  }
}

/** Skips a container that lies too deep to keep its closers: brackets are counted without telling the two kinds apart. */
const skipAbyss = (bytes: Uint8Array, at: number, end: number): number => {
  let open = 0
  let i = at
  while (i < end) {
    const byte = bytes[i++]!
    if (byte === quote) {
      i = skipString(bytes, i, end)
      if (i < 0) return i
    } else if (byte === openBrace || byte === openBracket) {
      open++
    } else if ((byte === closeBrace || byte === closeBracket) && --open === 0) {
      return i
    }
  }
  return faultAt(end)
}

/** Skips white space, a member's name, the colon, and the white space around them. */
const skipName = (bytes: Uint8Array, at: number, end: number): number => {
  const i = skipSpace(bytes, at, end)
  if (i >= end || bytes[i] !== quote) return faultAt(i)
  const behind = skipString(bytes, i + 1, end)
  return behind < 0 ? behind : skipColon(bytes, behind, end)
}

/**
 * Skips a value of any kind, checking all of it.
 * @param at the value's first byte
 * @param depth containers around the value; those that would nest deeper than `depthMax` set `walk.tooDeep`
 */
export const skipValue = (walk: Walk, at: number, depth: number): number => {
  const { bytes, closers, end } = walk
  let open = depth
  let i = at
  for (;;) {
    if (i >= end) return faultAt(end)
    const byte = bytes[i]!
    if (byte === quote) {
      i = skipString(bytes, i + 1, end)
    } else if (byte !== openBrace && byte !== openBracket) {
      i = skipScalar(bytes, i, end)
    } else if (open >= depthMax) {
      walk.tooDeep = true
      i = skipAbyss(bytes, i, end)
    } else {
      // Both closing brackets lie two behind the opening one in ASCII.
      const closer = byte + 2
      i = skipSpace(bytes, i + 1, end)
      if (i < end && bytes[i] === closer) {
        i++
      } else {
        closers[open++] = closer
        if (byte === openBrace) i = skipName(bytes, i, end)
        if (i < 0) return i
        continue
      }
    }
    if (i < 0) return i

    // Behind a value: containers close until a comma announces the next value.
    for (;;) {
      if (open === depth) return i
      i = skipSpace(bytes, i, end)
      if (i >= end) return faultAt(end)
      const next = bytes[i]!
      const closer = closers[open - 1]!
      if (next === closer) {
        i++
        open--
      } else if (next === comma) {
        i = closer === closeBrace ? skipName(bytes, i + 1, end) : skipSpace(bytes, i + 1, end)
        if (i < 0) return i
        break
      } else {
        return faultAt(i)
      }
    }
  }
}

/** Stays at a byte that a member's name begins with; anything else is a fault. */
const atName = (bytes: Uint8Array, at: number, end: number): number => (at < end && bytes[at] === quote ? at : faultAt(at))

/**
 * Enters an object.
 * @param at the position of its opening brace
 * @returns the position of the first name's quote, or that of the closing brace
 */
export const enterObject = (walk: Walk, at: number): number => {
  const i = skipSpace(walk.bytes, at + 1, walk.end)
  return i < walk.end && walk.bytes[i] === closeBrace ? i : atName(walk.bytes, i, walk.end)
}

/**
 * Passes a member's name and leaves it in `walk`.
 * @param at the position of its quote
 * @returns the first byte of the member's value
 */
export const passName = (walk: Walk, at: number): number => {
  const behind = skipString(walk.bytes, at + 1, walk.end)
  if (behind < 0) return behind
  walk.nameStart = at + 1
  walk.nameEnd = behind - 1
  return skipColon(walk.bytes, behind, walk.end)
}

/**
 * Goes on behind a member's value.
 * @returns the position of the next name's quote, or that of the closing brace
 */
export const nextMember = (walk: Walk, at: number): number => {
  const i = skipSpace(walk.bytes, at, walk.end)
  if (i >= walk.end) return faultAt(walk.end)
  if (walk.bytes[i] === closeBrace) return i
  return walk.bytes[i] === comma ? atName(walk.bytes, skipSpace(walk.bytes, i + 1, walk.end), walk.end) : faultAt(i)
}
