/** The answer to `informer-store` beside a lane at work: what goes out, what stays in, what is said again, and who is refused. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { makeStoreDumps } from "../../src/app/storeDump.ts"
import { dumpRetriesMax, dumpsWaitingMax, retryLastMs } from "../../src/domain/limit.ts"
import type { Failure } from "../../src/domain/sync/fact.ts"
import { thing } from "../domain/sync/block.ts"
import { accept, failed, line, linesText, pageText, setStage } from "./stage.ts"

const things = ["a", "b", "c", "d", "e", "f", "g"].map((name) => thing(name, "1"))
const [a, b] = things as [ReturnType<typeof thing>, ReturnType<typeof thing>]

interface Sent {
  readonly subject: string
  readonly message: Record<string, unknown>
  readonly names: ReadonlyArray<string>
}

const read = (subject: string, payload: Uint8Array): Sent => {
  const message = JSON.parse(new TextDecoder().decode(payload)) as Sent["message"] & {
    Object: ReadonlyArray<{ metadata: { name: string } }>
  }
  return { subject, message, names: message.Object.map(({ metadata }) => metadata.name) }
}

const noIntervals: ReadonlyMap<string, number> = new Map()

/** A lane that watches all things, and the dumps beside it. */
const setDumps = Effect.fnUntraced(function* ({ unpaced = false, isSlow = false, minIntervals = noIntervals } = {}) {
  const stage = yield* setStage(false, false, minIntervals)
  stage.desk.engine.lanes.set(stage.lane.key, stage.lane)
  yield* Deferred.succeed((yield* stage.nextList).answer, pageText(things, "5"))
  yield* accept(yield* stage.nextDelivery)
  const watch = yield* stage.nextWatch
  const sent = yield* Queue.unbounded<Sent>()
  const taken = yield* Queue.unbounded<void>()
  const reply = (subject: string, payload: Uint8Array) =>
    Effect.andThen(Queue.offer(sent, read(subject, payload)), isSlow ? Queue.take(taken) : Effect.void)
  const dumps = yield* makeStoreDumps(stage.desk, { reply, unpaced })
  yield* Effect.forkChild(dumps.work, { startImmediately: true })
  return { stage, watch, sent, dumps, taken }
})

