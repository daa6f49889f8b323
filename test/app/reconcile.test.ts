/** Reconciliation over a stage: when it begins, what it says, and what a list that fails leads to. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { parseInterval, reconcileForEver } from "../../src/app/reconcile.ts"
import { releaseNow } from "../../src/app/release.ts"
import type { Lane } from "../../src/domain/sync/lane.ts"
import { thing } from "../domain/sync/block.ts"
import { accept, failed, line, linesText, pageText, setStage } from "./stage.ts"

const [a, b] = [thing("a", "1"), thing("b", "2")]

const watchingWith = (interval: () => string | undefined, lines: Array<string>, minIntervals?: ReadonlyMap<string, number>) =>
  Effect.gen(function* () {
    const stage = yield* setStage(false, false, minIntervals)
    stage.desk.engine.lanes.set(stage.lane.key, stage.lane)
    yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5"))
    yield* accept(yield* stage.nextDelivery)
    const watch = yield* stage.nextWatch
    const logger = Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])
    const options = {
      engine: stage.desk.engine,
      interval,
      release: (lane: Lane) => releaseNow(stage.desk, lane),
      signalsOf: () => stage.signals,
    }
    yield* Effect.forkChild(Effect.provide(reconcileForEver(options), Layer.mergeAll(logger)), { startImmediately: true })
    return Object.assign(stage, { watch })
  })

describe("reconciliation", () => {
  it.effect("lists within the jittered interval, publishes what differs and says how much", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const stage = yield* watchingWith(() => "10m", lines)
      yield* TestClock.adjust("8 minutes")
      assert.strictEqual(yield* stage.unseenLists, 0)
      yield* TestClock.adjust("4 minutes")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([{ ...a, version: "3" }], "9"))
      const delivery = yield* stage.nextDelivery
      assert.deepStrictEqual(delivery.told, ["Modified a", "Deleted b"])
      yield* accept(delivery)
      yield* stage.nextWatch
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(
        lines.map((line) => line.replace(/in \d+ s/u, "in N s")),
        ["reconciled in N s: 2 of 1 objects of 1 kinds differed (0 added, 1 modified, 1 deleted)"],
      )
      assert.deepInclude(stage.desk.engine.counters, { reconciles: 1, drift_modified: 1, drift_deleted: 1 })
    }),
  )

  it.effect("begins with what waits for its kind's interval, or that would count as a difference", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const stage = yield* watchingWith(() => "10m", lines, new Map([["pods", 3_600_000]]))
      yield* stage.watch.come(linesText(line("MODIFIED", { ...a, version: "7" })))
      yield* TestClock.adjust("12 minutes")
      const released = yield* stage.nextDelivery
      assert.deepStrictEqual(released.told, ["Modified a"])
      yield* accept(released)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([{ ...a, version: "7" }, b], "9"))
      yield* stage.nextWatch
      yield* TestClock.adjust("3 seconds")
      assert.include(lines.join("\n"), "0 of 2 objects of 1 kinds differed")
    }),
  )

  it.effect("a failed list deletes nothing and is named as not compared", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const stage = yield* watchingWith(() => "10m", lines)
      yield* TestClock.adjust("12 minutes")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([], "9", "token"))
      yield* Deferred.fail((yield* stage.nextList).answer, failed({ _tag: "Refused", text: "405" }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      assert.strictEqual(stage.lane.ledger.size, 2)
      assert.include(lines.join("\n"), "0 of 0 objects of 0 kinds differed (0 added, 0 modified, 0 deleted); not compared: pods")
    }),
  )

  it.effect("without an interval, or with one below the floor, nothing is listed; the latter is said once", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const set: { interval?: string } = {}
      const stage = yield* watchingWith(() => set.interval, lines)
      yield* TestClock.adjust("3 hours")
      set.interval = "299s"
      yield* TestClock.adjust("3 hours")
      assert.strictEqual(yield* stage.unseenLists, 0)
      assert.deepStrictEqual(lines, ['the reconcile interval "299s" is not used, and nothing is reconciled: it is below 5 minutes'])
    }),
  )
})

describe("an interval", () => {
  it("is a duration of five minutes at least; nothing and 0 mean never", () => {
    assert.deepStrictEqual(parseInterval("5m"), Result.succeed(300_000))
    for (const never of [undefined, "", " ", "0", "0s"]) assert.deepStrictEqual(parseInterval(never), Result.succeed(undefined))
    for (const bad of ["soon", "-10m", "4m59s"]) assert.isTrue(Result.isFailure(parseInterval(bad)), bad)
  })
})
