/**
 * `meshsync/testing`: a cluster and a broker that live in this process. No type of Effect is in its declarations.
 *
 * The cluster answers as kube-apiserver does, to the byte where a client can see it: lists in pages, watches with bookmarks, discovery,
 * custom resource definitions, conflicts, 410. Equal seeds give equal uids. It has no controllers: a Deployment makes no Pods.
 * To clients in this process its containers have logs, and terminals with a shell that knows `echo` and `exit`; over HTTP they have
 * neither.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { makeBroker as makeQueues } from "./adapters/memory/broker.ts"
import { layerMemory } from "./adapters/memory/clusterApi.ts"
import { makeContainers } from "./adapters/memory/podSession.ts"
import { makeDemoCluster } from "./adapters/memory/demoCluster.ts"
import type { Fault } from "./adapters/memory/fault.ts"
import { compact, cutWatches, makeCluster, restartServer, wake, type Cluster } from "./adapters/memory/model.ts"
import type { KubeObject } from "./adapters/memory/object.ts"
import { serveCluster } from "./adapters/memory/server.ts"
import { createObject, patchObject, removeObject, replaceObject, type Written } from "./adapters/memory/write.ts"
import { clusterKey, type Broker, type InProcessCluster } from "./app/embed/face.ts"
import { Dialer } from "./ports/Dialer.ts"
import { PodSession } from "./ports/PodSession.ts"

export type { Broker, InProcessCluster, Subscription } from "./app/embed/face.ts"
export type { Fault, Trouble } from "./adapters/memory/fault.ts"
export type { KubeObject, Meta } from "./adapters/memory/object.ts"

/** An object to be stored; `apiVersion` and `kind` say where. */
export interface Manifest extends KubeObject {
  readonly apiVersion: string
  readonly kind: string
}

/** One object by its address. */
export interface Address {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string | undefined
  readonly name: string
}

/** What the server has made of a write. */
export interface Stored {
  readonly uid: string
  readonly resourceVersion: string
}

/** How a cluster in this process begins. */
export interface FakeClusterOptions {
  /** Equal seeds give equal uids; 1 if absent. */
  readonly seed?: number | undefined
  /** Begin with some 600 objects of 30 kinds instead of four namespaces. */
  readonly demo?: boolean | undefined
  /** Objects that are there from the beginning. */
  readonly objects?: ReadonlyArray<Manifest> | undefined
}

/** A cluster over HTTP on the loopback. */
export interface ServedCluster extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** The content of a kubeconfig that leads to it. */
  readonly kubeconfig: string
  /** Lists and watches asked for so far, of one type (`plural.group`). */
  readonly requests: (key: string) => { readonly lists: number; readonly watches: number }
  /** Closes every connection and the port. */
  readonly close: () => Promise<void>
}

/** A programmable cluster. Open watches see each write at once. Writes that a real server refuses throw an Error with its words. */
export interface FakeCluster extends InProcessCluster {
  readonly create: (manifest: Manifest) => Stored
  /** Replaces the whole object; a resourceVersion in it must be the current one. */
  readonly replace: (manifest: Manifest) => Stored
  /** Applies a JSON merge patch. */
  readonly patch: (address: Address, patch: object) => Stored
  readonly remove: (address: Address) => Stored
  /** Adds a line to the log of a container, which need not run yet; the last 1,000 are kept. */
  readonly writeLog: (container: { readonly namespace: string; readonly pod: string; readonly container: string }, line: string) => void
  /** Something goes wrong from now on: a status, a cut connection, silence, an expired version. */
  readonly inject: (fault: Fault) => void
  readonly clearFaults: () => void
  /** Continue tokens given so far expire. */
  readonly compact: () => void
  /** Breaks the watches of one type (`plural.group`). */
  readonly cutWatches: (key: string) => void
  /** Breaks every open watch of clients in this process; what happened before can no longer be watched. */
  readonly restart: () => void
  /** Serves it over HTTP as well. @param port a free one if absent */
  readonly serve: (port?: number) => Promise<ServedCluster>
}

