/**
 * The composition root: the only place that names adapters. Each function chooses one for a port; the heavy ones are loaded when chosen.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { CollectionOptions } from "../adapters/filesystem/collection.ts"
import type { StateFileInspection } from "../adapters/filesystem/stateFile.ts"
import type { SnapshotOptions } from "../adapters/filesystem/snapshot.ts"
import type { NatsOptions, OversizePolicy } from "../adapters/nats/broker.ts"
import type { ServerInspection } from "../adapters/nats/inspection.ts"
import type { Ear, Listener } from "../adapters/nats/listener.ts"
import type { MeshError } from "../domain/error.ts"
import type { Status } from "../domain/sync/status.ts"
import type { ClusterApi } from "../ports/ClusterApi.ts"
import type { Dialer } from "../ports/Dialer.ts"
import type { PodSession } from "../ports/PodSession.ts"
import type { StateFile } from "../ports/StateFile.ts"
import { Requests } from "../ports/Requests.ts"
import { both, Sink, type SinkError } from "../ports/Sink.ts"
import { isOn, type Values } from "./settings.ts"

export type { Target } from "../adapters/filesystem/collection.ts"
export type { ServerInspection } from "../adapters/nats/inspection.ts"
export type { Ear, Listener } from "../adapters/nats/listener.ts"

const optional = (text: string): string | undefined => (text === "" ? undefined : text)

/**
 * The API server of the pod or of the kubeconfig. `KUBECONFIG` is left to the adapter: in a pod the service account wins over it, as in Go.
 */
export const layerCluster = ({ context, kubeconfig }: Values, version: string): Layer.Layer<ClusterApi | Dialer | PodSession, MeshError> =>
  layerClusterOf({
    kubeconfigPath: kubeconfig.from === "flag" ? optional(kubeconfig.text) : undefined,
    context: optional(context.text),
    version,
  })

export interface ClusterOptions {
  readonly kubeconfigText?: string
  readonly kubeconfigPath?: string | undefined
  readonly context?: string | undefined
  readonly version: string
}

/** The API server of a kubeconfig or of the pod. Loaded when it is built: many runs never need it. */
export const layerClusterOf = (options: ClusterOptions): Layer.Layer<ClusterApi | Dialer | PodSession, MeshError> =>
  Layer.unwrap(
    Effect.promise(async () => {
      const [{ layer }, { layerDialer }] = await Promise.all([
        import("../adapters/kubernetes/clusterApi.ts"),
        import("../adapters/kubernetes/dialer.ts"),
      ])
      return Layer.merge(layer(options), layerDialer)
    }),
  )

/** Outputs that nobody can ask anything of. */
export const layerNoRequests: Layer.Layer<Requests> = Layer.succeed(Requests, {
  incoming: Stream.never,
  reply: () => Effect.void,
  subscribe: () => Queue.dropping<Uint8Array>(1),
})

/** What may become of messages that are too large. */
export const oversizePolicies: ReadonlyArray<OversizePolicy> = ["drop", "chunks"]

const oversizePolicyOf = ({ oversize }: Values): OversizePolicy => oversizePolicies.find((known) => known === oversize.text) ?? "drop"

/** NATS, both ways. */
export const layerBroker = (values: Values): Layer.Layer<Sink | Requests, MeshError> => layerBrokerOf(brokerOptions(values))

const brokerOptions = (values: Values): NatsOptions => ({
  url: values.brokerUrl.text,
  pace: isOn(values.pace.text),
  oversize: oversizePolicyOf(values),
  user: optional(values.natsUser.text),
  password: optional(values.natsPassword.text),
  token: optional(values.natsToken.text),
  credsPath: optional(values.natsCreds.text),
  nkeyPath: optional(values.natsNkey.text),
  certPath: optional(values.natsCert.text),
  keyPath: optional(values.natsKey.text),
  caPath: optional(values.natsCa.text),
})

/** What the brokers of these settings say to somebody who only looks. */
export const inspectBroker = (values: Values): Effect.Effect<ReadonlyArray<ServerInspection>, MeshError> =>
  Effect.flatMap(
    Effect.promise(() => import("../adapters/nats/inspection.ts")),
    ({ inspectServers }) => inspectServers(brokerOptions(values)),
  )

