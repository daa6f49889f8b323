/** The budget in the way of requests: who waits, for how long, and what is counted. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { holdToBudget } from "../../src/app/requestBudget.ts"
import { requestsBurst, requestsPerSecond } from "../../src/domain/limit.ts"
import { makeEngine } from "../../src/domain/sync/engine.ts"
import type { Failure } from "../../src/domain/sync/fact.ts"
import { ApiError, ClusterApi, type ListRequest, type WatchRequest } from "../../src/ports/ClusterApi.ts"

const type = { group: "", version: "v1", resource: "pods", kind: "Pod", namespaced: true } as unknown as ListRequest["type"]
const list: ListRequest = { type, namespace: undefined, selector: "", limit: 100, continue: "" }
const watch: WatchRequest = { type, namespace: undefined, selector: "", resourceVersion: "1", timeoutSeconds: 300 }

/** An API server that notes when it was asked what, and refuses lists with the failures in turn. */
const setServer = (...failures: ReadonlyArray<Failure>) => {
  const left = [...failures]
  const asked: Array<string> = []
  const note = (what: string) => Effect.map(Clock.currentTimeMillis, (nowMs) => void asked.push(`${what} ${nowMs}`))
  const refuse = Effect.suspend(() => {
    const failure = left.shift()
    return failure === undefined ? Effect.void : Effect.fail(new ApiError({ failure, path: "/pods" }))
  })
  const engine = makeEngine("test", "server", 0)
  const api = ClusterApi.of({
    list: () => note("list").pipe(Effect.andThen(refuse), Effect.as(new Uint8Array(0))),
    watch: () => Effect.as(note("watch"), { next: Effect.never }),
    read: () => Effect.as(note("read"), new Uint8Array(0)),
    review: () => Effect.die("nothing is reviewed"),
    apply: () => Effect.die("nothing is written"),
    renewCredentials: Effect.void,
    address: "server",
  })
  return { asked, engine, held: holdToBudget(api, engine) }
}

const throttled = (retryAfterMs: number): Failure => ({ _tag: "Unavailable", text: "slow down", retryAfterMs, throttled: true })

describe("requests within the budget", () => {
  it.effect("a 429 with Retry-After holds all lists, and neither watches nor reads", () =>
    Effect.gen(function* () {
      const { asked, engine, held } = setServer(throttled(4_000))
      const refused = yield* Effect.flip(held.list(list))
      assert.deepInclude(refused.failure, { retryAfterMs: 4_000 })
      const other = yield* Effect.forkChild(held.list(list), { startImmediately: true })
      yield* Effect.scoped(held.watch(watch))
      yield* held.read("/api")
      yield* TestClock.adjust(3_999)
      assert.deepStrictEqual(asked, ["list 0", "watch 0", "read 0"])
      yield* TestClock.adjust(1)
      yield* Fiber.join(other)
      assert.deepStrictEqual(asked, ["list 0", "watch 0", "read 0", "list 4000"])
      assert.deepStrictEqual(engine.requests, {
        answers: { list: { throttled: 1, ok: 1 }, watch: { ok: 1 }, get: { ok: 1 } },
        waitedMs: 4_000,
        listsRunning: 0,
        listsRunningMost: 1,
      })
    }),
  )

  it.effect("counts the lists that run together, however each ends", () =>
    Effect.gen(function* () {
      const { engine, held } = setServer()
      const slow = holdToBudget(ClusterApi.of({ ...held, list: () => Effect.never }), engine)
      const fibers = yield* Effect.forEach([1, 2], () => Effect.forkChild(slow.list(list), { startImmediately: true }))
      yield* TestClock.adjust(1)
      assert.deepInclude(engine.requests, { listsRunning: 2, listsRunningMost: 2 })
      yield* Effect.forEach(fibers, Fiber.interrupt)
      yield* held.list(list)
      yield* Effect.flip(holdToBudget(ClusterApi.of({ ...held, list: setServer(throttled(1)).held.list }), engine).list(list))
      assert.deepInclude(engine.requests, { listsRunning: 0, listsRunningMost: 2 })
    }),
  )

  it.effect("beyond the burst all sorts wait in their order, and one that is interrupted costs nothing", () =>
    Effect.gen(function* () {
      const { asked, engine, held } = setServer()
      yield* Effect.forEach(Array.from({ length: requestsBurst }), () => held.read("/api"), { discard: true })
      assert.strictEqual(engine.requests.waitedMs, 0)
      asked.length = 0
      const given = yield* Effect.forkChild(held.list(list), { startImmediately: true })
      const second = yield* Effect.forkChild(Effect.scoped(held.watch(watch)), { startImmediately: true })
      const third = yield* Effect.forkChild(held.list(list), { startImmediately: true })
      yield* Fiber.interrupt(given)
      const stepMs = 1_000 / requestsPerSecond
      yield* TestClock.adjust(stepMs)
      assert.deepStrictEqual(asked, [`watch ${stepMs}`])
      yield* TestClock.adjust(stepMs)
      yield* Effect.all([Fiber.join(second), Fiber.join(third)])
      assert.deepStrictEqual(asked, [`watch ${stepMs}`, `list ${2 * stepMs}`])
      assert.strictEqual(engine.requests.waitedMs, 3 * stepMs)
    }),
  )
})
