/**
 * Writes down what is announced, and knows at the start what the run before has announced.
 *
 * A batch is written before it is sent and confirmed behind it; batches of several lanes that come together are one write. When writing
 * fails the run goes on without: the file is abandoned, because what is missing in it would be announced wrongly by the next run.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Semaphore from "effect/Semaphore"
import { meshError, type MeshError } from "../domain/error.ts"
import {
  announceAfterReconnectMs,
  reconnectEveryMs,
  recreationUnsureMs,
  stateFlushEveryMs,
  stateGrownBytesMin,
  stateGrowthMax,
  stateLineBytesMax,
  stateSyncEveryMs,
} from "../domain/limit.ts"
import type { Records } from "../domain/read/record.ts"
import type { Departures } from "../domain/sync/departures.ts"
import { rememberDeparture } from "../domain/sync/departures.ts"
import type { Change } from "../domain/sync/fact.ts"
import { writeEntry, type Entry } from "../domain/sync/journal.ts"
import type { Lane } from "../domain/sync/lane.ts"
import {
  absorbEntry,
  adoptMemories,
  endReading,
  makeReading,
  readChunk,
  settleDoubts,
  writeJournal,
  type Memory,
  type Reading,
  type Recollection,
  type Verdict,
} from "../domain/sync/recollection.ts"
import type { StateFileStatus } from "../domain/sync/status.ts"
import { departedOf } from "../domain/sync/turn.ts"
import { describeContent } from "../domain/wire/message.ts"
import type { PathRules } from "../domain/wire/redactPath.ts"
import { makeWriter, type Writer } from "../domain/wire/writer.ts"
import { takesMarks, type Sink } from "../ports/Sink.ts"
import { StateFile } from "../ports/StateFile.ts"
import { logMeshError } from "./notices.ts"

export interface Recorder {
  /** What earlier runs have announced of this cluster; to be asked once, before anything is written down. */
  readonly recall: (clusterId: string, departures: Departures) => Effect.Effect<ReadonlyArray<Memory>>
  /** A restored lane goes on under the number that it had. */
  readonly adopt: (lane: Lane, memory: Memory) => void
  /**
   * To be called before changes are sent, once for each. `leftOut`: those that are not sent because of their size; the next run tries
   * again.
   */
  readonly intend: (lane: Lane, records: Records, changes: ReadonlyArray<Change>, leftOut: ReadonlySet<Change>) => Effect.Effect<void>
  /** What was intended of a lane has been accepted. */
  readonly confirm: (lane: Lane) => Effect.Effect<void>
  /** Everything of a lane has been announced again. */
  readonly announced: (lane: Lane) => Effect.Effect<void>
  /** A lane is selected differently from now on. */
  readonly redeclare: (lane: Lane) => Effect.Effect<void>
  /** A lane ends, and its objects live on. */
  readonly forget: (lane: Lane) => Effect.Effect<void>
}

interface Book {
  readonly file: StateFile["Service"]
  readonly redact: boolean
  readonly redactPaths: PathRules | undefined
  readonly audience: string
  readonly isCustom: (typeKey: string) => boolean
  readonly owes: () => boolean
  /** What was last written of it. */
  owed: boolean
  readonly receiver: () => string | undefined
  /** The one that was last written down; empty: none. */
  receiverName: string
  /** One writer at a time. */
  readonly turn: Semaphore.Semaphore
  /** Entries that wait for the file: at most what one block of each lane makes. */
  pending: Writer
  /** Lines of it. */
  pendingEntries: number
  /** The writer of the flush before. */
  spare: Writer
  readonly numbers: WeakMap<Lane, number>
  nextNumber: number
  /** Nothing is written before the file has been read, or after writing has failed. */
  open: boolean
  /** The file's size when it was written anew. */
  leanBytes: number
  unsynced: boolean
  /** When the last entries were written down that say something. */
  saidMs: number
  seen: StateFileStatus
  readonly show: (status: StateFileStatus) => void
}

const pendingBytesFirst = 16 * 1024