/** Hears what others publish on a subject of the broker of these settings; see adapters/nats/listener.ts. */
export const listenToBroker = (values: Values, subject: string, ear: Ear): Effect.Effect<Listener, MeshError, Scope.Scope> =>
  Effect.flatMap(
    Effect.promise(() => import("../adapters/nats/listener.ts")),
    ({ listenTo }) => listenTo(brokerOptions(values), subject, ear),
  )

/**
 * NATS as Sink and Requests. Fails with ErrBrokerUrl, ErrBrokerCredentials or ErrBrokerConnect.
 *
 * @example
 * layerNats({ ...credentials, url: "nats://localhost:4222", pace: true })
 */
export const layerBrokerOf = (options: NatsOptions): Layer.Layer<Sink | Requests, MeshError> =>
  Layer.unwrap(Effect.promise(async () => (await import("../adapters/nats/broker.ts")).layer(options)))

const layerSnapshotSink = (values: Values, manifests = false): Layer.Layer<Sink, SinkError> =>
  layerSnapshotOf({
    file: optional(values.outputFile.text),
    extended: isOn(values.extended.text),
    append: isOn(values.append.text),
    manifests,
  })

/** A YAML snapshot as Sink. Fails with ErrOutputFile. */
export const layerSnapshotOf = (options: SnapshotOptions): Layer.Layer<Sink, SinkError> =>
  Layer.unwrap(Effect.promise(async () => (await import("../adapters/filesystem/snapshot.ts")).layer(options)))

/** YAML snapshots. @param manifests whether the messages hold manifests */
export const layerSnapshot = (values: Values, manifests = false): Layer.Layer<Sink | Requests, SinkError> =>
  Layer.merge(layerSnapshotSink(values, manifests), layerNoRequests)

/** The latest state of each object, written as a whole at the end. */
export const layerCollection = (options: CollectionOptions): Layer.Layer<Sink | Requests, SinkError> =>
  Layer.unwrap(
    Effect.promise(async () =>
      Layer.merge((await import("../adapters/filesystem/collection.ts")).layerCollection(options), layerNoRequests),
    ),
  )

/** Bytes on standard output. */
export const writeBytes = (bytes: Uint8Array): Effect.Effect<void, SinkError> =>
  Effect.flatMap(
    Effect.promise(() => import("../adapters/terminal/stdout.ts")),
    ({ writeStdout }) => writeStdout(bytes),
  )

/** One line of JSON for each message on stdout. */
export const layerStdout: Layer.Layer<Sink | Requests> = Layer.unwrap(
  Effect.promise(async () => Layer.merge((await import("../adapters/terminal/stdout.ts")).layerStdout, layerNoRequests)),
)

/** What was announced, on disk; nothing where no path is given. Fails with ErrStateFile or ErrStateFileHeld. */
export const layerState = ({ stateFile }: Values): Layer.Layer<StateFile, MeshError> | Layer.Layer<never> =>
  stateFile.text === "" ? Layer.empty : layerStateOf(stateFile.text)

/**
 * What was announced, in a file whose folder exists. Fails with ErrStateFile, or with ErrStateFileHeld where another process has it.
 *
 * @example
 * run().pipe(Effect.provide(layerStateFile("/var/lib/shop/state")), Effect.provide(mySink))
 */
export const layerStateOf = (path: string): Layer.Layer<StateFile, MeshError> =>
  Layer.unwrap(Effect.promise(async () => (await import("../adapters/filesystem/stateFile.ts")).layerStateFile(path)))

/** How the state file at a path stands; each piece of it is valid until the next. Fails with ErrStateFile where it cannot be used. */
export const inspectState = (path: string, take: (piece: Uint8Array) => void): Effect.Effect<StateFileInspection, MeshError> =>
  Effect.flatMap(
    Effect.promise(() => import("../adapters/filesystem/stateFile.ts")),
    ({ inspectStateFile }) => inspectStateFile(path, take),
  )

