/**
 * The entries of a JSON object by the places of their names and values: labels, annotations, a Secret's data.
 * The object was scanned before and is known to be well-formed. Does not decode what it can compare as bytes.
 */
import { backslash, closeBrace, makeWalk, openBrace, quote, skipColon, skipSpace, skipString, skipValue } from "../read/json.ts"
import { decodeString } from "../read/text.ts"

/** Four places an entry: the name's first byte, its closing quote, the value's first byte, and the first byte behind the value. */
export type Pairs = ReadonlyArray<number>
export const pairSize = 4

/** All entries in the order in which they stand, duplicates included; none when the value is no object. */
export const scanPairs = (bytes: Uint8Array, start: number, end: number): Array<number> => {
  const pairs: Array<number> = []
  if (start < 0 || bytes[start] !== openBrace) return pairs
  let at = skipSpace(bytes, start + 1, end)
  while (at >= 0 && at < end && bytes[at] !== closeBrace) {
    const afterName = skipString(bytes, at + 1, end)
    if (afterName < 0) return pairs
    const value = skipColon(bytes, afterName, end)
    if (value < 0) return pairs
    const afterValue = bytes[value] === quote ? skipString(bytes, value + 1, end) : skipValue(makeWalk(bytes), value, 0)
    if (afterValue < 0) return pairs
    pairs.push(at + 1, afterName - 1, value, afterValue)
    const next = skipSpace(bytes, afterValue, end)
    at = bytes[next] === closeBrace ? next : skipSpace(bytes, next + 1, end)
  }
  return pairs
}

/** Whether the first name is before the second in byte order. */
const isBefore = (bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean => {
  const length = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < length; i++) {
    const a = bytes[aStart + i] as number
    const b = bytes[bStart + i] as number
    if (a !== b) return a < b
  }
  return aEnd - aStart < bEnd - bStart
}

/** Whether the names ascend strictly and hold no escape, as they do in everything that Go has encoded. */
const isSorted = (bytes: Uint8Array, pairs: Pairs): boolean => {
  for (let i = 0; i < pairs.length; i += pairSize) {
    const start = pairs[i] as number
    const end = pairs[i + 1] as number
    for (let at = start; at < end; at++) if (bytes[at] === backslash) return false
    if (i > 0 && !isBefore(bytes, pairs[i - pairSize] as number, pairs[i - pairSize + 1] as number, start, end)) return false
  }
  return true
}

/** Compares two strings by code points, which is the order of their UTF-8 bytes; UTF-16 orders surrogates before U+E000. */
export const compareCodePoints = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue
    return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0)
  }
  return a.length - b.length
}

/** The entries ordered by name (bytes of UTF-8), each name once: of duplicates the last one counts. */
export const readPairs = (bytes: Uint8Array, start: number, end: number): Pairs => {
  const pairs = scanPairs(bytes, start, end)
  if (isSorted(bytes, pairs)) return pairs
  const places = new Map<string, number>()
  for (let i = 0; i < pairs.length; i += pairSize) {
    places.set(decodeString(bytes, pairs[i] as number, pairs[i + 1] as number).toWellFormed(), i)
  }
  return [...places].sort(([a], [b]) => compareCodePoints(a, b)).flatMap(([, i]) => pairs.slice(i, i + pairSize))
}
