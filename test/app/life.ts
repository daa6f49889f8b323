/**
 * One life of a run over a cluster and a state file that outlive it, all in memory: it begins, does what a test wants, and is killed.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { layerMemory } from "../../src/adapters/memory/clusterApi.ts"
import { makeCluster, type Cluster } from "../../src/adapters/memory/model.ts"
import type { KubeObject } from "../../src/adapters/memory/object.ts"
import { makeMemoryDisk, stateFileOn, type MemoryDisk } from "../../src/adapters/memory/stateFile.ts"
import { createObject, patchObject, removeObject } from "../../src/adapters/memory/write.ts"
import { startRun, type RunOptions } from "../../src/app/run.ts"
import type { Request } from "../../src/domain/wire/request.ts"
import { ClusterApi } from "../../src/ports/ClusterApi.ts"
import { Dialer } from "../../src/ports/Dialer.ts"
import { PodSession } from "../../src/ports/PodSession.ts"
import { Requests } from "../../src/ports/Requests.ts"
import { accepted, Sink, type Message, type Receipt } from "../../src/ports/Sink.ts"
import { StateFile } from "../../src/ports/StateFile.ts"

export const configMap = (name: string, colour = "blue"): KubeObject =>
  ({ metadata: { namespace: "default", name }, data: { colour } }) as KubeObject
export interface World {
  readonly cluster: Cluster
  readonly disk: MemoryDisk
}

export const makeWorld = (): World => {
  const cluster = makeCluster(1)
  for (const name of ["default", "kube-system"]) put({ cluster }, "namespaces", { metadata: { name } } as KubeObject)
  return { cluster, disk: makeMemoryDisk() }
}

export const put = ({ cluster }: Pick<World, "cluster">, key: string, object: KubeObject) =>
  Result.getOrThrow(createObject(cluster, key, object, 0))
export const drop = ({ cluster }: World, key: string, name: string, namespace = "default") =>
  Result.getOrThrow(removeObject(cluster, key, namespace, name, 0))
export const paint = ({ cluster }: World, name: string, colour: string) =>
  Result.getOrThrow(patchObject(cluster, "configmaps", "default", name, { data: { colour } }))

export interface Life {
  /** What the sink has accepted: `Added ConfigMap a`, with the apiVersion where it has a group. */
  readonly told: Array<string>
  readonly until: (what: string, holds: () => boolean) => Effect.Effect<void>
  readonly ask: (request: Request) => Effect.Effect<void>
  readonly settled: Effect.Effect<void>
}

export interface LifeOptions extends Partial<RunOptions> {
  /** What the sink says to a batch; accepted if absent. */
  readonly owes?: () => boolean
  readonly receiver?: () => string | undefined
  /** What was asked before it began; its documents take a moment then. */
  readonly early?: Request
  readonly receipt?: (told: ReadonlyArray<string>, messages: ReadonlyArray<Message>) => Effect.Effect<Receipt>
}

/** The cluster whose documents take a second. */
const layerSlow = (cluster: Cluster) =>
  Layer.effect(
    ClusterApi,
    Effect.map(ClusterApi, (api) => ({ ...api, read: (...words) => Effect.andThen(Effect.sleep("1 second"), api.read(...words)) })),
  ).pipe(Layer.provide(layerMemory(cluster)))

const selection = ["configmaps", "secrets", "lamps"]

/** Runs for as long as `during` takes, then is killed: what the file is told in the end is taken back. */
export const live = <A>(
  world: World,
  during: (life: Life) => Effect.Effect<A>,
  { early, owes = () => false, receipt, receiver, ...options }: LifeOptions = {},
) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const incoming = yield* Queue.unbounded<Request>()
    if (early !== undefined) yield* Queue.offer(incoming, early)
    const sink = Sink.of({
      deliver: ({ messages }) =>
        Effect.gen(function* () {
          const words = messages.map(
            ({ event, name, type }) => `${event} ${type.kind} ${type.group === "" ? "" : `${type.version} `}${name}`,
          )
          const answer = receipt === undefined ? accepted : yield* receipt(words, messages)
          if (answer._tag === "accepted") told.push(...words)
          return answer
        }),
      bytesMax: () => 1 << 20,
      status: () => ({ name: "test", state: "connected", detail: "" }),
      settled: Effect.void,
      owes,
      ...(receiver === undefined ? {} : { receiver }),
    })
    const ports = Layer.mergeAll(
      early === undefined ? layerMemory(world.cluster) : layerSlow(world.cluster),
      Layer.succeed(Sink, sink),
      Layer.succeed(Dialer, Dialer.of({ reachable: () => Effect.succeed(new Set<string>()) })),
      Layer.succeed(PodSession, PodSession.of({ openLog: () => Effect.die("no logs"), openTerminal: () => Effect.die("no terminals") })),
      Layer.succeed(Requests, {
        incoming: Stream.fromQueue(incoming),
        reply: () => Effect.void,
        subscribe: () => Queue.dropping<Uint8Array>(1),
      }),
      Layer.succeed(StateFile, stateFileOn(world.disk)),
    )
    const scope = yield* Scope.make()
    const run = yield* startRun({
      version: "test",
      redact: false,
      contentDedup: false,
      outputNamespaces: [],
      outputResources: selection,
      selector: "",
      clusterId: "",
      audience: "test",
      ...options,
    }).pipe(Effect.provide(ports), Scope.provide(scope))
    const until = (what: string, holds: () => boolean) =>
      Effect.gen(function* () {
        for (let i = 0; !holds(); i++) {
          if (i === 2_000) return yield* Effect.die(`never: ${what}; told were ${told.join(", ")}`)
          yield* TestClock.adjust("50 millis")
        }
      })
    const settled = until(
      "everything is announced",
      () => run.engine.surveyed && [...run.engine.lanes.values()].every((lane) => lane.delivered),
    )
    const answer = yield* during({
      told,
      until,
      ask: (request) => Effect.asVoid(Queue.offer(incoming, request)),
      settled,
    })
    const { content } = world.disk
    yield* Scope.close(scope, Exit.void)
    world.disk.content = content
    return answer
  })