export interface RecorderOptions {
  readonly redact: boolean
  readonly redactPaths?: PathRules | undefined
  /** Where the messages go: whoever reads there has been told what the file says. */
  readonly audience?: string | undefined
  /** Whether a definition made a type. */
  readonly isCustom: (typeKey: string) => boolean
  /** Whether consumers may have missed something (Sink). */
  readonly owes?: (() => boolean) | undefined
  /** The process that takes the messages (Sink). */
  readonly receiver?: (() => string | undefined) | undefined
  /** Told how the file stands, whenever that changes. */
  readonly show?: ((status: StateFileStatus) => void) | undefined
}

/** A recorder over a file; ends with the scope, after its last entries are written. */
export const makeRecorder = Effect.fnUntraced(function* (
  { audience = "", isCustom, owes = () => false, receiver = () => undefined, redact, redactPaths, show = () => undefined }: RecorderOptions,
  file: StateFile["Service"],
) {
  const book: Book = {
    file,
    redact,
    redactPaths,
    audience,
    isCustom,
    owes,
    owed: false,
    receiver,
    receiverName: "",
    turn: yield* Semaphore.make(1),
    pending: makeWriter(pendingBytesFirst),
    pendingEntries: 0,
    spare: makeWriter(pendingBytesFirst),
    numbers: new WeakMap(),
    nextNumber: 1,
    open: false,
    leanBytes: 0,
    unsynced: false,
    saidMs: 0,
    seen: unread(file.path),
    show,
  }
  note(book, {})
  yield* Effect.addFinalizer(() => flush(book))
  yield* Effect.forkScoped(Effect.repeat(flush(book), Schedule.spaced(stateFlushEveryMs)))
  yield* Effect.forkScoped(Effect.repeat(makeSafe(book), Schedule.spaced(stateSyncEveryMs)))
  return {
    recall: (clusterId, departures) => Effect.catch(recall(book, clusterId, departures), (error) => Effect.as(logMeshError(error), [])),
    adopt: (lane, memory) => void book.numbers.set(lane, memory.lane),
    intend: (lane, records, changes, leftOut) => intend(book, lane, records, changes, leftOut),
    confirm: (lane) => Effect.sync(() => tell(book, lane, (number) => ({ _tag: "Accepted", lane: number }))),
    announced: (lane) =>
      // Announced to nobody, or before all are back, it is owed still.
      Effect.sync(() => {
        noteDebt(book)
        if (!book.owed) tell(book, lane, (number) => ({ _tag: "Announced", lane: number }))
      }),
    redeclare: (lane) => Effect.sync(() => tell(book, lane, (number) => declarationOf(book, lane, number))),
    forget: (lane) =>
      Effect.suspend(() => {
        tell(book, lane, (number) => ({ _tag: "Forgotten", lane: number }))
        book.numbers.delete(lane)
        return flush(book)
      }),
  } satisfies Recorder
})

/** A recorder, where there is a StateFile. */
export const findRecorder = Effect.fnUntraced(function* (options: RecorderOptions) {
  const file = yield* Effect.serviceOption(StateFile)
  return file._tag === "None" ? undefined : yield* makeRecorder(options, file.value)
})

const unread = (path: string): StateFileStatus => ({
  path,
  state: "reading",
  detail: "",
  entries: 0,
  bytes: 0,
  writtenMs: 0,
  syncedMs: 0,
  recollected: { kinds: 0, objects: 0, deletions: 0, owed: false },
  setAside: undefined,
})

const note = (book: Book, change: Partial<StateFileStatus>): void => {
  book.seen = { ...book.seen, ...change }
  book.show(book.seen)
}

// Writing ----------------------------------------------------------------------------------------------------------------

const write = (book: Book, entry: Entry): void => {
  writeEntry(book.pending, entry)
  book.pendingEntries++
}

/** An entry about a lane of which something has been written before. */
const tell = (book: Book, lane: Lane, entry: (number: number) => Entry): void => {
  const number = book.numbers.get(lane)
  if (book.open && number !== undefined) write(book, entry(number))
}

