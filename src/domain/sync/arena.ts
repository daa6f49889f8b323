/**
 * Texts of varying length in one array of bytes, each behind its length in two bytes. Nothing is freed: `garbage` counts the bytes that
 * nobody points to any more, and whoever owns the arena copies what lives into a new one when that pays.
 */
import { decodeText } from "../read/text.ts"

export interface Arena {
  bytes: Uint8Array
  used: number
  garbage: number
}

const lengthBytes = 2
/** The API server allows names of 253 bytes; what exceeds this is cut, so two such texts that differ only behind it count as one. */
const textBytesMax = 0xffff
const arenaBytesFirst = 512

export const makeArena = (capacity = arenaBytesFirst): Arena => ({
  bytes: new Uint8Array(Math.max(arenaBytesFirst, capacity)),
  used: 0,
  garbage: 0,
})

/** Doubles what is small and adds a quarter to what is large: a big arena is at most a fifth empty. */
export const growCapacity = (capacity: number, largeFrom: number): number =>
  capacity < largeFrom ? capacity * 2 : Math.ceil(capacity * 1.25)

const largeArenaBytes = 256 * 1024

/** Appends a text; returns where it lies. */
export const storeText = (arena: Arena, bytes: Uint8Array, start: number, end: number): number => {
  const length = Math.min(end - start, textBytesMax)
  const at = arena.used
  const needed = at + lengthBytes + length
  if (needed > arena.bytes.length) {
    const bigger = new Uint8Array(Math.max(growCapacity(arena.bytes.length, largeArenaBytes), needed))
    bigger.set(arena.bytes.subarray(0, at))
    arena.bytes = bigger
  }
  arena.bytes[at] = length & 0xff
  arena.bytes[at + 1] = length >>> 8
  for (let i = 0; i < length; i++) arena.bytes[at + lengthBytes + i] = bytes[start + i] as number
  arena.used = needed
  return at
}

const lengthAt = ({ bytes }: Arena, at: number): number => (bytes[at] as number) | ((bytes[at + 1] as number) << 8)

/** Counts a text as garbage. */
export const discardText = (arena: Arena, at: number): void => {
  arena.garbage += lengthBytes + lengthAt(arena, at)
}

/** First byte of a text, and first byte behind it. */
export const textStart = (at: number): number => at + lengthBytes
export const textEnd = (arena: Arena, at: number): number => at + lengthBytes + lengthAt(arena, at)

/** The text at a place. */
export const textAt = (arena: Arena, at: number): string => decodeText(arena.bytes, textStart(at), textEnd(arena, at))

/** Whether the text at a place is that of some bytes. */
export const holdsText = (arena: Arena, at: number, bytes: Uint8Array, start: number, end: number): boolean => {
  const length = Math.min(end - start, textBytesMax)
  if (lengthAt(arena, at) !== length) return false
  for (let i = 0; i < length; i++) if (arena.bytes[at + lengthBytes + i] !== bytes[start + i]) return false
  return true
}
