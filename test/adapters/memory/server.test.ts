/**
 * The fake API server over HTTP, as the Kubernetes adapter and a plain client meet it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layer as layerKubernetes } from "../../../src/adapters/kubernetes/clusterApi.ts"
import { makeDemoCluster } from "../../../src/adapters/memory/demoCluster.ts"
import type { Trouble } from "../../../src/adapters/memory/fault.ts"
import { type Cluster, cutWatches } from "../../../src/adapters/memory/model.ts"
import { type FakeCluster, serveCluster } from "../../../src/adapters/memory/server.ts"
import { fakeObjectBytesMax } from "../../../src/domain/limit.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"
import { type ApiError, ClusterApi } from "../../../src/ports/ClusterApi.ts"

const configMaps: ResourceType = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true }
const everything = { type: configMaps, namespace: undefined, selector: "" }

const makeFake = (): Cluster => makeDemoCluster({ seed: 2, nowMs: 1_770_000_000_000 })

const openPort = (fake: FakeCluster) =>
  Effect.map(
    Layer.build(
      layerKubernetes({ kubeconfigText: fake.kubeconfig() }, { environment: {}, home: "", serviceAccountFolder: "/nonexistent" }),
    ),
    (context) => Context.get(context, ClusterApi),
  )

const listAll = (port: (typeof ClusterApi)["Service"]) => port.list({ ...everything, limit: 0, continue: "" })

const inject = (fake: FakeCluster, verb: "list" | "watch", trouble: Trouble, times = 1) =>
  fake.inject({ key: "configmaps", verb, trouble, times })

describe("what a list meets", () => {
  const cases: ReadonlyArray<readonly [Trouble, string]> = [
    [{ _tag: "Status", code: 401 }, "Unauthorized"],
    [{ _tag: "Status", code: 403 }, "Forbidden"],
    [{ _tag: "Status", code: 404 }, "NotServed"],
    [{ _tag: "Status", code: 405 }, "Refused"],
    [{ _tag: "Status", code: 413 }, "TooLarge"],
    [{ _tag: "Status", code: 429, retryAfterSeconds: 1 }, "Unavailable"],
    [{ _tag: "Status", code: 500 }, "Unavailable"],
    [{ _tag: "Html", code: 502 }, "Unavailable"],
    [{ _tag: "Html", code: 200 }, "Unavailable"],
    [{ _tag: "Cut", afterBytes: 3_000 }, "Unavailable"],
  ]
  for (const [trouble, expected] of cases) {
    it.live(`${JSON.stringify(trouble)} is ${expected}, and the next list is whole`, () =>
      Effect.gen(function* () {
        const fake = yield* serveCluster({ cluster: makeFake() })
        const port = yield* openPort(fake)
        yield* inject(fake, "list", trouble)
        const { failure } = yield* Effect.flip(listAll(port))
        assert.strictEqual(failure._tag, expected)
        if (failure._tag === "Unavailable" && trouble._tag === "Status") {
          assert.strictEqual(failure.retryAfterMs, trouble.code === 429 ? 1_000 : undefined)
        }
        const page = JSON.parse(Buffer.from(yield* listAll(port)).toString()) as { readonly items: ReadonlyArray<object> }
        assert.strictEqual(page.items.length, fake.cluster.shelves.get("configmaps")?.items.size)
        assert.deepStrictEqual(fake.requests("configmaps"), { lists: 2, watches: 0 })
      }),
    )
  }
})

/** Reads until the bytes hold a text. */
const readUntil = (next: Effect.Effect<Uint8Array | undefined, ApiError>, text: string): Effect.Effect<string, ApiError> =>
  Effect.gen(function* () {
    let seen = ""
    while (!seen.includes(text)) {
      const bytes = yield* next
      if (bytes === undefined) return yield* Effect.die(new Error(`the watch ended after ${seen}`))
      seen += Buffer.from(bytes).toString()
    }
    return seen
  })

describe("a watch", () => {
  const open = Effect.gen(function* () {
    const fake = yield* serveCluster({ cluster: makeFake() })
    const port = yield* openPort(fake)
    const watch = () => port.watch({ ...everything, resourceVersion: String(fake.cluster.version), timeoutSeconds: 60 })
    return { fake, watch }
  })

  it.live("shows changes as they are made", () =>
    Effect.gen(function* () {
      const { fake, watch } = yield* open
      const { next } = yield* watch()
      yield* fake.create("configmaps", { metadata: { name: "fresh", namespace: "market" }, data: { a: "1" } })
      assert.include(
        yield* readUntil(next, "\n"),
        `{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"fresh"`,
      )
      yield* fake.patch("configmaps", "market", "fresh", { data: { a: "2" } })
      assert.include(yield* readUntil(next, "\n"), `"type":"MODIFIED"`)
      yield* fake.remove("configmaps", "market", "fresh")
      assert.include(yield* readUntil(next, "\n"), `"type":"DELETED"`)
      assert.deepStrictEqual(fake.requests("configmaps"), { lists: 0, watches: 1 })
    }),
  )

  it.live("cut in the middle of a line fails after the bytes that came", () =>
    Effect.gen(function* () {
      const { fake, watch } = yield* open
      yield* inject(fake, "watch", { _tag: "Cut", afterBytes: 50 })
      const { next } = yield* watch()
      yield* fake.create("configmaps", { metadata: { name: "fresh", namespace: "market" } })
      assert.strictEqual((yield* next)?.length, 50)
      assert.strictEqual((yield* Effect.flip(next)).failure._tag, "Unavailable")
    }),
  )

  for (const [name, breakIt] of [
    ["a restart", (fake: FakeCluster) => fake.restart],
    ["a cut", (fake: FakeCluster) => Effect.sync(() => cutWatches(fake.cluster, "configmaps"))],
  ] as const) {
    it.live(`fails on ${name}`, () =>
      Effect.gen(function* () {
        const { fake, watch } = yield* open
        const { next } = yield* watch()
        yield* breakIt(fake)
        assert.strictEqual((yield* Effect.flip(next)).failure._tag, "Unavailable")
      }),
    )
  }
})

describe("a plain client", () => {
  it.live("gets a page in chunks, and is refused what is too large", () =>
    Effect.gen(function* () {
      const fake = yield* serveCluster({ cluster: makeFake() })
      const headers = { authorization: "Bearer admin-token" }
      const page = yield* Effect.promise(() => fetch(`${fake.url}/api/v1/pods?limit=10`, { headers }))
      assert.strictEqual(page.headers.get("transfer-encoding"), "chunked")
      assert.strictEqual(((yield* Effect.promise(() => page.json())) as { readonly items: ReadonlyArray<object> }).items.length, 10)
      const large = yield* Effect.promise(() =>
        fetch(`${fake.url}/api/v1/namespaces/market/configmaps`, { method: "POST", headers, body: "x".repeat(fakeObjectBytesMax + 1) }),
      )
      assert.strictEqual(large.status, 413)
    }),
  )
})
