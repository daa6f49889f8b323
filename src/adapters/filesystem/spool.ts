/**
 * The latest document of each object, on disk: an append-only file and an index of where each one begins.
 * Memory grows with the number of objects (some 250 bytes each), never with their size. An address without uid is an identity of its own.
 * Knows nothing of YAML or of names of snapshots.
 */
import * as Effect from "effect/Effect"
import { spoolCopyBytes, spoolGarbageBytesMin, spoolReadsMax } from "../../domain/limit.ts"
import { apiVersionOf } from "../../domain/select/resource.ts"
import type { Message, SinkError } from "../../ports/Sink.ts"
import { attempt } from "./failure.ts"
import { appendBytes, readInto, type PartialFile } from "./partialFile.ts"

interface Entry {
  /** `apiVersion NUL kind`: orders as the pair does. One string for all objects of a type. */
  readonly place: string
  /** One string for all objects of a namespace. */
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly length: number
  offset: number
}

/** Where a message's document lies in the bytes about to be appended; undefined for an object that is gone. */
export interface Placement {
  readonly message: Message
  readonly span: readonly [start: number, end: number] | undefined
}

export interface Spool {
  file: PartialFile
  readonly entries: Map<string, Entry>
  /** Types and namespaces by themselves, so that equal ones share one string. */
  readonly interned: Map<string, string>
  bytesLive: number
}

export const makeSpool = (file: PartialFile): Spool => ({ file, entries: new Map(), interned: new Map(), bytesLive: 0 })

const intern = (spool: Spool, text: string): string => {
  const known = spool.interned.get(text)
  if (known !== undefined) return known
  spool.interned.set(text, text)
  return text
}

const placeOf = ({ type }: Message): string => `${apiVersionOf(type)}\0${type.kind}`

const keyOf = (message: Message): string =>
  message.uid === "" ? `${placeOf(message)}\0${message.namespace}\0${message.name}` : message.uid

const forget = (spool: Spool, key: string): void => {
  const entry = spool.entries.get(key)
  if (entry === undefined) return
  spool.entries.delete(key)
  spool.bytesLive -= entry.length
}

const remember = (spool: Spool, { message, span }: Placement, base: number): void => {
  const key = keyOf(message)
  forget(spool, key)
  if (span === undefined) return
  const [start, end] = span
  spool.bytesLive += end - start
  spool.entries.set(key, {
    place: intern(spool, placeOf(message)),
    namespace: intern(spool, message.namespace),
    name: message.name,
    uid: message.uid,
    length: end - start,
    offset: base + start,
  })
}

/** Appends documents and notes where they are. Nothing is noted unless all of it was written. */
export const spoolDocuments = (spool: Spool, bytes: Uint8Array, placements: ReadonlyArray<Placement>): Effect.Effect<void, SinkError> =>
  Effect.suspend(() => {
    const base = spool.file.size
    return Effect.map(appendBytes(spool.file, bytes), () => {
      for (const placement of placements) remember(spool, placement, base)
    })
  })

/** Whether more of the file is garbage than is worth keeping. */
export const isWasteful = ({ bytesLive, file }: Spool): boolean => {
  const garbage = file.size - bytesLive
  return garbage > spoolGarbageBytesMin && garbage > file.size / 2
}

/** The next entries to copy in one go: bounded in number and in bytes, but at least one. */
const takeGroup = (entries: ReadonlyArray<Entry>, from: number): ReadonlyArray<Entry> => {
  let bytes = 0
  let to = from
  while (to < entries.length && to - from < spoolReadsMax) {
    bytes += entries[to]?.length ?? 0
    if (to > from && bytes > spoolCopyBytes) break
    to++
  }
  return entries.slice(from, to)
}

const readGroup = (file: PartialFile, group: ReadonlyArray<Entry>): Effect.Effect<Uint8Array, SinkError> =>
  attempt(file.target, async () => {
    const bytes = Buffer.allocUnsafe(group.reduce((sum, { length }) => sum + length, 0))
    let at = 0
    const reads = group.map(({ length, offset }) => {
      const into = bytes.subarray(at, at + length)
      at += length
      return readInto(file, into, offset)
    })
    await Promise.all(reads)
    return bytes
  })

const copyEntries = (
  from: PartialFile,
  entries: ReadonlyArray<Entry>,
  to: PartialFile,
  copied: (entry: Entry, offset: number) => void,
): Effect.Effect<void, SinkError> =>
  Effect.gen(function* () {
    for (let index = 0; index < entries.length;) {
      const group = takeGroup(entries, index)
      let offset = to.size
      yield* appendBytes(to, yield* readGroup(from, group))
      for (const entry of group) {
        copied(entry, offset)
        offset += entry.length
      }
      index += group.length
    }
  })

/** Moves the living documents into `fresh`, which takes the old file's place. */
export const compact = (spool: Spool, fresh: PartialFile): Effect.Effect<void, SinkError> =>
  Effect.gen(function* () {
    const moved: Array<readonly [Entry, number]> = []
    const entries = [...spool.entries.values()].toSorted((first, second) => first.offset - second.offset)
    yield* copyEntries(spool.file, entries, fresh, (entry, offset) => moved.push([entry, offset]))
    for (const [entry, offset] of moved) entry.offset = offset
    spool.file = fresh
  })

const compareText = (first: string, second: string): number => (first < second ? -1 : first > second ? 1 : 0)

const compareEntries = (first: Entry, second: Entry): number =>
  compareText(first.place, second.place) ||
  compareText(first.namespace, second.namespace) ||
  compareText(first.name, second.name) ||
  compareText(first.uid, second.uid)

/** Appends the living documents to `to`, in the order of apiVersion, kind, namespace, name and uid. */
export const writeSorted = ({ entries, file }: Spool, to: PartialFile): Effect.Effect<void, SinkError> =>
  Effect.suspend(() => copyEntries(file, [...entries.values()].toSorted(compareEntries), to, () => undefined))
