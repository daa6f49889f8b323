import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { IncomingMessage } from "node:http"
import { openEndpoint, openStream, readBody, send } from "../../../src/adapters/kubernetes/http.ts"
import { makePageMemory } from "../../../src/adapters/kubernetes/pageMemory.ts"
import { serve } from "./loopback.ts"

/** An answer whose connection was cut after the headers, before anybody read the body. */
const cutAnswer = Effect.gen(function* () {
  const server = yield* serve((request, response) => {
    response.writeHead(200).write("begin")
    setImmediate(() => request.socket.destroy())
  })
  const endpoint = yield* openEndpoint(new URL(server.url), undefined, "test")
  const authorization = { headers: {}, tls: {}, agent: undefined }
  const response: IncomingMessage = yield* send(endpoint, authorization, { path: "/", accept: "*/*", waitMs: 5000 })
  yield* Effect.callback<void>((resume) => {
    if (response.closed) resume(Effect.void)
    else response.once("close", () => resume(Effect.void))
  })
  return response
})

it.live("a body that was cut before it was read fails at once", () =>
  Effect.gen(function* () {
    const response = yield* cutAnswer
    const bounds = { memory: makePageMemory(), bytesMax: 100, bytesExpected: 0, stallMs: 60_000 }
    assert.strictEqual((yield* Effect.flip(readBody(response, bounds))).text, "the connection was cut")
  }),
)

it.live("a stream that was cut before it was read gives what came, then fails at once", () =>
  Effect.gen(function* () {
    const response = yield* cutAnswer
    const next = yield* openStream(response, { idleMs: 60_000, lifeMs: 60_000, marker: "x" })
    assert.strictEqual(Buffer.from((yield* next) ?? []).toString(), "begin")
    assert.strictEqual((yield* Effect.flip(next)).text, "the connection was cut")
  }),
)
