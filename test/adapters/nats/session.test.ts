import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import type { NatsConnection } from "nats"
import type { BrokerServer } from "../../../src/adapters/nats/address.ts"
import { makeSession } from "../../../src/adapters/nats/session.ts"
import { flushWaitMs, repliesAwayBytesMax } from "../../../src/domain/limit.ts"

/** As much of a connection as replies need; it answers a flush when it is told to. */
const makeConnection = () => {
  const pongs: Array<() => void> = []
  const connection = {
    info: { max_payload: repliesAwayBytesMax, headers: false },
    status: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
    closed: () => new Promise(() => undefined),
    close: () => Promise.resolve(),
    isClosed: () => false,
    isDraining: () => false,
    subscribe: () => undefined,
    publish: () => undefined,
    flush: () => new Promise<void>((resolve) => pongs.push(resolve)),
  }
  return { pongs, session: makeSession({} as BrokerServer, connection as unknown as NatsConnection, () => 0) }
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
