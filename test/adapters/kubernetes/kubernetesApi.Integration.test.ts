import { assert, describe, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ClusterApiAdapter from "../../../src/adapters/kubernetes/clusterApi.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"
import { ClusterApi } from "../../../src/ports/ClusterApi.ts"
import { type ApiServer, startApiServer } from "./apiServer.ts"
import { bare, deployments, kubeconfig, listOf, textOf, waits, watchOf } from "./loopback.ts"

class Real extends Context.Service<Real, ApiServer>()("test/adapters/kubernetes/Real") {}

const configMaps: ResourceType = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true }
const unserved: ResourceType = { group: "nowhere.example", version: "v1", plural: "things", kind: "Thing", namespaced: true }

const as = (token: string, server: ApiServer) =>
  Layer.orDie(
    ClusterApiAdapter.layer(
      { kubeconfigText: kubeconfig({ server: server.url, "certificate-authority": server.caFile }, { token }) },
      bare,
      waits,
    ),
  )

interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: ReadonlyArray<{ readonly metadata: { readonly name: string } }>
}
const pageOf = (bytes: Uint8Array): Page => JSON.parse(textOf(bytes)) as Page

const mapNamed = (name: string, size = 10) => ({ metadata: { name, labels: { test: "yes" } }, data: { text: "x".repeat(size) } })
const path = "/api/v1/namespaces/default/configmaps"
const ours = (continueToken = "", limit = 30) => ({ ...listOf(configMaps, continueToken), selector: "test=yes", limit })

/** Lines of a watch until one of them is about `name`. */
const linesUntil = Effect.fnUntraced(function* (next: Effect.Effect<Uint8Array | undefined, unknown>, name: string) {
  let text = ""
  while (!text.includes(`"name":"${name}"`) || !text.endsWith("\n")) {
    const bytes = yield* next
    if (bytes === undefined) break
    text += textOf(bytes)
  }
  return text.trim().split("\n")
})

