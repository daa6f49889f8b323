/**
 * What every broker behind the ports Sink and Requests does, run on the in-process one and on a real nats-server.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { coreSubject, requestSubject } from "../../src/domain/wire/subject.ts"
import type { Request } from "../../src/domain/wire/request.ts"
import type { Requests } from "../../src/ports/Requests.ts"
import { accepted, type Sink } from "../../src/ports/Sink.ts"
import { batchOf, messageOf } from "../adapters/message.ts"

/** A broker with the ports on one side and a platform on the other. */
export interface SinkEnvironment {
  readonly sink: Sink["Service"]
  readonly requests: Requests["Service"]
  /** Subscribes as a platform does; the effect waits for the next payload. */
  readonly subscribe: (subject: string) => Effect.Effect<Effect.Effect<Uint8Array>, never, Scope.Scope>
  readonly publish: (subject: string, payload: Uint8Array) => Effect.Effect<void>
}

const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload)
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The next payloads of a subscription, as text. */
const take = (next: Effect.Effect<Uint8Array>, count: number) => Effect.map(Effect.replicateEffect(next, count), (all) => all.map(textOf))

const takeRequests = (requests: Requests["Service"], count: number): Effect.Effect<ReadonlyArray<Request>> =>
  Stream.runCollect(Stream.take(requests.incoming, count))

export const describeSinkContract = (name: string, environment: Effect.Effect<SinkEnvironment, unknown, Scope.Scope>): void => {
  describe(`a broker: ${name}`, () => {
    it.live("carries payloads byte for byte, in order", () =>
      Effect.gen(function* () {
        const { sink, subscribe } = yield* environment
        const next = yield* subscribe(coreSubject)
        const first = batchOf(
          "live",
          { name: "ä", spec: { text: "\u0000\u2028😀" } },
          { name: "b", event: "Modified" },
          { name: "b", event: "Deleted" },
        )
        const second = batchOf(
          "announcement",
          ...Array.from({ length: 250 }, (_, index) => ({ name: `n${index}`, spec: { x: "y".repeat(index) } })),
        )
        assert.deepStrictEqual(yield* sink.deliver(first), accepted)
        assert.deepStrictEqual(yield* sink.deliver(second), accepted)
        const sent = [...first.messages, ...second.messages].map(({ payload }) => textOf(payload))
        assert.deepStrictEqual(yield* take(next, sent.length), sent)
      }),
    )

    it.live("does not look at a batch's bytes after it has answered", () =>
      Effect.gen(function* () {
        const { sink, subscribe } = yield* environment
        const next = yield* subscribe(coreSubject)
        const batch = batchOf("live", { name: "a" }, { name: "b" })
        const sent = batch.messages.map(({ payload }) => textOf(payload))
        yield* sink.deliver(batch)
        for (const { payload } of batch.messages) payload.fill(0)
        yield* sink.deliver(batchOf("live", { name: "end" }))
        assert.deepStrictEqual((yield* take(next, 3)).slice(0, 2), sent)
      }),
    )

    it.live("accepts an empty batch, and a batch to which nobody listens", () =>
      Effect.gen(function* () {
        const { sink } = yield* environment
        assert.deepStrictEqual(yield* sink.deliver({ urgency: "live", messages: [] }), accepted)
        assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "unheard" })), accepted)
      }),
    )

    it.live("gives every subscriber everything", () =>
      Effect.gen(function* () {
        const { sink, subscribe } = yield* environment
        const one = yield* subscribe(coreSubject)
        const other = yield* subscribe(coreSubject)
        const batch = batchOf("live", { name: "a" }, { name: "b" })
        yield* sink.deliver(batch)
        const sent = batch.messages.map(({ payload }) => textOf(payload))
        assert.deepStrictEqual([yield* take(one, 2), yield* take(other, 2)], [sent, sent])
      }),
    )

    it.live("takes deliveries of many lanes at once", () =>
      Effect.gen(function* () {
        const { sink, subscribe } = yield* environment
        const next = yield* subscribe(coreSubject)
        const lanes = Array.from({ length: 40 }, (_, lane) => lane)
        yield* Effect.forEach(
          lanes,
          (lane) => Effect.forEach([0, 1, 2, 3, 4], (turn) => sink.deliver(batchOf("live", { name: `${lane}-${turn}` }))),
          { concurrency: "unbounded", discard: true },
        )
        const names = (yield* take(next, 200)).map(
          (text) => (JSON.parse(text) as { Object: { metadata: { name: string } } }).Object.metadata.name,
        )
        for (const lane of lanes) {
          assert.deepStrictEqual(
            names.filter((each) => each.startsWith(`${lane}-`)),
            [0, 1, 2, 3, 4].map((turn) => `${lane}-${turn}`),
          )
        }
      }),
    )

    it.live("brings requests in order of arrival, hostile ones as invalid", () =>
      Effect.gen(function* () {
        const { publish, requests } = yield* environment
        const texts = [
          `{"Request":{"Entity":"resync-discovery"}}`,
          `{"request":{"entity":"meshsync-meta"}}`,
          `{"Request":{"Entity":"no-such\\u0007verb"}}`,
          "",
          "\u0000\u0001",
          `{"Request":null}`,
          "[".repeat(50_000),
          `{"Request":{"Entity":"${"x".repeat(70_000)}"}}`,
          `{"Request":{"Entity":"resync-discovery"}}`,
        ]
        for (const text of texts) yield* publish(requestSubject, bytesOf(text))
        yield* publish(requestSubject, new Uint8Array([0xff, 0xfe, 0x7b]))
        const tags = (yield* takeRequests(requests, texts.length + 1)).map(({ _tag }) => _tag)
        assert.deepStrictEqual(tags, [
          "Resync",
          "Meta",
          "Unknown",
          "Invalid",
          "Invalid",
          "Invalid",
          "Invalid",
          "Invalid",
          "Resync",
          "Invalid",
        ])
      }),
    )

    it.live("replies on a subject that the platform named", () =>
      Effect.gen(function* () {
        const { requests, subscribe } = yield* environment
        const next = yield* subscribe("meshery-server.meshsync.store")
        const payload = bytesOf("[]")
        yield* requests.reply("meshery-server.meshsync.store", payload)
        payload.fill(0)
        assert.strictEqual(textOf(yield* next), "[]")
      }),
    )

    it.live("drops replies on subjects that nobody may name", () =>
      Effect.gen(function* () {
        const { requests, subscribe } = yield* environment
        const everything = yield* subscribe(coreSubject)
        const proper = yield* subscribe("proper")
        for (const subject of ["", "a b", "a\r\nPUB x 1\r\ny\r\n", "meshery.>", "*", "$SYS.REQ.USER.INFO", ".x", `${coreSubject} `]) {
          yield* requests.reply(subject, bytesOf("evil"))
        }
        yield* requests.reply("proper", bytesOf("end"))
        assert.strictEqual(textOf(yield* proper), "end")
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(everything, 0)))
      }),
    )

    it.live("names itself, and a size that holds a batch's message", () =>
      Effect.gen(function* () {
        const { sink } = yield* environment
        assert.isAtLeast(sink.bytesMax(), 1024 * 1024)
        assert.include(["connected", "open"], sink.status().state)
        yield* sink.settled
        assert.deepStrictEqual(
          yield* sink.deliver({ urgency: "live", messages: [{ ...messageOf({}), payload: new Uint8Array(1024 * 1024) }] }),
          accepted,
        )
      }),
    )
  })
}
