/**
 * The state file: appended to, replaced under its name as a whole, for its owner alone (0600), one process at a time.
 *
 * Who holds it is told by a socket beside it, `PATH.lock`, on which the holder listens: the kernel closes it with the process, however that
 * ends, so that nobody has to guess from numbers whether a process still lives (in a container each of them is number 1).
 */
import { constants } from "node:fs"
import { access, open, readdir, rename, rm, truncate, type FileHandle } from "node:fs/promises"
import { createServer, connect, type Server } from "node:net"
import { basename, dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { meshError, type MeshError } from "../../domain/error.ts"
import { stateLockWaitMs, stateReadBytes } from "../../domain/limit.ts"
import type { SinkError } from "../../ports/Sink.ts"
import { StateFile } from "../../ports/StateFile.ts"
import { attempt, errnoOf } from "./failure.ts"
import { appendBytes, createPartial, replaceName, settleContent, settleNames } from "./partialFile.ts"

const ownerOnly = 0o600

/**
 * The file at a path; its folder must exist. Held until the scope closes.
 * Fails with ErrStateFileHeld where another process holds it, with ErrStateFile where it cannot be made.
 */
export const layerStateFile = (path: string): Layer.Layer<StateFile, MeshError> => Layer.effect(StateFile, openStateFile(path))

const openStateFile = Effect.fnUntraced(function* (path: string) {
  // A socket in a folder that is missing fails with a reason that is none.
  yield* toStateError(attempt(path, () => access(dirname(path))))
  yield* checkSocketName(path)
  yield* Effect.acquireRelease(claim(path), (server) => Effect.promise(() => new Promise((resolve) => server.close(resolve))))
  yield* toStateError(attempt(path, () => removePartials(path)))
  let handle = yield* toStateError(attempt(path, () => openToAppend(path)))
  yield* Effect.addFinalizer(() => Effect.promise(() => handle.close().catch(() => undefined)))
  const reopen = attempt(path, async () => {
    const before = handle
    handle = await openToAppend(path)
    await before.close()
  })
  return StateFile.of({
    path,
    read: (take) => toStateError(attempt(path, () => readPieces(handle, take))),
    append: (bytes) => toStateError(attempt(path, () => appendAll(handle, bytes))),
    sync: toStateError(attempt(path, () => handle.datasync())),
    replace: (pieces) => toStateError(Effect.andThen(writeAnew(path, pieces), (size) => Effect.as(reopen, size))),
    setAside: (ending) =>
      toStateError(
        Effect.as(
          Effect.andThen(
            attempt(path, () => rename(path, `${path}.${ending}`)),
            reopen,
          ),
          `${path}.${ending}`,
        ),
      ),
    abandon: Effect.promise(() => truncate(path).catch(() => rm(path, { force: true }).catch(() => undefined))),
  })
})

/** A state file that is looked at and not held. */
export interface StateFileInspection {
  /** 0: there is none, or it is empty. */
  readonly bytes: number
  /** Another process has it open. */
  readonly isHeld: boolean
}

/**
 * Looks at the file at a path without holding it, and reads it piece by piece; a piece is valid until the next one.
 * Fails with ErrStateFile where a run could not make, read or write it.
 */
export const inspectStateFile = (path: string, take: (piece: Uint8Array) => void): Effect.Effect<StateFileInspection, MeshError> =>
  Effect.gen(function* () {
    yield* checkSocketName(path)
    const look = async (): Promise<StateFileInspection> => {
      await access(dirname(path), constants.W_OK | constants.X_OK)
      const isHeld = await isAnswered(`${path}.lock`)
      let bytes = 0
      const handle = await open(path, constants.O_RDWR).catch((cause) => (errnoOf(cause) === "ENOENT" ? undefined : Promise.reject(cause)))
      if (handle === undefined) return { bytes, isHeld }
      const count = (piece: Uint8Array): void => {
        bytes += piece.length
        take(piece)
      }
      try {
        await readPieces(handle, count)
      } finally {
        await handle.close()
      }
      return { bytes, isHeld }
    }
    return yield* toStateError(attempt(path, look))
  })

const checkSocketName = (path: string): Effect.Effect<void, MeshError> =>
  Buffer.byteLength(`${path}.lock`) > socketNameBytesMax
    ? Effect.fail(meshError("ErrStateFile", `${path}: the socket beside it needs a shorter path`))
    : Effect.void

const toStateError = <A, R>(effect: Effect.Effect<A, SinkError, R>): Effect.Effect<A, MeshError, R> =>
  Effect.mapError(effect, ({ error }) => meshError("ErrStateFile", error.detail))

const openToAppend = (path: string): Promise<FileHandle> => open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, ownerOnly)

/** What an earlier process was writing when it was killed. */
const removePartials = async (path: string): Promise<void> => {
  const folder = dirname(path)
  const names = (await readdir(folder)).filter((name) => name.startsWith(`.${basename(path)}.`) && name.endsWith(".partial"))
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })))
}

const readPieces = async (handle: FileHandle, take: (piece: Uint8Array) => void): Promise<void> => {
  const buffer = new Uint8Array(stateReadBytes)
  for (let at = 0; ;) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
    if (bytesRead === 0) return
    take(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}

const appendAll = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  for (let done = 0; done < bytes.length;) done += (await handle.write(bytes, done)).bytesWritten
}

const writeAnew = (path: string, pieces: Iterable<Uint8Array>): Effect.Effect<number, SinkError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const file = yield* createPartial(path)
      for (const piece of pieces) yield* appendBytes(file, piece)
      yield* settleContent(file)
      yield* replaceName(file, path)
      yield* settleNames(dirname(path))
      return file.size
    }),
  )

// Who holds it -----------------------------------------------------------------------------------------------------------

/** A socket's name has 108 bytes on Linux, 104 elsewhere, and ends with a zero. */
const socketNameBytesMax = 103

const claim = (path: string): Effect.Effect<Server, MeshError> =>
  Effect.flatMap(toStateError(attempt(path, () => listenOn(`${path}.lock`))), (server) =>
    server === undefined ? Effect.fail(meshError("ErrStateFileHeld", `${path} is in use`)) : Effect.succeed(server),
  )

/** Listens on a socket; undefined when another process does. A socket without a process is what a killed one leaves. */
const listenOn = async (path: string): Promise<Server | undefined> => {
  const first = await tryToListen(path)
  if (first !== undefined || (await isAnswered(path))) return first
  await rm(path, { force: true })
  return tryToListen(path)
}

const tryToListen = (path: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.unref()
    server.once("error", (cause) => (errnoOf(cause) === "EADDRINUSE" ? resolve(undefined) : reject(cause)))
    server.listen(path, () => resolve(server))
  })

/** Whoever may not even knock takes it for held; so does whoever gets no answer in time. */
const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    const conclude = (answered: boolean) => () => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(stateLockWaitMs, conclude(true))
    socket.once("connect", conclude(true))
    socket.once("error", (cause) => conclude(errnoOf(cause) !== "ECONNREFUSED" && errnoOf(cause) !== "ENOENT")())
  })
