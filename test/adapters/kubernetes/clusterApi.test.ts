import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { randomBytes } from "node:crypto"
import type { ServerResponse } from "node:http"
import { ApiError, ClusterApi } from "../../../src/ports/ClusterApi.ts"
import { deployments, layerAt, listOf, pods, serve, textOf, watchOf } from "./loopback.ts"

const answer = (response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}) =>
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(body)

const status = (code: number, reason: string, message: string) =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code })

/** The failure of a list against a server that answers like this. */
const failureAgainst = (reply: (response: ServerResponse) => void, waits = {}) =>
  Effect.gen(function* () {
    const server = yield* serve((_, response) => reply(response))
    const api = ClusterApi.use((service) => service.list(listOf(pods)))
    return (yield* Effect.flip(api.pipe(Effect.provide(layerAt(server.url, {}, waits))))).failure
  })

describe("requests", () => {
  it.live("spell path, query and headers as the API server wants them", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => answer(response, 200, "{}"))
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        yield* api.list({ type: deployments, namespace: "shop", selector: "a in (b,c)", limit: 250, continue: "x+/=" })
        yield* api.list(listOf(pods))
        yield* Effect.scoped(api.watch({ ...watchOf(pods, 321), selector: "a=b" }))
        yield* api.read("/apis", "application/json;as=APIGroupDiscoveryList")
        assert.strictEqual(api.address, `${server.url}/k8s/clusters/c-1`)
      }).pipe(Effect.provide(layerAt(`${server.url}/k8s/clusters/c-1/`, { token: "t0ken" })))
      const base = "/k8s/clusters/c-1"
      assert.deepStrictEqual(
        server.requests.map((request) => request.url),
        [
          `${base}/apis/apps/v1/namespaces/shop/deployments?limit=250&continue=x%2B%2F%3D&labelSelector=a%20in%20(b%2Cc)`,
          `${base}/api/v1/pods?limit=500`,
          `${base}/api/v1/pods?watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=321&labelSelector=a%3Db`,
          `${base}/apis`,
        ],
      )
      const headers = server.requests[3]?.headers
      assert.strictEqual(headers?.accept, "application/json;as=APIGroupDiscoveryList")
      assert.strictEqual(headers?.["accept-encoding"], "identity")
      assert.strictEqual(headers?.["user-agent"], "meshsync/1.2.3")
      assert.strictEqual(headers?.authorization, "Bearer t0ken")
      assert.strictEqual(server.requests[0]?.headers.accept, "application/json")
    }),
  )

  it.live("a question is posted as JSON, and its answer is 201", () =>
    Effect.gen(function* () {
      const bodies: Array<string> = []
      const server = yield* serve((request, response) => {
        request.setEncoding("utf8").on("data", (text: string) => bodies.push(text))
        request.once("end", () => answer(response, request.url === "/reviews" ? 201 : 200, '{"status":{"allowed":true}}'))
      })
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        assert.strictEqual(textOf(yield* api.review("/reviews", { kind: "Review", text: "ü" })), '{"status":{"allowed":true}}')
        // 200 is no answer to a question: something else than the API server has given it.
        assert.instanceOf(yield* Effect.flip(api.review("/other", {})), ApiError)
      }).pipe(Effect.provide(layerAt(server.url)))
      assert.deepStrictEqual(bodies, ['{"kind":"Review","text":"ü"}', "{}"])
      assert.strictEqual(server.requests[0]?.method, "POST")
      assert.strictEqual(server.requests[0]?.headers["content-type"], "application/json")
    }),
  )

  it.live("one after another share a connection; a watch has its own", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.url?.includes("watch=") === true) response.writeHead(200, { "content-type": "application/json" }).flushHeaders()
        else answer(response, request.url?.includes("deployments") === true ? 404 : 200, "{}")
      })
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        for (let round = 0; round < 5; round++) {
          yield* api.list(listOf(pods))
          yield* Effect.flip(api.list(listOf(deployments)))
        }
        assert.strictEqual(server.accepted(), 1)
        yield* Effect.scoped(Effect.andThen(api.watch(watchOf(pods)), api.list(listOf(pods))))
        assert.strictEqual(server.accepted(), 2)
      }).pipe(Effect.provide(layerAt(server.url)))
    }),
  )

  it.live("survive a kept connection that the server has just closed", () =>
    Effect.gen(function* () {
      let answered = 0
      const server = yield* serve((request, response) => {
        answered++
        if (answered === 2) request.socket.destroy()
        else answer(response, 200, `{"n":${answered}}`)
      })
      const bodies = yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        return [yield* api.list(listOf(pods)), yield* api.list(listOf(pods))].map(textOf)
      }).pipe(Effect.provide(layerAt(server.url)))
      assert.deepStrictEqual(bodies, ['{"n":1}', '{"n":3}'])
      assert.strictEqual(server.accepted(), 2)
    }),
  )
})

