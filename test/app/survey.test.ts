/** What a run says of the namespaces that it is restricted to. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { warnOfNamespaces } from "../../src/app/survey.ts"
import { namespacesAskedMax, namespaceWaitMs } from "../../src/domain/limit.ts"
import type { Failure } from "../../src/domain/sync/fact.ts"
import { ApiError, ClusterApi } from "../../src/ports/ClusterApi.ts"

const unavailable: Failure = { _tag: "Unavailable", text: "503", retryAfterMs: undefined }
const answers: Readonly<Record<string, Effect.Effect<Uint8Array, Failure>>> = {
  shop: Effect.succeed(new Uint8Array(0)),
  secret: Effect.fail({ _tag: "Forbidden", text: "403" }),
  slow: Effect.never,
  busy: Effect.fail(unavailable),
}

const saidOf = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const asked: Array<string> = []
    const refuse = () => Effect.die("not asked for")
    const api = ClusterApi.of({
      list: refuse,
      watch: refuse,
      review: refuse,
      apply: refuse,
      renewCredentials: Effect.void,
      address: "stage",
      read: (path) => {
        asked.push(path)
        const answer = answers[path.split("/").at(-1) ?? ""] ?? Effect.fail<Failure>({ _tag: "NotServed", text: "404" })
        return Effect.mapError(answer, (failure) => new ApiError({ failure, path }))
      },
    })
    const logger = Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])
    const waiting = yield* Effect.forkChild(warnOfNamespaces(names).pipe(Effect.provideService(ClusterApi, api), Effect.provide(logger)))
    yield* TestClock.adjust(namespaceWaitMs)
    yield* Fiber.join(waiting)
    return { asked, lines }
  })

describe("the namespaces of the output", () => {
  it.effect("that do not exist are named once, in one line", () =>
    Effect.gen(function* () {
      const { asked, lines } = yield* saidOf(["shop", " shopp", "", "a/b", "shopp"])
      assert.deepStrictEqual(lines, ['this cluster has no namespace "shopp", "a/b"; what is created there later counts'])
      assert.deepStrictEqual(asked, ["/api/v1/namespaces/shop", "/api/v1/namespaces/shopp", "/api/v1/namespaces/a%2Fb"])
    }),
  )

  it.effect("that may not be read, or are not answered for, are not spoken of", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* saidOf(["secret", "slow", "busy"])).lines, [])
    }),
  )

  it.effect("are asked for within bounds", () =>
    Effect.gen(function* () {
      const { asked } = yield* saidOf(Array.from({ length: 100 }, (_, at) => `n${at}`))
      assert.lengthOf(asked, namespacesAskedMax)
    }),
  )
})
