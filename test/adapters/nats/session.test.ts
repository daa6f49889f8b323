import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import type { NatsConnection, PublishOptions } from "nats"
import type { BrokerServer } from "../../../src/adapters/nats/address.ts"
import { makeSession, type Outcome } from "../../../src/adapters/nats/session.ts"
import { flushWaitMs, pieceHeaderBytesMax, repliesAwayBytesMax } from "../../../src/domain/limit.ts"

interface Published {
  readonly subject: string
  readonly asks: boolean
  readonly headers: ReadonlyArray<string>
}

/** As much of a connection as a session needs; it answers a flush when it is told to. */
const makeConnection = (info: object = { max_payload: repliesAwayBytesMax, headers: false }) => {
  const pongs: Array<() => void> = []
  const published: Array<Published> = []
  const statuses: Array<(status: object) => void> = []
  const refuse = (subject: string): void =>
    statuses.shift()?.({ done: false, value: { type: "error", data: "", permissionContext: { operation: "publish", subject } } })
  const connection = {
    info,
    status: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<object>((resolve) => statuses.push(resolve)) }) }),
    closed: () => new Promise(() => undefined),
    close: () => Promise.resolve(),
    isClosed: () => false,
    isDraining: () => false,
    subscribe: () => undefined,
    publish: (subject: string, _: Uint8Array, { headers, reply }: PublishOptions = {}) =>
      void published.push({ subject, asks: reply !== undefined, headers: headers?.keys() ?? [] }),
    flush: () => new Promise<void>((resolve) => pongs.push(resolve)),
  }
  return { pongs, published, refuse, session: makeSession({} as BrokerServer, connection as unknown as NatsConnection, () => 0) }
}

const half = new Uint8Array(repliesAwayBytesMax / 2)

it.effect("replies wait for the broker when a bound of bytes is on its way, and not before", () =>
  Effect.gen(function* () {
    const { pongs, session } = makeConnection()
    assert.isTrue(session.send("reply", half))
    yield* session.relief
    assert.lengthOf(pongs, 0)
    session.send("reply", half)
    const waiting = yield* Effect.forkChild(session.relief, { startImmediately: true })
    assert.lengthOf(pongs, 1)
    assert.isUndefined(waiting.pollUnsafe())
    pongs[0]?.()
    yield* Fiber.join(waiting)
    yield* session.relief
    assert.lengthOf(pongs, 1)
  }),
)

it.effect("a broker that stands still holds replies only so long, and the end of the connection at once releases them", () =>
  Effect.gen(function* () {
    const { session } = makeConnection()
    session.send("reply", half)
    session.send("reply", half)
    const still = yield* Effect.forkChild(session.relief, { startImmediately: true })
    yield* TestClock.adjust(flushWaitMs)
    yield* Fiber.join(still)
    session.send("reply", half)
    session.send("reply", half)
    const ended = yield* Effect.forkChild(session.relief, { startImmediately: true })
    yield* Deferred.succeed(session.ended, "over")
    yield* Fiber.join(ended)
  }),
)

const core = { subject: "core", payload: half }
const piece = { subject: "pieces", payload: half, headers: [["Meshsync-Id", "a"]] as const }

it.effect("who listens is asked with the first parcel that is no piece, and not at all where there is none", () =>
  Effect.gen(function* () {
    const { pongs, published, session } = makeConnection({ max_payload: 4_096, headers: true })
    assert.strictEqual(session.pieceBytesMax(), 4_096 - pieceHeaderBytesMax)
    const mixed = yield* Effect.forkChild(session.launch([piece, core, core]), { startImmediately: true })
    assert.deepStrictEqual(published, [
      { subject: "pieces", asks: false, headers: ["Meshsync-Id"] },
      { subject: "core", asks: true, headers: [] },
      { subject: "core", asks: false, headers: [] },
    ])
    pongs[0]?.()
    assert.deepStrictEqual(yield* Fiber.join(mixed), { _tag: "taken", heard: true })
    const alone = yield* Effect.forkChild(session.launch([piece]), { startImmediately: true })
    assert.isFalse(published.at(-1)?.asks)
    pongs[1]?.()
    assert.deepStrictEqual(yield* Fiber.join(alone), { _tag: "taken", heard: undefined })
  }),
)

it.effect("a refusal names its subjects, and is about the batches that had something on them", () =>
  Effect.gen(function* () {
    const { pongs, refuse, session } = makeConnection({ max_payload: 4_096, headers: true })
    const batches = [[core], [core, piece], [piece]]
    const flights = yield* Effect.forEach(batches, (batch) => Effect.forkChild(session.launch(batch), { startImmediately: true }))
    refuse("pieces")
    for (const pong of pongs) pong()
    const outcomes = yield* Effect.forEach(flights, Fiber.join)
    const refused: Outcome = { _tag: "refused", reason: "publishing on pieces is forbidden", subjects: new Set(["pieces"]) }
    assert.deepStrictEqual(outcomes, [{ _tag: "taken", heard: true }, refused, refused])
    const both = yield* Effect.forkChild(session.launch([core, piece]), { startImmediately: true })
    refuse("pieces")
    yield* Effect.promise(() => Promise.resolve())
    refuse("core")
    pongs.at(-1)?.()
    const outcome = yield* Fiber.join(both)
    assert.deepStrictEqual(outcome._tag === "refused" && outcome.subjects, new Set(["core", "pieces"]))
  }),
)

it("a broker without headers, or with no room for them, takes no pieces", () => {
  assert.strictEqual(makeConnection({ max_payload: 1 << 20, headers: false }).session.pieceBytesMax(), 0)
  assert.strictEqual(makeConnection({ max_payload: 600, headers: true }).session.pieceBytesMax(), 0)
})