const intend = (book: Book, lane: Lane, records: Records, changes: ReadonlyArray<Change>, leftOut: ReadonlySet<Change>) =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    if (!book.open || lane.spec.hidden) return Effect.void
    book.saidMs = nowMs
    book.unsynced = true
    noteDebt(book)
    const number = numberOf(book, lane)
    for (const change of changes) {
      const object = departedOf(change, records)
      if (object.namespace.length + object.name.length + object.uid.length + object.resourceVersion.length > identityCharactersMax) continue
      if (change.event === "Deleted") write(book, { _tag: "Ended", lane: number, object, atMs: nowMs })
      else if (leftOut.has(change)) write(book, { _tag: "Held", lane: number, object, inDoubt: true })
      else write(book, { _tag: "Said", lane: number, object })
    }
    return flush(book)
  })

/** A character is six bytes at most, as `\u0000`. */
const identityCharactersMax = stateLineBytesMax / 8

const numberOf = (book: Book, lane: Lane): number => {
  const known = book.numbers.get(lane)
  if (known !== undefined) return known
  const number = book.nextNumber++
  book.numbers.set(lane, number)
  write(book, declarationOf(book, lane, number))
  // What is said first while nobody listens is owed as much as what was said before.
  if (book.owed) write(book, { _tag: "LaneOwed", lane: number })
  return number
}

const declarationOf = ({ isCustom, redact, redactPaths }: Book, { key, spec }: Lane, lane: number): Entry => ({
  _tag: "Type",
  lane,
  spec,
  content: describeContent(spec, redact, redactPaths),
  custom: isCustom(key),
})

/** Writes all that waits. Whoever comes while another one writes finds his entries written with the next ones. */
const flush = (book: Book): Effect.Effect<void> =>
  book.turn
    .withPermits(1)(
      Effect.suspend(() => {
        noteDebt(book)
        const { pending, pendingEntries } = book
        if (!book.open || pending.at === 0) return Effect.void
        book.pending = book.spare
        book.pending.at = 0
        book.spare = pending
        book.pendingEntries = 0
        const [entries, bytes] = [book.seen.entries + pendingEntries, book.seen.bytes + pending.at]
        const append = book.file
          .append(pending.bytes.subarray(0, pending.at))
          .pipe(Effect.andThen(Effect.map(Clock.currentTimeMillis, (writtenMs) => note(book, { entries, bytes, writtenMs }))))
        return bytes < Math.max(stateGrownBytesMin, book.leanBytes * stateGrowthMax) ? append : Effect.andThen(append, shrink(book))
      }),
    )
    .pipe(
      Effect.catch((error) => giveUp(book, error)),
      Effect.uninterruptible,
    )

/** A debt is written before the next batch is sent; that it is paid, lane by lane, when each has announced everything. */
const noteDebt = (book: Book): void => {
  if (!book.open) return
  const owes = book.owes()
  if (owes && !book.owed) write(book, { _tag: "Owed" })
  book.owed = owes
  const name = book.receiver() ?? book.receiverName
  if (name !== book.receiverName) write(book, { _tag: "Receiver", name })
  book.receiverName = name
}

/** After a while without entries the time is one, for those that shortly before the end of a run are not sure to have reached everybody. */
const makeSafe = (book: Book): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    if (!book.open || !book.unsynced) return Effect.void
    if (nowMs - book.saidMs > recreationUnsureMs) {
      book.unsynced = false
      write(book, { _tag: "Alive", atMs: nowMs })
    }
    const synced = Effect.map(Clock.currentTimeMillis, (syncedMs) => note(book, { syncedMs }))
    return Effect.catch(Effect.andThen(book.file.sync, synced), (error) => giveUp(book, error))
  })

/** Reads the file and writes anew what it adds up to: what is in flight stays in flight. */
const shrink = Effect.fnUntraced(function* (book: Book) {
  const { reading, verdict } = yield* readAll(book.file)
  if (verdict !== "sound") return yield* Effect.fail(meshError("ErrStateFile", `${book.file.path}: it is not what was written to it`))
  yield* writeAnew(book, reading.recollection)
})

/** Puts the shortest journal that says the same in the file's place. */
const writeAnew = Effect.fnUntraced(function* (book: Book, recollection: Recollection) {
  const nowMs = yield* Clock.currentTimeMillis
  let entries = 0
  function* counted() {
    for (const piece of writeJournal(recollection, nowMs)) {
      for (let at = piece.indexOf(lineFeed); at >= 0; at = piece.indexOf(lineFeed, at + 1)) entries++
      yield piece
    }
  }
  book.leanBytes = yield* book.file.replace(counted())
  note(book, { state: "kept", entries, bytes: book.leanBytes, writtenMs: nowMs, syncedMs: nowMs })
})

