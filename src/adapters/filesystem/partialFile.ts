/**
 * A file under a temporary name in the folder of its final one, for its owner alone (0600), written at its end and readable anywhere.
 * The final name shows either what was there before or the whole new content, also after a crash or a power cut: the content is on the
 * disk before the name is. A crash leaves the temporary file; its name is drawn anew each time, so that no later run meets it. Whether
 * it is that of a killed run or of one at work nobody can tell from outside, so later runs name it and remove nothing.
 */
import { constants } from "node:fs"
import { copyFile, link, lstat, open, opendir, rename, rm, type FileHandle } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { randomUUID } from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SinkError } from "../../ports/Sink.ts"
import { attempt, errnoOf } from "./failure.ts"

export interface PartialFile {
  /** The final name, which errors speak of. */
  readonly target: string
  readonly path: string
  readonly handle: FileHandle
  /** Bytes written so far. */
  size: number
}

const ownerOnly = 0o600

/** Closes the file and takes its temporary name away, if it still has it. */
export const discard = ({ handle, path }: PartialFile): Effect.Effect<void> =>
  Effect.promise(async () => {
    await handle.close().catch(() => undefined)
    await rm(path, { force: true }).catch(() => undefined)
  })

/** The temporary name of a file: hidden, and unlike that of any other run. */
export const partialName = (target: string): string => join(dirname(target), `.${basename(target)}.${randomUUID().slice(0, 8)}.partial`)

/** How many leftovers a line names. */
const leftoversNamedMax = 3

/** Temporary files of a target, and their number, as far as the folder can be read. */
const findLeftovers = async (target: string): Promise<{ readonly names: ReadonlyArray<string>; readonly count: number }> => {
  const [start, names] = [`.${basename(target)}.`, new Array<string>()]
  let count = 0
  try {
    for await (const { name } of await opendir(dirname(target))) {
      if (!name.startsWith(start) || !/^[0-9a-f]{8}\.partial$/.test(name.slice(start.length))) continue
      count++
      if (names.length < leftoversNamedMax) names.push(join(dirname(target), name))
    }
  } catch {
    // What could be read of the folder counts.
  }
  return { names, count }
}

/** Says in one line which temporary files of a target lie there already. */
export const nameLeftovers = (target: string): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.promise(() => findLeftovers(target)),
    ({ count, names }) => {
      if (count === 0) return Effect.void
      const more = count > names.length ? ` and ${count - names.length} more` : ""
      return Effect.logWarning(
        `${names.toSorted().join(", ")}${more}: left by a run that was killed, unless another one is writing ${basename(target)} now; if not, remove it`,
      )
    },
  )

/** Creates a temporary file beside `target`. It vanishes with the scope unless it got its final name before. */
export const createPartial = (target: string): Effect.Effect<PartialFile, SinkError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(target, async (): Promise<PartialFile> => {
      const path = partialName(target)
      return { target, path, handle: await open(path, "wx+", ownerOnly), size: 0 }
    }),
    discard,
  )

/** A file without a name: the operating system removes it with the process, however that ends. */
export const createHidden = (target: string): Effect.Effect<PartialFile, SinkError, Scope.Scope> =>
  Effect.tap(createPartial(target), (file) => attempt(target, () => rm(file.path)))

/** Like `createPartial`, with the content of an existing `target`, if there is one, to be continued. */
export const continuePartial = (target: string): Effect.Effect<PartialFile, SinkError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt(target, async (): Promise<PartialFile> => {
      const path = partialName(target)
      try {
        await copyFile(target, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      } catch (cause) {
        if (errnoOf(cause) !== "ENOENT") {
          await rm(path, { force: true })
          throw cause
        }
      }
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT, ownerOnly)
      await handle.chmod(ownerOnly)
      return { target, path, handle, size: (await handle.stat()).size }
    }),
    discard,
  )

/** The last bytes as text, to see how a continued file ends. */
export const readTail = ({ handle, size, target }: PartialFile, bytes: number): Effect.Effect<string, SinkError> =>
  attempt(target, async () => {
    const length = Math.min(size, bytes)
    const tail = Buffer.alloc(length)
    await handle.read(tail, 0, length, size - length)
    return tail.toString("latin1")
  })

/** Writes all of it at the end. After a failure the file is of no use any more. */
export const appendBytes = (file: PartialFile, bytes: Uint8Array): Effect.Effect<void, SinkError> =>
  attempt(file.target, async () => {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await file.handle.write(bytes, done, bytes.length - done, file.size + done)
      done += bytesWritten
    }
    file.size += done
  })

/** Reads exactly the given stretch, which must have been written. */
export const readInto = async ({ handle, target }: PartialFile, into: Uint8Array, offset: number): Promise<void> => {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, into.length - done, offset + done)
    if (bytesRead === 0) throw new Error(`${target}: ends before byte ${offset + into.length}`)
    done += bytesRead
  }
}

/** Waits until the content has reached the disk. */
export const settleContent = ({ handle, target }: PartialFile): Effect.Effect<void, SinkError> => attempt(target, () => handle.sync())

/** Puts the file in the place of whatever has the name. */
export const replaceName = ({ path }: PartialFile, name: string): Effect.Effect<void, SinkError> => attempt(name, () => rename(path, name))

/** Whether nothing has the name. */
export const isFree = (path: string): Effect.Effect<boolean, SinkError> =>
  attempt(path, async () => {
    try {
      await lstat(path)
      return false
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return true
      throw cause
    }
  })

/** What `link` says where the file system has no hard links: FAT, some network file systems. */
const linkless: ReadonlySet<string | undefined> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])

/**
 * Gives the file a name that nobody has; false when somebody does. Two runs never get the same one, save on a file system without hard
 * links, where they would have to ask in the same instant.
 */
export const claimName = ({ path, target }: PartialFile, name: string): Effect.Effect<boolean, SinkError> =>
  Effect.flatMap(
    attempt(name, async () => {
      try {
        await link(path, name)
        await rm(path, { force: true })
        return "claimed"
      } catch (cause) {
        const errno = errnoOf(cause)
        if (errno === "EEXIST") return "taken"
        if (linkless.has(errno)) return "linkless"
        throw cause
      }
    }),
    (outcome) => {
      if (outcome !== "linkless") return Effect.succeed(outcome === "claimed")
      return Effect.flatMap(isFree(name), (free) =>
        free
          ? Effect.as(
              attempt(target, () => rename(path, name)),
              true,
            )
          : Effect.succeed(false),
      )
    },
  )

/** Makes new names in the folder survive a power cut, where the file system can. */
export const settleNames = (folder: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    const handle = await open(folder, "r").catch(() => undefined)
    await handle?.sync().catch(() => undefined)
    await handle?.close().catch(() => undefined)
  })
