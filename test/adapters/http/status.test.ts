import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { request } from "node:http"
import { connect } from "node:net"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { layerHttp, serveHealth } from "../../../src/adapters/http/status.ts"
import { MeshError } from "../../../src/domain/error.ts"
import { readExposition, valueOf } from "../../domain/sync/exposition.ts"
import { laneOf, statusOf } from "../../domain/sync/statusOf.ts"

const status = statusOf([laneOf("pods", { objects: 3 })])

const serve = (ready: () => boolean = () => true) =>
  Effect.flatMap(serveHealth({ port: 0, status: () => status, ready }), (port) =>
    port === undefined ? Effect.die("no port") : Effect.succeed(port),
  )

const ask = (port: number, path: string, method = "GET", host = "127.0.0.1") =>
  Effect.promise(
    () =>
      new Promise<{ code: number | undefined; type: string | undefined; body: string }>((resolve, reject) => {
        const sent = request({ host, port, path, method, agent: false }, (answer) => {
          let body = ""
          answer.on("data", (chunk: Buffer) => (body += chunk.toString()))
          answer.on("end", () => resolve({ code: answer.statusCode, type: answer.headers["content-type"], body }))
        })
        sent.on("error", reject)
        sent.end(method === "POST" ? "x".repeat(100_000) : undefined)
      }),
  )

const plain = "text/plain; charset=utf-8"

describe("the health port", () => {
  it.effect("answers as the Go MeshSync does: any method, exact paths", () =>
    Effect.gen(function* () {
      let ready = false
      const port = yield* serve(() => ready)
      const table = [
        ["/healthz", "GET", 200, "ok"],
        ["/healthz", "POST", 200, "ok"],
        ["/healthz?verbose", "GET", 200, "ok"],
        ["/readyz", "GET", 503, "not ready"],
        ["/healthz/", "GET", 404, "404 page not found\n"],
        ["/Healthz", "GET", 404, "404 page not found\n"],
        ["/", "DELETE", 404, "404 page not found\n"],
        ["/constructor", "GET", 404, "404 page not found\n"],
        ["/__proto__", "GET", 404, "404 page not found\n"],
      ] as const
      for (const [path, method, code, body] of table)
        assert.deepStrictEqual(yield* ask(port, path, method), { code, type: plain, body }, path)
      const verbose = {
        code: 503,
        type: plain,
        body: "not ready\noutput nats: connected (nats://broker:4222)\neverything delivered once\n",
      }
      assert.deepStrictEqual(yield* ask(port, "/readyz?verbose"), verbose)
      assert.deepStrictEqual(yield* ask(port, "/readyz?verbosely"), { code: 503, type: plain, body: "not ready" })
      ready = true
      assert.deepStrictEqual((yield* ask(port, "/readyz?a=b&verbose=1")).body.split("\n")[0], "ok")
      assert.deepStrictEqual(yield* ask(port, "/readyz", "POST"), { code: 200, type: plain, body: "ok" })
      assert.deepStrictEqual(yield* ask(port, "/readyz", "HEAD"), { code: 200, type: plain, body: "" })
    }),
  )

  it.effect("serves metrics and the status", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const metrics = yield* ask(port, "/metrics")
      assert.strictEqual(metrics.type, "text/plain; version=0.0.4; charset=utf-8")
      assert.strictEqual(valueOf(readExposition(metrics.body), "meshsync_objects", { resource: "pods", kind: "Pod" }), 3)
      const resident = valueOf(readExposition(metrics.body), "process_resident_memory_bytes") ?? 0
      assert.isTrue(resident > 2 ** 20 && resident < 2 ** 40, String(resident))
      const answer = yield* ask(port, "/status")
      assert.strictEqual(answer.type, "application/json")
      assert.deepStrictEqual(JSON.parse(answer.body), JSON.parse(JSON.stringify(status)))
    }),
  )

  it.effect.runIf(networkInterfaces()["lo"]?.some(({ family }) => family === "IPv6") === true)("listens on IPv6 too", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask(yield* serve(), "/healthz", "GET", "::1")).body, "ok")
    }),
  )

  it.effect("that is taken is a warning, and the run goes on", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const logged: Array<unknown> = []
      const recorder = Logger.make(({ logLevel, message }) => void logged.push(logLevel, ...[message].flat()))
      const second = layerHttp({ port, status: () => status, ready: () => true })
      yield* Effect.provide(Effect.void, second).pipe(Effect.provide(Logger.layer([recorder])))
      const [level, error] = logged
      assert.strictEqual(level, "Warn")
      assert.instanceOf(error, MeshError)
      assert.strictEqual(error.key, "ErrHealthPort")
      assert.include(error.detail, `port ${port}: `)
      assert.include(error.detail, "EADDRINUSE")
    }),
  )

  it.effect("closes at once, whoever is still connected", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const port = yield* Scope.provide(serve(), scope)
      // One connection that keeps itself alive after an answer, one whose body never comes, one in the middle of its request,
      // and one that never said a word.
      const sockets = [
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1",
        "GET /healthz HT",
        "",
      ].map((text) => {
        const socket = connect(port, "127.0.0.1")
        if (text !== "") socket.write(text)
        return socket
      })
      const closed = sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve)))
      for (const socket of sockets) socket.on("error", () => undefined)
      yield* Effect.promise(async () => {
        await Promise.all(sockets.map((socket) => (socket.connecting ? once(socket, "connect") : Promise.resolve([]))))
        await Promise.all(sockets.slice(0, 2).map((socket) => once(socket, "data")))
      })
      for (const socket of sockets) socket.resume()
      const began = performance.now()
      yield* Scope.close(scope, Exit.void)
      yield* Effect.promise(() => Promise.all(closed))
      // Some milliseconds on an idle machine. What is ruled out is waiting for Node's timeouts of 5 s.
      assert.isBelow(performance.now() - began, 2_000)
    }),
  )

  it("does not keep the process up, not even with a client connected", async () => {
    const running = spawn(process.execPath, [join(import.meta.dirname, "statusChild.ts")], { stdio: ["pipe", "pipe", "inherit"] })
    const [port] = (await once(running.stdout, "data")) as [Buffer]
    const socket = connect(Number(port.toString()), "127.0.0.1").on("error", () => undefined)
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    await once(socket, "data")
    running.stdin.end()
    assert.deepStrictEqual(await once(running, "close"), [0, null])
    socket.destroy()
  })
})