const lineFeed = 0x0a

const giveUp = (book: Book, error: MeshError): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!book.open) return Effect.void
    book.open = false
    note(book, { state: "given_up", detail: error.detail })
    const detail = `${error.detail}. The run goes on without it, and the next one announces everything again`
    return Effect.andThen(book.file.abandon, logMeshError(meshError("ErrStateFile", detail)))
  })

// Reading ----------------------------------------------------------------------------------------------------------------

const readAll = Effect.fnUntraced(function* (file: StateFile["Service"]) {
  const reading = makeReading()
  yield* file.read((piece) => readChunk(reading, piece))
  return { reading, verdict: endReading(reading) }
})

const recall = Effect.fnUntraced(function* (book: Book, clusterId: string, departures: Departures) {
  const { reading, verdict } = yield* readAll(book.file)
  const fault = faultOfJournal(book.audience, clusterId, reading, verdict)
  if (fault !== undefined) {
    const name = yield* book.file.setAside(fault.ending)
    note(book, { setAside: { path: name, reason: fault.text } })
    const detail = `${book.file.path} ${fault.text}: it is set aside as ${name}, and everything is announced as in a first run`
    yield* logMeshError(meshError("ErrStateFile", detail))
  } else if (verdict === "torn") {
    yield* Effect.logInfo(`${book.file.path} ends in the middle of an entry, as after a crash: all before it counts`)
  }
  const recollection = fault === undefined ? reading.recollection : makeReading().recollection
  recollection.clusterId = clusterId
  recollection.audience = book.audience
  book.receiverName = book.receiver() ?? recollection.receiver
  const isOther = recollection.memories.size > 0 && book.receiverName !== recollection.receiver
  if (isOther)
    yield* Effect.logInfo("the broker is another process than before, or may be: everything is announced again once consumers are back")
  if (book.receiverName !== "") absorbEntry(recollection, { _tag: "Receiver", name: book.receiverName })
  settleDoubts(recollection)
  const memories = adoptMemories(recollection, (spec) => describeContent(spec, book.redact, book.redactPaths))
  for (const departure of recollection.departures.entries.slice(recollection.departures.start)) rememberDeparture(departures, departure)
  book.nextNumber = 1 + Math.max(0, ...recollection.types.keys())
  book.open = true
  yield* Effect.catch(writeAnew(book, recollection), (error) => giveUp(book, error))
  const objects = memories.reduce((sum, { ledger }) => sum + ledger.size, 0)
  const deletions = departures.entries.length - departures.start
  note(book, { recollected: { kinds: memories.length, objects, deletions, owed: memories.some(({ owed }) => owed) } })
  if (objects > 0) yield* Effect.logInfo(`${book.file.path} tells of ${objects} objects that have been announced before`)
  return memories
})

interface Fault {
  readonly ending: "old" | "bad"
  readonly text: string
}

/** Why nothing of a journal may be used. */
export const faultOfJournal = (audience: string, clusterId: string, { recollection }: Reading, verdict: Verdict): Fault | undefined => {
  if (verdict === "empty") return undefined
  if (verdict === "foreign") return { ending: "old", text: "is no state file of this version" }
  if (verdict === "damaged") return { ending: "bad", text: "is damaged in its middle" }
  if (clusterId === "") return { ending: "old", text: "may be of any cluster, because this one's id cannot be read" }
  if (recollection.clusterId !== clusterId) return { ending: "old", text: "is of another cluster" }
  return recollection.audience === audience ? undefined : { ending: "old", text: `is of messages to ${recollection.audience}` }
}

/** The run before had still to announce everything. Now that is for this one to do, once the consumers have had time to come back. */
export const awaitConsumers = Effect.fnUntraced(function* (sink: Sink["Service"]) {
  while (!takesMarks(sink.status())) yield* Effect.sleep(reconnectEveryMs)
  yield* Effect.sleep(announceAfterReconnectMs)
})
