import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { once } from "node:events"
import { createServer as createHttpServer } from "node:http"
import { type AddressInfo, createServer, type Server } from "node:net"
import { keepConnection } from "../../../src/adapters/nats/connection.ts"
import { errorRegistry } from "../../../src/domain/error.ts"
import type { Credentials } from "../../../src/adapters/nats/credentials.ts"
import { brokerWarnEveryMs, probeGiveUpMs, reconnectEveryMs } from "../../../src/domain/limit.ts"

const nobody: Credentials = {
  user: undefined,
  password: undefined,
  token: undefined,
  credsPath: undefined,
  nkeyPath: undefined,
  certPath: undefined,
  keyPath: undefined,
  caPath: undefined,
}

/** A server of the loopback until the scope closes; its port. */
const serve = (server: Server) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        server.listen(0, "127.0.0.1")
        await once(server, "listening")
        return (server.address() as AddressInfo).port
      }),
      () => Effect.sync(() => server.close()),
    ),
    (port) => port,
  )

/** A port on which nothing listens. */
const closedPort = Effect.scoped(serve(createServer()))

/**
 * Connects in virtual time to a broker that never is there, until it gives up or the time is over.
 * @returns how it ended, undefined if it did not; when, in milliseconds; and what was logged
 */
const dialInVain = (port: number, monitorPort: number, untilMs: number) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logging = Logger.layer([Logger.make(({ message }) => void lines.push([message].flat().map(String).join(" ")))])
    const servers = [{ host: "127.0.0.1", port, tls: false, login: undefined }]
    const events = { opened: () => Effect.void, lost: Effect.void }
    const startedMs = yield* Clock.currentTimeMillis
    const dialling = yield* Effect.forkChild(
      Effect.scoped(keepConnection(servers, nobody, monitorPort, events)).pipe(Effect.provide(logging)),
    )
    const passedMs = Effect.map(Clock.currentTimeMillis, (nowMs) => nowMs - startedMs)
    while (dialling.pollUnsafe() === undefined && (yield* passedMs) < untilMs) {
      // The sockets are real: the clock moves on when they have had their say, here by a turn of the event loop.
      yield* Effect.promise(() => new Promise((resume) => setTimeout(resume, 2)))
      yield* TestClock.adjust(reconnectEveryMs / 4)
    }
    const exit = dialling.pollUnsafe()
    const afterMs = yield* passedMs
    yield* Fiber.interrupt(dialling)
    return { exit, afterMs, lines }
  })

describe("a broker that never answers at the start", () => {
  it.effect("is given up after five minutes, with at most a line every ten seconds", () =>
    Effect.gen(function* () {
      const { afterMs, exit, lines } = yield* dialInVain(yield* closedPort, yield* closedPort, 2 * probeGiveUpMs)
      assert.isTrue(exit !== undefined && Exit.isFailure(exit))
      assert.include(String(exit), errorRegistry.ErrBrokerConnect.short)
      assert.isAtLeast(afterMs, probeGiveUpMs)
      assert.isBelow(afterMs, 2 * probeGiveUpMs)
      assert.isAtMost(lines.length, afterMs / brokerWarnEveryMs + 1)
      assert.isAtLeast(lines.length, 5)
      for (const line of lines) assert.match(line, /^the broker cannot be reached: 127\.0\.0\.1:\d+: /)
    }),
  )

  it.effect("is waited for as long as its monitoring port answers", () =>
    Effect.gen(function* () {
      const monitorPort = yield* serve(createHttpServer((_, response) => response.end("{}")))
      const { exit } = yield* dialInVain(yield* closedPort, monitorPort, probeGiveUpMs + 2 * brokerWarnEveryMs)
      assert.isUndefined(exit)
    }),
  )

  it.effect("is not known from a monitoring port that refuses", () =>
    Effect.gen(function* () {
      const refuse = createHttpServer((_, response) => response.writeHead(503).end("{}"))
      const { exit } = yield* dialInVain(yield* closedPort, yield* serve(refuse), 2 * probeGiveUpMs)
      assert.isTrue(exit !== undefined && Exit.isFailure(exit))
    }),
  )

  it.effect("is waited for when something else than NATS speaks there", () =>
    Effect.gen(function* () {
      const stranger = createServer((socket) => {
        socket.on("error", () => socket.destroy())
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")
      })
      const { exit, lines } = yield* dialInVain(yield* serve(stranger), yield* closedPort, probeGiveUpMs + 2 * brokerWarnEveryMs)
      assert.isUndefined(exit)
      assert.match(lines[0] ?? "", /unexpected response/)
    }),
  )
})
