/**
 * The port in-process on a test clock: stalls, bookmarks, timeouts, and the churn's pace, without waiting for any of them.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { runChurn, stepEveryMs } from "../../../src/adapters/memory/churn.ts"
import { layerMemory, makeClusterApi } from "../../../src/adapters/memory/clusterApi.ts"
import { makeDemoCluster } from "../../../src/adapters/memory/demoCluster.ts"
import { wake } from "../../../src/adapters/memory/model.ts"
import { patchObject } from "../../../src/adapters/memory/write.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"
import { ClusterApi } from "../../../src/ports/ClusterApi.ts"

const secrets: ResourceType = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true }
const everything = { type: secrets, namespace: undefined, selector: "" }

const makeFake = () => makeDemoCluster({ seed: 2, nowMs: 1_770_000_000_000 })

const touchConfigMap = (cluster: ReturnType<typeof makeFake>, value: string) => {
  const [stored] = cluster.shelves.get("configmaps")?.items.values() ?? []
  patchObject(cluster, "configmaps", stored?.namespace ?? "", stored?.name ?? "", { data: { value } })
}

it.effect("a stalled list is answered when the fault is taken out", () =>
  Effect.gen(function* () {
    const cluster = makeFake()
    cluster.faults.push({ key: "*", verb: "list", trouble: { _tag: "Stall" }, times: Number.POSITIVE_INFINITY })
    const list = ClusterApi.use((port) => port.list({ ...everything, limit: 0, continue: "" })).pipe(Effect.provide(layerMemory(cluster)))
    const stalled = yield* Effect.forkChild(list, { startImmediately: true })
    assert.strictEqual(cluster.listeners.size, 1)
    assert.isUndefined(stalled.pollUnsafe())
    cluster.faults.length = 0
    wake(cluster)
    assert.isAbove((yield* Fiber.join(stalled)).length, 1_000)
    assert.strictEqual(cluster.listeners.size, 0)
  }),
)

it.effect("a quiet watch bookmarks every minute and two seconds before its end, and ends in order", () =>
  Effect.gen(function* () {
    const cluster = makeFake()
    const from = String(cluster.version)
    const { next } = yield* makeClusterApi(cluster).watch({ ...everything, resourceVersion: from, timeoutSeconds: 150 })
    const seen: Array<string> = []
    const reading = yield* Effect.forkChild(
      Effect.gen(function* () {
        for (let bytes = yield* next; bytes !== undefined; bytes = yield* next) seen.push(Buffer.from(bytes).toString())
      }),
      { startImmediately: true },
    )
    touchConfigMap(cluster, "1")
    yield* TestClock.adjust("59 seconds")
    assert.strictEqual(seen.length, 0)
    yield* TestClock.adjust("1 second")
    assert.strictEqual(seen.length, 1)
    yield* TestClock.adjust("88 seconds")
    assert.strictEqual(seen.length, 3)
    assert.isUndefined(reading.pollUnsafe())
    yield* TestClock.adjust("2 seconds")
    yield* Fiber.join(reading)
    assert.isTrue(seen.every((line) => line.includes(`"type":"BOOKMARK"`) && line.includes(`"resourceVersion":"${cluster.version}"`)))
    assert.strictEqual(cluster.listeners.size, 0)
  }),
)

it.effect("an interrupted watch leaves nothing behind", () =>
  Effect.gen(function* () {
    const cluster = makeFake()
    const { next } = yield* makeClusterApi(cluster).watch({ ...everything, resourceVersion: String(cluster.version), timeoutSeconds: 60 })
    const reading = yield* Effect.forkChild(next, { startImmediately: true })
    assert.strictEqual(cluster.listeners.size, 1)
    yield* Fiber.interrupt(reading)
    assert.strictEqual(cluster.listeners.size, 0)
  }),
)

it.effect("churn makes eight steps a second", () =>
  Effect.gen(function* () {
    const cluster = makeFake()
    const before = cluster.version
    const churn = yield* Effect.forkChild(runChurn({ cluster }, 4), { startImmediately: true })
    yield* TestClock.adjust(stepEveryMs - 1)
    assert.strictEqual(cluster.version, before)
    yield* TestClock.adjust(1 + stepEveryMs * 7)
    assert.isAtLeast(cluster.version - before, 4)
    assert.isAtMost(cluster.version - before, 16)
    yield* Fiber.interrupt(churn)
  }),
)
