/** Deliveries to a real nats-server that refuses, stalls, dies and comes back. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  announceAfterReconnectMs,
  audienceGatherMs,
  batchMessagesMax,
  flushWaitMs,
  paceMessagesPerSecond,
  publishRefusedMs,
  recreationRepeatMs,
  requestsWaitingMax,
} from "../../../src/domain/limit.ts"
import { coreSubject, requestSubject } from "../../../src/domain/wire/subject.ts"
import { accepted, type Batch, type Receipt, type Sink } from "../../../src/ports/Sink.ts"
import { batchOf, messageOf } from "../message.ts"
import { awaitCondition, connectPlatform, makeServer, type NatsServer, openPorts, optionsFor, subscribe } from "./natsServer.ts"

const text = new TextDecoder()

/** As the engine does: the same batch until it is accepted. Returns how often it was in doubt. */
const deliverUntilAccepted = (sink: Sink["Service"], batch: Batch): Effect.Effect<number> =>
  Effect.gen(function* () {
    for (let doubts = 0; ; doubts++) {
      const receipt = yield* Effect.orDie(sink.deliver(batch))
      if (receipt._tag === "accepted") return doubts
    }
  })

/** A subscriber that comes back as soon as it can, and all that it received. */
const subscribeForEver = (server: NatsServer) =>
  Effect.gen(function* () {
    const platform = yield* connectPlatform(server, {
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 20,
      reconnectJitter: 0,
    })
    return yield* subscribe(platform, coreSubject)
  })

const takeText = (queue: Queue.Dequeue<Uint8Array>) => Effect.map(Queue.take(queue), (payload) => text.decode(payload))

const connectionsOf = (server: NatsServer) =>
  Effect.map(server.ask("/connz"), ({ connections }) => (connections as ReadonlyArray<{ readonly name?: string }>).map(({ name }) => name))

describe("a broker that refuses", () => {
  it.live("a size: the size is known, what is too large is named and left out, all else arrives", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("max_payload: 4096")
      const received = yield* subscribe(yield* connectPlatform(server), coreSubject)
      const { lines, sink } = yield* openPorts(optionsFor(server))
      assert.strictEqual(sink.bytesMax(), 4096)
      const large = messageOf({ name: "large", spec: { hush: "x".repeat(5000) } })
      const before = messageOf({ name: "before" })
      const after = messageOf({ name: "after" })
      const leftOut: Receipt = { _tag: "accepted", leftOut: new Set([large]) }
      assert.deepStrictEqual(yield* sink.deliver({ urgency: "live", messages: [before, large, after] }), leftOut)
      assert.deepStrictEqual(
        [yield* takeText(received), yield* takeText(received)],
        [text.decode(before.payload), text.decode(after.payload)],
      )
      assert.deepStrictEqual(yield* sink.deliver({ urgency: "live", messages: [large] }), leftOut)
      const named = lines.filter((line) => line.includes(`Pod shop/large has ${large.payload.byteLength} bytes, the broker accepts 4096`))
      assert.strictEqual(named.length, 2)
      assert.isFalse(lines.some((line) => line.includes("xxx")))
    }),
  )

  it.live("publishing: the batch is in doubt, slowly, and it is said once", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(
        `authorization { users: [{ user: u, password: p, permissions: { publish: { deny: ["${coreSubject}"] } } }] }`,
      )
      const { lines, sink } = yield* openPorts(optionsFor(server, { user: "u", password: "p" }))
      const startedMs = performance.now()
      const receipts = yield* Effect.all([sink.deliver(batchOf("live", { name: "a" })), sink.deliver(batchOf("live", { name: "b" }))], {
        concurrency: 2,
      })
      assert.isAtLeast(performance.now() - startedMs, publishRefusedMs - 1)
      for (const receipt of receipts) assert.strictEqual(receipt._tag, "doubtful")
      assert.strictEqual(lines.filter((line) => line.startsWith("Error") && line.includes("is forbidden")).length, 1)
      assert.strictEqual(sink.status().state, "connected")
    }),
  )

  it.live("subscribing to requests or to an inbox: deliveries go on", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(`authorization { users: [
        { user: u, password: p, permissions: { subscribe: { deny: ["${requestSubject}", "_INBOX.>"] } } }, { user: all, password: p } ] }`)
      const received = yield* subscribe(yield* connectPlatform(server, { user: "all", pass: "p" }), coreSubject)
      const { lines, sink } = yield* openPorts(optionsFor(server, { user: "u", password: "p" }))
      const batch = batchOf("live", { name: "a" })
      assert.deepStrictEqual(yield* sink.deliver(batch), accepted)
      assert.strictEqual(yield* takeText(received), text.decode(batch.messages[0]!.payload))
      yield* awaitCondition("the refusal is logged", 5_000, () =>
        lines.some((line) => line.includes(`Subscription to "${requestSubject}"`)),
      )
    }),
  )
})

