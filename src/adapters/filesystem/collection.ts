/**
 * The latest state of each object, collected on disk and written as a whole at the end: into a file, a folder or a stream.
 * Nothing is ever seen half-written under a final name. Files are for their owner alone, as the snapshots of YAML are.
 */
import { mkdir, readdir, realpath, rename, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { ResourceType } from "../../domain/select/resource.ts"
import { placeInManifest, placeOfType } from "../../domain/wire/order.ts"
import { accepted, Sink, type Message, type SinkError, type Written } from "../../ports/Sink.ts"
import { documentText, layouts, type Layout, type LayoutName } from "./document.ts"
import { attempt, errnoOf, outputRefusal } from "./failure.ts"
import { objectFolder, objectPath } from "./objectName.ts"
import * as PartialFile from "./partialFile.ts"
import { makeSpool, readDocument, sortEntries, spoolCompactly, streamSorted, type Placement, type Spool } from "./spool.ts"

export type Target =
  | { readonly _tag: "File"; readonly path: string; readonly layout: LayoutName }
  /** One file for each object. The folder is made; one that exists has to be empty. */
  | { readonly _tag: "Folder"; readonly path: string }
  | { readonly _tag: "Stream"; readonly layout: LayoutName; readonly write: (bytes: Uint8Array) => Effect.Effect<void, SinkError> }

export interface CollectionOptions {
  readonly target: Target
  /** The messages hold manifests: they are written in the order in which they are best applied. */
  readonly manifests: boolean
}

/** A place that is known to be writable. */
interface Place {
  /** The spool lies beside this file, whose name errors speak of. */
  readonly near: string
  readonly item: (message: Message) => string
  readonly conclude: (spool: Spool) => Effect.Effect<Written, SinkError, Scope.Scope>
}

/** Head, items and tail, piece by piece. */
const writeLayout = (
  spool: Spool,
  { head, overlap, tail }: Layout,
  write: (bytes: Uint8Array) => Effect.Effect<void, SinkError>,
): Effect.Effect<void, SinkError> =>
  Effect.gen(function* () {
    yield* write(Buffer.from(head))
    let isFirst = true
    yield* streamSorted(spool, (bytes) => {
      const piece = isFirst ? bytes.subarray(overlap) : bytes
      isFirst = false
      return write(piece)
    })
    yield* write(Buffer.from(tail))
  })

const openFile = (path: string, layout: LayoutName): Effect.Effect<Place, SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    const target = resolve(path)
    const found = yield* findEntries(target)
    if (found !== undefined && found !== "file") return yield* Effect.fail(outputRefusal(target, "it is a folder; name a file in it"))
    yield* PartialFile.nameLeftovers(target)
    const file = yield* PartialFile.createPartial(target)
    const conclude = (spool: Spool) =>
      Effect.gen(function* () {
        yield* writeLayout(spool, layouts[layout], (bytes) => PartialFile.appendBytes(file, bytes))
        yield* PartialFile.settleContent(file)
        yield* PartialFile.replaceName(file, target)
        yield* PartialFile.settleNames(dirname(target))
        return { path: target, documents: spool.entries.size, bytes: file.size }
      })
    return { near: target, item: layouts[layout].item, conclude }
  })

const openStream = (layout: LayoutName, write: (bytes: Uint8Array) => Effect.Effect<void, SinkError>): Place => ({
  near: join(tmpdir(), "meshsync-snapshot"),
  item: layouts[layout].item,
  conclude: (spool) => {
    let bytes = 0
    const count = (piece: Uint8Array) => Effect.tap(write(piece), () => Effect.sync(() => (bytes += piece.length)))
    return Effect.map(writeLayout(spool, layouts[layout], count), () => ({ path: "standard output", documents: spool.entries.size, bytes }))
  },
})

/** What is in a folder; `file` where there is something else; undefined where there is nothing. */
const findEntries = (path: string): Effect.Effect<ReadonlyArray<string> | "file" | undefined, SinkError> =>
  attempt(path, async () => {
    try {
      return await readdir(path)
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return undefined
      if (errnoOf(cause) === "ENOTDIR" && (await realpath(path).catch(() => undefined)) !== undefined) return "file"
      throw cause
    }
  })

const folderMode = 0o700
const fileMode = 0o600

