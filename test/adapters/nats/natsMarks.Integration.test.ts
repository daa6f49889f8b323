/** Marks on a real nats-server: their order with the changes, who sees them, and a broker that will not have them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { coreSubject, syncSubject } from "../../../src/domain/wire/subject.ts"
import { accepted, type Sink } from "../../../src/ports/Sink.ts"
import { batchOf } from "../message.ts"
import { connectPlatform, makeServer, openPorts, optionsFor, subscribe } from "./natsServer.ts"

const text = new TextDecoder()
const encode = (said: string): Uint8Array => new TextEncoder().encode(said)
const mark = (sink: Sink["Service"], said: string) => sink.mark?.(() => encode(said)) ?? Effect.die("takes no marks")

/** Everything that comes, until something says that it is the last. */
const takeUntil = (queue: Queue.Dequeue<Uint8Array>, last: string) =>
  Effect.gen(function* () {
    const all: Array<string> = []
    while (!all.at(-1)?.includes(last)) all.push(text.decode(yield* Queue.take(queue)))
    return all
  })

describe("marks", () => {
  it.live("keep their order with the changes for one subscription to both; who takes the changes alone sees nothing of them", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const platform = yield* connectPlatform(server)
      const both = yield* subscribe(platform, "meshery.meshsync.>")
      const core = yield* subscribe(platform, coreSubject)
      const { sink } = yield* openPorts(optionsFor(server))
      for (let round = 0; round < 50; round++) {
        assert.deepStrictEqual(yield* mark(sink, `begin ${round}`), accepted)
        assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: `one-${round}` }, { name: `two-${round}` })), accepted)
        assert.deepStrictEqual(yield* mark(sink, `end ${round}`), accepted)
      }
      yield* sink.deliver(batchOf("live", { name: "the-last" }))
      const told = (yield* takeUntil(both, "the-last")).map((said) => (said.startsWith("{") ? /"name":"([^"]*)"/.exec(said)?.[1] : said))
      const rounds = Array.from({ length: 50 }, (_, round) => [`begin ${round}`, `one-${round}`, `two-${round}`, `end ${round}`])
      assert.deepStrictEqual(told, [...rounds.flat(), "the-last"])
      const alone = yield* takeUntil(core, "the-last")
      assert.strictEqual(alone.length, 101)
      assert.isTrue(alone.every((said) => said.startsWith('{"ObjectType":"meshsync-data"')))
    }),
  )

  it.live("that a broker forbids are given up after one warning, and hold up nothing", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(
        `authorization { users: [{ user: u, password: p, permissions: { publish: { deny: ["${syncSubject}"] } } }] }`,
      )
      const received = yield* subscribe(yield* connectPlatform(server, { user: "u", pass: "p" }), coreSubject)
      const { lines, sink } = yield* openPorts(optionsFor(server, { user: "u", password: "p" }))
      for (const name of ["a", "b", "c"]) {
        assert.deepStrictEqual(yield* mark(sink, "begin"), accepted)
        assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name })), accepted)
      }
      assert.strictEqual((yield* takeUntil(received, '"name":"c"')).length, 3)
      assert.strictEqual(lines.filter((line) => line.includes(syncSubject)).length, 1)
    }),
  )

  it.live("above the broker's largest message are left out", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("max_payload: 4096")
      const received = yield* subscribe(yield* connectPlatform(server), syncSubject)
      const { lines, sink } = yield* openPorts(optionsFor(server))
      assert.deepStrictEqual(yield* mark(sink, "x".repeat(5_000)), accepted)
      assert.deepStrictEqual(yield* mark(sink, "fits"), accepted)
      assert.deepStrictEqual(yield* takeUntil(received, "fits"), ["fits"])
      assert.strictEqual(lines.filter((line) => line.includes("5000 bytes")).length, 1)
    }),
  )
})
