/** Sessions in the pods of a cluster in this process: their bounds, and that what breaks one leaves the others and the run alone. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { makeClusterApi } from "../../src/adapters/memory/clusterApi.ts"
import { makeCluster } from "../../src/adapters/memory/model.ts"
import { makeContainers } from "../../src/adapters/memory/podSession.ts"
import { createObject } from "../../src/adapters/memory/write.ts"
import { makeSessions, type SessionPolicy } from "../../src/app/sessions.ts"
import { execSessionsMax, logSessionsMax, sessionBytesPerSecond, sessionIdleMs, terminalInputsMax } from "../../src/domain/limit.ts"
import type { SessionWish } from "../../src/domain/wire/sessionRequest.ts"
import { ApiError, ClusterApi } from "../../src/ports/ClusterApi.ts"
import { PodSession } from "../../src/ports/PodSession.ts"
import { Requests } from "../../src/ports/Requests.ts"
import { bytesOf, wishOf } from "./wish.ts"

interface Message {
  readonly ObjectType: string
  readonly Object: unknown
}

/** A cluster with a pod for each container's name; what is said is kept by subject. */
const setStage = Effect.fnUntraced(function* (
  names: ReadonlyArray<string> = ["web"],
  policy: SessionPolicy = { interactive: "on", namespaces: [] },
  breakWith?: (pods: PodSession["Service"]) => PodSession["Service"],
) {
  const cluster = makeCluster(1)
  createObject(cluster, "namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }, 0)
  const spec = { containers: [{ name: "nginx", image: "x" }] }
  for (const name of names) createObject(cluster, "pods", { apiVersion: "v1", kind: "Pod", metadata: { namespace: "shop", name }, spec }, 0)
  const { sessions: pods, write } = makeContainers(cluster)
  const said = new Map<string, Array<Message>>()
  const inputs = new Map<string, Queue.Queue<Uint8Array>>()
  const lines: Array<string> = []
  const requests = Requests.of({
    incoming: Stream.never,
    reply: (subject, payload) =>
      Effect.sync(() => {
        said.set(subject, [...(said.get(subject) ?? []), JSON.parse(new TextDecoder().decode(payload)) as Message])
      }),
    subscribe: (subject) =>
      Effect.tap(Queue.dropping<Uint8Array>(terminalInputsMax), (queue) => Effect.sync(() => void inputs.set(subject, queue))),
  })
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  const sessions = yield* makeSessions(policy).pipe(
    Effect.provideService(PodSession, breakWith === undefined ? pods : breakWith(pods)),
    Effect.provideService(Requests, requests),
    Effect.provideService(ClusterApi, makeClusterApi(cluster)),
  )
  const provided = Effect.provide(Logger.layer([logger]))
  return {
    ask: (kind: "Logs" | "Terminals", ...wishes: ReadonlyArray<SessionWish>) => provided(sessions.ask(kind, wishes)),
    write: (pod: string, line: string) => write({ namespace: "shop", pod, container: "nginx" }, line, 0),
    type: (id: string, text: string) =>
      Effect.sync(() => Queue.offerUnsafe(inputs.get(`input.${id}`)!, bytesOf(JSON.stringify({ ObjectType: "exec-input", Object: text })))),
    settle: TestClock.adjust("1 second"),
    listed: () => said.get("active_sessions.exec")?.at(-1)?.Object as ReadonlyArray<string>,
    textOf: (subject: string) => (said.get(subject) ?? []).map(({ Object: text }) => String(text)).join(""),
    logTextOf: (pod: string) =>
      (said.get("meshery.meshsync.logs") ?? [])
        .map(({ Object: piece }) => piece as { readonly data: string; readonly primary: string })
        .flatMap(({ data, primary }) => (primary === pod ? [data] : []))
        .join(""),
    lines,
  }
})

const podNames = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => `web-${i}`)

