/**
 * Snapshots of the cluster as YAML files: one with the latest state of each object, and beside it, if wanted, one with every event in
 * order. Nothing is ever seen half-written under a final name; what is on the way lies under temporary names in the same folder, so that
 * a place that cannot be written is found out before the cluster is read. Two runs over the same objects write the same bytes.
 */
import { realpath, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { snapshotNamesMax } from "../../domain/limit.ts"
import { placeInManifest } from "../../domain/wire/order.ts"
import { accepted, Sink, type Message, type SinkError, type Written } from "../../ports/Sink.ts"
import { delimiter, documentText } from "./document.ts"
import { attempt, errnoOf, outputFailure, outputRefusal } from "./failure.ts"
import * as PartialFile from "./partialFile.ts"
import { extendedName, generatedName } from "./snapshotName.ts"
import { makeSpool, spoolCompactly, spoolDocuments, writeSorted, type Placement, type Spool } from "./spool.ts"

export interface SnapshotOptions {
  /** The name to write under; undefined: a new name is generated. */
  readonly file: string | undefined
  /** Also write every event in order, as `<name>-extended.yaml`. */
  readonly extended: boolean
  /** Continue files that exist, as the Go MeshSync does, instead of replacing them. */
  readonly append: boolean
  /** The messages hold manifests: they are written in the order in which they are best applied. */
  readonly manifests?: boolean
  /** Where relative and generated names are; the working directory if absent. */
  readonly folder?: string
}

/** A recording under way. `spool` is the extended file itself, where there is one. */
interface Recording {
  readonly options: SnapshotOptions
  readonly spool: Spool
  readonly main: string
  readonly extended: string | undefined
  /** Documents in the extended file. */
  events: number
  settled: boolean
  closed: boolean
}

/** Follows symbolic links, so that the file behind one is replaced and not the link; refuses what is no file. */
const inspectName = (path: string): Effect.Effect<string, SinkError> =>
  Effect.flatMap(
    attempt(path, async () => {
      try {
        const found = await stat(path)
        return { found, path: await realpath(path) }
      } catch (cause) {
        if (errnoOf(cause) === "ENOENT") return { found: undefined, path }
        throw cause
      }
    }),
    ({ found, path: real }) => {
      if (found?.isDirectory() === true) return Effect.fail(outputFailure(path, Object.assign(new Error(path), { code: "EISDIR" })))
      return found === undefined || found.isFile()
        ? Effect.succeed(real)
        : Effect.fail(outputRefusal(path, "it is no regular file; use --output stdout to write into a pipe"))
    },
  )

/** The generated name from the given number on; undefined after the last one of the day. */
const generateNames = (options: SnapshotOptions): Effect.Effect<(from: number) => string | undefined> =>
  Effect.map(Clock.currentTimeMillis, (nowMs) => (number: number) => {
    return number < snapshotNamesMax ? resolve(options.folder ?? ".", generatedName(new Date(nowMs), number)) : undefined
  })

const noNameFree = (options: SnapshotOptions): SinkError =>
  outputRefusal(resolve(options.folder ?? "."), `all ${snapshotNamesMax} generated names of today are taken; remove some of these files`)

/** The first number whose names nobody has, the extended one included. */
const findFreeNumber = (options: SnapshotOptions, nameOf: (from: number) => string | undefined): Effect.Effect<number, SinkError> =>
  Effect.gen(function* () {
    for (let number = 0; ; number++) {
      const name = nameOf(number)
      if (name === undefined) return yield* Effect.fail(noNameFree(options))
      if ((yield* PartialFile.isFree(name)) && (!options.extended || (yield* PartialFile.isFree(extendedName(name))))) return number
    }
  })

const ensureDelimited = (file: PartialFile.PartialFile): Effect.Effect<void, SinkError> =>
  Effect.gen(function* () {
    const tail = yield* PartialFile.readTail(file, delimiter.length + 1)
    if (tail === "" || tail === delimiter || tail.endsWith(`\n${delimiter}`)) return
    yield* PartialFile.appendBytes(file, Buffer.from(tail.endsWith("\n") ? delimiter : `\n${delimiter}`))
  })

const beginFile = (target: string, append: boolean): Effect.Effect<PartialFile.PartialFile, SinkError, Scope.Scope> =>
  append ? Effect.tap(PartialFile.continuePartial(target), ensureDelimited) : PartialFile.createPartial(target)

/** The bytes that a batch adds to the spool, and where in them each object's latest document is. */
const layOut = (
  recording: Recording,
  messages: ReadonlyArray<Message>,
): { readonly bytes: Buffer; readonly placements: Array<Placement> } => {
  const parts: Array<Buffer> = []
  const placements: Array<Placement> = []
  let at = 0
  const push = (text: string): void => {
    const bytes = Buffer.from(text, "utf8")
    parts.push(bytes)
    at += bytes.length
  }
  for (const message of messages) {
    const gone = message.event === "Deleted"
    // A comment tells the events apart without changing what a YAML reader sees.
    if (recording.extended !== undefined) push(`# ${message.event.toUpperCase()}\n`)
    const start = at
    if (recording.extended !== undefined || !gone) push(documentText(message) + delimiter)
    placements.push({ message, span: gone ? undefined : [start, at] })
  }
  return { bytes: Buffer.concat(parts, at), placements }
}

const record = (recording: Recording, messages: ReadonlyArray<Message>): Effect.Effect<void, SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    const { bytes, placements } = layOut(recording, messages)
    // The extended file is not the spool's to compact.
    if (recording.extended !== undefined) yield* spoolDocuments(recording.spool, bytes, placements)
    else yield* spoolCompactly(recording.spool, recording.main, bytes, placements)
    recording.events += messages.length
  })

