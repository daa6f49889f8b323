/**
 * What somebody sees who embeds MeshSync in plain TypeScript: options, changes, sinks, brokers, errors.
 *
 * Invariant: nothing in here, nor in what it imports, names a type of Effect, so the declarations of `meshsync` and `meshsync/testing` do
 * not either. Knows nothing of how any of it is done.
 */
import type { ResourceType } from "../../domain/select/resource.ts"
import type { Status } from "../../domain/sync/status.ts"
import type { KubernetesObject } from "../../domain/wire/restore.ts"

/** Under this key an in-process cluster keeps what leads to it. */
export const clusterKey: unique symbol = Symbol("meshsync/cluster")

/** A cluster that lives in this process; `meshsync/testing` makes one. */
export interface InProcessCluster {
  readonly [clusterKey]: unknown
}

/** Where the API server is. Without any of these: the pod's service account, else `KUBECONFIG`, else `~/.kube/config`. */
export interface ClusterOptions {
  /** The content of a kubeconfig, YAML or JSON; wins over `kubeconfigPath`. */
  readonly kubeconfig?: string | Uint8Array | undefined
  readonly kubeconfigPath?: string | undefined
  /** A context of the kubeconfig; its current one if absent. */
  readonly context?: string | undefined
  /** Instead of all these: a cluster in this process. */
  readonly cluster?: InProcessCluster | undefined
}

/** What is watched. Without `resources`: what the cluster's MeshSync custom resource says, else 21 common kinds. */
export interface Select {
  /** Resources in any spelling of kubectl: `pods`, `deploy`, `certificates.cert-manager.io`; `*` for all. */
  readonly resources?: ReadonlyArray<string> | undefined
  /** Only objects of these namespaces; an empty element stands for cluster-scoped objects. All if absent or without elements. */
  readonly namespaces?: ReadonlyArray<string> | undefined
  /** A label selector in kubectl's grammar: `app=web,tier!=cache`. */
  readonly labels?: string | undefined
}

/** One line of the log. Values of objects and credentials are never in it. */
export interface LogLine {
  readonly level: "debug" | "info" | "warning" | "error" | "fatal"
  readonly message: string
  /** Errors carry their code, cause and remedy here. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch. */
  readonly timeMs: number
}

/** What every watch and every run may be told. */
export interface CommonOptions extends ClusterOptions {
  readonly select?: Select | undefined
  /** Ends everything: connections, timers, files. An end by the signal is an end in order, no error. */
  readonly signal?: AbortSignal | undefined
  /** End as soon as everything selected has been listed and delivered once. */
  readonly once?: boolean | undefined
  /** End after so many milliseconds; 0: at once; negative or absent: never. */
  readonly stopAfterMs?: number | undefined
  /** The cluster's id where the namespace kube-system may not be read. */
  readonly clusterId?: string | undefined
  /** The embedding program's version: shown to the API server and in answers to `meshsync-meta`. `Not Set` if absent. */
  readonly version?: string | undefined
  /** The MeshSync custom resource whose watch-list counts where `select` names no resources; `meshery/meshery-meshsync` if absent. */
  readonly customResource?: { readonly namespace: string; readonly name: string } | undefined
  /** Announce the objects of a kind as deleted when that resource no longer selects it; off if absent. */
  readonly deleteOnClose?: boolean | undefined
  /**
   * Values of other kinds than Secret to be replaced by `[REDACTED]`, in the grammar of `--redact-path`:
   * `pods:spec.containers[*].env[*].value`, `widgets.example.com:spec.password`. A rule that cannot be read is ErrUsage.
   */
  readonly redactPaths?: ReadonlyArray<string> | undefined
  /** Called with each line of the log; without it nothing is logged anywhere. */
  readonly log?: ((line: LogLine) => void) | undefined
  /** Called once, when everything selected has been listed and delivered, as far as it may be read. */
  readonly onSettled?: (() => void) | undefined
}

/** What a watch may be told. */
export interface WatchOptions extends CommonOptions {
  /** Replace the values of Secrets by `[REDACTED]`; on unless told otherwise. */
  readonly redactSecrets?: boolean | undefined
}

/** One change of the cluster. All of it is the receiver's own: no buffer of ours is in it. */
export interface Change {
  readonly event: "Added" | "Modified" | "Deleted"
  /** Group, version, plural, kind and scope. */
  readonly resource: ResourceType
  /** Empty for cluster-scoped objects. */
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** The message as it goes over a broker: JSON in UTF-8, see `decodeMessage`. */
  readonly bytes: Uint8Array
  /**
   * The object in the form of Kubernetes, made when first asked for. Of an object whose deletion a list has found only the identity is
   * known. Integers beyond 2^53 are rounded, as by `JSON.parse`; the strings in `bytes` have them exactly.
   */
  readonly object: () => KubernetesObject
}

/** Changes as they come. One loop over it is one run: it starts with the first and ends with the loop, the signal, or an error. */
export interface ClusterWatch extends AsyncIterableIterator<Change, undefined>, AsyncDisposable {
  /** Ends the run and completes when nothing of it is left. */
  readonly return: () => Promise<IteratorResult<Change, undefined>>
  /** Every kind with its state, trouble and counters; undefined before the start. */
  readonly status: () => Status | undefined
}

// Outputs ----------------------------------------------------------------------------------------------------------------