describe("sessions", () => {
  it.effect("of each kind are bounded by themselves; one that ends makes room", () =>
    Effect.gen(function* () {
      const names = podNames(logSessionsMax + 1)
      const { ask, lines, listed, settle } = yield* setStage(names)
      yield* ask("Logs", ...names.map((pod) => wishOf({ pod })))
      yield* ask("Terminals", ...names.map((pod) => wishOf({ pod })))
      yield* settle
      const countOf = (prefix: string) => listed().filter((id) => id.startsWith(prefix)).length
      assert.deepStrictEqual([countOf("logs."), countOf("exec.")], [logSessionsMax, execSessionsMax])
      const refused = lines.filter((line) => line.includes("run already"))
      // Once for each kind of mistake and minute, however many are refused.
      assert.strictEqual(refused.length, 2, refused.join("\n"))
      yield* ask("Logs", wishOf({ pod: "web-0", stop: true }))
      yield* settle
      yield* ask("Logs", wishOf({ pod: names.at(-1) ?? "" }))
      yield* settle
      assert.include(listed(), `logs.shop.${names.at(-1)}.nginx`)
      assert.strictEqual(countOf("logs."), logSessionsMax)
    }),
  )

  it.effect("that are stopped before they have begun are over, and may begin again", () =>
    Effect.gen(function* () {
      const { ask, listed, settle } = yield* setStage()
      for (const kind of ["Logs", "Terminals"] as const) {
        yield* ask(kind, wishOf({}), wishOf({ stop: true }))
        yield* settle
        assert.deepStrictEqual(listed() ?? [], [])
        yield* ask(kind, wishOf({ stop: true }), wishOf({}))
        yield* settle
        assert.strictEqual(listed().length, 1)
        yield* ask(kind, wishOf({ stop: true }))
        yield* settle
        assert.deepStrictEqual(listed(), [])
      }
    }),
  )

  it.effect("are one and the same whether the container is named or not", () =>
    Effect.gen(function* () {
      for (const order of [
        ["nginx", ""],
        ["", "nginx"],
      ]) {
        const { ask, listed, settle, textOf, type } = yield* setStage()
        for (const container of order) {
          yield* ask("Terminals", wishOf({ container }))
          yield* settle
        }
        const id = "exec.shop.web.nginx.t1"
        assert.deepStrictEqual(listed(), [id])
        yield* type(id, "echo a''b")
        yield* settle
        assert.strictEqual(textOf(id), "$ echo a''b\r\nab\r\n$ ")
      }
    }),
  )

  it.effect("of logs that break off say first what came without a line's end", () =>
    Effect.gen(function* () {
      const half = PodSession.of({
        openLog: () => {
          const pieces = [bytesOf("whole\nha"), bytesOf("lf")]
          const cut = new ApiError({
            failure: { _tag: "Unavailable", text: "the connection was cut", retryAfterMs: undefined },
            path: "/x",
          })
          return Effect.succeed({ next: Effect.suspend(() => (pieces.length > 0 ? Effect.succeed(pieces.shift()) : Effect.fail(cut))) })
        },
        openTerminal: () => Effect.never,
      })
      const { ask, lines, listed, logTextOf, settle } = yield* setStage(["web"], { interactive: "on", namespaces: [] }, () => half)
      yield* ask("Logs", wishOf({}))
      yield* settle
      assert.strictEqual(logTextOf("web"), "whole\nhalf")
      assert.deepStrictEqual(listed(), [])
      assert.isTrue(
        lines.some((line) => line.includes("10 bytes out, 0 bytes in") && line.includes("the connection was cut")),
        lines.join(),
      )
    }),
  )

  it.effect("that break, by a failure or by a bug of the port, touch neither others nor the run", () =>
    Effect.gen(function* () {
      const breakSome = (pods: PodSession["Service"]): PodSession["Service"] => ({
        openLog: (request) => (request.pod === "web-1" ? Effect.die(new Error("a bug")) : pods.openLog(request)),
        openTerminal: (container) => (container.pod === "web-1" ? Effect.die(new Error("a bug")) : pods.openTerminal(container)),
      })
      const { ask, lines, listed, logTextOf, settle, textOf, type, write } = yield* setStage(
        podNames(3),
        { interactive: "on", namespaces: [] },
        breakSome,
      )
      const all = [...podNames(3), "nope"].map((pod) => wishOf({ pod }))
      yield* ask("Logs", ...all)
      yield* ask("Terminals", ...all)
      yield* settle
      const left = ["logs.shop.web-0.nginx", "logs.shop.web-2.nginx", "exec.shop.web-0.nginx.t1", "exec.shop.web-2.nginx.t1"]
      assert.deepStrictEqual(listed(), left)
      assert.include(textOf("exec.shop.nope.nginx.t1"), 'pods "nope" not found')
      yield* type("exec.shop.web-0.nginx.t1", "exit 7")
      write("web-2", "still here")
      yield* settle
      assert.deepStrictEqual(
        listed(),
        left.filter((id) => id !== "exec.shop.web-0.nginx.t1"),
      )
      assert.include(logTextOf("web-2"), "still here\n")
      assert.isTrue(lines.some((line) => line.includes("a bug")))
    }),
  )

  it.effect("send no faster than their bound, and terminals that say something are not idle", () =>
    Effect.gen(function* () {
      const pieces: Array<Uint8Array> = []
      const loud = PodSession.of({
        openLog: () => Effect.never,
        openTerminal: () =>
          Effect.succeed({
            next: Effect.sync(() => new Uint8Array(sessionBytesPerSecond).fill(0x61)).pipe(
              Effect.tap((piece) => Effect.sync(() => pieces.push(piece))),
            ),
            type: () => Effect.void,
          }),
      })
      const { ask, listed, settle } = yield* setStage(["web"], { interactive: "on", namespaces: [] }, () => loud)
      yield* ask("Terminals", wishOf({}))
      yield* settle
      const before = pieces.length
      yield* settle
      assert.strictEqual(pieces.length - before, 1)
      assert.strictEqual(listed().length, 1)
    }),
  )

  it.effect("of both kinds are refused where the policy is off", () =>
    Effect.gen(function* () {
      const { ask, lines, listed, settle } = yield* setStage(["web"], { interactive: "off", namespaces: [] })
      yield* ask("Logs", wishOf({}))
      yield* ask("Terminals", wishOf({}))
      yield* settle
      assert.isUndefined(listed())
      assert.deepStrictEqual(lines, [
        "the log of shop/web (nginx) was refused: forbidden by MESHSYNC_INTERACTIVE=off",
        "a terminal in shop/web (nginx) was refused: forbidden by MESHSYNC_INTERACTIVE=off",
      ])
    }),
  )

  it.effect("that are idle end for themselves", () =>
    Effect.gen(function* () {
      const { ask, listed, settle, textOf, type } = yield* setStage(podNames(2))
      yield* ask("Terminals", ...podNames(2).map((pod) => wishOf({ pod })))
      yield* settle
      yield* TestClock.adjust(sessionIdleMs / 2)
      yield* type("exec.shop.web-1.nginx.t1", "echo here")
      yield* TestClock.adjust(sessionIdleMs / 2)
      assert.deepStrictEqual(listed(), ["exec.shop.web-1.nginx.t1"])
      assert.include(textOf("exec.shop.web-0.nginx.t1"), "nothing was typed or shown for 30 min")
    }),
  )
})