describe("lists", () => {
  it.live("give the body byte for byte, chunked or with a length, whatever its size", () =>
    Effect.gen(function* () {
      const sizes = [0, 1, 16_384, 16_385, 3_000_000, 70_000, 5_000_001]
      const bodies = sizes.map((size) => randomBytes(size))
      let turn = 0
      const server = yield* serve((_, response) => {
        const body = bodies[turn % bodies.length] ?? Buffer.alloc(0)
        response.setHeader("content-type", "application/json")
        if (turn++ >= bodies.length) response.setHeader("content-length", body.length)
        for (let at = 0; at < body.length; at += 50_000) response.write(body.subarray(at, at + 50_000))
        response.end()
      })
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        const kept: Array<Uint8Array> = []
        for (let index = 0; index < 2 * bodies.length; index++) kept.push(yield* api.list(listOf(pods, index === 0 ? "" : "more")))
        kept.forEach((body, index) => assert.isTrue(Buffer.from(body).equals(bodies[index % bodies.length] ?? Buffer.alloc(1))))
        assert.strictEqual(kept[0]?.constructor, Uint8Array)
      }).pipe(Effect.provide(layerAt(server.url)))
    }),
  )

  it.live("refuse a page beyond the bound as too large, declared or not", () =>
    Effect.gen(function* () {
      const declared = yield* failureAgainst((response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": 300 * 1024 * 1024 }).flushHeaders()
      })
      assert.strictEqual(declared._tag, "TooLarge")
      const server = yield* serve((_, response) => {
        response.setHeader("content-type", "application/json")
        const chunk = Buffer.alloc(1024 * 1024, 32)
        const pour = (): void => {
          while (!response.destroyed && response.write(chunk)) continue
          if (!response.destroyed) response.once("drain", pour)
        }
        pour()
      })
      const read = ClusterApi.use((api) => Effect.flip(api.read("/version")))
      const error = yield* read.pipe(Effect.provide(layerAt(server.url)))
      assert.strictEqual(error.failure._tag, "TooLarge")
      assert.strictEqual(error.path, "/version")
    }),
  )

  it.live("name the cause when the answer is cut, stands still, or never begins", () =>
    Effect.gen(function* () {
      const begin = (response: ServerResponse) =>
        response.writeHead(200, { "content-type": "application/json", "content-length": 100 }).write('{"items":[')
      const cut = yield* failureAgainst((response) => {
        begin(response)
        setImmediate(() => response.destroy())
      })
      assert.strictEqual(cut._tag, "Unavailable")
      assert.match(cut.text, /^127\.0\.0\.1:\d+: the connection was cut$/)
      const stalled = yield* failureAgainst(begin, { stallMs: 50 })
      assert.match(stalled.text, /the answer stood still for 0.05 s/)
      const silent = yield* failureAgainst(() => undefined, { answerMs: 50 })
      assert.match(silent.text, /no answer within 0.05 s/)
      const noHttp = yield* failureAgainst((response) => void response.socket?.end("SSH-2.0-OpenSSH\r\n"))
      assert.match(noHttp.text, /the answer is not HTTP/)
    }),
  )

  it.live("turn refusals into failures", () =>
    Effect.gen(function* () {
      const gone = yield* failureAgainst((response) => answer(response, 410, status(410, "Expired", "too old")))
      assert.strictEqual(gone._tag, "Gone")
      const busy = yield* failureAgainst((response) => answer(response, 429, "slow down", { "retry-after": "7" }))
      assert.deepInclude(busy, { _tag: "Unavailable", retryAfterMs: 7000 })
      const forbidden = yield* failureAgainst((response) => answer(response, 403, status(403, "Forbidden", "pods is forbidden")))
      assert.deepInclude(forbidden, { _tag: "Forbidden", text: "pods is forbidden" })
      const long = yield* failureAgainst((response) => answer(response, 503, "x".repeat(1_000_000)))
      assert.strictEqual(long._tag, "Unavailable")
    }),
  )

  it.live("do not take a login page or a compressed answer for the API server's", () =>
    Effect.gen(function* () {
      const page = yield* failureAgainst((response) => answer(response, 200, "<html>", { "content-type": "text/html; charset=utf-8" }))
      assert.strictEqual(page._tag, "Unavailable")
      assert.match(page.text, /text\/html instead of JSON/)
      const packed = yield* failureAgainst((response) => answer(response, 200, "\x1f\x8b", { "content-encoding": "gzip" }))
      assert.match(packed.text, /encoded as gzip/)
      const moved = yield* failureAgainst((response) => answer(response, 302, "", { location: "https://login.example" }))
      assert.strictEqual(moved._tag, "Unavailable")
    }),
  )

  it.live("name address and cause when nobody listens", () =>
    Effect.gen(function* () {
      const server = yield* Effect.scoped(serve(() => undefined))
      const error = yield* Effect.flip(ClusterApi.use((api) => api.list(listOf(pods)))).pipe(Effect.provide(layerAt(server.url)))
      assert.deepStrictEqual(error.failure, {
        _tag: "Unavailable",
        text: `127.0.0.1:${server.port}: connection refused`,
        retryAfterMs: undefined,
      })
    }),
  )
})

