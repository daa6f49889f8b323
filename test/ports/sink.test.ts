import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { meshError } from "../../src/domain/error.ts"
import { accepted, both, SinkError, type Receipt, type Sink, type SinkStatus } from "../../src/ports/Sink.ts"
import { batchOf } from "../adapters/message.ts"

interface Given {
  readonly receipts?: ReadonlyArray<Receipt>
  readonly state?: SinkStatus["state"]
  readonly bytesMax?: number
  readonly finish?: Sink["Service"]["finish"]
}

const recordingSink = (name: string, log: Array<string>, given: Given = {}): Sink["Service"] => {
  const receipts = [...(given.receipts ?? [])]
  return {
    deliver: ({ messages }) =>
      Effect.sync(() => {
        log.push(`${name} ${messages.map((message) => message.name).join(",")}`)
        return receipts.shift() ?? accepted
      }),
    bytesMax: () => given.bytesMax ?? 10,
    status: () => ({ name, state: given.state ?? "open", detail: `${name} is fine` }),
    settled: Effect.sync(() => void log.push(`${name} settled`)),
    ...(given.finish === undefined ? {} : { finish: given.finish }),
  }
}

describe("two sinks as one", () => {
  it.effect("what either has left out is left out, and what both take of large objects they take", () =>
    Effect.gen(function* () {
      const batch = batchOf("live", { name: "a" }, { name: "b" }, { name: "c" })
      const without = (...at: ReadonlyArray<number>): Given => ({
        receipts: [{ _tag: "accepted", leftOut: new Set(at.map((index) => batch.messages[index]!)) }],
      })
      const deliver = (one: Given, other: Given) => both(recordingSink("one", [], one), recordingSink("two", [], other)).deliver(batch)
      const names = (receipt: Receipt) =>
        receipt._tag === "accepted" ? [...(receipt.leftOut ?? [])].map(({ name }) => name) : ["doubtful"]
      assert.deepStrictEqual(names(yield* deliver(without(0), without(1))), ["a", "b"])
      assert.deepStrictEqual(names(yield* deliver(without(2), {})), ["c"])
      assert.deepStrictEqual(names(yield* deliver({}, without(2))), ["c"])
      assert.deepStrictEqual(names(yield* deliver(without(0), { receipts: [{ _tag: "doubtful", reason: "" }] })), ["doubtful"])
      const plain = (bytesMax: number) => recordingSink("plain", [], { bytesMax })
      const chunking = { ...plain(10), oversizeBytesMax: () => 100 }
      assert.isUndefined(both(plain(10), plain(20)).oversizeBytesMax)
      assert.strictEqual(both(chunking, plain(1_000)).oversizeBytesMax?.(), 100)
      assert.strictEqual(both(plain(50), chunking).oversizeBytesMax?.(), 50)
      assert.strictEqual(both(plain(7), chunking).bytesMax(), 7)
      assert.strictEqual(both(chunking, { ...plain(10), oversizeBytesMax: () => 0 }).oversizeBytesMax?.(), 10)
    }),
  )

  it.effect("marks go to those that take them, in turn", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const marking = (name: string, receipt: Receipt): Sink["Service"] => ({
        ...recordingSink(name, log),
        mark: (payload) => Effect.sync(() => (log.push(`${name} ${payload().length}`), receipt)),
      })
      const plain = recordingSink("file", log)
      const doubtful: Receipt = { _tag: "doubtful", reason: "no PONG" }
      const mark = (sink: Sink["Service"]) => sink.mark?.(() => new Uint8Array(3)) ?? Effect.die("takes no marks")
      assert.isUndefined(both(plain, plain).mark)
      assert.deepStrictEqual(yield* mark(both(plain, marking("one", accepted))), accepted)
      assert.deepStrictEqual(yield* mark(both(marking("two", doubtful), marking("three", accepted))), doubtful)
      assert.deepStrictEqual(yield* mark(both(marking("four", accepted), marking("five", accepted))), accepted)
      assert.deepStrictEqual(log, ["one 3", "two 3", "four 3", "five 3"])
    }),
  )

  it.effect("the second gets a batch once, when the first has accepted it", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const doubtful: Receipt = { _tag: "doubtful", reason: "no PONG" }
      const sink = both(recordingSink("broker", log, { receipts: [doubtful] }), recordingSink("file", log))
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "a" }, { name: "b" })), doubtful)
      assert.deepStrictEqual(log, ["broker a,b"])
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "a" }, { name: "b" })), accepted)
      yield* sink.settled
      assert.deepStrictEqual(log, ["broker a,b", "broker a,b", "file a,b", "broker settled", "file settled"])
    }),
  )

  it.effect("doubt of the second is doubt, and its failure is a failure", () =>
    Effect.gen(function* () {
      const doubtful: Receipt = { _tag: "doubtful", reason: "x" }
      const sink = both(recordingSink("one", []), recordingSink("two", [], { receipts: [doubtful] }))
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", {})), doubtful)
      const failure = new SinkError({ error: meshError("ErrOutputFile", "full") })
      const broken = both(recordingSink("one", []), { ...recordingSink("two", []), deliver: () => Effect.fail(failure) })
      assert.strictEqual(yield* Effect.flip(broken.deliver(batchOf("live", {}))), failure)
    }),
  )

  it.effect("takes the smaller message, shows the worse state, and leaves behind what each leaves behind", () =>
    Effect.gen(function* () {
      const written = { path: "/snap.yaml", documents: 1, bytes: 2 }
      const sink = both(
        recordingSink("broker", [], { state: "disconnected", bytesMax: 7 }),
        recordingSink("file", [], { finish: Effect.succeed([written]) }),
      )
      assert.strictEqual(sink.bytesMax(), 7)
      assert.deepStrictEqual(sink.status(), { name: "broker+file", state: "disconnected", detail: "broker is fine; file is fine" })
      assert.deepStrictEqual(yield* sink.finish ?? Effect.succeed([]), [written])
    }),
  )
})
