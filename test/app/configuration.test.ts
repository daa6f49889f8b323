/**
 * The MeshSync custom resource under a run, all of it in memory and on a test clock: what an edit costs the API server, to the request, and
 * what it makes the run say.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { makeClusterApi } from "../../src/adapters/memory/clusterApi.ts"
import { makeCluster, type Cluster } from "../../src/adapters/memory/model.ts"
import type { KubeObject } from "../../src/adapters/memory/object.ts"
import { createObject, patchObject, removeObject } from "../../src/adapters/memory/write.ts"
import { startRun, type RunOptions } from "../../src/app/run.ts"
import { typeKey } from "../../src/domain/select/resource.ts"
import { ClusterApi, type Collection } from "../../src/ports/ClusterApi.ts"
import { Dialer } from "../../src/ports/Dialer.ts"
import { PodSession } from "../../src/ports/PodSession.ts"
import { Requests } from "../../src/ports/Requests.ts"
import { accepted, Sink } from "../../src/ports/Sink.ts"

const meshsyncs = "meshsyncs.meshery.io"

const definitionOf = (group: string, plural: string, kind: string, version: string): KubeObject =>
  ({
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, singular: kind.toLowerCase(), kind },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  }) as unknown as KubeObject

const all = ["ADDED", "MODIFIED", "DELETED"]
const entry = (Resource: string, more: object = {}) => ({ Resource, Events: all, ...more })
const specOf = (data: object) => ({ "watch-list": { data } })
const whitelist = (...entries: ReadonlyArray<object>) => specOf({ whitelist: JSON.stringify(entries) })

class World {
  readonly cluster: Cluster = makeCluster(1)
  constructor() {
    for (const name of ["kube-system", "meshery", "shop", "lab"]) this.put("namespaces", { metadata: { name } })
    for (const namespace of ["shop", "lab"]) {
      this.put("configmaps", { metadata: { namespace, name: `${namespace}-map`, labels: { at: namespace } }, data: { k: "v" } })
      this.put("secrets", { metadata: { namespace, name: `${namespace}-secret` }, data: { k: "dg==" } })
    }
  }
  readonly put = (key: string, object: KubeObject) => Result.getOrThrow(createObject(this.cluster, key, object, 0))
  readonly define = (version = "v1alpha1") =>
    this.put("customresourcedefinitions.apiextensions.k8s.io", definitionOf("meshery.io", "meshsyncs", "MeshSync", version))
  readonly install = (spec: object) => this.put(meshsyncs, { metadata: { namespace: "meshery", name: "meshery-meshsync" }, spec })
  readonly edit = (spec: object) => Result.getOrThrow(patchObject(this.cluster, meshsyncs, "meshery", "meshery-meshsync", { spec }))
  readonly uninstall = () => Result.getOrThrow(removeObject(this.cluster, meshsyncs, "meshery", "meshery-meshsync", 0))
  get conditions(): ReadonlyArray<Record<string, unknown>> {
    const stored = this.cluster.shelves.get(meshsyncs)?.items.get("meshery/meshery-meshsync")
    const body = stored?.body
    const text = Buffer.from(typeof body === "function" ? body() : (body ?? new Uint8Array(0))).toString()
    return (JSON.parse(`{${text}`) as { status?: { conditions?: ReadonlyArray<Record<string, unknown>> } }).status?.conditions ?? []
  }
}

const wish = ({ depth, name, namespace, selector, type }: Collection): string =>
  [typeKey(type), namespace, name, selector, depth === "metadata" ? depth : undefined].filter((part) => (part ?? "") !== "").join(" ")

/** A run over the world; `requests` and `told` grow, and a test takes from them what has come since it took last. */
const run = (world: World, options: Partial<RunOptions> = {}) =>
  Effect.gen(function* () {
    const requests: Array<string> = []
    const told: Array<string> = []
    const api = makeClusterApi(world.cluster)
    const counting = ClusterApi.of({
      ...api,
      list: (request) =>
        Effect.andThen(
          Effect.sync(() => requests.push(`list ${wish(request)}`)),
          api.list(request),
        ),
      watch: (request) =>
        Effect.andThen(
          Effect.sync(() => requests.push(`watch ${wish(request)}`)),
          api.watch(request),
        ),
      read: (path, accept) =>
        Effect.andThen(
          Effect.sync(() => path.includes("customresourcedefinitions") && requests.push("read definitions")),
          api.read(path, accept),
        ),
      apply: (path, document) =>
        Effect.andThen(
          Effect.sync(() => requests.push(`apply ${path}`)),
          api.apply(path, document),
        ),
    })
    const sink = Sink.of({
      deliver: ({ messages }) =>
        Effect.sync(() => {
          for (const { event, name, type } of messages) told.push(`${event} ${type.kind} ${name}`)
          return accepted
        }),
      bytesMax: () => 1 << 20,
      status: () => ({ name: "test", state: "connected", detail: "" }),
      settled: Effect.void,
    })
    const ports = Layer.mergeAll(
      Layer.succeed(ClusterApi, counting),
      Layer.succeed(Sink, sink),
      Layer.succeed(Dialer, Dialer.of({ reachable: () => Effect.succeed(new Set<string>()) })),
      Layer.succeed(PodSession, PodSession.of({ openLog: () => Effect.die("no logs"), openTerminal: () => Effect.die("no terminals") })),
      Layer.succeed(Requests, { incoming: Stream.never, reply: () => Effect.void, subscribe: () => Queue.dropping<Uint8Array>(1) }),
    )
    const started = yield* startRun({
      version: "test",
      redact: false,
      contentDedup: false,
      outputNamespaces: [],
      outputResources: [],
      selector: "",
      clusterId: "",
      ...options,
    }).pipe(Effect.provide(ports))
    const take = (log: Array<string>) => log.splice(0).toSorted()
    // Definitions that are new to a run make it look again for 6 s.
    yield* TestClock.adjust("15 seconds")
    take(requests)
    return {
      engine: started.engine,
      said: () => take(told),
      asked: () => take(requests),
      /** The time that an edit may take. */
      soon: TestClock.adjust("2 seconds"),
    }
  })

