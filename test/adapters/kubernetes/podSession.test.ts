/** Logs and terminals against a server on loopback that says what a test wants, also what no API server would. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { createHash } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { terminalFrameBytesMax } from "../../../src/domain/limit.ts"
import { PodSession } from "../../../src/ports/PodSession.ts"
import { layerAt, serve, textOf, waits } from "./loopback.ts"

const container = { namespace: "shop", pod: "web-1.a", container: "nginx" }

/** RFC 6455, 4.2.2. */
const acceptOf = ({ headers }: IncomingMessage): string =>
  createHash("sha1").update(`${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64")

const welcome = (accept: string): string =>
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`

const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

/** A frame as a server sends it: without a mask. */
const frame = (opcode: number, payload: string | Buffer, final = true): Buffer => {
  const bytes = Buffer.from(payload)
  const head = bytes.length < 126 ? [bytes.length] : [126, bytes.length >> 8, bytes.length & 0xff]
  return Buffer.concat([Buffer.from([(final ? 0x80 : 0) | opcode, ...head]), bytes])
}

const shown = (text: string): Buffer => frame(Opcode.binary, `\u0001${text}`)
const lastWord = (text: string): Buffer => frame(Opcode.binary, `\u0003${text}`)

/** The first frame of a client, read as RFC 6455 5.3 says: opcode and payload; undefined unless it is masked. */
const unmask = (bytes: Buffer): readonly [opcode: number, payload: string] | undefined => {
  const [first = 0, second = 0] = bytes
  if (second < 0x80) return undefined
  const mask = bytes.subarray(2, 6)
  const payload = bytes.subarray(6, 6 + (second & 0x7f)).map((byte, i) => byte ^ (mask[i & 3] as number))
  return [first, Buffer.from(payload).toString("utf8")]
}

/** A server that accepts a WebSocket and then does what the test says with the connection. */
const serveTerminal = (talk: (socket: Duplex) => void, accept = acceptOf) =>
  serve(
    (_, response) => response.writeHead(500).end(),
    undefined,
    (request, socket) => {
      socket.on("error", () => undefined).write(welcome(accept(request)))
      talk(socket)
    },
  )

/** The port over a client that lives as long as the scope. */
const sessionsAt = (...where: Parameters<typeof layerAt>) =>
  Effect.map(Layer.build(layerAt(...where)), (context) => Context.get(context, PodSession))

const openTerminal = (...where: Parameters<typeof layerAt>) => Effect.flatMap(sessionsAt(...where), (pods) => pods.openTerminal(container))

/** What a terminal shows until its end, and the failure that it ends with. */
const watchTerminal = (talk: (socket: Duplex) => void) =>
  Effect.gen(function* () {
    const server = yield* serveTerminal(talk)
    const terminal = yield* openTerminal(server.url)
    let text = ""
    const reading = Effect.gen(function* () {
      for (let bytes = yield* terminal.next; bytes !== undefined; bytes = yield* terminal.next) text += textOf(bytes)
    })
    const failure = yield* Effect.match(reading, { onFailure: ({ failure: { text: reason } }) => reason, onSuccess: () => undefined })
    return { text, failure }
  })

describe("a terminal", () => {
  it.live("is asked for as kubectl asks, with the client's credentials", () =>
    Effect.gen(function* () {
      const server = yield* serveTerminal(() => undefined)
      const pods = yield* sessionsAt(`${server.url}/k8s/c-1`, { token: "t0ken" })
      yield* pods.openTerminal({ ...container, container: "" })
      const { headers, url } = server.requests[0] as IncomingMessage
      assert.strictEqual(
        url,
        "/k8s/c-1/api/v1/namespaces/shop/pods/web-1.a/exec?command=%2Fbin%2Fsh&stdin=true&stdout=true&stderr=true&tty=true",
      )
      assert.deepInclude(headers, {
        authorization: "Bearer t0ken",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "v5.channel.k8s.io, v4.channel.k8s.io",
      })
    }),
  )

  it.live("shows what comes in fragments, cut anywhere, with a ping between them; the ping is answered", () =>
    Effect.gen(function* () {
      const heard = yield* Queue.unbounded<Buffer>()
      const long = "ü".repeat(200)
      const bytes = Buffer.concat([
        frame(Opcode.binary, "\u0001one ", false),
        frame(Opcode.ping, "alive?"),
        frame(Opcode.continuation, "two ", false),
        frame(Opcode.continuation, "three "),
        frame(Opcode.pong, "nobody asked"),
        frame(Opcode.binary, "\u0002stderr "),
        frame(Opcode.binary, "\u0009no such stream"),
        frame(Opcode.binary, ""),
        shown(long),
        frame(Opcode.binary, '\u0003{"status":', false),
        frame(Opcode.continuation, '"Success"}'),
      ])
      const { failure, text } = yield* watchTerminal((socket) => {
        socket.on("data", (chunk: Buffer) => Queue.offerUnsafe(heard, chunk))
        const drip = (at: number): void => {
          if (at < bytes.length) socket.write(bytes.subarray(at, at + 1), () => drip(at + 1))
        }
        drip(0)
      })
      assert.deepStrictEqual([text, failure], [`one two three stderr ${long}`, undefined])
      assert.deepStrictEqual(unmask(yield* Queue.take(heard)), [0x80 | Opcode.pong, "alive?"])
    }),
  )

  it.live("types on the stream of standard input, behind a mask", () =>
    Effect.gen(function* () {
      const heard = yield* Deferred.make<Buffer>()
      const server = yield* serveTerminal((socket) => {
        socket.on("data", (chunk: Buffer) => Effect.runSync(Deferred.succeed(heard, chunk)))
      })
      const terminal = yield* openTerminal(server.url)
      yield* terminal.type(Buffer.from("ls\n"))
      assert.deepStrictEqual(unmask(yield* Deferred.await(heard)), [0x80 | Opcode.binary, "\u0000ls\n"])
    }),
  )

  it.live.each([
    ["status 0", '{"status":"Success"}', undefined],
    [
      "another status",
      '{"status":"Failure","reason":"NonZeroExitCode","message":"x","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}',
      "command terminated with exit code 7",
    ],
    ["no shell", '{"status":"Failure","message":"no such file: /bin/sh"}', "no such file: /bin/sh"],
    ["a failure without a reason", '{"status":"Failure"}', "it failed"],
    ["no JSON", "<html>", "the end of the terminal cannot be understood"],
    ["null", "null", "the end of the terminal cannot be understood"],
  ])("ends with %s, after all that was shown", ([, status, reason]) =>
    Effect.gen(function* () {
      const end = yield* watchTerminal((socket) => void socket.write(Buffer.concat([shown("a"), lastWord(status ?? ""), shown("b")])))
      assert.deepStrictEqual(end, { text: "ab", failure: reason })
    }),
  )

  it.live.each<readonly [string, (socket: Duplex) => void]>([
    ["closes in order without a status", (socket) => socket.write(Buffer.concat([shown("a"), frame(Opcode.close, "\u0003\u00e8")]))],
    ["closes without a code", (socket) => socket.write(Buffer.concat([shown("a"), frame(Opcode.close, "")]))],
    ["ends", (socket) => socket.end(shown("a"))],
    ["ends inside of a frame", (socket) => socket.end(Buffer.concat([shown("a"), shown("lost").subarray(0, 4)]))],
  ])("fails when the connection %s", ([, talk]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* watchTerminal(talk), { text: "a", failure: "the connection was cut" })
    }),
  )

  it.live.each<readonly [string, ReadonlyArray<number>, string]>([
    ["a frame that is too large", [0x82, 127, 0, 0, 0, 0, 0xff, 0, 0, 0], `a frame is larger than ${terminalFrameBytesMax} bytes`],
    [
      "a length beyond all numbers",
      [0x82, 127, ...Array.from({ length: 8 }, () => 0xff)],
      `a frame is larger than ${terminalFrameBytesMax} bytes`,
    ],
    ["a masked frame", [0x82, 0x80, 1, 2, 3, 4], "a frame of the server is masked"],
    ["bytes of another protocol", [...Buffer.from("SSH-2.0-x\r\n")], "a frame has an extension that was not asked for"],
  ])("fails at %s", ([, bytes, reason]) =>
    Effect.gen(function* () {
      const end = yield* watchTerminal((socket) => void socket.write(Buffer.concat([shown("a"), Buffer.from(bytes)])))
      assert.strictEqual(end.failure, reason)
    }),
  )

  it.live("fails when a reset comes instead of its end", () =>
    Effect.gen(function* () {
      const end = yield* watchTerminal(
        (socket) => void socket.write(shown("a"), () => (socket as Duplex & { resetAndDestroy(): void }).resetAndDestroy()),
      )
      assert.isString(end.failure)
    }),
  )

  it.live("that is refused fails with the API server's own words, and a proxy's welcome counts as none", () =>
    Effect.gen(function* () {
      const refusal = JSON.stringify({
        kind: "Status",
        status: "Failure",
        message: 'pods "web" is forbidden',
        reason: "Forbidden",
        code: 403,
      })
      const refusing = yield* serve((_, response) => response.writeHead(403, { "content-type": "application/json" }).end(refusal))
      const { failure, path } = yield* Effect.flip(openTerminal(refusing.url))
      assert.strictEqual(path, "/api/v1/namespaces/shop/pods/web-1.a/exec")
      assert.deepInclude(failure, { _tag: "Forbidden", text: 'pods "web" is forbidden' })
      const proxy = yield* serveTerminal(
        () => undefined,
        () => "bm90IHRoZSBrZXk=",
      )
      assert.include((yield* Effect.flip(openTerminal(proxy.url))).failure.text, "the answer is no WebSocket")
    }),
  )

  it.live("that gets no answer fails in time, and closing its scope cuts its connection", () =>
    Effect.gen(function* () {
      const silent = yield* serve(() => undefined)
      const late = yield* Effect.flip(openTerminal(silent.url, {}, { ...waits, answerMs: 30 }))
      assert.include(late.failure.text, "no answer within 0.03 s")
      const closed = yield* Deferred.make<void>()
      const server = yield* serveTerminal((socket) => {
        socket.resume().on("end", () => Effect.runSync(Deferred.succeed(closed, undefined)))
      })
      yield* Effect.scoped(openTerminal(server.url))
      yield* Deferred.await(closed)
      assert.strictEqual(server.accepted(), 1)
    }),
  )
})

