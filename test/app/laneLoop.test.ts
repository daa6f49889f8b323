/** The loop of one lane over ports that wait for the test: what it asks for, in which order, and what interrupts it. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/testing/TestClock"
import { meshError } from "../../src/domain/error.ts"
import { markAttemptsMax, marksEveryMs, markWaitMs } from "../../src/domain/limit.ts"
import type { Failure } from "../../src/domain/sync/fact.ts"
import { SinkError } from "../../src/ports/Sink.ts"
import { specOf, thing } from "../domain/sync/block.ts"
import { accept, bookmark, doubt, failed, line, linesText, pageText, setStage } from "./stage.ts"

const [a, b, c] = [thing("a", "1"), thing("b", "2"), thing("c", "3")]
const away: Failure = { _tag: "Unavailable", text: "503", retryAfterMs: undefined }

/** Past its first list, watching. */
const setWatching = Effect.fnUntraced(function* (contentDedup = false) {
  const stage = yield* setStage(contentDedup)
  yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5"))
  yield* accept(yield* stage.nextDelivery)
  return { stage, watch: yield* stage.nextWatch }
})

describe("lists", () => {
  it.effect("asks for the next page while this one is on its way out, and takes it only afterwards", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      const first = pageText([a], "5", "t1")
      yield* Deferred.succeed((yield* stage.nextList).answer, first)
      const second = yield* stage.nextList
      assert.strictEqual(second.request.continue, "t1")
      const delivery = yield* stage.nextDelivery
      assert.deepStrictEqual([delivery.told, delivery.urgency], [["Added a"], "announcement"])
      yield* Deferred.succeed(second.answer, pageText([b], "5"))
      yield* Effect.yieldNow
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      assert.isEmpty(stage.recycled)
      yield* accept(delivery)
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Added b"])
      assert.deepStrictEqual(stage.recycled, [first])
    }),
  )

  it.effect("begins anew when a token has expired, and deletes nothing until a list is complete", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* watch.fail({ _tag: "Gone", text: "too old" })
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([], "8", "t1"))
      yield* Deferred.fail((yield* stage.nextList).answer, failed({ _tag: "Gone", text: "the token has expired" }))
      yield* TestClock.adjust("1 second")
      const again = yield* stage.nextList
      assert.strictEqual(again.request.continue, "")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* Deferred.succeed(again.answer, pageText([a], "9"))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Deleted b"])
    }),
  )

  it.effect("renews credentials once for a 401, and lists again after a pause", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.fail((yield* stage.nextList).answer, failed({ _tag: "Unauthorized", text: "401" }))
      yield* TestClock.adjust("1 second")
      yield* stage.nextList
      assert.strictEqual(stage.counts.renewals, 1)
    }),
  )

  it.effect("says that types may have changed when its own is not served", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.fail((yield* stage.nextList).answer, failed({ _tag: "NotServed", text: "404" }))
      yield* TestClock.adjust("5 seconds")
      yield* stage.nextList
      assert.strictEqual(stage.counts.surveys, 1)
    }),
  )

  it.effect("an answer that is no list is a failure, not an end", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.succeed((yield* stage.nextList).answer, new TextEncoder().encode("<html>"))
      yield* TestClock.adjust("1 second")
      yield* stage.nextList
      assert.strictEqual(stage.lane.trouble?.failure._tag, "Unavailable")
    }),
  )
})

