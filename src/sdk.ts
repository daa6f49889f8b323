/**
 * `meshsync`: the embedding API in plain TypeScript. No type of Effect is in its declarations.
 *
 * Several watches and runs may live in one process: they share nothing. Nothing of one is left when it has ended.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import {
  audienceFrom,
  layerClusterFrom,
  layerLogFrom,
  layerOutputFrom,
  layerStateFrom,
  publicError,
  publicFailure,
} from "./app/embed/bridge.ts"
import { decodeMessage as decode, wholeRunOptionsOf, streamChanges } from "./app/embed/changes.ts"
import type { Change, ClusterWatch, RunOptions, WatchOptions } from "./app/embed/face.ts"
import { layerHealth } from "./app/layers.ts"
import { makeMonitor, monitorStatus, runToEnd, type WholeRunOptions } from "./app/wholeRun.ts"
import type { Status } from "./domain/sync/status.ts"
import type { ResourceMessage } from "./domain/wire/restore.ts"
import { Sink } from "./ports/Sink.ts"

export { MeshSyncError } from "./app/embed/face.ts"
export type {
  Broker,
  BrokerRunOptions,
  Change,
  ChangeSink,
  ClusterOptions,
  ClusterWatch,
  CommonOptions,
  FileRunOptions,
  InProcessCluster,
  LogLine,
  NatsServer,
  OutputOptions,
  RememberingOptions,
  RunOptions,
  Select,
  SinkBatch,
  SinkRunOptions,
  Subscription,
  WatchOptions,
} from "./app/embed/face.ts"
export type { ResourceType } from "./domain/select/resource.ts"
export type { LaneState, LaneStatus, StateFileStatus, Status } from "./domain/sync/status.ts"
export { makeOversizeDecoder } from "./app/embed/oversize.ts"
export type { OversizeDecoder, OversizePiece } from "./app/embed/oversize.ts"
export { coreSubject, oversizeSubject, requestQueue, requestSubject, syncSubject } from "./domain/wire/subject.ts"
export { describeMessage, describeSubjects } from "./domain/wire/description.ts"
export type { MarkContent, MarkedType, MarkSource, SyncMark } from "./domain/wire/mark.ts"
export { restoreObject } from "./domain/wire/restore.ts"
export type {
  Attribute,
  KubernetesObject,
  Label,
  ObjectMetadata,
  Payload,
  PayloadMetadata,
  ResourceMessage,
} from "./domain/wire/restore.ts"

/**
 * Watches a cluster: first everything that is there as Added, then each change. The loop's pace is the reading's pace; nothing is dropped.
 *
 * The run starts with the loop. It ends with the loop (`break`), with the signal, with `once` or `stopAfterMs`, all of them in order; or by
 * throwing a MeshSyncError, e.g. ErrKubeConfig when there is no usable kubeconfig, ErrIncompleteSnapshot when with `once` something could
 * not be read. A kind that may not be read, and an API server that is away, end nothing: `status()` tells.
 *
 * @example
 * for await (const change of watchCluster({ select: { resources: ["pods"] }, signal: AbortSignal.timeout(60_000) })) {
 *   console.log(change.event, change.namespace, change.name, change.object()["status"])
 * }
 */
