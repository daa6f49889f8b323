/**
 * Memory for bodies. A page of 4 MiB outlives the collections of young memory and waits for a full one, so that pages that are dropped
 * pile up: listing 155 MB over loopback peaks about 30 MB lower when pages come back (CPU and speed differ less than the noise). What
 * comes back is held weakly: it serves the next pages of the lists that run, and the first full collection afterwards takes it.
 */
import { pageKeptBytesMax, pagesKeptMax } from "../../domain/limit.ts"

/** A body that is being received. */
export interface Gathering {
  /** Copies a chunk in. False when the body would exceed its bound; then nothing was added. */
  readonly add: (chunk: Uint8Array) => boolean
  /** The body. Called once. */
  readonly take: () => Uint8Array
  /** Lets go of a body that nobody will take. */
  readonly drop: () => void
}

export interface PageMemory {
  /**
   * @param bytesExpected a guess at the size; right guesses save copies
   * @param bytesMax the bound
   */
  readonly gather: (bytesExpected: number, bytesMax: number) => Gathering
  /** Takes a body back. One that was not handed out, or came back before, is ignored. */
  readonly recycle: (page: Uint8Array) => void
}

const roomBytesMin = 16 * 1024

type Room = Uint8Array<ArrayBuffer>

/** Rooms that wait for a body. */
const makeShelf = () => {
  const kept: Array<WeakRef<Room>> = []
  return {
    keep: (room: Room): void => {
      if (room.length > pageKeptBytesMax) return
      if (kept.length >= pagesKeptMax) kept.shift()
      kept.push(new WeakRef(room))
    },
    /** A room of at least that many bytes; new when none waits. Its content is arbitrary. */
    find: (bytes: number): Room => {
      for (let at = kept.length - 1; at >= 0; at--) {
        const room = kept[at]?.deref()
        if (room !== undefined && room.length < bytes) continue
        kept.splice(at, 1)
        if (room !== undefined) return room
      }
      return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer)
    },
  }
}

/** Memory of the bodies of one server; nothing is kept before something has come back. */
export const makePageMemory = (): PageMemory => {
  const shelf = makeShelf()
  /** The room behind each body that is out. */
  const out = new WeakMap<Uint8Array, Room>()

  const gather = (bytesExpected: number, bytesMax: number): Gathering => {
    let room = shelf.find(Math.min(Math.max(bytesExpected, roomBytesMin), bytesMax))
    let length = 0
    return {
      add: (chunk) => {
        const needed = length + chunk.length
        if (needed > bytesMax) return false
        if (needed > room.length) {
          const larger = shelf.find(Math.min(Math.max(needed, 2 * room.length), bytesMax))
          larger.set(room.subarray(0, length))
          shelf.keep(room)
          room = larger
        }
        room.set(chunk, length)
        length = needed
        return true
      },
      take: () => {
        // A short body must not pin much memory.
        if (length * 2 < room.length) {
          const copy = room.slice(0, length)
          shelf.keep(room)
          return copy
        }
        const page = room.subarray(0, length)
        out.set(page, room)
        return page
      },
      drop: () => shelf.keep(room),
    }
  }

  const recycle = (page: Uint8Array): void => {
    const room = out.get(page)
    if (room === undefined) return
    out.delete(page)
    shelf.keep(room)
  }

  return { gather, recycle }
}