/** The final names that a run's files got. */
interface Names {
  readonly main: string
  readonly extended: string | undefined
}

/** Takes the first generated name, from a number on, that nobody has: since the run began another one may have taken ours. */
const claimNames = (
  { options, spool }: Recording,
  main: PartialFile.PartialFile,
  nameOf: (number: number) => string | undefined,
  first: number,
): Effect.Effect<Names, SinkError> =>
  Effect.gen(function* () {
    for (let number = first; ; number++) {
      const name = nameOf(number)
      if (name === undefined) return yield* Effect.fail(noNameFree(options))
      const extended = options.extended ? extendedName(name) : undefined
      if (extended !== undefined && !(yield* PartialFile.isFree(extended))) continue
      if (!(yield* PartialFile.claimName(main, name))) continue
      // The number is ours now.
      if (extended !== undefined) yield* PartialFile.replaceName(spool.file, extended)
      return { main: name, extended }
    }
  })

const replaceNames = ({ extended, main, spool }: Recording, file: PartialFile.PartialFile): Effect.Effect<Names, SinkError> =>
  Effect.gen(function* () {
    if (extended !== undefined) yield* PartialFile.replaceName(spool.file, extended)
    yield* PartialFile.replaceName(file, main)
    return { main, extended }
  })

/** Writes the snapshot and gives the files their names. Nothing is named before all of it is on the disk. */
const conclude = (
  recording: Recording,
  name: (main: PartialFile.PartialFile) => Effect.Effect<Names, SinkError>,
): Effect.Effect<ReadonlyArray<Written>, SinkError> =>
  Effect.gen(function* () {
    recording.closed = true
    // A run that ended before the cluster said anything has nothing better than what may be there already.
    if (recording.events === 0 && !recording.settled) return []
    const { spool } = recording
    const main = yield* beginFile(recording.main, recording.options.append)
    yield* writeSorted(spool, main)
    yield* PartialFile.settleContent(main)
    if (recording.extended !== undefined) yield* PartialFile.settleContent(spool.file)
    const names = yield* name(main)
    yield* PartialFile.settleNames(dirname(names.main))
    const written = (file: PartialFile.PartialFile, path: string, documents: number): Written => ({ path, documents, bytes: file.size })
    return [
      ...(names.extended === undefined ? [] : [written(spool.file, names.extended, recording.events)]),
      written(main, names.main, spool.entries.size),
    ]
  }).pipe(Effect.scoped)

/** Finds the names, and opens what is recorded into; so the place is known to be writable. */
const openRecording = (options: SnapshotOptions, main: string): Effect.Effect<Recording, SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    const extended = options.extended ? yield* inspectName(extendedName(main)) : undefined
    const real = yield* inspectName(main)
    yield* PartialFile.nameLeftovers(extended ?? real)
    const file = extended === undefined ? yield* PartialFile.createHidden(real) : yield* beginFile(extended, options.append)
    return {
      options,
      spool: makeSpool(file, options.manifests === true ? placeInManifest : undefined),
      main: real,
      extended,
      events: 0,
      settled: false,
      closed: false,
    }
  })

const make = (options: SnapshotOptions): Effect.Effect<Sink["Service"], SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const nameOf = yield* generateNames(options)
    const number = options.file === undefined ? yield* findFreeNumber(options, nameOf) : 0
    const main = options.file === undefined ? (nameOf(number) ?? "") : resolve(options.folder ?? ".", options.file)
    const recording = yield* openRecording(options, main)
    const lock = yield* Semaphore.make(1)
    const name = (file: PartialFile.PartialFile) =>
      options.file === undefined ? claimNames(recording, file, nameOf, number) : replaceNames(recording, file)
    const finish = yield* conclude(recording, name).pipe(lock.withPermits(1), Effect.uninterruptible, Effect.cached)
    yield* Effect.addFinalizer((exit) =>
      recording.closed || (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause))
        ? Effect.void
        : Effect.catch(finish, (failure) => Effect.logError(failure.error)),
    )
    return Sink.of({
      deliver: ({ messages }) =>
        Effect.suspend(() => (recording.closed ? Effect.succeed(false) : Effect.as(record(recording, messages), true))).pipe(
          Effect.provideService(Scope.Scope, scope),
          Effect.uninterruptible,
          lock.withPermits(1),
          // What comes after the end is not taken, and whoever brings it is about to be interrupted.
          Effect.flatMap((taken) => (taken ? Effect.succeed(accepted) : Effect.never)),
        ),
      bytesMax: () => Number.MAX_SAFE_INTEGER,
      status: () => ({
        name: "file",
        state: recording.closed ? "closed" : "open",
        detail: `${recording.main}: ${recording.spool.entries.size} objects`,
      }),
      settled: Effect.sync(() => {
        recording.settled = true
      }),
      finish,
    })
  })

/**
 * Records into the files of the options. They get their names when `finish` is asked for, or else when the scope closes after a success
 * or an interruption; a run that failed leaves what was there before.
 */
export const layer = (options: SnapshotOptions): Layer.Layer<Sink, SinkError> => Layer.effect(Sink, make(options))
