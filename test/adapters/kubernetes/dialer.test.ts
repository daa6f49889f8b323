import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { TestClock } from "effect/testing"
import * as Net from "node:net"
import { layerDialer, parseAddress } from "../../../src/adapters/kubernetes/dialer.ts"
import { dialKeptMs } from "../../../src/domain/limit.ts"
import { Dialer } from "../../../src/ports/Dialer.ts"

/** A listener that counts connections and may be closed early. */
const listen = Effect.acquireRelease(
  Effect.callback<{ readonly port: number; readonly accepted: () => number; readonly close: () => void }>((resume) => {
    let accepted = 0
    const server = Net.createServer((socket) => {
      accepted++
      socket.on("error", () => undefined).resume()
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as Net.AddressInfo
      resume(Effect.succeed({ port, accepted: () => accepted, close: () => void server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close),
)

const reach = (...addresses: ReadonlyArray<string>) =>
  Effect.map(
    Dialer.use((dialer) => dialer.reachable(addresses)),
    (set) => [...set],
  )

/** Whoever dials hears of a connection a turn of the event loop before the listener does. */
const awaitAccepted = (open: { readonly accepted: () => number }, count: number) =>
  Effect.suspend(() => (open.accepted() >= count ? Effect.void : Effect.fail("fewer"))).pipe(
    Effect.retry({ schedule: Schedule.spaced("5 millis"), times: 400 }),
    Effect.andThen(Effect.sync(() => assert.strictEqual(open.accepted(), count))),
  )

describe("the dialer", () => {
  it.live("tells those that accept a connection, dialling each once", () =>
    Effect.gen(function* () {
      const open = yield* listen
      const closed = yield* Effect.scoped(listen)
      const good = `127.0.0.1:${open.port}`
      const reached = yield* reach(good, `127.0.0.1:${closed.port}`, good, "no address", "::1:80", "localhost:99999", `:${open.port}`)
      assert.deepStrictEqual(reached, [good, `:${open.port}`])
      yield* reach(good)
      yield* awaitAccepted(open, 2)
    }).pipe(Effect.provide(layerDialer)),
  )

  it.live("shares one attempt between those who ask at the same time", () =>
    Effect.gen(function* () {
      const open = yield* listen
      yield* Effect.all(
        Array.from({ length: 20 }, () => reach(`127.0.0.1:${open.port}`)),
        { concurrency: "unbounded" },
      )
      yield* awaitAccepted(open, 1)
    }).pipe(Effect.provide(layerDialer)),
  )

  it.effect("remembers an answer for a while", () =>
    Effect.gen(function* () {
      const open = yield* listen
      const address = `127.0.0.1:${open.port}`
      assert.deepStrictEqual(yield* reach(address), [address])
      open.close()
      yield* TestClock.adjust(dialKeptMs - 1)
      assert.deepStrictEqual(yield* reach(address), [address])
      yield* TestClock.adjust(2)
      assert.deepStrictEqual(yield* reach(address), [])
    }).pipe(Effect.provide(layerDialer)),
  )
})

it.each([
  ["10.0.0.1:80", { host: "10.0.0.1", port: 80 }],
  ["[::1]:443", { host: "::1", port: 443 }],
  ["shop.example:1", { host: "shop.example", port: 1 }],
  [":4322", { host: "localhost", port: 4322 }],
  ["::1:80", undefined],
  ["10.0.0.1:0", undefined],
  ["10.0.0.1:70000", undefined],
  ["10.0.0.1", undefined],
  ["a:b", undefined],
] as const)("%s is dialled at %j", (address, expected) => {
  assert.deepStrictEqual(parseAddress(address), expected)
})