describe("a broker that dies", () => {
  it.live("in the middle of 2,000 messages: after resending a subscriber has every one, byte for byte and in order", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { lines, sink } = yield* openPorts(optionsFor(server))
      const received = yield* subscribeForEver(server)
      const batches = Array.from({ length: 200 }, (_, at) =>
        batchOf(
          "live",
          ...Array.from({ length: 10 }, (__, index) => ({ name: `n${at * 10 + index}`, spec: { filler: "x".repeat(2000) } })),
        ),
      )
      const arrived: Array<string> = []
      /** Delivers a batch until its last message has arrived: what the broker took with it into its death is sent again. */
      const carry = (batch: Batch) =>
        Effect.gen(function* () {
          const last = text.decode(batch.messages.at(-1)!.payload)
          yield* deliverUntilAccepted(sink, batch)
          while (arrived.at(-1) !== last) {
            const next = yield* Effect.timeoutOption(takeText(received), 3_000)
            if (Option.isSome(next)) arrived.push(next.value)
            else yield* deliverUntilAccepted(sink, batch)
          }
        })
      const half = yield* Deferred.make<void>()
      const delivering = yield* Effect.forkChild(
        Effect.forEach(batches, (batch, at) => Effect.andThen(at === 100 ? Deferred.succeed(half, undefined) : Effect.void, carry(batch))),
      )
      yield* Deferred.await(half)
      yield* server.end("SIGKILL")
      yield* server.start
      yield* Fiber.join(delivering)
      // First appearances: repeats of a batch are allowed, gaps and wrong content are not.
      assert.deepStrictEqual(
        [...new Set(arrived)],
        batches.flatMap(({ messages }) => messages.map(({ payload }) => text.decode(payload))),
      )
      assert.isTrue(lines.some((line) => line.startsWith("Warn disconnected from the broker at 127.0.0.1")))
      assert.isTrue(lines.some((line) => line.startsWith("Info reconnected to the broker at 127.0.0.1")))
    }),
  )

  it.live("under deliveries of many lanes: each waits, and is accepted after the return", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { sink } = yield* openPorts(optionsFor(server))
      yield* server.end("SIGKILL")
      const lanes = Array.from({ length: 40 }, (_, lane) => batchOf("live", { name: `lane${lane}` }))
      const delivering = yield* Effect.forkChild(
        Effect.forEach(lanes, (batch) => deliverUntilAccepted(sink, batch), { concurrency: "unbounded" }),
        { startImmediately: true },
      )
      yield* awaitCondition("the loss is noticed", 5_000, () => sink.status().state === "disconnected")
      assert.isUndefined(delivering.pollUnsafe())
      yield* server.start
      assert.strictEqual((yield* Fiber.join(delivering)).length, lanes.length)
      const received = yield* subscribe(yield* connectPlatform(server), coreSubject)
      yield* deliverUntilAccepted(sink, batchOf("live", { name: "end" }))
      assert.include(yield* takeText(received), `"end"`)
    }),
  )

  it.live("has everything announced again when it is back and subscribers had their time", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { requests, sink } = yield* openPorts(optionsFor(server))
      yield* deliverUntilAccepted(sink, batchOf("live", { name: "a" }))
      yield* server.end("SIGTERM")
      yield* server.start
      const backMs = performance.now()
      yield* subscribeForEver(server)
      const request = yield* Stream.runHead(requests.incoming)
      assert.deepStrictEqual(request, Option.some({ _tag: "Resync", origin: "reconnect" }))
      assert.isAtMost(performance.now() - backMs, announceAfterReconnectMs + audienceGatherMs + 5_000)
    }),
  )
})