const started = (spec: object, options?: Partial<RunOptions>) =>
  Effect.gen(function* () {
    const world = new World()
    world.define()
    world.install(spec)
    return { world, ...(yield* run(world, options)) }
  })

describe("an edit of the custom resource", () => {
  it.effect("opens and closes the lanes concerned within 2 s, and costs one list and one watch", () =>
    Effect.gen(function* () {
      const { asked, said, soon, world } = yield* started(whitelist(entry("configmaps.v1.")))
      assert.deepStrictEqual(said().slice(0, 2), ["Added ConfigMap lab-map", "Added ConfigMap shop-map"])
      world.edit(whitelist(entry("configmaps.v1."), entry("secrets.v1.")))
      yield* soon
      assert.deepStrictEqual(asked(), ["list secrets", "watch secrets"])
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        ["Added Secret lab-secret", "Added Secret shop-secret"],
      )
      world.edit(whitelist(entry("secrets.v1.")))
      yield* soon
      assert.deepStrictEqual(asked(), [])
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        [],
      )
    }),
  )

  it.effect("that leaves the watch-list as it is costs nothing", () =>
    Effect.gen(function* () {
      const { asked, soon, world } = yield* started(whitelist(entry("configmaps.v1.")))
      world.edit({ version: "stable-latest" })
      yield* soon
      assert.deepStrictEqual(asked(), [])
    }),
  )

  it.effect("that sets an interval has everything compared within it, one that takes it away ends that", () =>
    Effect.gen(function* () {
      const { engine, soon, world } = yield* started(whitelist(entry("configmaps.v1.")))
      const comparisons = Effect.gen(function* () {
        for (let i = 0; i < 12; i++) yield* TestClock.adjust("30 seconds")
        return engine.counters["reconciles"] ?? 0
      })
      assert.strictEqual(yield* comparisons, 0)
      world.edit({ "reconcile-interval": "5m" })
      yield* soon
      assert.strictEqual(yield* comparisons, 1)
      world.edit({ "reconcile-interval": "0" })
      yield* soon
      assert.strictEqual(yield* comparisons, 1)
    }),
  )

  it.effect("that takes events away lists nothing; one that adds some says everything of the kind once more", () =>
    Effect.gen(function* () {
      const { asked, said, soon, world } = yield* started(whitelist(entry("configmaps.v1.")))
      said()
      world.edit(whitelist({ Resource: "configmaps.v1.", Events: ["DELETED"] }))
      yield* soon
      assert.deepStrictEqual(asked(), ["watch configmaps"])
      world.put("configmaps", { metadata: { namespace: "shop", name: "new" } })
      Result.getOrThrow(removeObject(world.cluster, "configmaps", "shop", "new", 0))
      yield* soon
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        ["Deleted ConfigMap new"],
      )
      world.edit(whitelist({ Resource: "configmaps.v1.", Events: ["ADDED"] }))
      yield* soon
      world.put("configmaps", { metadata: { namespace: "shop", name: "gone" } })
      Result.getOrThrow(removeObject(world.cluster, "configmaps", "shop", "gone", 0))
      yield* soon
      assert.deepStrictEqual(asked(), ["list configmaps", "watch configmaps"])
      said()
      world.edit(whitelist(entry("configmaps.v1.")))
      yield* soon
      assert.deepStrictEqual(asked(), ["list configmaps", "watch configmaps"])
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        ["Added ConfigMap lab-map", "Added ConfigMap shop-map", "Deleted ConfigMap gone", "Deleted ConfigMap new"],
      )
    }),
  )

  it.effect("that narrows or widens a kind lists it once, and says what leaves and what comes", () =>
    Effect.gen(function* () {
      const { asked, said, soon, world } = yield* started(whitelist(entry("configmaps.v1."), entry("secrets.v1.")))
      said()
      const turns: ReadonlyArray<readonly [object, string, ReadonlyArray<string>]> = [
        [{ namespaces: ["shop"] }, " shop", ["Deleted ConfigMap lab-map"]],
        [{ selector: "at=lab" }, " at=lab", ["Added ConfigMap lab-map", "Deleted ConfigMap shop-map"]],
        [{}, "", ["Added ConfigMap shop-map"]],
        [{ depth: "metadata" }, " metadata", ["Added ConfigMap lab-map", "Added ConfigMap shop-map"]],
      ]
      for (const [limits, spelt, words] of turns) {
        world.edit(whitelist(entry("configmaps.v1.", limits), entry("secrets.v1.")))
        yield* soon
        assert.deepStrictEqual(asked(), [`list configmaps${spelt}`, `watch configmaps${spelt}`])
        assert.deepStrictEqual(
          said().filter((text) => !text.includes("MeshSync")),
          words,
        )
      }
    }),
  )

  it.effect("that closes a kind says Deleted of its objects where that is asked for", () =>
    Effect.gen(function* () {
      const { said, soon, world } = yield* started(whitelist(entry("configmaps.v1."), entry("secrets.v1.")), { deleteOnClose: true })
      said()
      world.edit(whitelist(entry("configmaps.v1.")))
      yield* soon
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        ["Deleted Secret lab-secret", "Deleted Secret shop-secret"],
      )
    }),
  )

  it.effect("in which one entry is wrong leaves that kind as it is, and the others count", () =>
    Effect.gen(function* () {
      const { asked, engine, said, soon, world } = yield* started(
        whitelist(entry("configmaps.v1.", { namespaces: ["shop"] }), entry("services.v1.")),
        { reportsConfiguration: true, deleteOnClose: true },
      )
      said()
      world.edit(whitelist(entry("configmaps.v1.", { selector: "a=b,,c" }), entry("secrets.v1.")))
      yield* soon
      const path = "apply /apis/meshery.io/v1alpha1/namespaces/meshery/meshsyncs/meshery-meshsync/status"
      assert.deepStrictEqual(asked(), [path, "list secrets", "watch secrets"])
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        ["Added Secret lab-secret", "Added Secret shop-secret"],
      )
      assert.isFalse(engine.lanes.has("services"))
      assert.deepInclude(world.conditions[0], { type: "ConfigValid", status: "False" })
      assert.match(String(world.conditions[0]?.["message"]), /entry 1 \(configmaps\.v1\.\): in its selector: a comma/)
      world.put("configmaps", { metadata: { namespace: "shop", name: "new" } })
      yield* soon
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        ["Added ConfigMap new"],
      )
      world.edit(whitelist(entry("configmaps.v1.", { selector: "at=shop" }), entry("secrets.v1.")))
      yield* soon
      assert.deepStrictEqual(asked(), [path, "list configmaps at=shop", "watch configmaps at=shop"])
      assert.deepInclude(world.conditions[0], { type: "ConfigValid", status: "True" })
    }),
  )

  it.effect("that cannot be used changes nothing, and is told to the resource until it is mended", () =>
    Effect.gen(function* () {
      const { asked, said, soon, world } = yield* started(whitelist(entry("configmaps.v1.")), { reportsConfiguration: true })
      said()
      assert.deepStrictEqual(world.conditions, [])
      world.edit(specOf({ whitelist: "[{" }))
      yield* soon
      const path = "apply /apis/meshery.io/v1alpha1/namespaces/meshery/meshsyncs/meshery-meshsync/status"
      assert.deepStrictEqual(asked(), [path])
      assert.deepStrictEqual(
        said().filter((text) => !text.includes("MeshSync")),
        [],
      )
      const [broken] = world.conditions
      assert.deepInclude(broken, { type: "ConfigValid", status: "False", reason: "WatchListUnusable" })
      assert.match(String(broken?.["message"]), /whitelist is no JSON array/)
      world.edit(whitelist(entry("configmaps.v1.")))
      yield* soon
      assert.deepStrictEqual(asked(), [path])
      assert.deepInclude(world.conditions[0], { type: "ConfigValid", status: "True" })
      world.edit({ version: "x" })
      yield* soon
      assert.deepStrictEqual(asked(), [])
    }),
  )
})

