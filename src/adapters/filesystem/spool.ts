/**
 * The latest document of each object, on disk: an append-only file and an index of where each one begins.
 * Memory grows with the number of objects (some 250 bytes each), never with their size. An address without uid is an identity of its own.
 * Knows nothing of YAML or of names of snapshots.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spoolCopyBytes, spoolGarbageBytesMin, spoolReadsMax } from "../../domain/limit.ts"
import { compareText } from "../../domain/read/text.ts"
import type { ResourceType } from "../../domain/select/resource.ts"
import { placeOfType } from "../../domain/wire/order.ts"
import type { Message, SinkError } from "../../ports/Sink.ts"
import { attempt } from "./failure.ts"
import { appendBytes, createHidden, discard, readInto, type PartialFile } from "./partialFile.ts"

export interface Entry {
  readonly type: ResourceType
  /** Orders the types. One string for all objects of a type. */
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
  /** Types ordered by this text are in the order of the documents. */
  readonly placeOf: (type: ResourceType) => string
  bytesLive: number
}

/**
 * An empty spool.
 * @param placeOf the text by which types are ordered when it is read out
 */
export const makeSpool = (file: PartialFile, placeOf = placeOfType): Spool => ({
  file,
  entries: new Map(),
  interned: new Map(),
  placeOf,
  bytesLive: 0,
})

const intern = (spool: Spool, text: string): string => {
  const known = spool.interned.get(text)
  if (known !== undefined) return known
  spool.interned.set(text, text)
  return text
}

const keyOf = ({ name, namespace, type, uid }: Message): string => (uid === "" ? `${placeOfType(type)}\0${namespace}\0${name}` : uid)

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
    type: message.type,
    place: intern(spool, spool.placeOf(message.type)),
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
const isWasteful = ({ bytesLive, file }: Spool): boolean => {
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

/** Appends documents as `spoolDocuments` does, and gets rid of garbage that has become too much. `near`: a file in the spool's folder. */
export const spoolCompactly = (
  spool: Spool,
  near: string,
  bytes: Uint8Array,
  placements: ReadonlyArray<Placement>,
): Effect.Effect<void, SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* spoolDocuments(spool, bytes, placements)
    if (!isWasteful(spool)) return
    const old = spool.file
    yield* compact(spool, yield* createHidden(near))
    yield* discard(old)
  })

/** Moves the living documents into `fresh`, which takes the old file's place. */
const compact = (spool: Spool, fresh: PartialFile): Effect.Effect<void, SinkError> =>
  Effect.gen(function* () {
    const moved: Array<readonly [Entry, number]> = []
    const entries = [...spool.entries.values()].toSorted((first, second) => first.offset - second.offset)
    yield* copyEntries(spool.file, entries, fresh, (entry, offset) => moved.push([entry, offset]))
    for (const [entry, offset] of moved) entry.offset = offset
    spool.file = fresh
  })

const compareEntries = (first: Entry, second: Entry): number =>
  compareText(first.place, second.place) ||
  compareText(first.namespace, second.namespace) ||
  compareText(first.name, second.name) ||
  compareText(first.uid, second.uid)

/** The living documents' entries in the order of type, namespace, name and uid. */
export const sortEntries = ({ entries }: Spool): ReadonlyArray<Entry> => [...entries.values()].toSorted(compareEntries)

/** One document's bytes. */
export const readDocument = ({ file }: Spool, entry: Entry): Effect.Effect<Uint8Array, SinkError> => readGroup(file, [entry])

/** Hands on the living documents in their order, some of them at a time. */
export const streamSorted = (spool: Spool, take: (bytes: Uint8Array) => Effect.Effect<void, SinkError>): Effect.Effect<void, SinkError> =>
  Effect.gen(function* () {
    const entries = sortEntries(spool)
    for (let index = 0; index < entries.length;) {
      const group = takeGroup(entries, index)
      yield* take(yield* readGroup(spool.file, group))
      index += group.length
    }
  })

/** Appends the living documents to `to`, in their order. */
export const writeSorted = (spool: Spool, to: PartialFile): Effect.Effect<void, SinkError> =>
  streamSorted(spool, (bytes) => appendBytes(to, bytes))
