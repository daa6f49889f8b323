/** Sessions beside each other: who may begin, what each one says, and that none touches another. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { makeSessions, type Interactive } from "../../src/app/sessions.ts"
import { execSessionsMax, sessionIdleMs, sessionsListedEveryMs } from "../../src/domain/limit.ts"
import { ApiError, ClusterApi } from "../../src/ports/ClusterApi.ts"
import { PodSession } from "../../src/ports/PodSession.ts"
import { Requests } from "../../src/ports/Requests.ts"
import { bytesOf, wishOf } from "./wish.ts"

interface Said {
  readonly subject: string
  readonly object: unknown
}

const failure = (text: string) => new ApiError({ failure: { _tag: "Unavailable", text, retryAfterMs: undefined }, path: "/x" })

/** Pods whose output a test writes: bytes, undefined for the end, or an error. */
const setSessions = Effect.fnUntraced(function* (interactive: Interactive = "on", namespaces: ReadonlyArray<string> = []) {
  const said = yield* Queue.unbounded<Said>()
  const output = yield* Queue.unbounded<Uint8Array | undefined | ApiError>()
  const opened: Array<string> = []
  const typed: Array<string> = []
  const inputs = new Map<string, Queue.Queue<Uint8Array>>()
  const next = Effect.flatMap(Queue.take(output), (piece) => (piece instanceof ApiError ? Effect.fail(piece) : Effect.succeed(piece)))
  const open = (what: string) => Effect.sync(() => void opened.push(what))
  const pods = PodSession.of({
    openLog: ({ pod }) => Effect.as(open(`log ${pod}`), { next }),
    openTerminal: ({ container, pod }) =>
      Effect.as(open(`terminal ${pod} ${container}`), {
        next,
        type: (bytes) => Effect.sync(() => void typed.push(new TextDecoder().decode(bytes))),
      }),
  })
  const read = () => Effect.succeed(bytesOf('{"items":[{"spec":{"containers":[{"name":"main"},{"name":"side"}]}}]}'))
  const requests = Requests.of({
    incoming: Stream.never,
    reply: (subject, payload) =>
      Effect.asVoid(Queue.offer(said, { subject, object: (JSON.parse(new TextDecoder().decode(payload)) as { Object: unknown }).Object })),
    subscribe: (subject) => Effect.tap(Queue.unbounded<Uint8Array>(), (queue) => Effect.sync(() => void inputs.set(subject, queue))),
  })
  const sessions = yield* makeSessions({ interactive, namespaces }).pipe(
    Effect.provideService(PodSession, pods),
    Effect.provideService(Requests, requests),
    Effect.provideService(ClusterApi, { read } as unknown as ClusterApi["Service"]),
  )
  yield* Effect.forkScoped(sessions.work)
  return { sessions, output, opened, typed, inputs, heard: Queue.take(said), all: Queue.takeAll(said) }
})

describe("sessions", () => {
  it.effect("a log is said in lines, its tail at its end, and once however often it is asked for", () =>
    Effect.gen(function* () {
      const { heard, opened, output, sessions } = yield* setSessions()
      yield* sessions.ask("Logs", [wishOf({}), wishOf({ id: "other" })])
      assert.deepStrictEqual(yield* heard, { subject: "active_sessions.exec", object: ["logs.shop.web.nginx"] })
      yield* Queue.offerAll(output, [bytesOf("one\ntw"), bytesOf("o"), undefined])
      const piece = { id: "t1", primary: "web", secondary: "nginx" }
      assert.deepStrictEqual(yield* heard, { subject: "meshery.meshsync.logs", object: { ...piece, data: "one\n" } })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* heard, { subject: "meshery.meshsync.logs", object: { ...piece, data: "two" } })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* heard, { subject: "active_sessions.exec", object: [] })
      assert.deepStrictEqual(opened, ["log web"])
    }),
  )

  it.effect("a terminal gets its default container into its name, types lines, and tells its failure", () =>
    Effect.gen(function* () {
      const { heard, inputs, opened, output, sessions, typed } = yield* setSessions()
      yield* sessions.ask("Terminals", [wishOf({ container: "" })])
      yield* heard
      const id = "exec.shop.web.main.t1"
      assert.deepStrictEqual(yield* heard, { subject: "active_sessions.exec", object: [id] })
      yield* Queue.offer(output, bytesOf("$ "))
      assert.deepStrictEqual(yield* heard, { subject: id, object: "$ " })
      const input = inputs.get(`input.${id}`) as Queue.Queue<Uint8Array>
      yield* Queue.offerAll(input, [bytesOf("rubbish"), bytesOf('{"ObjectType":"exec-input","Object":"ls"}')])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([opened, typed], [["terminal web main"], ["ls\n"]])
      yield* Queue.offer(output, failure("command terminated with exit code 3"))
      assert.deepStrictEqual(yield* heard, { subject: id, object: "command terminated with exit code 3" })
      assert.deepStrictEqual(yield* heard, { subject: "active_sessions.exec", object: [] })
    }),
  )

  it.effect("a terminal is stopped by its name in the list, and ends when it is idle", () =>
    Effect.gen(function* () {
      const { all, heard, sessions } = yield* setSessions()
      yield* sessions.ask("Terminals", [wishOf({ container: "" }), wishOf({ id: "idle" })])
      yield* TestClock.adjust("1 second")
      yield* all
      yield* sessions.ask("Terminals", [wishOf({ container: "main", stop: true }), wishOf({ pod: "unknown", stop: true })])
      assert.deepStrictEqual(yield* heard, { subject: "active_sessions.exec", object: ["exec.shop.web.nginx.idle"] })
      yield* TestClock.adjust(sessionIdleMs)
      assert.deepStrictEqual(yield* heard, { subject: "exec.shop.web.nginx.idle", object: "nothing was typed or shown for 30 min" })
      assert.deepStrictEqual(yield* heard, { subject: "active_sessions.exec", object: [] })
    }),
  )

  it.effect("what the policy, the namespaces or the bound forbid does not begin", () =>
    Effect.gen(function* () {
      const logsOnly = yield* setSessions("logs")
      yield* logsOnly.sessions.ask("Terminals", [wishOf({})])
      assert.deepInclude(yield* logsOnly.heard, { object: "forbidden by MESHSYNC_INTERACTIVE=logs" })
      const elsewhere = yield* setSessions("on", ["default"])
      yield* elsewhere.sessions.ask("Terminals", [wishOf({})])
      assert.deepInclude(yield* elsewhere.heard, { object: "the namespace is not selected" })
      const full = yield* setSessions()
      yield* full.sessions.ask(
        "Terminals",
        Array.from({ length: execSessionsMax + 1 }, (_, i) => wishOf({ id: `t${i}` })),
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(full.opened.length, execSessionsMax)
      assert.deepStrictEqual([logsOnly.opened, elsewhere.opened], [[], []])
    }),
  )

  it.effect("the list is told every ten seconds by one ticker, however many ask for it", () =>
    Effect.gen(function* () {
      const { all, sessions } = yield* setSessions()
      yield* sessions.list
      yield* TestClock.adjust(1)
      yield* sessions.list
      yield* TestClock.adjust(2 * sessionsListedEveryMs)
      assert.deepStrictEqual(
        (yield* all).map(({ subject }) => subject),
        ["active_sessions.exec", "active_sessions.exec"],
      )
    }),
  )
})
