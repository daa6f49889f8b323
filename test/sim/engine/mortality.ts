/**
 * Lives of the program: each has the state file that the one before left, and what it does after its death counts for nothing. It dies
 * between two things that happen, in the middle of a write to its file, which is torn then, or in the middle of a batch.
 */
import * as Effect from "effect/Effect"
import { makeMemoryDisk, stateFileOn, type MemoryDisk } from "../../../src/adapters/memory/stateFile.ts"
import { recreationUnsureMs, stateFlushEveryMs } from "../../../src/domain/limit.ts"
import type { Engine } from "../../../src/domain/sync/engine.ts"
import type { World } from "../world.ts"
import type { StateFile } from "../../../src/ports/StateFile.ts"

export interface Life {
  readonly disk: MemoryDisk
  isDead: boolean
  /** Its next write or its next batch is its last, of which so much is done, from 0 to 1. */
  doom: { readonly at: "append" | "delivery"; readonly share: number } | undefined
  /** When a consumer last asked for everything. */
  askedMs: number
  /** By address with its type, when something of it was last on its way out: infinite as long as it is. */
  readonly saidMs: Map<string, number>
  /** Those of which a deletion was among it. */
  readonly deleted: Set<string>
  /** By uid, when it was last written down that something of it is about to be announced as living. */
  readonly writtenMs: Map<string, number>
  /** Ends it as soon as what happens now has happened. */
  readonly die: () => void
}

/** @param before whose file it finds */
export const makeLife = (before: Life | undefined, bury: (life: Life) => void): Life => {
  const life: Life = {
    disk: { ...makeMemoryDisk(), content: before?.disk.content.slice() ?? new Uint8Array(0) },
    isDead: false,
    doom: undefined,
    askedMs: -Infinity,
    saidMs: new Map(),
    deleted: new Set(),
    writtenMs: new Map(),
    die: () => {
      if (life.isDead) return
      life.isDead = true
      bury(life)
    },
  }
  return life
}

const unsureMs = recreationUnsureMs + 2 * stateFlushEveryMs

/**
 * Of what the next life may say again what was said already: what was said shortly before the death, or was on its way, may not be in the
 * file as said, and what was created anew may not have been repeated.
 */
export const unsureOf = ({ deleted, saidMs }: Life, nowMs: number): ReadonlyArray<string> => [
  ...deleted,
  ...[...saidMs].filter(([, atMs]) => atMs >= nowMs - unsureMs).map(([address]) => address),
]

/** An announcement that was asked for so shortly before a death may not have begun. */
const askedLatelyMs = 30_000

/** Whether whoever asked for everything may not have had all of it. */
export const isPending = ({ askedMs }: Life, engine: Engine | undefined, nowMs: number): boolean =>
  nowMs - askedMs < askedLatelyMs || (askedMs > 0 && [...(engine?.lanes.values() ?? [])].some(({ announcing }) => announcing))

const decoder = new TextDecoder()

/** Between the moment in which something is written down and that in which it is on its way there is nearly nothing. */
const intendedMs = 1_000

/** The uids that it wrote down to announce when it was about to die. */
export const intendedOf = ({ writtenMs }: Life, nowMs: number): ReadonlyArray<string> =>
  [...writtenMs].filter(([, atMs]) => atMs >= nowMs - intendedMs).map(([uid]) => uid)

const noteWritten = ({ writtenMs }: Life, bytes: Uint8Array, nowMs: number): void => {
  for (const [, uid] of decoder.decode(bytes).matchAll(/\["\+",\d+,"[^\n]*","([^"]+)","\d+"\]/g)) writtenMs.set(uid as string, nowMs)
}

/** The state file of a life. */
export const fileOf = (life: Life, world: World): (typeof StateFile)["Service"] => {
  const file = stateFileOn(life.disk)
  return {
    ...file,
    append: (bytes) =>
      Effect.suspend(() => {
        if (life.isDead) return Effect.void
        noteWritten(life, bytes, world.nowMs)
        if (life.doom?.at !== "append") return file.append(bytes)
        return Effect.andThen(file.append(bytes.slice(0, Math.floor(bytes.length * life.doom.share))), Effect.sync(life.die))
      }),
    replace: (pieces) => Effect.suspend(() => (life.isDead ? Effect.succeed(0) : file.replace(pieces))),
  }
}