layer(Layer.effect(Real, Effect.orDie(startApiServer)), { timeout: "120 seconds", excludeTestServices: true })(
  "a real API server",
  (it) => {
    describe("reads", () => {
      it.effect("its version and both forms of discovery", () =>
        Effect.gen(function* () {
          const api = yield* ClusterApi
          assert.match(textOf(yield* api.read("/version")), /"gitVersion": *"v1\./)
          const aggregated = yield* api.read(
            "/apis",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
          )
          assert.include(textOf(aggregated), '"kind":"APIGroupDiscoveryList"')
          const uid = JSON.parse(textOf(yield* api.read("/api/v1/namespaces/kube-system"))).metadata.uid
          assert.match(uid, /^[0-9a-f-]{36}$/)
        }).pipe(Effect.provide(Layer.unwrap(Real.use((server) => Effect.succeed(as(server.adminToken, server)))))),
      )

      it.effect("a list page by page, and then the changes since", () =>
        Effect.gen(function* () {
          const server = yield* Real
          yield* Effect.forEach(
            Array.from({ length: 100 }, (_, n) => `m${n}`),
            (name) => server.write("POST", path, mapNamed(name, 20_000)),
            {
              concurrency: 8,
            },
          )
          const names = new Set<string>()
          yield* Effect.gen(function* () {
            const api = yield* ClusterApi
            let page = pageOf(yield* api.list(ours()))
            const first = page.metadata.resourceVersion
            let pages = 1
            for (const item of page.items) names.add(item.metadata.name)
            for (; page.metadata.continue !== undefined; pages++) {
              page = pageOf(yield* api.list(ours(page.metadata.continue, 40)))
              assert.strictEqual(page.metadata.resourceVersion, first)
              for (const item of page.items) names.add(item.metadata.name)
            }
            assert.strictEqual(pages, 3)
            assert.strictEqual(names.size, 100)
            const watch = { ...watchOf(configMaps, 60), selector: "test=yes", resourceVersion: first }
            const { next } = yield* api.watch(watch)
            yield* server.write("POST", path, mapNamed("later"))
            yield* server.write("DELETE", `${path}/later`, {})
            const types = (yield* linesUntil(next, "later")).map((line) => JSON.parse(line).type as string)
            assert.strictEqual(types[0], "ADDED")
          }).pipe(Effect.scoped, Effect.provide(as(server.adminToken, server)))
        }),
      )

      it.effect("a watch that ends in order after its time", () =>
        Effect.gen(function* () {
          const server = yield* Real
          yield* Effect.gen(function* () {
            const api = yield* ClusterApi
            const { metadata } = pageOf(yield* api.list(listOf(deployments)))
            const { next } = yield* api.watch({ ...watchOf(deployments, 1), resourceVersion: metadata.resourceVersion })
            let bytes = yield* next
            while (bytes !== undefined) bytes = yield* next
            assert.isUndefined(bytes)
          }).pipe(Effect.scoped, Effect.provide(as(server.adminToken, server)))
        }),
      )
    })

    describe("refuses", () => {
      it.effect("with a failure that says how to go on", () =>
        Effect.gen(function* () {
          const server = yield* Real
          const failures = (token: string) =>
            Effect.gen(function* () {
              const api = yield* ClusterApi
              const tag = (request: ReturnType<typeof listOf>) => Effect.map(Effect.flip(api.list(request)), ({ failure }) => failure._tag)
              return [
                yield* tag(listOf(unserved)),
                yield* tag({ ...listOf(configMaps), selector: "!!" }),
                yield* tag(listOf(configMaps, "bad")),
              ]
            }).pipe(Effect.provide(as(token, server)))
          assert.deepStrictEqual(yield* failures(server.adminToken), ["NotServed", "Refused", "Gone"])
          assert.deepStrictEqual(yield* failures(server.guestToken), ["Forbidden", "Forbidden", "Forbidden"])
          assert.deepStrictEqual(yield* failures("nonsense"), ["Unauthorized", "Unauthorized", "Unauthorized"])
        }),
      )

      it.effect("a continue token and a version that a compaction has made too old", () =>
        Effect.gen(function* () {
          const server = yield* Real
          yield* Effect.gen(function* () {
            const api = yield* ClusterApi
            const page = pageOf(yield* api.list(ours("", 10)))
            yield* server.write("POST", path, mapNamed("newer"))
            const written = yield* server.write("POST", path, mapNamed("newest"))
            const { resourceVersion } = (written.body as { metadata: { resourceVersion: string } }).metadata
            yield* server.compact(Number(resourceVersion))
            const { failure } = yield* Effect.flip(api.list(ours(page.metadata.continue, 10)))
            assert.strictEqual(failure._tag, "Gone")
            // A watch hears of it at the start or by an ERROR line, as the version of the API server has it.
            const outcome = yield* api.watch({ ...watchOf(configMaps, 60), resourceVersion: page.metadata.resourceVersion }).pipe(
              Effect.flatMap(({ next }) => Effect.map(next, textOf)),
              Effect.catchTag("ApiError", (error) => Effect.succeed(error.failure._tag)),
            )
            assert.match(outcome, /^Gone$|^\{"type":"ERROR".*"code":410/)
          }).pipe(Effect.scoped, Effect.provide(as(server.adminToken, server)))
        }),
      )
    })

    it.effect("cuts watches when it dies, and is unavailable afterwards", () =>
      Effect.gen(function* () {
        const server = yield* Real
        yield* Effect.gen(function* () {
          const api = yield* ClusterApi
          const { metadata } = pageOf(yield* api.list(listOf(deployments)))
          const { next } = yield* api.watch({ ...watchOf(deployments), resourceVersion: metadata.resourceVersion })
          const waiting = yield* Effect.forkChild(Effect.flip(Effect.forever(next)), { startImmediately: true })
          yield* server.kill
          assert.match((yield* Fiber.join(waiting)).failure.text, /the connection was cut/)
          const { failure } = yield* Effect.flip(api.list(listOf(deployments)))
          assert.strictEqual(failure._tag, "Unavailable")
          assert.match(failure.text, /connection refused/)
        }).pipe(Effect.scoped, Effect.provide(as(server.adminToken, server)))
      }),
    )
  },
)