describe("watches", () => {
  const open = (response: ServerResponse) => response.writeHead(200, { "content-type": "application/json" })

  it.live("give bytes as they come, and undefined at an orderly end", () =>
    Effect.gen(function* () {
      const served = yield* Deferred.make<ServerResponse>()
      const server = yield* serve((_, response) => {
        open(response).flushHeaders()
        Deferred.doneUnsafe(served, Effect.succeed(response))
      })
      yield* Effect.gen(function* () {
        const { next } = yield* (yield* ClusterApi).watch(watchOf(pods))
        const response = yield* Deferred.await(served)
        const waiting = yield* Effect.forkChild(next, { startImmediately: true })
        response.write('{"type":"ADDED"')
        assert.strictEqual(textOf(yield* Fiber.join(waiting)), '{"type":"ADDED"')
        response.write("}\n")
        assert.strictEqual(textOf(yield* next), "}\n")
        response.end()
        assert.isUndefined(yield* next)
        assert.isUndefined(yield* next)
      }).pipe(Effect.scoped, Effect.provide(layerAt(server.url)))
    }),
  )

  it.live("say that the connection was cut, also in the middle of a line and on every later call", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        open(response).write('{"type":"ADDED","object":{')
        setImmediate(() => request.socket.destroy())
      })
      yield* Effect.gen(function* () {
        const { next } = yield* (yield* ClusterApi).watch(watchOf(pods))
        const error = yield* Effect.flip(Effect.forever(next))
        assert.match(error.failure.text, /the connection was cut/)
        assert.match((yield* Effect.flip(next)).message, /^\/api\/v1\/pods: .*cut/)
      }).pipe(Effect.scoped, Effect.provide(layerAt(server.url)))
    }),
  )

  it.live("end after the first bookmark when nothing is heard, before it only after their own time", () =>
    Effect.gen(function* () {
      const line = (type: string) => `{"type":"${type}","object":{}}\n`
      const server = yield* serve((request, response) => {
        open(response).write(line(request.url?.includes("pods") === true ? "BOOKMARK" : "ADDED"))
      })
      const watchUntilSilent = (type: typeof pods) =>
        Effect.gen(function* () {
          const { next } = yield* (yield* ClusterApi).watch(watchOf(type, 1))
          return (yield* Effect.flip(Effect.forever(next))).failure
        }).pipe(Effect.scoped, Effect.provide(layerAt(server.url, {}, { idleMs: 40, graceMs: 200 })))
      const heard = yield* watchUntilSilent(pods)
      assert.strictEqual(heard._tag, "Unavailable")
      assert.match(heard.text, /nothing was heard for 0.04 s/)
      const unheard = yield* watchUntilSilent(deployments)
      assert.match(unheard.text, /the answer did not end within 1.2 s/)
    }),
  )

  it.live("leave the bytes with the server while nobody asks", () =>
    Effect.gen(function* () {
      const chunk = Buffer.alloc(64 * 1024, 10)
      const total = 64 * 1024 * 1024
      let poured = 0
      const server = yield* serve((_, response) => {
        open(response)
        const pour = (): void => {
          while (poured < total) {
            poured += chunk.length
            if (!response.write(chunk)) return void response.once("drain", pour)
          }
          response.end()
        }
        pour()
      })
      const turnOfEventLoop = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
      yield* Effect.gen(function* () {
        const { next } = yield* (yield* ClusterApi).watch(watchOf(pods))
        let received = (yield* next)?.length ?? 0
        // A reader that does not stop takes all of it in a fraction of these turns.
        yield* Effect.repeat(turnOfEventLoop, { times: 20_000 })
        assert.isBelow(poured, total / 2)
        for (let bytes = yield* next; bytes !== undefined; bytes = yield* next) received += bytes.length
        assert.strictEqual(received, total)
      }).pipe(Effect.scoped, Effect.provide(layerAt(server.url)))
    }),
  )

  it.live("report a refusal at the start", () =>
    Effect.gen(function* () {
      const server = yield* serve((_, response) => answer(response, 410, status(410, "Expired", "too old resource version")))
      const error = yield* ClusterApi.use((api) => Effect.flip(Effect.scoped(api.watch(watchOf(pods))))).pipe(
        Effect.provide(layerAt(server.url)),
      )
      assert.strictEqual(error.failure._tag, "Gone")
    }),
  )
})

