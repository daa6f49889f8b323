/** The answer to `informer-store` beside a lane at work: what goes out, what stays in, what is said again, and who is refused. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as TestClock from "effect/testing/TestClock"
import { makeStoreDumps } from "../../src/app/storeDump.ts"
import { dumpsWaitingMax } from "../../src/domain/limit.ts"
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

/** A lane that watches all things, and the dumps beside it. */
const setDumps = Effect.fnUntraced(function* () {
  const stage = yield* setStage()
  stage.desk.engine.lanes.set(stage.lane.key, stage.lane)
  yield* Deferred.succeed((yield* stage.nextList).answer, pageText(things, "5"))
  yield* accept(yield* stage.nextDelivery)
  const watch = yield* stage.nextWatch
  const sent = yield* Queue.unbounded<Sent>()
  const dumps = yield* makeStoreDumps(stage.desk, (subject, payload) => Effect.asVoid(Queue.offer(sent, read(subject, payload))))
  yield* Effect.forkChild(dumps.work, { startImmediately: true })
  return { stage, watch, sent, dumps }
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
      yield* Deferred.fail(running.answer, failed({ _tag: "Unavailable", text: "503", retryAfterMs: undefined }))
      yield* TestClock.adjust("11 seconds")
      yield* Deferred.succeed((yield* stage.nextList).answer, pageText([a], "9"))
      assert.deepInclude(yield* Queue.take(sent), { subject: "waiting0", names: ["a"] })
    }),
  )
})
