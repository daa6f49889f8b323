import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { type BrokerFull, layerBroker, makeBroker } from "../../../src/adapters/memory/broker.ts"
import { brokerQueueMax, brokerQueueWaitMs } from "../../../src/domain/limit.ts"
import { coreSubject } from "../../../src/domain/wire/subject.ts"
import { Sink } from "../../../src/ports/Sink.ts"
import { batchOf } from "../message.ts"

const payload = (value: number) => new Uint8Array([value])

describe("the broker in this process", () => {
  it.effect("gives a message to one consumer of each queue", () =>
    Effect.gen(function* () {
      const broker = makeBroker()
      const one = yield* broker.subscribe("s", "shared")
      const same = yield* broker.subscribe("s", "shared")
      const other = yield* broker.subscribe("s", "other")
      yield* broker.publish("s", payload(1))
      yield* broker.publish("s", payload(2))
      assert.deepStrictEqual([yield* Queue.take(one), yield* Queue.take(same)], [payload(1), payload(2)])
      assert.deepStrictEqual(yield* Queue.takeAll(other), [payload(1), payload(2)])
      assert.deepStrictEqual(broker.queues("s"), ["shared", "other"])
    }),
  )

  it.effect("forgets a queue with its last consumer, and what waits in it", () =>
    Effect.gen(function* () {
      const broker = makeBroker()
      const scope = yield* Scope.make()
      const kept = yield* Effect.scoped(Effect.andThen(broker.subscribe("s", "q"), Scope.provide(broker.subscribe("s", "q"), scope)))
      yield* broker.publish("s", payload(1))
      assert.deepStrictEqual(yield* Queue.take(kept), payload(1))
      yield* broker.publish("s", payload(2))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(broker.queues("s"), [])
      const fresh = yield* broker.subscribe("s", "q")
      assert.strictEqual(yield* Queue.size(fresh), 0)
    }),
  )

  it.effect("makes a publisher wait for a full queue, and goes on when there is room", () =>
    Effect.gen(function* () {
      const broker = makeBroker()
      const slow = yield* broker.subscribe("s", "slow")
      for (let index = 0; index < brokerQueueMax; index++) yield* broker.publish("s", payload(1))
      const waiting = yield* Effect.forkChild(broker.publish("s", payload(2)))
      yield* TestClock.adjust(brokerQueueWaitMs - 1)
      assert.isUndefined(waiting.pollUnsafe())
      yield* Queue.take(slow)
      yield* Fiber.join(waiting)
      assert.deepStrictEqual((yield* Queue.takeAll(slow)).at(-1), payload(2))
    }),
  )

  it.effect("fails after a second, naming who has the message and who lacks it", () =>
    Effect.gen(function* () {
      const broker = makeBroker()
      yield* broker.subscribe("s", "slow")
      for (let index = 0; index < brokerQueueMax; index++) yield* broker.publish("s", payload(1))
      const quick = yield* broker.subscribe("s", "quick")
      const failing = yield* Effect.forkChild(Effect.flip(broker.publish("s", payload(2))))
      yield* TestClock.adjust(brokerQueueWaitMs)
      const failure: BrokerFull = yield* Fiber.join(failing)
      assert.deepStrictEqual([failure.failed, failure.successful], [["slow"], ["quick"]])
      assert.deepStrictEqual(yield* Queue.take(quick), payload(2))
    }),
  )

  it.effect("as a sink is in doubt about a batch that did not reach everybody", () =>
    Effect.gen(function* () {
      const broker = makeBroker()
      yield* broker.subscribe(coreSubject, "slow")
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        for (let index = 0; index < brokerQueueMax; index++) yield* sink.deliver(batchOf("live", { name: "a" }))
        const delivery = yield* Effect.forkChild(sink.deliver(batchOf("live", { name: "b" })))
        yield* TestClock.adjust(brokerQueueWaitMs)
        const receipt = yield* Fiber.join(delivery)
        assert.strictEqual(receipt._tag, "doubtful")
        assert.strictEqual(sink.status().detail, "1 subscribed")
      }).pipe(Effect.provide(layerBroker(broker)))
    }),
  )
})