export const watchCluster = (options: WatchOptions = {}): ClusterWatch => {
  const { log, signal, version = "Not Set", ...others } = options
  let status: (() => Status) | undefined
  const onStart = (tell: () => Status): void => void (status = tell)
  const ports = Layer.merge(layerClusterFrom(options, version), layerLogFrom(log))
  const stream = Stream.provide(streamChanges({ ...others, version, onStart }), ports)
  const iterator = Stream.toAsyncIterable(stream)[Symbol.asyncIterator]()
  const end = async (): Promise<IteratorResult<Change, undefined>> => {
    signal?.removeEventListener("abort", abort)
    // A fiber cannot be interrupted from within its own step, and `onSettled` and `log` are called in such steps.
    await Promise.resolve()
    await iterator.return?.()
    return { done: true, value: undefined }
  }
  // What goes wrong in closing is the loop's to hear: it waits for the same end.
  const abort = (): void => void end().catch(() => undefined)
  const watch: ClusterWatch = {
    status: () => status?.(),
    next: async () => {
      if (signal?.aborted === true) return end()
      // Adding a listener that is there changes nothing.
      signal?.addEventListener("abort", abort)
      try {
        const next = await iterator.next()
        return next.done === true ? await end() : next
      } catch (error) {
        signal?.removeEventListener("abort", abort)
        throw publicError(error)
      }
    },
    return: end,
    [Symbol.asyncIterator]: () => watch,
    [Symbol.asyncDispose]: async () => void (await end()),
  }
  return watch
}

/**
 * Runs what the program runs, as a promise: a cluster continuously to a broker, to files, or to a sink of one's own.
 *
 * Completes when the signal, `once` or `stopAfterMs` ends it and the output is closed. Rejects with a MeshSyncError, e.g. ErrKubeConfig,
 * ErrBrokerConnect, ErrOutputFile, ErrIncompleteSnapshot, ErrStateFile, or ErrWriteOutput with the sink's own error as `cause`.
 *
 * @example
 * await run({ output: "file", file: "shop.yaml", once: true, select: { namespaces: ["shop"] } })
 */
export const run = async (options: RunOptions): Promise<void> => {
  const { log, onSettled, output, signal, version = "Not Set" } = options
  const monitor = makeMonitor(version, output)
  const whole = Effect.gen(function* () {
    const shared = yield* Effect.fromResult(wholeRunOptionsOf(options, output === "sink"))
    const own: Partial<WholeRunOptions> = {
      audience: yield* audienceFrom(options),
      lasting: output !== "file",
      contentDedup: options.output === "broker" && options.contentDedup === true,
      interactive: (options.output === "broker" ? options.interactive : undefined) ?? "off",
      readyWhen: output === "broker" ? "open" : "settled",
    }
    yield* runToEnd({ ...shared, ...own }, monitor, () => Effect.void)
  })
  const settling = Effect.sync(() => onSettled?.())
  const told = Effect.updateService(whole, Sink, (sink) => ({ ...sink, settled: Effect.andThen(sink.settled, settling) }))
  const port = options.healthPort ?? 0
  const health = layerHealth({ port, status: () => monitorStatus(monitor), ready: () => monitor.engine.ready })
  const ports = Layer.mergeAll(layerClusterFrom(options, version), layerOutputFrom(options), layerStateFrom(options))
  const program = told.pipe(Effect.provide(ports), Effect.provide(health), Effect.provide(layerLogFrom(log)))
  const fiber = Effect.runFork(program)
  // Not at once: a fiber cannot be interrupted from within its own step, and `onSettled` and `log` are called in such steps.
  const abort = (): void => queueMicrotask(() => fiber.interruptUnsafe())
  if (signal?.aborted === true) abort()
  signal?.addEventListener("abort", abort)
  const exit = await Effect.runPromise(Fiber.await(fiber))
  signal?.removeEventListener("abort", abort)
  const failure = Exit.isFailure(exit) ? publicFailure(exit.cause) : undefined
  if (failure !== undefined) throw failure
}

/**
 * Decodes a message of `meshery.meshsync.core`.
 * @param message JSON in UTF-8, from anybody
 * @throws MeshSyncError ErrInvalidMessage; nothing of the message's values is repeated in it
 * @example
 * const { EventType, Object } = decodeMessage(payload)
 * console.log(EventType, restoreObject(Object).metadata.labels)
 */
export const decodeMessage = (message: Uint8Array | string): ResourceMessage => {
  const decoded = decode(message)
  if (Result.isFailure(decoded)) throw publicError(decoded.failure)
  return decoded.success
}
