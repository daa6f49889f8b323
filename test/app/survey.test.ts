/** What a run asks of a cluster before its lanes: who it is, and whether the namespaces exist that it is restricted to. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { readClusterId, warnOfNamespaces } from "../../src/app/survey.ts"
import { clusterIdForbiddenWaitMs, clusterIdWaitMs, namespacesAskedMax, namespaceWaitMs } from "../../src/domain/limit.ts"
import type { Failure } from "../../src/domain/sync/fact.ts"
import { ApiError, ClusterApi } from "../../src/ports/ClusterApi.ts"

const unavailable: Failure = { _tag: "Unavailable", text: "503", retryAfterMs: undefined }
const answers: Readonly<Record<string, Effect.Effect<Uint8Array, Failure>>> = {
  shop: Effect.succeed(new Uint8Array(0)),
  secret: Effect.fail({ _tag: "Forbidden", text: "403" }),
  slow: Effect.never,
  busy: Effect.fail(unavailable),
}

const apiOf = (read: (path: string) => Effect.Effect<Uint8Array, Failure>) => {
  const refuse = () => Effect.die("not asked for")
  return ClusterApi.of({
    list: refuse,
    watch: refuse,
    review: refuse,
    apply: refuse,
    renewCredentials: Effect.void,
    address: "stage",
    read: (path) => Effect.mapError(read(path), (failure) => new ApiError({ failure, path })),
  })
}

const saidOf = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const asked: Array<string> = []
    const api = apiOf((path) => {
      asked.push(path)
      return answers[path.split("/").at(-1) ?? ""] ?? Effect.fail<Failure>({ _tag: "NotServed", text: "404" })
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

const forbidden: Failure = { _tag: "Forbidden", text: "403" }
const kubeSystem = new TextEncoder().encode('{"metadata":{"uid":"u-1"}}')

/** Asks for the id while time goes on; `answer` says what the API server answers after so many milliseconds. */
const idOf = (answer: (sinceMs: number) => Effect.Effect<Uint8Array, Failure>, fallback: string, forbiddenWaitMs: number) =>
  Effect.gen(function* () {
    const startedMs = yield* Clock.currentTimeMillis
    const api = apiOf(() => Effect.flatMap(Clock.currentTimeMillis, (nowMs) => answer(nowMs - startedMs)))
    const asking = yield* Effect.forkChild(readClusterId(fallback, forbiddenWaitMs).pipe(Effect.provideService(ClusterApi, api)))
    yield* TestClock.adjust(clusterIdWaitMs)
    return yield* Fiber.join(asking)
  })

describe("the id of the cluster", () => {
  const rolesAreRead = (sinceMs: number) => (sinceMs < 2_000 ? Effect.fail(forbidden) : Effect.succeed(kubeSystem))

  it.effect("comes from an API server that has just started, for a run that goes on", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* idOf(rolesAreRead, "", clusterIdForbiddenWaitMs)).id, "u-1")
    }),
  )

  it.effect("is not waited for by what wants to end, nor where there is another", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* idOf(rolesAreRead, "", 0)).error?.key, "ErrClusterId")
      assert.deepStrictEqual(yield* idOf(rolesAreRead, "set", clusterIdForbiddenWaitMs), { id: "set", error: undefined })
    }),
  )

  it.effect("is missed with one error where it may not be read", () =>
    Effect.gen(function* () {
      let asked = 0
      const found = yield* idOf(() => Effect.suspend(() => (asked++, Effect.fail(forbidden))), "", clusterIdForbiddenWaitMs)
      assert.strictEqual(found.error?.key, "ErrClusterId")
      assert.strictEqual(asked, 6)
    }),
  )

  it.effect("is waited for while the API server is away, within a bound", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* idOf((sinceMs) => (sinceMs < 20_000 ? Effect.fail(unavailable) : Effect.succeed(kubeSystem)), "", 0)).id,
        "u-1",
      )
      assert.include((yield* idOf(() => Effect.fail(unavailable), "", 0)).error?.message, "did not answer within 30 s")
    }),
  )
})
