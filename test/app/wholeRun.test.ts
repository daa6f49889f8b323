/** A whole run over a cluster in memory, from its first line of the log to its last. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { layerMemory } from "../../src/adapters/memory/clusterApi.ts"
import { stranger } from "../../src/adapters/memory/model.ts"
import { layerNoRequests } from "../../src/app/layers.ts"
import { makeMonitor, monitorStatus, runToEnd } from "../../src/app/wholeRun.ts"
import { Dialer } from "../../src/ports/Dialer.ts"
import { accepted, Sink } from "../../src/ports/Sink.ts"
import { configMap, makeWorld, put } from "./life.ts"

const sink = Sink.of({
  deliver: () => Effect.succeed(accepted),
  bytesMax: () => 1 << 20,
  status: () => ({ name: "test", state: "open", detail: "" }),
  settled: Effect.void,
})

/** Begins a run of ConfigMaps. @param token of whoever reads the cluster; absent: somebody with every right */
const begin = Effect.fnUntraced(function* (once: boolean, token?: string) {
  const world = makeWorld()
  for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
  const lines: Array<string> = []
  const ports = Layer.mergeAll(
    layerMemory(world.cluster, token),
    layerNoRequests,
    Layer.succeed(Sink, sink),
    Layer.succeed(Dialer, Dialer.of({ reachable: () => Effect.succeed(new Set<string>()) })),
    Logger.layer([Logger.make(({ message }) => void lines.push([message].flat().map(String).join(" ")))]),
  )
  const options = { version: "test", redact: false, contentDedup: false, outputNamespaces: [], selector: "", clusterId: "c" }
  const more = { outputResources: ["configmaps"], readyWhen: "settled", stopAfterMs: undefined } as const
  const monitor = makeMonitor("test", "test")
  const run = runToEnd({ ...options, ...more, once }, monitor, () => Effect.void)
  return { lines, monitor, running: yield* Effect.forkChild(Effect.provide(run, ports)) }
})

const started = "run started: memory://cluster is watched, changes go to test"

describe("a whole run", () => {
  it.effect("says that it has begun, when all is delivered, and that it was interrupted", () =>
    Effect.gen(function* () {
      const { lines, monitor, running } = yield* begin(false)
      assert.isFalse(monitorStatus(monitor).ready)
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(monitorStatus(monitor).ready)
      yield* Fiber.interrupt(running)
      const settled = "everything selected is listed and delivered: 2 objects of 1 kind"
      assert.deepStrictEqual(lines, [started, settled, "run ended: it was interrupted"])
    }),
  )

  it.effect("says how many kinds could not be read, and fails where it ends with that", () =>
    Effect.gen(function* () {
      for (const once of [false, true]) {
        const { lines, running } = yield* begin(once, stranger.token)
        yield* TestClock.adjust("2 seconds")
        const settled = lines.filter((line) => line.startsWith("everything selected"))
        const more = once ? "" : ", and will be tried again"
        assert.deepStrictEqual(settled, [
          `everything selected is listed and delivered: 0 objects of 0 kinds; 1 kind could not be read${more}`,
        ])
        const exit = running.pollUnsafe()
        assert.strictEqual(exit !== undefined && Exit.isFailure(exit), once)
        yield* Fiber.interrupt(running)
      }
    }),
  )

  it.effect("counts its age from the start of the process, however long the output was waited for", () =>
    Effect.gen(function* () {
      const { monitor, running } = yield* begin(false)
      const { startedMs } = monitorStatus(monitor)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(monitorStatus(monitor).startedMs, startedMs)
      assert.notStrictEqual(startedMs, (yield* Clock.currentTimeMillis) - 2_000)
      yield* Fiber.interrupt(running)
    }),
  )
})