/** The type that a manifest's apiVersion and kind name, among those that are served now. */
const keyOf = (cluster: Cluster, { apiVersion, kind }: Pick<Manifest, "apiVersion" | "kind">): string => {
  const [version = "", group = ""] = apiVersion.split("/").toReversed()
  for (const [key, { resource }] of cluster.shelves) {
    if (resource.kind === kind && resource.group === group && resource.versions.includes(version)) return key
  }
  throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`)
}

const written = (result: Written): Stored => {
  if (Result.isFailure(result)) throw new Error(result.failure.message)
  return { uid: result.success.uid, resourceVersion: String(result.success.version) }
}

const firstNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"]

/** Dials nothing: no load balancer of a fake cluster answers. */
const layerNoDials = Layer.succeed(Dialer, { reachable: () => Effect.succeed(new Set<string>()) })

/**
 * A cluster in this process, for `watchCluster({ cluster })` and `run({ cluster })`, or over HTTP for any client.
 *
 * @example
 * const cluster = makeFakeCluster()
 * cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "settings" }, data: { colour: "blue" } })
 * cluster.inject({ key: "configmaps", verb: "watch", trouble: { _tag: "Status", code: 503 }, times: 2 })
 */
export const makeFakeCluster = (options: FakeClusterOptions = {}): FakeCluster => {
  const { demo = false, objects = [], seed = 1 } = options
  const cluster = demo ? makeDemoCluster({ seed, nowMs: Date.now() }) : makeCluster(seed)
  const create = (manifest: Manifest): Stored => written(createObject(cluster, keyOf(cluster, manifest), manifest, Date.now()))
  if (!demo) for (const name of firstNamespaces) create({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
  for (const object of objects) create(object)
  const containers = makeContainers(cluster)
  return {
    [clusterKey]: Layer.mergeAll(layerMemory(cluster), layerNoDials, Layer.succeed(PodSession, containers.sessions)),
    create,
    replace: (manifest) => written(replaceObject(cluster, keyOf(cluster, manifest), manifest)),
    patch: (address, patch) => written(patchObject(cluster, keyOf(cluster, address), address.namespace ?? "", address.name, patch)),
    remove: (address) => written(removeObject(cluster, keyOf(cluster, address), address.namespace ?? "", address.name, Date.now())),
    writeLog: (container, line) => containers.write(container, line, Date.now()),
    inject: (fault) => void cluster.faults.push(fault),
    clearFaults: () => {
      cluster.faults.length = 0
      wake(cluster)
    },
    compact: () => compact(cluster),
    cutWatches: (key) => cutWatches(cluster, key),
    restart: () => restartServer(cluster),
    serve: (port) => serve(cluster, port),
  }
}

const serve = async (cluster: Cluster, port: number | undefined): Promise<ServedCluster> => {
  const scope = Scope.makeUnsafe()
  const served = await Effect.runPromise(Scope.provide(serveCluster({ cluster, ...(port === undefined ? {} : { port }) }), scope))
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  return { url: served.url, kubeconfig: served.kubeconfig(), requests: served.requests, close, [Symbol.asyncDispose]: close }
}

/** A broker in this process. */
export interface InProcessBroker extends Broker {
  /** The queues of a subject that somebody consumes. */
  readonly queues: (subject: string) => ReadonlyArray<string>
}

/**
 * A broker in this process, for `run({ output: "broker", broker })`. Each queue of a subject holds 1,024 messages; of a queue's consumers
 * one gets each message; publishing where nobody listens succeeds; a full queue makes the publisher wait for at most 1 s, then `publish`
 * rejects and names the queues that lack the message. A consumer is subscribed from the call of `subscribe` on. Subjects have no wildcards.
 *
 * @example
 * const broker = makeBroker()
 * const changes = broker.subscribe("meshery.meshsync.core", "mine")
 * void run({ output: "broker", broker, signal })
 * for await (const bytes of changes) console.log(decodeMessage(bytes).EventType)
 */
export const makeBroker = (): InProcessBroker => {
  const broker = makeQueues()
  return {
    publish: (subject, payload) => Effect.runPromise(broker.publish(subject, payload)),
    queues: broker.queues,
    subscribe: (subject, queue) => {
      const scope = Scope.makeUnsafe()
      const messages = Effect.runSync(Scope.provide(broker.subscribe(subject, queue), scope))
      const ended: IteratorReturnResult<undefined> = { done: true, value: undefined }
      const waiting = new Set<Fiber.Fiber<Uint8Array>>()
      let open = true
      const unsubscribe = async () => {
        open = false
        // A waiting consumer that is not interrupted would take the next message of its queue along.
        await Effect.runPromise(Effect.andThen(Fiber.interruptAll(waiting), Scope.close(scope, Exit.void)))
      }
      const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
        if (!open) return ended
        const fiber = Effect.runFork(Queue.take(messages))
        waiting.add(fiber)
        const exit = await Effect.runPromise(Fiber.await(fiber))
        waiting.delete(fiber)
        return Exit.isSuccess(exit) ? { done: false, value: exit.value } : ended
      }
      const iterator = { next, return: async () => (await unsubscribe(), ended), [Symbol.asyncIterator]: () => iterator }
      return { unsubscribe, [Symbol.asyncIterator]: () => iterator }
    },
  }
}
