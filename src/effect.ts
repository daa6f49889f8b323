/**
 * `meshsync/effect`: the same core for programs on Effect 4. Ports are services, adapters are layers, changes are a Stream.
 *
 * `layer` is the cluster. A Sink of one's own is `Layer.succeed(Sink, Sink.of({ ... }))`; its payloads are views, valid until `deliver`
 * ends.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerClusterFrom } from "./app/embed/bridge.ts"
import { wholeRunOptionsOf, type ChangesOptions } from "./app/embed/changes.ts"
import type { ClusterOptions, InProcessCluster } from "./app/embed/face.ts"
import { makeMonitor, monitorStatus, runToEnd } from "./app/wholeRun.ts"
import type { MeshError } from "./domain/error.ts"
import type { ClusterApi } from "./ports/ClusterApi.ts"
import type { Dialer } from "./ports/Dialer.ts"
import type { Requests } from "./ports/Requests.ts"
import { Sink, type SinkError, type Written } from "./ports/Sink.ts"

export { decodeMessage, streamChanges, type ChangesOptions } from "./app/embed/changes.ts"
export type { Change, ClusterOptions, InProcessCluster, Select } from "./app/embed/face.ts"
export {
  layerBrokerOf as layerNats,
  layerNoRequests,
  layerSnapshotOf as layerSnapshot,
  layerStateOf as layerStateFile,
} from "./app/layers.ts"
export { errorRegistry, MeshError, meshError, type ErrorEntry, type ErrorName } from "./domain/error.ts"
export type { ResourceType } from "./domain/select/resource.ts"
export type { LaneState, LaneStatus, StateFileStatus, Status } from "./domain/sync/status.ts"
export { describeMessage, describeSubjects } from "./domain/wire/description.ts"
export { ResourceMessageSchema } from "./domain/wire/envelope.ts"
export { restoreObject, type KubernetesObject, type Payload, type ResourceMessage } from "./domain/wire/restore.ts"
export type { Request } from "./domain/wire/request.ts"
export { coreSubject, requestQueue, requestSubject } from "./domain/wire/subject.ts"
export { ApiError, ClusterApi } from "./ports/ClusterApi.ts"
export { Dialer } from "./ports/Dialer.ts"
export { Requests } from "./ports/Requests.ts"
export { StateFile } from "./ports/StateFile.ts"
export { accepted, both, Sink, SinkError, type Batch, type Message, type Receipt, type SinkStatus, type Written } from "./ports/Sink.ts"

/** Where the API server is, with the version that it is told. */
export interface LayerOptions extends ClusterOptions {
  readonly version?: string | undefined
}

/**
 * The API server that the options name. Fails with ErrKubeConfig when there is no usable configuration.
 *
 * @example
 * streamChanges({ select: { resources: ["pods"] } }).pipe(
 *   Stream.runForEach((change) => Effect.log(`${change.event} ${change.namespace}/${change.name}`)),
 *   Effect.provide(layer({ kubeconfigPath: "admin.kubeconfig" })),
 * )
 */
export const layer = (options: LayerOptions = {}): Layer.Layer<ClusterApi | Dialer, MeshError> =>
  layerClusterFrom(options, options.version ?? "Not Set")

/**
 * The same with options from configuration.
 *
 * @example
 * layerConfig({ kubeconfigPath: Config.String("KUBECONFIG"), context: Config.withDefault(Config.String("CONTEXT"), undefined) })
 */
export const layerConfig = (
  options: Config.Wrap<Omit<LayerOptions, "cluster" | "kubeconfig"> & { readonly kubeconfig?: string | undefined }>,
): Layer.Layer<ClusterApi | Dialer, MeshError | Config.ConfigError> => Layer.unwrap(Effect.map(Config.unwrap(options), layer))

/** A cluster in this process, as `meshsync/testing` makes it. */
export const layerInProcess = (cluster: InProcessCluster): Layer.Layer<ClusterApi | Dialer, MeshError> => layer({ cluster })

/** What a run is told besides its ports. */
export interface RunOptions extends ChangesOptions {
  /** What requests may open in pods: logs and terminals (`on`), `logs`, or nothing (`off`, also if absent). */
  readonly interactive?: "on" | "logs" | "off" | undefined
  /** Where the messages go, in words that stay the same: a StateFile of a run to others is set aside. `sink` if absent. */
  readonly audience?: string | undefined
}

/**
 * Runs a cluster into the Sink until it is interrupted, or until `once` or `stopAfterMs` ends it; the output is closed in order in any
 * case. With a StateFile (`layerStateFile`) it says what has changed since the run before. Succeeds with what the output has left behind.
 * Fails when the sink is broken for good, or with ErrIncompleteSnapshot.
 *
 * @example
 * run({ once: true }).pipe(
 *   Effect.provide(layerSnapshot({ file: "cluster.yaml", extended: false, append: false })),
 *   Effect.provide(layerNoRequests),
 *   Effect.provide(layer()),
 * )
 */
export const run = (
  options: RunOptions = {},
): Effect.Effect<ReadonlyArray<Written>, MeshError | SinkError, ClusterApi | Dialer | Sink | Requests> =>
  Effect.gen(function* () {
    const monitor = makeMonitor(options.version ?? "Not Set", "sink")
    options.onStart?.(() => monitorStatus(monitor))
    const settling = Effect.sync(() => options.onSettled?.())
    let left: ReadonlyArray<Written> = []
    const remember = (written: ReadonlyArray<Written>) => Effect.sync(() => void (left = written))
    const { audience = "sink", interactive = "off" } = options
    const shared = yield* Effect.fromResult(wholeRunOptionsOf(options, false))
    yield* runToEnd({ ...shared, audience, interactive }, monitor, remember).pipe(
      Effect.updateService(Sink, (sink) => ({ ...sink, settled: Effect.andThen(sink.settled, settling) })),
    )
    return left
  })