describe("a broker that stalls", () => {
  it.live("for longer than a flush may take: the batch is in doubt, and accepted when sent again", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { lines, sink } = yield* openPorts(optionsFor(server))
      const received = yield* subscribe(yield* connectPlatform(server), coreSubject)
      yield* deliverUntilAccepted(sink, batchOf("live", { name: "before" }))
      yield* server.signal("SIGSTOP")
      const batch = batchOf("live", { name: "stalled", spec: { filler: "x".repeat(100_000) } })
      const startedMs = performance.now()
      const receipt = yield* sink.deliver(batch)
      assert.deepStrictEqual(receipt, { _tag: "doubtful", reason: `no answer in ${flushWaitMs / 1000} s` } satisfies Receipt)
      assert.isAtLeast(performance.now() - startedMs, flushWaitMs - 1)
      // The buffer is ours again: what was in it must not be sent any more.
      const sent = text.decode(batch.messages[0]!.payload)
      const again: Batch = {
        urgency: "live",
        messages: batch.messages.map((message) => ({ ...message, payload: message.payload.slice() })),
      }
      batch.messages[0]!.payload.fill(0)
      const delivering = yield* Effect.forkChild(deliverUntilAccepted(sink, again), { startImmediately: true })
      yield* server.signal("SIGCONT")
      yield* Fiber.join(delivering)
      yield* deliverUntilAccepted(sink, batchOf("live", { name: "end" }))
      const arrived: Array<string> = []
      while (!(arrived.at(-1)?.includes(`"end"`) ?? false)) arrived.push(yield* takeText(received))
      assert.deepStrictEqual(new Set(arrived.slice(1, -1)), new Set([sent]))
      assert.isTrue(lines.some((line) => line.includes("no answer in 10 s")))
    }),
  )

  it.live("shortly: nothing is in doubt", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { sink } = yield* openPorts(optionsFor(server))
      yield* server.signal("SIGSTOP")
      const delivering = yield* Effect.forkChild(sink.deliver(batchOf("live", { name: "a" })), { startImmediately: true })
      // Long enough for an answer that must not come.
      yield* Effect.sleep(500)
      assert.isUndefined(delivering.pollUnsafe())
      yield* server.signal("SIGCONT")
      assert.deepStrictEqual(yield* Fiber.join(delivering), accepted)
    }),
  )
})

describe("a broker that is not there yet", () => {
  it.live("is dialled until it is, with one line about it", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("", false)
      const lines: Array<string> = []
      const opening = yield* Effect.forkChild(openPorts(optionsFor(server), lines), { startImmediately: true })
      yield* awaitCondition("the first warning", 5_000, () => lines.length > 0)
      assert.match(lines[0]!, /^Warn the broker cannot be reached: 127\.0\.0\.1:\d+: .*ECONNREFUSED.*; trying again every 2 s$/)
      yield* server.start
      const { sink } = yield* Fiber.join(opening)
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "a" })), accepted)
      assert.strictEqual(lines.length, 2)
      assert.match(lines[1]!, /^Info connected to the broker at 127\.0\.0\.1:\d+ \(nats-server \d/)
    }),
  )

  it.live("does not keep anybody from leaving", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("", false)
      const lines: Array<string> = []
      const opening = yield* Effect.forkChild(Effect.scoped(openPorts(optionsFor(server), lines)), { startImmediately: true })
      yield* awaitCondition("the first warning", 5_000, () => lines.length > 0)
      const startedMs = performance.now()
      yield* Fiber.interrupt(opening)
      assert.isBelow(performance.now() - startedMs, 1_000)
    }),
  )

  it.live("is passed over in a list", () =>
    Effect.gen(function* () {
      const absent = yield* makeServer("", false)
      const server = yield* makeServer()
      const { sink } = yield* openPorts(optionsFor(server, { url: `127.0.0.1:${absent.port},nats://127.0.0.1:${server.port}` }))
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "a" })), accepted)
    }),
  )
})

