/**
 * A run as a stream of changes: each run of the stream is a run of its own, with its own lanes and ledger, and shares nothing with others.
 *
 * Invariants: a change is a copy, so that no buffer of ours leaks; copies wait for the consumer in a bounded queue and hold up the lanes
 * when it is full; the mark that everything has been listed travels through the same queue, behind the last listed change.
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { meshError, type MeshError } from "../../domain/error.ts"
import { changeBatchesWaitingMax } from "../../domain/limit.ts"
import type { Status } from "../../domain/sync/status.ts"
import { decodeMessageText } from "../../domain/wire/envelope.ts"
import { parsePathRules } from "../../domain/wire/redactPath.ts"
import { restoreObject, type KubernetesObject, type ResourceMessage } from "../../domain/wire/restore.ts"
import type { ClusterApi } from "../../ports/ClusterApi.ts"
import type { Dialer } from "../../ports/Dialer.ts"
import { accepted, Sink, type Message, type SinkError } from "../../ports/Sink.ts"
import { layerNoRequests } from "../layers.ts"
import { makeMonitor, monitorStatus, runToEnd, type WholeRunOptions } from "../wholeRun.ts"
import type { Change, Select } from "./face.ts"

/** What a run is told besides its ports; see face.ts for the meanings. */
export interface ChangesOptions {
  readonly select?: Select | undefined
  readonly redactSecrets?: boolean | undefined
  readonly once?: boolean | undefined
  readonly stopAfterMs?: number | undefined
  readonly clusterId?: string | undefined
  readonly version?: string | undefined
  readonly customResource?: { readonly namespace: string; readonly name: string } | undefined
  readonly deleteOnClose?: boolean | undefined
  readonly redactPaths?: ReadonlyArray<string> | undefined
  readonly onSettled?: (() => void) | undefined
  /** Called at the start of each run with what tells its status. */
  readonly onStart?: ((status: () => Status) => void) | undefined
}

/** The settings of a run that embedders and the program share. Fails with ErrUsage for a rule that cannot be read. */
export const wholeRunOptionsOf = (options: ChangesOptions, redactDefault: boolean): Result.Result<WholeRunOptions, MeshError> =>
  parsePathRules((options.redactPaths ?? []).join(",")).pipe(
    Result.mapError((fault) => meshError("ErrUsage", `redactPaths: ${fault}`)),
    Result.map((redactPaths) => ({ ...sharedOptionsOf(options, redactDefault), redactPaths })),
  )

const sharedOptionsOf = (options: ChangesOptions, redactDefault: boolean): WholeRunOptions => ({
  version: options.version ?? "Not Set",
  redact: options.redactSecrets ?? redactDefault,
  contentDedup: false,
  outputNamespaces: options.select?.namespaces ?? [],
  outputResources: options.select?.resources ?? [],
  selector: options.select?.labels ?? "",
  clusterId: options.clusterId ?? "",
  deleteOnClose: options.deleteOnClose ?? false,
  ...(options.customResource === undefined ? {} : { customResource: options.customResource }),
  readyWhen: "settled",
  once: options.once ?? false,
  stopAfterMs: options.stopAfterMs === undefined || options.stopAfterMs < 0 ? undefined : options.stopAfterMs,
})

const decoder = new TextDecoder()

/**
 * Decodes a message of `meshery.meshsync.core`.
 * @param message JSON in UTF-8, from anybody
 * @returns ErrInvalidMessage with the first member that is not as it should be; nothing of the message's values is repeated
 *
 * @example
 * Result.map(decodeMessage(payload), ({ EventType, Object }) => `${EventType} ${Object.kind}`)
 */
export const decodeMessage = (message: Uint8Array | string): Result.Result<ResourceMessage, MeshError> =>
  decodeMessageText(typeof message === "string" ? message : decoder.decode(message))

/** A message of a batch as the receiver's own. */
export const copyChange = ({ event, name, namespace, payload, type, uid }: Message): Change => {
  const bytes = payload.slice()
  let restored: KubernetesObject | undefined
  return {
    event,
    resource: type,
    namespace,
    name,
    uid,
    bytes,
    // Our own message needs no check.
    object: () => (restored ??= restoreObject((JSON.parse(decoder.decode(bytes)) as ResourceMessage).Object)),
  }
}

/** What waits for the consumer. */
type Waiting = { readonly _tag: "Changes"; readonly changes: ReadonlyArray<Change> } | { readonly _tag: "Settled" }

type WaitingQueue = Queue.Queue<Waiting, MeshError | SinkError | Cause.Done>

/** @param onSettled called when everything has been listed, while the lanes are still there */
const makeQueueSink = (queue: WaitingQueue, onSettled: () => void): Effect.Effect<Sink["Service"]> =>
  Effect.map(Semaphore.make(1), (lock) => ({
    // One batch is copied at a time: with many lanes the copies would otherwise wait outside of the queue's bound.
    deliver: ({ messages }) =>
      lock.withPermits(1)(
        Effect.suspend(() => Effect.as(Queue.offer(queue, { _tag: "Changes", changes: messages.map(copyChange) }), accepted)),
      ),
    bytesMax: () => Number.MAX_SAFE_INTEGER,
    status: () => ({ name: "stream", state: "open", detail: "" }),
    settled: Effect.andThen(Effect.sync(onSettled), Effect.asVoid(Queue.offer(queue, { _tag: "Settled" }))),
  }))

/**
 * All changes of a cluster from now on, the first list included. Ends with `once` or `stopAfterMs`; fails when the cluster cannot be
 * reached for good, or with `once` when something could not be read.
 */
export const streamChanges = (options: ChangesOptions = {}): Stream.Stream<Change, MeshError | SinkError, ClusterApi | Dialer> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const queue: WaitingQueue = yield* Queue.bounded<Waiting, MeshError | SinkError | Cause.Done>(changeBatchesWaitingMax)
      const monitor = makeMonitor(options.version ?? "Not Set", "stream")
      let last: Status | undefined
      const sink = yield* makeQueueSink(queue, () => void (last = monitorStatus(monitor)))
      // With `once` the lanes are gone while the loop still reads what they have said.
      options.onStart?.(() => (options.once === true ? last : undefined) ?? monitorStatus(monitor))
      const shared = yield* Effect.fromResult(wholeRunOptionsOf(options, true))
      const run = runToEnd(shared, monitor, () => Effect.void).pipe(Effect.provide(Layer.merge(Layer.succeed(Sink, sink), layerNoRequests)))
      const ending = Effect.matchCauseEffect(run, {
        onSuccess: () => Queue.end(queue),
        onFailure: (cause) => Queue.failCause(queue, cause),
      })
      yield* Effect.forkScoped(ending)
      return Stream.flatMap(Stream.fromQueue(queue), (waiting) => {
        if (waiting._tag === "Changes") return Stream.fromIterable(waiting.changes)
        options.onSettled?.()
        return Stream.empty
      })
    }),
  )