describe("interruption", () => {
  const closed = (server: { readonly sockets: ReadonlySet<{ once: (event: "close", listener: () => void) => unknown }> }) =>
    Effect.callback<void>((resume) => {
      if (server.sockets.size === 0) resume(Effect.void)
      for (const socket of server.sockets) socket.once("close", () => server.sockets.size <= 1 && resume(Effect.void))
    })

  it.live("of a list destroys its socket, before the answer and within the body", () =>
    Effect.gen(function* () {
      for (const begin of [false, true]) {
        const asked = yield* Deferred.make<void>()
        const server = yield* serve((_, response) => {
          if (begin) response.writeHead(200, { "content-type": "application/json" }).write("{")
          Deferred.doneUnsafe(asked, Effect.void)
        })
        yield* Effect.gen(function* () {
          const api = yield* ClusterApi
          const fiber = yield* Effect.forkChild(api.list(listOf(pods)))
          yield* Deferred.await(asked)
          yield* Fiber.interrupt(fiber)
          yield* closed(server)
          assert.strictEqual(server.sockets.size, 0)
        }).pipe(Effect.provide(layerAt(server.url)))
      }
    }),
  )

  it.live("of a watch, or the end of its scope, destroys its socket; the end of the layer the idle ones", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.url?.includes("watch=") === true) response.writeHead(200, { "content-type": "application/json" }).flushHeaders()
        else answer(response, 200, "{}")
      })
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        const waiting = yield* Effect.forkChild(Effect.scoped(Effect.flatMap(api.watch(watchOf(pods)), ({ next }) => next)), {
          startImmediately: true,
        })
        const { next } = yield* Effect.scoped(api.watch(watchOf(deployments)))
        assert.match((yield* Effect.flip(next)).failure.text, /the connection was cut/)
        yield* Fiber.interrupt(waiting)
        yield* closed(server)
        yield* api.list(listOf(pods))
        assert.strictEqual(server.sockets.size, 1)
      }).pipe(Effect.provide(layerAt(server.url)))
      yield* closed(server)
      assert.strictEqual(server.sockets.size, 0)
    }),
  )

  it.live("leaves no socket and no timer behind", () =>
    Effect.gen(function* () {
      const held = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout" || kind === "TCPSocketWrap").length
      const server = yield* serve((request, response) => {
        response.writeHead(200, { "content-type": "application/json" })
        if (request.url?.includes("watch=") === true) response.flushHeaders()
        else if (request.url?.includes("deployments") === true) response.write("{")
        else response.end("{}")
      })
      const before = held()
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        yield* api.list(listOf(pods))
        const stuck = yield* Effect.forkChild(api.list(listOf(deployments)), { startImmediately: true })
        const watching = Effect.scoped(Effect.flatMap(api.watch(watchOf(pods)), ({ next }) => next))
        const silent = yield* Effect.forkChild(watching, { startImmediately: true })
        yield* Effect.eventually(Effect.suspend(() => (server.requests.length === 3 ? Effect.void : Effect.fail("not yet"))))
        assert.isAbove(held(), before)
        yield* Fiber.interruptAll([stuck, silent])
      }).pipe(Effect.provide(layerAt(server.url)))
      yield* closed(server)
      yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
      assert.strictEqual(held(), before)
    }),
  )
})
