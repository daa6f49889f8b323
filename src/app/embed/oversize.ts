/**
 * What a consumer needs to read `meshery.meshsync.oversize`: the pieces of a message put together again.
 */
import { createHash } from "node:crypto"
import { joinPiece, makeJoiner } from "../../domain/wire/oversize.ts"

/** A message of `meshery.meshsync.oversize` as clients of NATS hand it out. */
export interface OversizePiece {
  readonly data: Uint8Array
  readonly headers?: { readonly get: (name: string) => string | null | undefined } | undefined
}

/** Puts messages together of which it gets the pieces. Holds at most 32 MiB, of 8 messages; what waits longest is forgotten first. */
export interface OversizeDecoder {
  /**
   * Takes in a piece, in any order; what is no piece is counted and forgotten.
   * @returns the whole message when all of it is there and its SHA-256 is right: bytes for `decodeMessage`
   */
  readonly take: (piece: OversizePiece) => Uint8Array | undefined
  /** Bytes of messages that are not complete. */
  readonly held: () => number
  /** Messages that were given up, and what was no piece. */
  readonly lost: () => number
}

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/**
 * A decoder for `meshery.meshsync.oversize`, where `--oversize=chunks` sends what the broker's `max_payload` is too small for.
 * One for each connection, and one subscription for all subjects: two have no order between them.
 *
 * @example
 * const decoder = makeOversizeDecoder()
 * connection.subscribe("meshery.meshsync.>", {
 *   callback: (_, message) => {
 *     const { data, subject } = message
 *     const bytes = subject === oversizeSubject ? decoder.take(message) : subject === coreSubject ? data : undefined
 *     if (bytes !== undefined) apply(decodeMessage(bytes))
 *   },
 * })
 */
export const makeOversizeDecoder = (): OversizeDecoder => {
  const joiner = makeJoiner()
  return {
    take: ({ data, headers }) => joinPiece(joiner, (name) => headers?.get(name) ?? "", data, hashOf),
    held: () => joiner.bytes,
    lost: () => joiner.lost,
  }
}