describe("delivery", () => {
  it.effect("sends a batch whose fate is in doubt again, the same bytes in the same order, until it is accepted", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b, c], "5"))
      const first = yield* stage.nextDelivery
      yield* doubt(first)
      const second = yield* stage.nextDelivery
      yield* doubt(second)
      yield* TestClock.adjust("2 seconds")
      const third = yield* stage.nextDelivery
      assert.deepStrictEqual(second.payloads, first.payloads)
      assert.deepStrictEqual(third.payloads, first.payloads)
      assert.strictEqual(first.payloads.length, 3)
      assert.strictEqual(stage.lane.counts.added, 0)
      yield* accept(third)
      yield* stage.nextWatch
      const { added, doubtful, resent } = stage.lane.counts
      assert.deepStrictEqual({ added, doubtful, resent }, { added: 3, doubtful: 2, resent: 2 })
    }),
  )

  it.effect("nothing is read from a watch while its block is on its way out", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* watch.come(linesText(line("ADDED", c)))
      yield* watch.come(linesText(line("DELETED", { ...c, version: "7" })))
      const delivery = yield* stage.nextDelivery
      assert.deepStrictEqual([delivery.told, delivery.urgency], [["Added c"], "live"])
      yield* Effect.yieldNow
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* accept(delivery)
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Deleted c"])
    }),
  )

  it.effect("ends with the error of a sink that is broken for good", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "5"))
      const error = new SinkError({ error: meshError("ErrPublish", "full") })
      yield* Deferred.fail((yield* stage.nextDelivery).answer, error)
      assert.deepStrictEqual(yield* stage.ended, Exit.fail(error))
    }),
  )

  it.effect("what the sink has left out after all counts as too large, and not as sent; the lane goes on", () =>
    Effect.gen(function* () {
      const stage = yield* setStage(false, true)
      yield* accept(yield* stage.nextDelivery)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5"))
      const delivery = yield* stage.nextDelivery
      assert.deepStrictEqual(delivery.told, ["Added a", "Added b"])
      yield* Deferred.succeed(delivery.answer, { _tag: "accepted", leftOut: new Set(delivery.messages.slice(0, 1)) })
      const end = yield* stage.nextDelivery
      assert.deepStrictEqual(end.told, ["end 1"])
      assert.include(end.payloads[0], '"omitted":[{"namespace":"shop","name":"a"}]')
      yield* accept(end)
      assert.deepStrictEqual([stage.lane.counts.added, stage.lane.counts.tooLarge], [1, 1])
      const watch = yield* stage.nextWatch
      yield* watch.come(linesText(line("MODIFIED", { ...a, version: "6" }), line("DELETED", b)))
      const next = yield* stage.nextDelivery
      assert.deepStrictEqual(next.told, ["Modified a", "Deleted b"])
      // Of a deletion the identity is left, which is never too large; and it is tried once.
      yield* Deferred.succeed(next.answer, { _tag: "accepted", leftOut: new Set(next.messages.slice(1)) })
      const ended = yield* stage.nextDelivery
      assert.deepStrictEqual(ended.told, ["Deleted b"])
      yield* Deferred.succeed(ended.answer, { _tag: "accepted", leftOut: new Set(ended.messages) })
      yield* watch.come(linesText(line("ADDED", c)))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Added c"])
      assert.strictEqual(stage.lane.omitted.size, 0)
    }),
  )

  it.effect("leaves out repeats where that is wished, deletions never", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching(true)
      yield* watch.come(linesText(line("MODIFIED", { ...a, version: "6" }), line("ADDED", c)))
      yield* accept(yield* stage.nextDelivery)
      yield* stage.signal({ _tag: "ResyncAsked" })
      yield* Deferred.succeed(
        (yield* stage.nextList).answer,
        pageText(
          [
            { ...a, version: "6" },
            { ...c, version: "8" },
          ],
          "9",
        ),
      )
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Added c", "Deleted b"])
    }),
  )
})

describe("watches", () => {
  it.effect("takes lines that are cut anywhere, and goes on from the last whole one", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      const text = linesText(line("ADDED", c), line("MODIFIED", { ...a, version: "6" }))
      yield* watch.come(text.slice(0, 30))
      yield* watch.come(text.slice(30, text.length - 20))
      yield* accept(yield* stage.nextDelivery)
      yield* watch.fail(away)
      yield* Deferred.await(watch.closed)
      yield* TestClock.adjust("1 second")
      const again = yield* stage.nextWatch
      assert.strictEqual(again.request.resourceVersion, "3")
      yield* again.come(linesText(line("MODIFIED", { ...a, version: "6" })))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Modified a"])
    }),
  )

  it.effect("that ends in order is opened again from where it was", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* watch.come(linesText(bookmark("30")))
      yield* watch.come(undefined)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* stage.nextWatch).request.resourceVersion, "30")
      assert.strictEqual(yield* stage.unseenLists, 0)
    }),
  )

  it.effect("that ends without a word is followed by a list", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* watch.come(undefined)
      assert.strictEqual((yield* stage.nextList).request.continue, "")
    }),
  )
})

