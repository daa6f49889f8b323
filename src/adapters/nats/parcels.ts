/**
 * What of a batch goes out how: changes on core, what is too large for that in pieces on a subject of its own where that is wanted and
 * possible, and what cannot go at all. Pure but for the hash and the names of the pieces.
 * Invariants: parcels are in the order of the messages; nothing but whole messages is on core; a deletion never goes in pieces.
 */
import { createHash } from "node:crypto"
import { nuid } from "nats"
import { oversizeBytesMax } from "../../domain/limit.ts"
import { cutMessage } from "../../domain/wire/oversize.ts"
import { coreSubject, oversizeSubject } from "../../domain/wire/subject.ts"
import type { Message } from "../../ports/Sink.ts"
import type { Parcel } from "./session.ts"

/** `core`: as it is. `pieces`: on the subject for large ones. `none`: it cannot go. */
export type Way = "core" | "pieces" | "none"

/** A batch, ready to go. */
export interface Load {
  readonly parcels: ReadonlyArray<Parcel>
  /** In the order of the batch. */
  readonly ways: ReadonlyArray<readonly [Message, Way]>
  /** The broker's bound, by which they were sorted. */
  readonly payloadBytesMax: number
}

/** Nothing goes. */
export const emptyLoad: Load = { parcels: [], ways: [], payloadBytesMax: 0 }

const wayOf = ({ event, payload }: Message, payloadBytesMax: number, pieceBytesMax: number): Way => {
  if (payload.byteLength <= payloadBytesMax) return "core"
  return event !== "Deleted" && pieceBytesMax > 0 && payload.byteLength <= oversizeBytesMax ? "pieces" : "none"
}

const cut = (payload: Uint8Array, pieceBytesMax: number): ReadonlyArray<Parcel> => {
  const hash = createHash("sha256").update(payload).digest("hex")
  return cutMessage(payload, nuid.next(), hash, pieceBytesMax).map((piece) => ({ subject: oversizeSubject, ...piece }))
}

/**
 * Sorts the messages of a batch.
 * @param payloadBytesMax of the broker, now
 * @param pieceBytesMax what a piece may hold; 0: nothing goes in pieces
 */
export const loadBatch = (messages: ReadonlyArray<Message>, payloadBytesMax: number, pieceBytesMax: number): Load => {
  const ways = messages.map((message) => [message, wayOf(message, payloadBytesMax, pieceBytesMax)] as const)
  const parcels = ways.flatMap(([{ payload }, way]): ReadonlyArray<Parcel> => {
    if (way === "none") return []
    return way === "core" ? [{ subject: coreSubject, payload }] : cut(payload, pieceBytesMax)
  })
  return { parcels, ways, payloadBytesMax }
}

/** The messages that go one way. */
export const messagesGoing = ({ ways }: Load, way: Way): ReadonlyArray<Message> =>
  ways.flatMap(([message, its]) => (its === way ? [message] : []))