/** What a sink is given at a time: at most 250 changes, or 1 MiB of them. */
export interface SinkBatch {
  /** `live`: changes of a running watch. `announcement`: the content of a list. */
  readonly urgency: "live" | "announcement"
  /** In order within a resource type. */
  readonly changes: ReadonlyArray<Change>
}

/** An output of one's own. */
export interface ChangeSink {
  /**
   * Takes a batch; the next one of the same resource type comes when it has. That is the back-pressure: nothing is dropped meanwhile.
   * Answering `{ doubtful: reason }` has the same batch delivered again, whole and in order. Throwing ends the run with that error.
   */
  readonly deliver: (batch: SinkBatch) => void | { readonly doubtful: string } | Promise<void | { readonly doubtful: string }>
  /** Called once at the end, whatever the reason of the end. */
  readonly close?: () => void | Promise<void>
}

/** Consumption of a subject: ends when it is unsubscribed from. */
export interface Subscription extends AsyncIterable<Uint8Array> {
  /** Ends the consumption; asking again changes nothing. */
  readonly unsubscribe: () => void | Promise<void>
}

/** A broker of one's own, in place of NATS. `meshsync/testing` has one that lives in this process. */
export interface Broker {
  /** Rejects when the broker does not have the message: then it is published again, with all that came with it. */
  readonly publish: (subject: string, payload: Uint8Array) => Promise<void>
  /** Of the consumers of one queue each message goes to one. */
  readonly subscribe: (subject: string, queue: string) => Subscription
}

/** How to reach NATS. */
export interface NatsServer {
  /** One or several addresses, separated by commas. */
  readonly url: string
  /** Hold announcements to a rate that Meshery Server can take; on if absent. */
  readonly pace?: boolean | undefined
  /**
   * What becomes of a message above the broker's `max_payload`: an error and no message (`drop`, also if absent), or `chunks` on
   * `meshery.meshsync.oversize`, to be read with `makeOversizeDecoder`.
   */
  readonly oversize?: "drop" | "chunks" | undefined
  /** Port of the broker's monitoring endpoint; 8222 if absent. */
  readonly monitorPort?: number | undefined
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly token?: string | undefined
  readonly credsPath?: string | undefined
  readonly nkeyPath?: string | undefined
  readonly certPath?: string | undefined
  readonly keyPath?: string | undefined
  readonly caPath?: string | undefined
}

/** What every run may be told, whatever its output. */
export interface OutputOptions extends CommonOptions {
  /** Replace the values of Secrets by `[REDACTED]`. Off for `broker` and `file`, as in the Go MeshSync; on for `sink`. */
  readonly redactSecrets?: boolean | undefined
  /** Serves `/healthz`, `/readyz`, `/metrics` and `/status` on this port; none if absent. */
  readonly healthPort?: number | undefined
}

/** A run whose messages go to somebody who keeps what they said. */
export interface RememberingOptions extends OutputOptions {
  /**
   * A file that remembers what was announced: the next run with it says what changed and what went meanwhile. Its folder must exist, and
   * one run at a time has it: else ErrStateFile or ErrStateFileHeld. What `deliver` or `publish` has taken counts as announced.
   */
  readonly stateFile?: string | undefined
}

/** A run that publishes on a broker and answers requests that come over it. */
export interface BrokerRunOptions extends RememberingOptions {
  readonly output: "broker"
  readonly broker: NatsServer | Broker
  /** Leave out messages that say the same as the last one of their object. */
  readonly contentDedup?: boolean | undefined
  /**
   * What requests over the broker may open in pods: logs and terminals (`on`), `logs`, or nothing (`off`, also if absent). Whoever may
   * publish on the request subject may then read logs and run `/bin/sh` in the selected namespaces.
   */
  readonly interactive?: "on" | "logs" | "off" | undefined
}

/** A run that writes YAML: the latest state of each object. */
export interface FileRunOptions extends OutputOptions {
  readonly output: "file"
  /** The snapshot's name; a new name of the form `meshery-cluster-snapshot-YYYYMMDD-00.yaml` if absent. */
  readonly file?: string | undefined
  /** Also write every event, in order, as `<name>-extended.yaml`; off if absent. */
  readonly extended?: boolean | undefined
  /** Continue existing files instead of replacing them. */
  readonly append?: boolean | undefined
}

/** A run into a sink of one's own. */
export interface SinkRunOptions extends RememberingOptions {
  readonly output: "sink"
  readonly sink: ChangeSink
}

/** What a run is told; `output` says which sort it is. */
export type RunOptions = BrokerRunOptions | FileRunOptions | SinkRunOptions

// Errors -----------------------------------------------------------------------------------------------------------------

/** A structured error: what happened, why probably, and what to do. All are listed in docs/ERRORS.md. */
export class MeshSyncError extends Error {
  /** The key of the error's entry, e.g. `ErrKubeConfig`. */
  readonly key: string
  /** MeshKit's code, e.g. `1007`. */
  readonly code: string
  readonly shortDescription: string
  readonly probableCause: string
  readonly suggestedRemediation: string

  constructor(
    message: string,
    entry: { readonly key: string; readonly code: string; readonly short: string; readonly cause: string; readonly remedy: string },
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = "MeshSyncError"
    this.key = entry.key
    this.code = entry.code
    this.shortDescription = entry.short
    this.probableCause = entry.cause
    this.suggestedRemediation = entry.remedy
  }
}
