/**
 * A message that is larger than the broker takes: cut into pieces with headers by whoever sends it, put together again by whoever receives.
 *
 * Invariants: the pieces of a message are its bytes in order, none is empty; a message comes out once, and only if number, length and hash
 * are those that its pieces name. What is held of messages that are not complete has bounds in number and bytes, whatever comes in.
 * Does not know how a broker carries headers. The hash is an argument: megabytes are for the host to hash.
 */
import { oversizeBytesMax, pieceBytesMin, pieceHeaderBytesMax, piecedBytesMax, piecedMessagesMax } from "../limit.ts"

/** Names of the headers. The values are texts: the same id for all pieces of a message, whole decimal numbers, lower-case hex digits. */
export const pieceHeaders = {
  id: "Meshsync-Id",
  index: "Meshsync-Index",
  count: "Meshsync-Count",
  bytes: "Meshsync-Bytes",
  sha256: "Meshsync-Sha256",
} as const

export interface Piece {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** A view of the message. */
  readonly payload: Uint8Array
}

/** How many bytes of a message a piece can hold on a broker that takes so many with headers; 0: too few. */
export const pieceBytesFor = (payloadBytesMax: number): number => {
  const bytes = payloadBytesMax - pieceHeaderBytesMax
  return bytes < pieceBytesMin ? 0 : bytes
}

/**
 * Cuts a message into pieces, each as large as may be but the last.
 * @param id names the message: never used before
 * @param sha256 of the message, as 64 hex digits
 * @param pieceBytesMax at least 1
 */
export const cutMessage = (message: Uint8Array, id: string, sha256: string, pieceBytesMax: number): ReadonlyArray<Piece> => {
  const count = Math.max(1, Math.ceil(message.byteLength / pieceBytesMax))
  return Array.from({ length: count }, (_, index) => ({
    headers: [
      [pieceHeaders.id, id],
      [pieceHeaders.index, String(index)],
      [pieceHeaders.count, String(count)],
      [pieceHeaders.bytes, String(message.byteLength)],
      [pieceHeaders.sha256, sha256],
    ],
    payload: message.subarray(index * pieceBytesMax, (index + 1) * pieceBytesMax),
  }))
}

interface Head {
  readonly id: string
  readonly index: number
  readonly count: number
  readonly bytes: number
  readonly sha256: string
}

/** A message of which something is missing. */
interface Incomplete {
  readonly head: Head
  /** By index. Copies. */
  readonly pieces: Map<number, Uint8Array>
  bytes: number
}

/** What is held of incomplete messages; changed in place by `joinPiece`. */
export interface Joiner {
  /** By id; the one that waits longest for a piece comes first. */
  readonly incomplete: Map<string, Incomplete>
  /** Of all pieces. */
  bytes: number
  /** Messages that were given up, and pieces that made no sense. */
  lost: number
}

export const makeJoiner = (): Joiner => ({ incomplete: new Map(), bytes: 0, lost: 0 })

const idLengthMax = 64

const parseNumber = (text: string): number => (/^\d{1,9}$/.test(text) ? Number(text) : -1)

/** The headers of a piece; undefined where they are none, or promise more than may come. */
const parseHead = (headerOf: (name: string) => string): Head | undefined => {
  const id = headerOf(pieceHeaders.id)
  const index = parseNumber(headerOf(pieceHeaders.index))
  const count = parseNumber(headerOf(pieceHeaders.count))
  const bytes = parseNumber(headerOf(pieceHeaders.bytes))
  const sha256 = headerOf(pieceHeaders.sha256)
  const isSound =
    id !== "" &&
    id.length <= idLengthMax &&
    index >= 0 &&
    index < count &&
    bytes > 0 &&
    bytes <= oversizeBytesMax &&
    count <= Math.ceil(bytes / pieceBytesMin) &&
    /^[0-9a-f]{64}$/.test(sha256)
  return isSound ? { id, index, count, bytes, sha256 } : undefined
}

const isSame = (one: Head, other: Head): boolean => one.count === other.count && one.bytes === other.bytes && one.sha256 === other.sha256

const forget = (joiner: Joiner, { bytes, head }: Incomplete): void => {
  joiner.incomplete.delete(head.id)
  joiner.bytes -= bytes
}

const giveUp = (joiner: Joiner, message: Incomplete): void => {
  forget(joiner, message)
  joiner.lost++
}

/** The message that a piece belongs to, behind all others. One with the same id that says something else of itself is given up. */
const findMessage = (joiner: Joiner, head: Head): Incomplete => {
  const held = joiner.incomplete.get(head.id)
  if (held !== undefined && !isSame(held.head, head)) giveUp(joiner, held)
  const message = joiner.incomplete.get(head.id) ?? { head, pieces: new Map<number, Uint8Array>(), bytes: 0 }
  joiner.incomplete.delete(head.id)
  joiner.incomplete.set(head.id, message)
  return message
}

const concatenate = ({ head, pieces }: Incomplete): Uint8Array => {
  const whole = new Uint8Array(head.bytes)
  let at = 0
  for (let index = 0; index < head.count; index++) {
    const piece = pieces.get(index) as Uint8Array
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}

/**
 * Takes in one piece, in any order; a repeated one counts once.
 * @param headerOf the value of a header; empty where it is absent
 * @param payload is copied
 * @param hash SHA-256 as 64 lower-case hex digits
 * @returns the whole message with its last piece, else undefined
 */
export const joinPiece = (
  joiner: Joiner,
  headerOf: (name: string) => string,
  payload: Uint8Array,
  hash: (bytes: Uint8Array) => string,
): Uint8Array | undefined => {
  const head = parseHead(headerOf)
  if (head === undefined || payload.byteLength === 0) {
    joiner.lost++
    return undefined
  }
  const message = findMessage(joiner, head)
  const growth = payload.byteLength - (message.pieces.get(head.index)?.byteLength ?? 0)
  message.bytes += growth
  joiner.bytes += growth
  if (message.bytes > head.bytes) {
    giveUp(joiner, message)
    return undefined
  }
  message.pieces.set(head.index, payload.slice())
  if (message.pieces.size === head.count) {
    const whole = message.bytes === head.bytes ? concatenate(message) : undefined
    forget(joiner, message)
    if (whole !== undefined && hash(whole) === head.sha256) return whole
    joiner.lost++
    return undefined
  }
  for (const oldest of joiner.incomplete.values()) {
    if (joiner.incomplete.size <= piecedMessagesMax && joiner.bytes <= piecedBytesMax) break
    giveUp(joiner, oldest)
  }
  return undefined
}
