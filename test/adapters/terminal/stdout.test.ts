import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { openSync } from "node:fs"
import { join } from "node:path"
import { PassThrough, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import { layerLines } from "../../../src/adapters/terminal/stdout.ts"
import { Sink } from "../../../src/ports/Sink.ts"
import { batchOf } from "../message.ts"

describe("messages as lines", () => {
  it.effect("are the payloads as they are, a line each, and do not share the batch's memory", () =>
    Effect.gen(function* () {
      const written: Array<Uint8Array> = []
      const stream = new Writable({ write: (chunk: Uint8Array, _encoding, done) => (written.push(chunk), done()) })
      const batch = batchOf("live", { name: "a", spec: { text: "two\nlines \u2028" } }, { name: "b" })
      const payloads = batch.messages.map(({ payload }) => Buffer.from(payload).toString())
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        yield* sink.deliver(batch)
        yield* sink.deliver({ urgency: "live", messages: [] })
        assert.deepStrictEqual(sink.status(), { name: "lines", state: "open", detail: "2 lines" })
      }).pipe(Effect.provide(layerLines(stream, "lines")))
      for (const { payload } of batch.messages) payload.fill(0)
      assert.strictEqual(Buffer.concat(written).toString(), payloads.map((payload) => `${payload}\n`).join(""))
    }),
  )

  it.effect("wait for a slow reader", () =>
    Effect.gen(function* () {
      const held: Array<() => void> = []
      const stream = new Writable({ highWaterMark: 1, write: (_chunk, _encoding, done) => void held.push(done) })
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        const first = yield* Effect.forkChild(sink.deliver(batchOf("live", {})), { startImmediately: true })
        const second = yield* Effect.forkChild(sink.deliver(batchOf("live", {})), { startImmediately: true })
        yield* Effect.yieldNow
        assert.strictEqual(held.length, 1, "the second batch is not handed over before the first is taken")
        assert.strictEqual(first.pollUnsafe(), undefined)
        held.shift()?.()
        yield* Effect.promise(() => new Promise(setImmediate))
        assert.isDefined(first.pollUnsafe())
        assert.strictEqual(held.length, 1)
        assert.strictEqual(second.pollUnsafe(), undefined)
      }).pipe(Effect.provide(layerLines(stream, "lines")))
    }),
  )

  it.effect("say that the reader is gone, each time they are asked", () =>
    Effect.gen(function* () {
      const stream = new PassThrough()
      stream.destroy()
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        for (let time = 0; time < 2; time++) {
          const failure = yield* Effect.flip(sink.deliver(batchOf("live", {})))
          assert.strictEqual(failure.readerGone, true)
        }
        assert.strictEqual(sink.status().state, "closed")
      }).pipe(Effect.provide(layerLines(stream, "lines")))
    }),
  )
})

describe("standard output of a process", () => {
  const child = join(import.meta.dirname, "stdoutChild.ts")
  const lines = 20_000

  it("gives every message to a reader", async () => {
    const running = spawn(process.execPath, [child, String(lines)], { stdio: ["ignore", "pipe", "inherit"] })
    let count = 0
    running.stdout.on("data", (chunk: Buffer) => (count += chunk.filter((byte) => byte === 0x0a).length))
    assert.deepStrictEqual(await once(running, "close"), [0, null])
    assert.strictEqual(count, lines)
  })

  it("ends the process in order when the reader goes away", async () => {
    const running = spawn(process.execPath, [child, String(lines)], { stdio: ["ignore", "pipe", "pipe"] })
    let errors = ""
    running.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    await once(running.stdout, "data")
    running.stdout.destroy()
    assert.deepStrictEqual(await once(running, "close"), [0, null])
    assert.strictEqual(errors, "the reader is gone\n")
  })

  it.runIf(process.platform === "linux")("is an error when the disk behind it is full", async () => {
    const running = spawn(process.execPath, [child, "10"], { stdio: ["ignore", openSync("/dev/full", "w"), "pipe"] })
    let errors = ""
    running.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()))
    assert.deepStrictEqual(await once(running, "close"), [1, null])
    assert.include(errors, "standard output: ENOSPC")
  })
})