/** Files of a folder are not waited for to reach the disk one by one: after a power cut a folder is to be written again. */
const writeObjects = (spool: Spool, folder: string): Effect.Effect<number, SinkError> =>
  Effect.gen(function* () {
    const made = new Set<string>()
    let bytes = 0
    for (const entry of sortEntries(spool)) {
      const document = yield* readDocument(spool, entry)
      const inner = join(folder, objectFolder(entry))
      const path = join(folder, objectPath(entry))
      yield* attempt(path, async () => {
        if (!made.has(inner)) await mkdir(inner, { recursive: true, mode: folderMode })
        await writeFile(path, document, { mode: fileMode })
      })
      made.add(inner)
      bytes += document.length
    }
    return bytes
  })

const openFolder = (named: string): Effect.Effect<Place, SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = resolve(named)
    const found = yield* findEntries(path)
    if (found === "file") return yield* Effect.fail(outputRefusal(path, "it is a file; name a folder"))
    if (found !== undefined && found.length > 0)
      return yield* Effect.fail(outputRefusal(path, "the folder is not empty; remove what is in it, or name a new one"))
    const target = found === undefined ? path : yield* attempt(path, () => realpath(path))
    yield* PartialFile.nameLeftovers(target)
    const partial = yield* Effect.acquireRelease(
      attempt(target, async () => {
        const name = PartialFile.partialName(target)
        await mkdir(name, { mode: folderMode })
        return name
      }),
      (name) => Effect.promise(() => rm(name, { recursive: true, force: true }).catch(() => undefined)),
    )
    const conclude = (spool: Spool) =>
      Effect.gen(function* () {
        const bytes = yield* writeObjects(spool, partial)
        yield* attempt(target, () => rename(partial, target))
        return { path: `${target}/`, documents: spool.entries.size, bytes }
      })
    return { near: join(partial, "objects"), item: documentText, conclude }
  })

const openPlace = (target: Target): Effect.Effect<Place, SinkError, Scope.Scope> => {
  switch (target._tag) {
    case "File":
      return openFile(target.path, target.layout)
    case "Folder":
      return openFolder(target.path)
    case "Stream":
      return Effect.succeed(openStream(target.layout, target.write))
  }
}

/** The bytes of a batch, and where in them each object's document is. */
const layOut = (messages: ReadonlyArray<Message>, item: Place["item"]): readonly [Buffer, ReadonlyArray<Placement>] => {
  const parts: Array<Buffer> = []
  const placements: Array<Placement> = []
  let at = 0
  for (const message of messages) {
    const document = message.event === "Deleted" ? undefined : Buffer.from(item(message), "utf8")
    placements.push({ message, span: document === undefined ? undefined : [at, at + document.length] })
    if (document === undefined) continue
    parts.push(document)
    at += document.length
  }
  return [Buffer.concat(parts, at), placements]
}

const make = ({ manifests, target }: CollectionOptions): Effect.Effect<Sink["Service"], SinkError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const place = yield* openPlace(target)
    const placeOf: (type: ResourceType) => string = manifests ? placeInManifest : placeOfType
    const spool = makeSpool(yield* PartialFile.createHidden(place.near), placeOf)
    const lock = yield* Semaphore.make(1)
    let closed = false
    const conclude = Effect.suspend(() => {
      closed = true
      return Effect.map(place.conclude(spool), (written) => [written])
    })
    const finish = yield* conclude.pipe(Effect.provideService(Scope.Scope, scope), lock.withPermits(1), Effect.cached)
    return Sink.of({
      deliver: ({ messages }) =>
        Effect.suspend(() => {
          if (closed) return Effect.never
          const [bytes, placements] = layOut(messages, place.item)
          return spoolCompactly(spool, place.near, bytes, placements)
        }).pipe(Effect.provideService(Scope.Scope, scope), Effect.uninterruptible, lock.withPermits(1), Effect.as(accepted)),
      bytesMax: () => Number.MAX_SAFE_INTEGER,
      status: () => ({ name: target._tag.toLowerCase(), state: closed ? "closed" : "open", detail: `${spool.entries.size} objects` }),
      settled: Effect.void,
      finish,
    })
  })

/** Collects into the target of the options, which is written when `finish` is asked for; otherwise nothing is left behind. */
export const layerCollection = (options: CollectionOptions): Layer.Layer<Sink, SinkError> => Layer.effect(Sink, make(options))
