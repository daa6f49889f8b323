/**
 * Where a run writes down what it has announced: bytes that are appended to, and now and then replaced as a whole.
 * Belongs to one process at a time. Does not know what the bytes mean.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { MeshError } from "../domain/error.ts"

/** The file of one run. After a failure of `append` it may end anywhere. */
export class StateFile extends Context.Service<
  StateFile,
  {
    /** For a person. */
    readonly path: string
    /** All of it, piece by piece; a piece is valid until the next one. Nothing when there is no file. */
    readonly read: (take: (piece: Uint8Array) => void) => Effect.Effect<void, MeshError>
    /** Done when a killed process would have written it. */
    readonly append: (bytes: Uint8Array) => Effect.Effect<void, MeshError>
    /** Makes what was appended survive a power cut. */
    readonly sync: Effect.Effect<void, MeshError>
    /** Puts other content in its place: whoever looks meets either the old or the new. Returns its size in bytes. */
    readonly replace: (pieces: Iterable<Uint8Array>) => Effect.Effect<number, MeshError>
    /** Gives it another name, where a person may look at it; returns that name. */
    readonly setAside: (ending: "old" | "bad") => Effect.Effect<string, MeshError>
    /** Empties it, or takes it away: what cannot be written any more must not be read again. */
    readonly abandon: Effect.Effect<void>
  }
>()("meshsync/ports/StateFile") {}
