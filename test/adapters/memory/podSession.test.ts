import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { makeCluster } from "../../../src/adapters/memory/model.ts"
import { makeContainers } from "../../../src/adapters/memory/podSession.ts"
import { createObject } from "../../../src/adapters/memory/write.ts"
import { fakeLogLinesMax } from "../../../src/domain/limit.ts"

const nginx = { namespace: "shop", pod: "web", container: "nginx" }
const once = { follow: false, previous: false, tailLines: 10 }
const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes)

const setContainers = (...names: ReadonlyArray<string>) => {
  const cluster = makeCluster(1)
  createObject(cluster, "namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } }, 0)
  const spec = { containers: names.map((name) => ({ name, image: "x" })) }
  createObject(cluster, "pods", { apiVersion: "v1", kind: "Pod", metadata: { namespace: "shop", name: "web" }, spec }, 0)
  return makeContainers(cluster)
}

describe("containers in this process", () => {
  it.effect("have logs of bounded length, read from a number of lines back to their end", () =>
    Effect.gen(function* () {
      const { sessions, write } = setContainers("nginx")
      for (let i = 0; i < fakeLogLinesMax + 2; i++) write(nginx, `line ${i}`, 0)
      const two = yield* sessions.openLog({ ...nginx, ...once, container: "", tailLines: 2 })
      const last = fakeLogLinesMax + 1
      assert.strictEqual(textOf(yield* two.next), `1970-01-01T00:00:00.000Z line ${last - 1}\n1970-01-01T00:00:00.000Z line ${last}\n`)
      assert.isUndefined(yield* two.next)
      const all = yield* sessions.openLog({ ...nginx, ...once, tailLines: 10 * fakeLogLinesMax })
      assert.include(textOf(yield* all.next)?.slice(0, 40), "line 2\n")
    }),
  )

  it.effect("are followed by several, each of which hears every line", () =>
    Effect.gen(function* () {
      const { sessions, write } = setContainers("nginx")
      const followers = yield* Effect.forEach([1, 2], () => sessions.openLog({ ...nginx, ...once, follow: true, tailLines: 0 }))
      const heard = yield* Effect.forEach(followers, ({ next }) => Effect.forkChild(next, { startImmediately: true }))
      write(nginx, "now", 0)
      const pieces = yield* Effect.forEach(heard, Fiber.join)
      assert.deepStrictEqual(pieces.map(textOf), ["1970-01-01T00:00:00.000Z now\n", "1970-01-01T00:00:00.000Z now\n"])
    }),
  )

  it.effect("are refused in the API server's words when they are not there, not named, or have no past", () =>
    Effect.gen(function* () {
      const { sessions } = setContainers("nginx", "side")
      const refusals = yield* Effect.forEach(
        [
          { ...nginx, pod: "nope" },
          { ...nginx, container: "" },
          { ...nginx, container: "else" },
          { ...nginx, previous: true },
        ],
        (wish) => Effect.map(Effect.flip(sessions.openLog({ ...once, ...wish })), ({ failure }) => failure.text),
      )
      assert.deepStrictEqual(refusals, [
        'pods "nope" not found',
        "a container name must be specified for pod web, choose one of: [nginx side]",
        "container else is not valid for pod web",
        'previous terminated container "nginx" in pod "web" not found',
      ])
    }),
  )

  it.effect("have a shell that echoes, obeys a little, and ends with a status", () =>
    Effect.gen(function* () {
      const { sessions } = setContainers("nginx")
      const { next, type } = yield* sessions.openTerminal(nginx)
      yield* type(new TextEncoder().encode("echo a''b\nrm -rf /\n\nexit "))
      yield* type(new TextEncoder().encode("4\n"))
      let shown = ""
      const reading = Effect.gen(function* () {
        for (;;) shown += textOf(yield* next)
      })
      assert.strictEqual((yield* Effect.flip(reading)).failure.text, "command terminated with exit code 4")
      assert.strictEqual(shown, "$ echo a''b\r\nab\r\n$ rm -rf /\r\n/bin/sh: rm: not found\r\n$ \r\n$ exit 4\r\n")
    }),
  )
})
