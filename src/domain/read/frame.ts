/**
 * From the chunks of a watch, cut anywhere, to blocks of whole lines.
 * The lines that come out do not depend on where the chunks were cut; a chunk that begins and ends with whole lines is not copied.
 * A line beyond the bound is dropped up to its line feed and counted, and the stream goes on.
 * Does not look into the lines.
 */
import { framerBytesKept } from "../limit.ts"

const lineFeed = 0x0a

/** The state between two chunks of one watch. What is left in it when the watch ends is a line that was cut off: it is dropped. */
export interface Framer {
  readonly lineBytesMax: number
  /** Lines dropped because they were longer than the bound. */
  oversize: number
  /** Bytes kept of a line whose end has not come yet. */
  pending: number
  /** A block that had to be joined, as given out last, then the pending bytes. */
  buffer: Uint8Array
  /** Length of that block. */
  given: number
  /** Bytes are thrown away until the end of an oversize line. */
  discarding: boolean
}

/** @param lineBytesMax longest line that is passed on, in bytes without its line feed */
export const makeFramer = (lineBytesMax: number): Framer => ({
  lineBytesMax,
  oversize: 0,
  pending: 0,
  buffer: new Uint8Array(0),
  given: 0,
  discarding: false,
})

/** Takes back the block given out last: the pending bytes move to the front, and a buffer that a long line has blown up is let go. */
const reclaim = (framer: Framer): void => {
  const { buffer, given, pending } = framer
  if (buffer.length > framerBytesKept && pending <= framerBytesKept && (given > 0 || pending === 0)) {
    framer.buffer = buffer.slice(given, given + pending)
  } else if (given > 0) {
    buffer.copyWithin(0, given, given + pending)
  }
  framer.given = 0
}

/** Appends the rest of a chunk to the pending bytes. The buffer doubles, so that a line of many chunks is copied twice at most. */
const append = (framer: Framer, chunk: Uint8Array, start: number): void => {
  const needed = framer.pending + chunk.length - start
  if (needed > framer.buffer.length) {
    const grown = new Uint8Array(Math.max(needed, 2 * framer.pending))
    grown.set(framer.buffer.subarray(0, framer.pending))
    framer.buffer = grown
  }
  framer.buffer.set(chunk.subarray(start), framer.pending)
  framer.pending = needed
}

/** Gives the beginning of an oversize line up. */
const discard = (framer: Framer): void => {
  framer.oversize++
  framer.pending = 0
  framer.discarding = true
}

/** Cuts oversize lines out of whole lines. */
const dropOversize = (framer: Framer, lines: Uint8Array): Uint8Array | undefined => {
  if (lines.length <= framer.lineBytesMax) return lines
  const kept: Array<Uint8Array> = []
  let length = 0
  for (let start = 0; start < lines.length;) {
    const behind = lines.indexOf(lineFeed, start) + 1
    if (behind - 1 - start <= framer.lineBytesMax) {
      kept.push(lines.subarray(start, behind))
      length += behind - start
    } else {
      framer.oversize++
    }
    start = behind
  }
  if (length === lines.length) return lines
  const joined = new Uint8Array(length)
  let at = 0
  for (const line of kept) {
    joined.set(line, at)
    at += line.length
  }
  return length === 0 ? undefined : joined
}

/**
 * Takes the next chunk.
 * @returns the whole lines that have come together so far, each with its line feed; undefined when there is none. It may be a view of the
 *   chunk or of the framer's buffer, and is valid until the next call.
 */
export const frame = (framer: Framer, chunk: Uint8Array): Uint8Array | undefined => {
  reclaim(framer)
  let start = 0
  if (framer.discarding) {
    start = chunk.indexOf(lineFeed) + 1
    if (start === 0) return undefined
    framer.discarding = false
  }
  const behind = chunk.lastIndexOf(lineFeed) + 1
  if (behind <= start) {
    if (framer.pending + chunk.length - start > framer.lineBytesMax) discard(framer)
    else append(framer, chunk, start)
    return undefined
  }
  let lines = chunk.subarray(start, behind)
  if (framer.pending > 0) {
    const block = framer.pending + lines.length
    append(framer, chunk, start)
    framer.pending -= block
    framer.given = block
    lines = framer.buffer.subarray(0, block)
  } else if (behind < chunk.length) {
    append(framer, chunk, behind)
  }
  if (framer.pending > framer.lineBytesMax) discard(framer)
  return dropOversize(framer, lines)
}
