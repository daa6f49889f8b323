/** Messages above `max_payload` in pieces on a real nats-server: what arrives where, in which order, and a broker that will not have it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { coreSubject, oversizeSubject } from "../../../src/domain/wire/subject.ts"
import { accepted, type Receipt } from "../../../src/ports/Sink.ts"
import { makeOversizeDecoder } from "../../../src/sdk.ts"
import { batchOf, messageOf } from "../message.ts"
import { connectPlatform, makeServer, type NatsServer, openPorts, optionsFor, subscribe } from "./natsServer.ts"

const text = new TextDecoder()
const filler = (length: number) => ({ text: "x".repeat(length) })

/** Everything from here on as one consumer sees it: `Added a`, `pieces: Modified b`. */
const hearAll = (server: NatsServer) =>
  Effect.gen(function* () {
    const platform = yield* connectPlatform(server)
    const told = yield* Queue.unbounded<string>()
    const decoder = makeOversizeDecoder()
    const tell = (prefix: string, payload: Uint8Array) => {
      const { EventType, Object } = JSON.parse(text.decode(payload)) as {
        readonly EventType: string
        readonly Object: { readonly metadata: { readonly name: string } }
      }
      Queue.offerUnsafe(told, `${prefix}${EventType} ${Object.metadata.name} ${payload.byteLength}`)
    }
    platform.subscribe("meshery.meshsync.>", {
      callback: (_, message) => {
        if (message.subject === coreSubject) return tell("", message.data)
        const whole = message.subject === oversizeSubject ? decoder.take(message) : undefined
        if (whole !== undefined) tell("pieces: ", whole)
      },
    })
    yield* Effect.promise(() => platform.flush())
    return { told, decoder }
  })

const sizeOf = ({ payload }: { readonly payload: Uint8Array }) => payload.byteLength
const leftOutOf = (receipt: Receipt) => (receipt._tag === "accepted" ? [...(receipt.leftOut ?? [])].map(({ name }) => name) : "doubtful")

describe("a message above max_payload", () => {
  it.live("arrives in pieces, in its place among the others; a deletion stays on core", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("max_payload: 4096")
      const { decoder, told } = yield* hearAll(server)
      const { lines, sink } = yield* openPorts(optionsFor(server, { oversize: "chunks" }))
      assert.isAtLeast(sink.oversizeBytesMax?.() ?? 0, 1 << 20)
      const before = messageOf({ name: "before" })
      const large = messageOf({ name: "large", event: "Modified", spec: filler(50_000) })
      const gone = messageOf({ name: "large", event: "Deleted" })
      for (let round = 0; round < 20; round++) {
        assert.deepStrictEqual(yield* sink.deliver({ urgency: "live", messages: [before, large, gone] }), accepted)
        const all = [yield* Queue.take(told), yield* Queue.take(told), yield* Queue.take(told)]
        assert.deepStrictEqual(all, [
          `ADDED before ${sizeOf(before)}`,
          `pieces: MODIFIED large ${sizeOf(large)}`,
          `DELETED large ${sizeOf(gone)}`,
        ])
      }
      assert.deepStrictEqual([decoder.held(), decoder.lost()], [0, 0])
      assert.isFalse(lines.some((line) => line.startsWith("Error")))
    }),
  )

  it.live("beyond what goes in pieces, or without the setting, is named and left out", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("max_payload: 4096")
      const { told } = yield* hearAll(server)
      const batch = batchOf("live", { name: "large", spec: filler(5_000) }, { name: "small" })
      const chunking = yield* openPorts(optionsFor(server, { oversize: "chunks" }))
      const huge = { ...messageOf({ name: "huge" }), payload: new Uint8Array(17 * 1024 * 1024) }
      assert.deepStrictEqual(leftOutOf(yield* chunking.sink.deliver({ urgency: "live", messages: [huge] })), ["huge"])
      assert.strictEqual(chunking.lines.filter((line) => line.includes("Pod shop/huge has 17825792 bytes")).length, 1)
      const dropping = yield* openPorts(optionsFor(server))
      assert.isUndefined(dropping.sink.oversizeBytesMax)
      assert.deepStrictEqual(leftOutOf(yield* dropping.sink.deliver(batch)), ["large"])
      assert.match(yield* Queue.take(told), /^ADDED small /)
    }),
  )

  it.live("is not overtaken by the repetition of an older one", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("max_payload: 4096")
      const { told } = yield* hearAll(server)
      const { sink } = yield* openPorts(optionsFor(server, { oversize: "chunks" }))
      const again = ["a", "b"].flatMap((name) => [messageOf({ name, event: "Deleted" }), messageOf({ name })])
      yield* sink.deliver({ urgency: "live", messages: again })
      yield* sink.deliver(batchOf("live", { name: "a", event: "Modified", spec: filler(5_000) }))
      const heard: Array<string> = []
      // The repetition of b comes when that of a would have come.
      for (let at = 0; at < 6; at++) heard.push((yield* Queue.take(told)).replace(/ \d+$/, ""))
      assert.deepStrictEqual(heard, ["DELETED a", "ADDED a", "DELETED b", "ADDED b", "pieces: MODIFIED a", "ADDED b"])
      yield* sink.deliver(batchOf("live", { name: "last" }))
      assert.match(yield* Queue.take(told), /^ADDED last/)
    }),
  )
})

describe("a broker that forbids pieces", () => {
  it.live("has the rest of the batch; what would have gone in pieces is named and left out, and the next ones are not tried", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(
        `max_payload: 4096, authorization { users: [
          { user: u, password: p, permissions: { publish: { deny: ["${oversizeSubject}"] } } }, { user: all, password: p } ] }`,
      )
      const received = yield* subscribe(yield* connectPlatform(server, { user: "all", pass: "p" }), coreSubject)
      const { lines, sink } = yield* openPorts(optionsFor(server, { user: "u", password: "p", oversize: "chunks" }))
      const batch = batchOf("live", { name: "before" }, { name: "large", spec: filler(5_000) }, { name: "after" })
      assert.deepStrictEqual(leftOutOf(yield* sink.deliver(batch)), ["large"])
      assert.include(text.decode(yield* Queue.take(received)), '"before"')
      assert.include(text.decode(yield* Queue.take(received)), '"after"')
      const named = () => lines.filter((line) => line.startsWith("Error") && line.includes("Pod shop/large"))
      assert.include(named()[0], `publishing on ${oversizeSubject} is forbidden`)
      assert.strictEqual(sink.oversizeBytesMax?.(), 0)
      assert.deepStrictEqual(leftOutOf(yield* sink.deliver(batch)), ["large"])
      assert.strictEqual(named().length, 2)
      assert.notInclude(named()[1], "forbidden")
      // The next connection may be allowed to.
      yield* server.end("SIGTERM")
      yield* server.start
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "back" })), accepted)
      assert.isAbove(sink.oversizeBytesMax?.() ?? 0, 0)
    }),
  )

  it.live("and everything else as well: the batch is in doubt", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(
        `max_payload: 4096, authorization { users: [{ user: u, password: p, permissions: { publish: { deny: ["meshery.>"] } } }] }`,
      )
      const { sink } = yield* openPorts(optionsFor(server, { user: "u", password: "p", oversize: "chunks" }))
      const receipt = yield* sink.deliver(batchOf("live", { name: "before" }, { name: "large", spec: filler(5_000) }))
      assert.strictEqual(receipt._tag, "doubtful")
    }),
  )
})