describe("a custom resource", () => {
  it.effect("that comes later, with its definition, is found; one that goes leaves the built-in list", () =>
    Effect.gen(function* () {
      const world = new World()
      const { engine, soon } = yield* run(world)
      assert.isTrue(engine.lanes.has("nodes"))
      world.define("v1alpha2")
      world.install(whitelist(entry("configmaps.v1.")))
      yield* TestClock.adjust("31 seconds")
      assert.deepStrictEqual([...engine.lanes.keys()].toSorted(), [
        "configmaps",
        "customresourcedefinitions.apiextensions.k8s.io",
        meshsyncs,
      ])
      world.edit(whitelist(entry("secrets.v1.")))
      yield* soon
      assert.isTrue(engine.lanes.has("secrets"))
      world.uninstall()
      yield* soon
      assert.isTrue(engine.lanes.has("nodes"))
      assert.isFalse(engine.lanes.has(meshsyncs))
    }),
  )

  it.effect("of another name does not count, and that of the given name does", () =>
    Effect.gen(function* () {
      const world = new World()
      world.define()
      world.install(whitelist(entry("secrets.v1.")))
      const { engine, soon } = yield* run(world, { customResource: { namespace: "lab", name: "mine" } })
      assert.isTrue(engine.lanes.has("nodes"))
      world.put(meshsyncs, { metadata: { namespace: "lab", name: "mine" }, spec: whitelist(entry("configmaps.v1.")) })
      yield* soon
      assert.isFalse(engine.lanes.has("nodes"))
      assert.isTrue(engine.lanes.has("configmaps"))
    }),
  )

  it.effect("that cannot be used at the start leads to the built-in table, until it is mended", () =>
    Effect.gen(function* () {
      const { engine, soon, world } = yield* started(specOf({}), { reportsConfiguration: true })
      assert.isTrue(engine.lanes.has("resourcequotas"))
      assert.deepInclude(world.conditions[0], { status: "False" })
      world.edit(whitelist(entry("configmaps.v1.")))
      yield* soon
      assert.isFalse(engine.lanes.has("resourcequotas"))
      assert.isTrue(engine.lanes.has("configmaps"))
      assert.deepInclude(world.conditions[0], { status: "True" })
    }),
  )

  it.effect("whose definition goes leaves the built-in list, and one that may not be read changes nothing", () =>
    Effect.gen(function* () {
      const { engine, soon, world } = yield* started(whitelist(entry("configmaps.v1.")))
      world.cluster.faults.push({ key: meshsyncs, verb: "watch", trouble: { _tag: "Status", code: 403 }, times: 1 })
      world.cluster.faults.push({ key: meshsyncs, verb: "list", trouble: { _tag: "Status", code: 403 }, times: 50 })
      const shelf = world.cluster.shelves.get(meshsyncs)
      if (shelf !== undefined) shelf.cuts += 1
      yield* TestClock.adjust("5 minutes")
      assert.isFalse(engine.lanes.has("nodes"))
      world.cluster.faults.length = 0
      yield* TestClock.adjust("6 minutes")
      const name = "meshsyncs.meshery.io"
      Result.getOrThrow(removeObject(world.cluster, "customresourcedefinitions.apiextensions.k8s.io", "", name, 0))
      yield* TestClock.adjust("30 seconds")
      yield* soon
      assert.isTrue(engine.lanes.has("nodes"))
    }),
  )
})