describe("listeners", () => {
  it.live("that come late have everything announced to them once", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { requests, sink } = yield* openPorts(optionsFor(server))
      yield* deliverUntilAccepted(sink, batchOf("live", { name: "unheard" }))
      yield* subscribe(yield* connectPlatform(server), coreSubject)
      yield* deliverUntilAccepted(sink, batchOf("live", { name: "heard" }))
      const request = yield* Stream.runHead(requests.incoming)
      assert.deepStrictEqual(request, Option.some({ _tag: "Resync", origin: "subscriber" }))
    }),
  )

  it.live("get a recreated object once more, a moment later", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const received = yield* subscribe(yield* connectPlatform(server), coreSubject)
      const { sink } = yield* openPorts(optionsFor(server))
      const batch = batchOf("live", { name: "a", event: "Deleted", uid: "1" }, { name: "a", uid: "2" })
      const sent = batch.messages.map(({ payload }) => text.decode(payload))
      const startedMs = performance.now()
      yield* deliverUntilAccepted(sink, batch)
      for (const { payload } of batch.messages) payload.fill(0)
      assert.deepStrictEqual([yield* takeText(received), yield* takeText(received), yield* takeText(received)], [...sent, sent[1]!])
      assert.isAtLeast(performance.now() - startedMs, recreationRepeatMs - 1)
    }),
  )

  it.live("are not flooded by announcements, and get live changes at once", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const { sink } = yield* openPorts(optionsFor(server, { pace: true }))
      const announcement = batchOf("announcement", ...Array.from({ length: batchMessagesMax }, (_, index) => ({ name: `n${index}` })))
      const startedMs = performance.now()
      const announcing = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4, 5], () => sink.deliver(announcement)),
        { startImmediately: true },
      )
      for (let index = 0; index < 5; index++) yield* sink.deliver(batchOf("live", { name: `live${index}` }))
      assert.isUndefined(announcing.pollUnsafe())
      yield* Fiber.join(announcing)
      assert.isAtLeast(performance.now() - startedMs, ((4 * batchMessagesMax) / paceMessagesPerSecond) * 1000 - 5)
    }),
  )
})

describe("the end", () => {
  it.live("sends what was given before it, and leaves no connection", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const received = yield* subscribe(yield* connectPlatform(server, { name: "platform" }), "answers")
      const scope = yield* Scope.make()
      const { requests, sink } = yield* Scope.provide(openPorts(optionsFor(server)), scope)
      assert.include(yield* connectionsOf(server), "meshsync")
      for (let index = 0; index < 100; index++) yield* requests.reply("answers", new TextEncoder().encode(`${index}`))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(sink.status().state, "closed")
      assert.deepStrictEqual(
        yield* Effect.replicateEffect(takeText(received), 100),
        Array.from({ length: 100 }, (_, index) => `${index}`),
      )
      assert.deepStrictEqual(yield* connectionsOf(server), ["platform"])
    }),
  )

  it.live("comes in time when the broker is stalled", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const scope = yield* Scope.make()
      const { sink } = yield* Scope.provide(openPorts(optionsFor(server)), scope)
      yield* server.signal("SIGSTOP")
      const delivering = yield* Effect.forkChild(sink.deliver(batchOf("live", { name: "a" })), { startImmediately: true })
      yield* Fiber.interrupt(delivering)
      const startedMs = performance.now()
      yield* Scope.close(scope, Exit.void)
      assert.isBelow(performance.now() - startedMs, 6_000)
    }),
  )
})

describe("requests", () => {
  it.live("beyond the bound are dropped, and their number is said", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const platform = yield* connectPlatform(server)
      const { lines, requests } = yield* openPorts(optionsFor(server))
      const count = requestsWaitingMax + 36
      for (let index = 0; index < count; index++) platform.publish(requestSubject, `{"Request":{"Entity":"verb${index}"}}`)
      yield* Effect.promise(() => platform.flush())
      yield* awaitCondition("the drops are logged", 5_000, () => lines.some((line) => line.includes("36 requests were dropped")))
      const kept = yield* Stream.runCollect(Stream.take(requests.incoming, requestsWaitingMax))
      assert.deepStrictEqual(
        kept,
        Array.from({ length: requestsWaitingMax }, (_, index) => ({ _tag: "Unknown", entity: `verb${index}` })),
      )
    }),
  )

  it.live("go to one of several replicas", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const platform = yield* connectPlatform(server)
      const replicas = [yield* openPorts(optionsFor(server)), yield* openPorts(optionsFor(server))]
      const taken = yield* Queue.unbounded<string>()
      for (const { requests } of replicas) {
        yield* Effect.forkChild(
          Stream.runForEach(requests.incoming, (request) => Queue.offer(taken, request._tag === "Unknown" ? request.entity : request._tag)),
        )
      }
      for (let index = 0; index < 20; index++) platform.publish(requestSubject, `{"Request":{"Entity":"verb${index}"}}`)
      yield* Effect.promise(() => platform.flush())
      const all = yield* Effect.replicateEffect(Queue.take(taken), 20)
      assert.strictEqual(new Set(all).size, 20)
      assert.strictEqual(yield* Queue.size(taken), 0)
    }),
  )
})