describe("a log", () => {
  const request = { ...container, follow: true, previous: true, tailLines: 7 }
  const openLog = (url: string) => Effect.flatMap(sessionsAt(url), (pods) => pods.openLog(request))
  const serveLog = (talk: (response: ServerResponse) => void) =>
    serve((_, response) => {
      response.writeHead(200, { "content-type": "text/plain" })
      talk(response)
    })

  it.live("is asked for with all that was wished, and comes to its end", () =>
    Effect.gen(function* () {
      const server = yield* serveLog((response) => void response.end("one\ntwo"))
      const { next } = yield* openLog(server.url)
      assert.strictEqual(textOf(yield* next), "one\ntwo")
      assert.isUndefined(yield* next)
      assert.strictEqual(
        server.requests[0]?.url,
        "/api/v1/namespaces/shop/pods/web-1.a/log?timestamps=true&tailLines=7&follow=true&previous=true&container=nginx",
      )
    }),
  )

  it.live("that breaks off fails after what has come, and one that cannot be opened says why", () =>
    Effect.gen(function* () {
      const breaking = yield* serveLog((response) => void response.write("one\n", () => response.socket?.end()))
      const { next } = yield* openLog(breaking.url)
      assert.strictEqual(textOf(yield* next), "one\n")
      assert.include((yield* Effect.flip(next)).failure.text, "the connection was cut")
      const refusal = JSON.stringify({
        kind: "Status",
        status: "Failure",
        message: "container nginx is not valid",
        reason: "BadRequest",
        code: 400,
      })
      const refusing = yield* serve((_, response) => response.writeHead(400, { "content-type": "application/json" }).end(refusal))
      assert.strictEqual((yield* Effect.flip(openLog(refusing.url))).failure.text, "container nginx is not valid")
    }),
  )
})