describe("signals", () => {
  it.effect("interrupt a watch, which is let go of", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* stage.signal({ _tag: "ResyncAsked" })
      yield* Deferred.await(watch.closed)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "9"))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Added a", "Added b"])
    }),
  )

  it.effect("interrupt a pause", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.fail((yield* stage.nextList).answer, failed({ _tag: "Forbidden", text: "403" }))
      yield* stage.signal({ _tag: "ResyncAsked" })
      yield* stage.nextList
    }),
  )

  it.effect("in the middle of a list wait for its page: all is announced, and then once more", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "5", "t1"))
      yield* stage.signal({ _tag: "ResyncAsked" })
      yield* accept(yield* stage.nextDelivery)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([b], "5"))
      yield* accept(yield* stage.nextDelivery)
      const again = yield* stage.nextList
      assert.strictEqual(again.request.continue, "")
      yield* Deferred.succeed(again.answer, pageText([a, b], "6"))
      const whole = yield* stage.nextDelivery
      assert.deepStrictEqual(whole.told, ["Added a", "Added b"])
      yield* accept(whole)
      assert.strictEqual((yield* stage.nextWatch).request.resourceVersion, "6")
    }),
  )

  it.effect("end a lane in the middle of a list, with what has to be said", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "5", "t1"))
      yield* stage.signal({ _tag: "Vanished" })
      yield* accept(yield* stage.nextDelivery)
      const end = yield* stage.nextDelivery
      assert.deepStrictEqual(end.told, ["Deleted a"])
      assert.isUndefined(stage.running.pollUnsafe())
      yield* accept(end)
      assert.deepStrictEqual(yield* stage.ended, Exit.void)
    }),
  )

  it.effect("that deselect a type end it without a word", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* stage.signal({ _tag: "Deselected" })
      assert.deepStrictEqual(yield* stage.ended, Exit.void)
      yield* Deferred.await(watch.closed)
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
    }),
  )

  it.effect("that select other objects end a running list, and the list after it asks for those", () =>
    Effect.gen(function* () {
      const stage = yield* setStage()
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5", "t1"))
      yield* stage.nextList
      const first = yield* stage.nextDelivery
      yield* stage.signal({ _tag: "Reselected", spec: specOf({ selector: "app=a" }) })
      yield* stage.signal({ _tag: "ResyncAsked" })
      yield* accept(first)
      const again = yield* stage.nextList
      assert.deepInclude(again.request, { selector: "app=a", continue: "" })
      yield* Deferred.succeed(again.answer, pageText([a], "6"))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Added a", "Deleted b"])
    }),
  )

  it.effect("that select other objects of a quiet lane cost one list, and say what no longer belongs", () =>
    Effect.gen(function* () {
      const { stage, watch } = yield* setWatching()
      yield* stage.signal({ _tag: "Reselected", spec: specOf({ namespace: "shop", depth: "metadata" }) })
      yield* Deferred.await(watch.closed)
      const again = yield* stage.nextList
      assert.deepInclude(again.request, { namespace: "shop", depth: "metadata" })
      yield* Deferred.succeed(again.answer, pageText([a], "6"))
      const said = yield* stage.nextDelivery
      assert.deepStrictEqual(said.told, ["Added a", "Deleted b"])
      yield* accept(said)
      assert.deepInclude((yield* stage.nextWatch).request, { namespace: "shop", depth: "metadata", resourceVersion: "6" })
    }),
  )
})

describe("marks", () => {
  it.effect("stand behind all that they speak of, and nothing follows before they are accepted", () =>
    Effect.gen(function* () {
      const stage = yield* setStage(false, true)
      const begin = yield* stage.nextDelivery
      assert.deepStrictEqual(begin.told, ["begin"])
      assert.strictEqual(yield* stage.unseenLists, 0)
      yield* accept(begin)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5"))
      const batch = yield* stage.nextDelivery
      assert.deepStrictEqual(batch.told, ["Added a", "Added b"])
      yield* doubt(batch)
      const again = yield* stage.nextDelivery
      assert.deepStrictEqual([again.told, yield* stage.unseenDeliveries], [batch.told, 0])
      yield* accept(again)
      const end = yield* stage.nextDelivery
      assert.deepStrictEqual(end.told, ["end 2"])
      yield* accept(end)
      yield* stage.nextWatch
      yield* stage.signal({ _tag: "Deselected" })
      const closed = yield* stage.nextDelivery
      assert.deepStrictEqual(closed.told, ["closed"])
      yield* accept(closed)
      assert.deepStrictEqual(yield* stage.ended, Exit.void)
    }),
  )

  it.effect("in doubt are said again, and given up at last: the changes go on without them", () =>
    Effect.gen(function* () {
      const stage = yield* setStage(false, true)
      for (let attempt = 0; attempt < markAttemptsMax; attempt++) {
        const begin = yield* stage.nextDelivery
        assert.deepStrictEqual(begin.told, ["begin"])
        yield* doubt(begin)
        yield* TestClock.adjust("10 seconds")
      }
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "5"))
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Added a"])
    }),
  )

  it.effect("a digest waits for the end of a turn, is said once, and the watch goes on", () =>
    Effect.gen(function* () {
      const stage = yield* setStage(false, true)
      yield* accept(yield* stage.nextDelivery)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "5"))
      yield* accept(yield* stage.nextDelivery)
      yield* accept(yield* stage.nextDelivery)
      const watch = yield* stage.nextWatch
      yield* watch.come(linesText(line("ADDED", c)))
      const added = yield* stage.nextDelivery
      yield* TestClock.adjust(marksEveryMs)
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* accept(added)
      const digest = yield* stage.nextDelivery
      assert.deepStrictEqual(digest.told, ["digest 3"])
      yield* watch.come(linesText(line("DELETED", { ...a, version: "7" })))
      yield* doubt(digest)
      const deleted = yield* stage.nextDelivery
      assert.deepStrictEqual(deleted.told, ["Deleted a"])
      yield* accept(deleted)
      yield* TestClock.adjust(marksEveryMs)
      const next = yield* stage.nextDelivery
      assert.deepStrictEqual(next.told, ["digest 2"])
      // Nobody answers: the lane does not wait for ever.
      yield* watch.come(linesText(line("DELETED", { ...b, version: "8" })))
      yield* TestClock.adjust(markWaitMs)
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Deleted b"])
    }),
  )

  it.effect("are left out where repeats are: no consumer has all versions", () =>
    Effect.gen(function* () {
      const stage = yield* setStage(true, true)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "5"))
      yield* accept(yield* stage.nextDelivery)
      yield* stage.nextWatch
      yield* TestClock.adjust(marksEveryMs)
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
    }),
  )
})