/** Where the messages go, in words that stay the same from run to run: a state file belongs to them. */
export const audienceOf = (values: Values): Effect.Effect<string> =>
  values.output.text === "broker" ? brokerName(values.brokerUrl.text) : Effect.succeed(values.output.text)

/** The broker in words, without credentials. */
export const brokerName = (url: string): Effect.Effect<string> =>
  Effect.promise(async () => `broker ${(await import("../adapters/nats/address.ts")).maskAddress(url)}`)

export interface FeedOptions {
  readonly verbose: boolean
  readonly status: () => Status | undefined
}

/** A terminal that does not know its size says 0 columns. */
export const columnsOf = ({ columns }: { readonly columns?: number }): number =>
  columns === undefined || columns === 0 ? columnsDefault : columns

const columnsDefault = 80

const layerFeedSink = ({ status, verbose }: FeedOptions): Layer.Layer<Sink> =>
  Layer.unwrap(
    Effect.promise(async () => {
      const [{ layerFeed }, { writeStdout }] = await Promise.all([
        import("../adapters/terminal/feed.ts"),
        import("../adapters/terminal/stdout.ts"),
      ])
      const tty = process.stdout.isTTY === true
      const colour = tty && process.env["NO_COLOR"] === undefined
      return layerFeed({ tty, colour, width: () => columnsOf(process.stdout), write: writeStdout, verbose, status })
    }),
  )

/** The live feed in the terminal. */
export const layerFeed = (options: FeedOptions): Layer.Layer<Sink | Requests> => Layer.merge(layerFeedSink(options), layerNoRequests)

/** The live feed, and the snapshots beside it. */
export const layerFeedAndSnapshot = (options: FeedOptions, values: Values): Layer.Layer<Sink | Requests, SinkError> =>
  Layer.merge(
    Layer.effect(
      Sink,
      Effect.gen(function* () {
        const feed = yield* Layer.build(layerFeedSink(options))
        const snapshot = yield* Layer.build(layerSnapshotSink(values))
        return both(yield* Effect.provide(Sink, snapshot), yield* Effect.provide(Sink, feed))
      }),
    ),
    layerNoRequests,
  )

export interface HealthOptions {
  readonly port: number
  readonly status: () => Status
  readonly ready: () => boolean
}

/** Probes, metrics and status over HTTP. */
export const layerHealth = (options: HealthOptions): Layer.Layer<never> =>
  options.port === 0
    ? Layer.empty
    : Layer.unwrap(Effect.promise(async () => (await import("../adapters/http/status.ts")).layerHttp(options)))

/** The cluster that lives in this process, served over real HTTP on the loopback. */
export const openDemoCluster = (seed: number) =>
  Effect.gen(function* () {
    const [{ makeDemoCluster }, { serveCluster }, { runChurn }] = yield* Effect.promise(() =>
      Promise.all([
        import("../adapters/memory/demoCluster.ts"),
        import("../adapters/memory/server.ts"),
        import("../adapters/memory/churn.ts"),
      ]),
    )
    const cluster = makeDemoCluster({ seed, nowMs: Date.now() })
    const served = yield* serveCluster({ cluster })
    return { kubeconfigText: served.kubeconfig(), url: served.url, churn: runChurn(served, seed) }
  })

/** Reads snapshots back, holds a cluster's objects beside them, and puts the differences into words. */
export const loadSnapshotComparison = Effect.promise(async () => {
  const [{ readSnapshot }, { makeCollection }, { renderSnapshotDiff }] = await Promise.all([
    import("../adapters/filesystem/snapshotReading.ts"),
    import("../adapters/memory/collection.ts"),
    import("../adapters/terminal/snapshotDiffText.ts"),
  ])
  const openLiveSide = (whole: boolean) => {
    const { layer, objects } = makeCollection(whole)
    return { layer: Layer.merge(layer, layerNoRequests), objects }
  }
  return { readSnapshot, openLiveSide, renderSnapshotDiff }
})

/** How far a snapshot is, in words. */
export const loadProgress = Effect.promise(async () => (await import("../adapters/terminal/progress.ts")).progressText)
