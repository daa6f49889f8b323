/**
 * A state file in this process's memory. It outlives the services that are made over it, as a disk outlives processes, and it can be
 * looked at, cut, and told to be full.
 */
import * as Effect from "effect/Effect"
import { meshError, type MeshError } from "../../domain/error.ts"
import type { StateFile } from "../../ports/StateFile.ts"

export interface MemoryDisk {
  content: Uint8Array
  /** What was set aside, by its ending. */
  readonly aside: Map<string, Uint8Array>
  /** Writes that still succeed; undefined: all. */
  writesLeft: number | undefined
}

export const makeMemoryDisk = (): MemoryDisk => ({ content: new Uint8Array(0), aside: new Map(), writesLeft: undefined })

const path = "memory"

/** The file on a disk. What is appended is there at once. */
export const stateFileOn = (disk: MemoryDisk): StateFile["Service"] => ({
  path,
  read: (take) => Effect.sync(() => take(disk.content)),
  append: (bytes) => write(disk, () => (disk.content = join([disk.content, bytes]))),
  sync: Effect.void,
  replace: (pieces) =>
    Effect.map(
      write(disk, () => (disk.content = join([...pieces].map((piece) => piece.slice())))),
      () => disk.content.length,
    ),
  setAside: (ending) =>
    Effect.sync(() => {
      disk.aside.set(ending, disk.content)
      disk.content = new Uint8Array(0)
      return `${path}.${ending}`
    }),
  abandon: Effect.sync(() => {
    disk.content = new Uint8Array(0)
  }),
})

const write = (disk: MemoryDisk, act: () => void): Effect.Effect<void, MeshError> =>
  Effect.suspend(() => {
    if (disk.writesLeft === 0) return Effect.fail(meshError("ErrStateFile", `${path}: the disk is full`))
    if (disk.writesLeft !== undefined) disk.writesLeft--
    return Effect.sync(act)
  })

const join = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}
