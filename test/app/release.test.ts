/** What waits for its kind's interval, over ports that wait for the test: when it goes out, and what becomes of it at the end. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { layerMemory } from "../../src/adapters/memory/clusterApi.ts"
import { layerNoRequests } from "../../src/app/layers.ts"
import { makeMonitor, runToEnd } from "../../src/app/wholeRun.ts"
import { heldEndWaitMs, heldGatherMs } from "../../src/domain/limit.ts"
import { Dialer } from "../../src/ports/Dialer.ts"
import { PodSession } from "../../src/ports/PodSession.ts"
import { accepted, Sink, type Receipt } from "../../src/ports/Sink.ts"
import { thing } from "../domain/sync/block.ts"
import { configMap, drop, live, makeWorld, paint, put, type World } from "./life.ts"
import { accept, line, linesText, pageText, setStage } from "./stage.ts"

const [a, b] = [thing("a", "1"), thing("b", "2")]
const intervals = new Map([["pods", 10_000]])

/** Past its first list, watching; the list has been accepted at time 0. */
const setWatching = Effect.fnUntraced(function* () {
  const stage = yield* setStage(false, false, intervals)
  yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5"))
  yield* accept(yield* stage.nextDelivery)
  return { stage, watch: yield* stage.nextWatch }
})

describe("a state that is held back", () => {
  it.effect("goes out when the interval is over, the latest one alone, while the watch goes on", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      for (const version of ["6", "7", "8"]) yield* watch.come(linesText(line("MODIFIED", { ...a, version })))
      yield* TestClock.adjust(10_000 - 1)
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* TestClock.adjust(heldGatherMs + 1)
      const delivery = yield* stage.nextDelivery
      assert.deepStrictEqual([delivery.told, delivery.urgency], [["Modified a"], "live"])
      assert.include(delivery.payloads[0], '"resourceVersion":"8"')
      yield* accept(delivery)
      yield* watch.come(linesText(line("DELETED", { ...a, version: "9" })))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Deleted a"])
      assert.isFalse(yield* Deferred.isDone(watch.closed))
    }),
  )

  it.effect("is overtaken by its object's deletion, and never said", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* watch.come(linesText(line("MODIFIED", { ...a, version: "6" })))
      yield* TestClock.adjust("1 second")
      yield* watch.come(linesText(line("DELETED", { ...a, version: "7" })))
      const delivery = yield* stage.nextDelivery
      assert.deepStrictEqual(delivery.told, ["Deleted a"])
      yield* accept(delivery)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
    }),
  )

  it.effect("waits for a list that runs, and goes out when that has failed", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* watch.come(linesText(line("MODIFIED", { ...a, version: "6" })))
      yield* TestClock.adjust("1 second")
      yield* watch.fail({ _tag: "Gone", text: "too old" })
      const list = yield* stage.nextList
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* Deferred.succeed(list.answer, new TextEncoder().encode("<html>"))
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Modified a"])
    }),
  )

  it.effect("waits for the batch before it, and for its interval from when that was accepted", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* TestClock.adjust("20 seconds")
      yield* watch.come(linesText(line("MODIFIED", { ...a, version: "6" })))
      const slow = yield* stage.nextDelivery
      yield* watch.come(linesText(line("MODIFIED", { ...a, version: "7" })))
      yield* TestClock.adjust("15 seconds")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* accept(slow)
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Modified a"])
    }),
  )
})

// The end ----------------------------------------------------------------------------------------------------------------

/** A run over the cluster in memory, with one ConfigMap that has changed twice: the second state waits. */
const beginSession = Effect.fnUntraced(function* (world: World, deliver: (told: ReadonlyArray<string>) => Effect.Effect<Receipt>) {
  const told: Array<string> = []
  const sink = Sink.of({
    deliver: ({ messages }) =>
      Effect.gen(function* () {
        const words = messages.map(
          ({ event, name, payload }) => `${event} ${name} ${/green|red/.exec(new TextDecoder().decode(payload))?.[0]}`,
        )
        const receipt = yield* deliver(words)
        if (receipt._tag === "accepted") told.push(...words)
        return receipt
      }),
    bytesMax: () => 1 << 20,
    status: () => ({ name: "test", state: "open", detail: "" }),
    settled: Effect.void,
  })
  const ports = Layer.mergeAll(
    layerMemory(world.cluster),
    layerNoRequests,
    Layer.succeed(Sink, sink),
    Layer.succeed(Dialer, Dialer.of({ reachable: () => Effect.succeed(new Set<string>()) })),
    Layer.succeed(PodSession, PodSession.of({ openLog: () => Effect.die("no logs"), openTerminal: () => Effect.die("no terminals") })),
  )
  const options = { version: "test", redact: false, contentDedup: false, outputNamespaces: [], selector: "", clusterId: "" }
  const more = { outputResources: ["configmaps"], readyWhen: "settled", once: false, stopAfterMs: undefined } as const
  const run = runToEnd({ ...options, ...more, minIntervals: new Map([["*", 60_000]]) }, makeMonitor("test", "test"), () => Effect.void)
  const running = yield* Effect.forkChild(Effect.provide(run, ports))
  const until = Effect.fnUntraced(function* (holds: () => boolean) {
    for (let i = 0; !holds(); i++) {
      if (i === 500) return yield* Effect.die(`never; told were ${told.join(", ")}`)
      yield* TestClock.adjust("50 millis")
    }
  })
  yield* until(() => told.length === 1)
  paint(world, "a", "red")
  yield* TestClock.adjust("1 second")
  assert.deepStrictEqual(told, ["Added a green"])
  return { running, told }
})

describe("the end of a run", () => {
  it.effect("sends what waits, before the output ends", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a", "green"))
      const { running, told } = yield* beginSession(world, () => Effect.succeed(accepted))
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(told, ["Added a green", "Modified a red"])
    }),
  )

  it.effect("does not wait for an output that stands still", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a", "green"))
      const { running, told } = yield* beginSession(world, (words) =>
        words.some((word) => word.startsWith("Modified")) ? Effect.never : Effect.succeed(accepted),
      )
      const ending = yield* Effect.forkChild(Fiber.interrupt(running))
      yield* TestClock.adjust(heldEndWaitMs + 1)
      yield* Fiber.join(ending)
      assert.deepStrictEqual(told, ["Added a green"])
    }),
  )

  const options = { minIntervals: new Map([["configmaps", 60_000]]) }

  it.effect("that is none, by a kill, leaves what waits to the next run, which finds it by the state file", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      put(world, "configmaps", configMap("b"))
      yield* live(
        world,
        ({ settled, told }) =>
          Effect.gen(function* () {
            yield* settled
            paint(world, "a", "red")
            paint(world, "a", "green")
            yield* TestClock.adjust("5 seconds")
            drop(world, "configmaps", "b")
            yield* TestClock.adjust("5 seconds")
            assert.deepStrictEqual(told.slice(2), ["Deleted ConfigMap b"])
          }),
        options,
      )
      yield* live(
        world,
        ({ settled, told }) =>
          Effect.gen(function* () {
            yield* settled
            assert.deepStrictEqual(told, ["Modified ConfigMap a"])
          }),
        options,
      )
    }),
  )
})