describe("informer-store", () => {
  it.effect("sends everything of a lane, page by page, five objects a message", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage } = yield* setDumps()
      assert.isTrue(dumps.ask("_INBOX.one"))
      const first = yield* stage.nextList
      assert.deepInclude(first.request, { continue: "", selector: "", namespace: undefined })
      yield* Deferred.succeed(first.answer, pageText(things.slice(0, 6), "9", "t1"))
      const full = yield* Queue.take(sent)
      assert.deepStrictEqual([full.subject, full.names], ["_INBOX.one", ["a", "b", "c", "d", "e"]])
      assert.deepInclude(full.message, { ObjectType: "", EventType: "", Request: null })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["f"])
      yield* TestClock.adjust("1 second")
      const second = yield* stage.nextList
      assert.strictEqual(second.request.continue, "t1")
      yield* Deferred.succeed(second.answer, pageText(things.slice(6), "9"))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["g"])
    }),
  )

  it.effect("keeps in what the lane has not said, and says again afterwards what has gone meanwhile", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage, watch } = yield* setDumps()
      dumps.ask("_INBOX.one")
      const list = yield* stage.nextList
      yield* watch.come(linesText(line("DELETED", b)))
      const deleted = yield* stage.nextDelivery
      assert.deepStrictEqual(deleted.told, ["Deleted b"])
      yield* accept(deleted)
      const newer = thing("c", "77")
      const otherLife = thing("d", "1", thing("x").uid)
      yield* Deferred.succeed(list.answer, pageText([a, b, newer, otherLife, thing("unknown", "3")], "9"))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["a"])
      for (const wait of ["3 seconds", "8 seconds"] as const) {
        assert.strictEqual(yield* stage.unseenDeliveries, 0)
        yield* TestClock.adjust(wait)
        const again = yield* stage.nextDelivery
        assert.deepStrictEqual([again.told, again.urgency], [["Deleted b"], "live"])
        yield* accept(again)
      }
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
    }),
  )

  it.effect("begins with what waits for its kind's interval, or that would be missing", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage, watch } = yield* setDumps({ minIntervals: new Map([["pods", 600_000]]) })
      const newer = thing("b", "7")
      yield* watch.come(linesText(line("MODIFIED", newer)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      dumps.ask("_INBOX.one")
      const released = yield* stage.nextDelivery
      assert.deepStrictEqual(released.told, ["Modified b"])
      yield* accept(released)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, newer], "9"))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["a", "b"])
    }),
  )

  it.effect("says nothing older than what the lane has said, though it takes several messages and each is taken slowly", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage, taken, watch } = yield* setDumps({ unpaced: true, isSlow: true })
      dumps.ask("_INBOX.one")
      const pad = `"spec":{"pad":"${"x".repeat(400_000)}"}`
      const page = new TextDecoder().decode(pageText([a, b], "9")).replaceAll('"spec":{}', pad)
      yield* Deferred.succeed((yield* stage.nextList).answer, new TextEncoder().encode(page))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["a"])
      yield* watch.come(linesText(line("MODIFIED", thing("b", "9"))))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
      yield* Queue.offer(taken, undefined)
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["b"])
      yield* Queue.offer(taken, undefined)
      assert.deepStrictEqual((yield* stage.nextDelivery).told, ["Modified b"])
    }),
  )

  it.effect("does not count as told to all what one consumer alone is told", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage } = yield* setDumps()
      const { name, namespace, uid } = b
      stage.lane.omitted.set("shop/b", { name, namespace, uid, resourceVersion: "1" })
      dumps.ask("_INBOX.one")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a, b], "9"))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["a", "b"])
      assert.strictEqual(stage.lane.omitted.size, 1)
    }),
  )

  it.effect("does not repeat the end of an address that lives again", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage, watch } = yield* setDumps()
      dumps.ask("_INBOX.one")
      const list = yield* stage.nextList
      yield* watch.come(linesText(line("DELETED", b), line("ADDED", thing("b", "8", thing("y").uid))))
      yield* accept(yield* stage.nextDelivery)
      yield* Deferred.succeed(list.answer, pageText([a], "9"))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["a"])
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* stage.unseenDeliveries, 0)
    }),
  )

  it.effect("runs one at a time, lets a few wait, refuses the rest, and outlives a list that fails", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage } = yield* setDumps()
      assert.isTrue(dumps.ask("running"))
      const running = yield* stage.nextList
      for (let waiting = 0; waiting < dumpsWaitingMax; waiting++) assert.isTrue(dumps.ask(`waiting${waiting}`))
      assert.isFalse(dumps.ask("refused"))
      assert.strictEqual(yield* stage.unseenLists, 0)
      yield* Deferred.fail(running.answer, failed({ _tag: "Forbidden", text: "403" }))
      yield* TestClock.adjust("11 seconds")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "9"))
      assert.deepInclude(yield* Queue.take(sent), { subject: "waiting0", names: ["a"] })
    }),
  )

  it.effect("asks again for a page that failed, and begins anew where the list has grown too old", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage } = yield* setDumps()
      dumps.ask("_INBOX.one")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "9", "t1"))
      yield* Queue.take(sent)
      yield* TestClock.adjust("1 second")
      const breakOff = (failure: Failure) =>
        Effect.gen(function* () {
          yield* Deferred.fail((yield* stage.nextList).answer, failed(failure))
          assert.strictEqual(yield* stage.unseenLists, 0)
          yield* TestClock.adjust("5 seconds")
        })
      yield* breakOff({ _tag: "Unavailable", text: "503", retryAfterMs: 2_000 })
      yield* breakOff({ _tag: "TooLarge", text: "413" })
      const second = yield* stage.nextList
      assert.deepInclude(second.request, { continue: "t1", limit: 50 })
      yield* Deferred.fail(second.answer, failed({ _tag: "Gone", text: "410" }))
      yield* TestClock.adjust("5 seconds")
      const anew = yield* stage.nextList
      assert.strictEqual(anew.request.continue, "")
      yield* Deferred.succeed(anew.answer, pageText([a, b], "10"))
      assert.deepStrictEqual((yield* Queue.take(sent)).names, ["a", "b"])
    }),
  )

  it.effect("gives a kind up after so many failures, however long it is told to wait, and goes on with the next dump", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage } = yield* setDumps()
      dumps.ask("_INBOX.one")
      dumps.ask("_INBOX.two")
      const beganMs = yield* Clock.currentTimeMillis
      for (let failures = 0; failures <= dumpRetriesMax; failures++) {
        yield* Deferred.fail((yield* stage.nextList).answer, failed({ _tag: "Unavailable", text: "503", retryAfterMs: 1e9 }))
        yield* TestClock.adjust(retryLastMs)
      }
      assert.isAtMost((yield* Clock.currentTimeMillis) - beganMs, (dumpRetriesMax + 1) * retryLastMs)
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([b], "9"))
      assert.deepInclude(yield* Queue.take(sent), { subject: "_INBOX.two", names: ["b"] })
    }),
  )

  it.effect("goes at full speed where nothing is paced", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage } = yield* setDumps({ unpaced: true })
      dumps.ask("_INBOX.one")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText(things, "9", "t1"))
      assert.deepStrictEqual(
        (yield* Queue.takeN(sent, 2)).map(({ names }) => names.length),
        [5, 2],
      )
      assert.strictEqual((yield* stage.nextList).request.continue, "t1")
    }),
  )

  it.effect("holds one page and one message, however slowly they are taken, and gives the page back before it asks for the next", () =>
    Effect.gen(function* () {
      const { dumps, sent, stage, taken } = yield* setDumps({ unpaced: true, isSlow: true })
      const before = stage.recycled.length
      dumps.ask("_INBOX.one")
      for (let page = 0; page < 20; page++) {
        const { answer, request } = yield* stage.nextList
        assert.strictEqual(request.continue, page === 0 ? "" : `t${page}`)
        assert.strictEqual(stage.recycled.length - before, page)
        yield* Deferred.succeed(answer, pageText(things, "9", `t${page + 1}`))
        for (const count of [5, 2]) {
          assert.strictEqual((yield* Queue.take(sent)).names.length, count)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual([yield* Queue.size(sent), yield* stage.unseenLists], [0, 0])
          yield* Queue.offer(taken, undefined)
        }
      }
    }),
  )
})
