import { assert, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import {
  accepted,
  ClusterApi,
  layerConfig,
  layerInProcess,
  layerNoRequests,
  layerStateFile,
  run,
  Sink,
  streamChanges,
  type MeshError,
  type Status,
} from "../../src/effect.ts"
import { makeFakeCluster } from "../../src/testing.ts"

const select = { resources: ["namespaces"] }

it.live("streams changes until the stream is left", () =>
  Effect.gen(function* () {
    const names = yield* streamChanges({ select }).pipe(
      Stream.map(({ name }) => name),
      Stream.take(4),
      Stream.runCollect,
      Effect.provide(layerInProcess(makeFakeCluster())),
    )
    assert.deepStrictEqual([...names].toSorted(), ["default", "kube-node-lease", "kube-public", "kube-system"])
  }),
)

it.live("remembers in a state file what a sink was told, for the same audience alone", () =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(path.join(tmpdir(), "meshsync-"))),
      (made) => Effect.sync(() => rmSync(made, { recursive: true })),
    )
    const cluster = makeFakeCluster()
    const count = (audience: string) =>
      Effect.gen(function* () {
        let told = 0
        const sink = Sink.of({
          deliver: ({ messages }) => Effect.sync(() => ((told += messages.length), accepted)),
          bytesMax: () => 1_000_000,
          status: () => ({ name: "mine", state: "open", detail: "" }),
          settled: Effect.void,
        })
        const ports = Layer.mergeAll(layerInProcess(cluster), Layer.succeed(Sink, sink), layerNoRequests)
        yield* run({ select, once: true, audience }).pipe(Effect.provide(ports), Effect.provide(layerStateFile(path.join(folder, "state"))))
        return told
      })
    assert.deepStrictEqual([yield* count("one"), yield* count("one"), yield* count("two")], [4, 0, 4])
  }),
)

it.live("runs into a sink of one's own, and tells its status", () =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const sink = Sink.of({
      deliver: ({ messages }) =>
        Effect.sync(() => {
          for (const { event, name } of messages) seen.push(`${event} ${name}`)
          return accepted
        }),
      bytesMax: () => 1_000_000,
      status: () => ({ name: "mine", state: "open", detail: "" }),
      settled: Effect.void,
    })
    const told = yield* Deferred.make<Status | undefined>()
    let tell: (() => Status) | undefined
    const running = run({
      select,
      onStart: (status) => (tell = status),
      onSettled: () => void Deferred.doneUnsafe(told, Effect.succeed(tell?.())),
    })
    const fiber = yield* Effect.forkChild(
      Effect.provide(running, Layer.mergeAll(layerInProcess(makeFakeCluster()), Layer.succeed(Sink, sink), layerNoRequests)),
    )
    const settled = yield* Deferred.await(told)
    yield* Fiber.interrupt(fiber)
    assert.strictEqual(seen.length, 4)
    assert.deepInclude(settled?.lanes[0], { key: "namespaces", objects: 4, synced: true })
    assert.strictEqual(settled?.sink.name, "mine")
  }),
)

it.live("takes the cluster from configuration", () =>
  Effect.gen(function* () {
    const address = (path: string) =>
      Effect.map(ClusterApi, (api) => api.address).pipe(
        Effect.provide(layerConfig({ kubeconfigPath: Config.String("KUBECONFIG") })),
        Effect.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ KUBECONFIG: path }))),
      )
    const error = yield* Effect.flip(address("/nowhere/kubeconfig"))
    assert.strictEqual((error as MeshError).code, "1007")
    assert.include(error.message, "/nowhere/kubeconfig")
  }),
)
