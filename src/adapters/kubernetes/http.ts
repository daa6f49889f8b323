/**
 * GET requests, POST of questions and PATCH of applied documents over HTTP/1.1 on kept connections, and bodies read in the two ways that
 * are needed: whole, and as they come.
 * Every wait has an end; closing the scope of a request destroys its socket unless the answer was read to its end, which gives the socket
 * back. Bodies are never decoded, decompressed or parsed. Knows nothing of Kubernetes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import { createHash, randomBytes } from "node:crypto"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { socketIdleMs, socketsIdleMax } from "../../domain/limit.ts"
import type { Authorization } from "./credentials.ts"
import { explainCause, NetworkError } from "./network.ts"
import type { PageMemory } from "./pageMemory.ts"

/** TCP keep-alive probes start after this, as client-go has it: load balancers forget idle connections after 60 s and more. */
const keepAliveProbeMs = 30_000

/** A server and the connections to it. */
export interface Endpoint {
  readonly server: URL
  readonly agent: Http.Agent
  readonly userAgent: string
}

/** One GET, or with a body one POST of a question that stores nothing: both may be sent twice. */
export interface Target {
  /** Path and query, to be put after the server's own path. */
  readonly path: string
  readonly accept: string
  /** Until the status line and the headers are there. */
  readonly waitMs: number
  /** JSON. */
  readonly body?: string | undefined
  /** The body is a patch of this media type, and the request a PATCH: server-side apply, which may be sent twice too. */
  readonly patchType?: string | undefined
}

const broken = (text: string, reused = false): NetworkError => new NetworkError({ text, tooLarge: false, reused })

/**
 * Opens the endpoint; its connections are cut when the scope closes. Their number is bounded by the callers: one a watch and one a list.
 * @param proxyUrl an HTTP proxy, for both schemes
 */
export const openEndpoint = (server: URL, proxyUrl: string | undefined, userAgent: string): Effect.Effect<Endpoint, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const options: Https.AgentOptions = {
        keepAlive: true,
        keepAliveMsecs: keepAliveProbeMs,
        maxSockets: Number.POSITIVE_INFINITY,
        maxFreeSockets: socketsIdleMax,
        scheduling: "lifo",
        timeout: socketIdleMs,
        ...(proxyUrl === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxyUrl, HTTPS_PROXY: proxyUrl } }),
      }
      const agent = server.protocol === "https:" ? new Https.Agent(options) : new Http.Agent(options)
      return { server, agent, userAgent }
    }),
    ({ agent }) => Effect.sync(() => agent.destroy()),
  )

const requestOptions = (endpoint: Endpoint, authorization: Authorization, target: Target): Https.RequestOptions => ({
  agent: authorization.agent ?? endpoint.agent,
  hostname: endpoint.server.hostname.replace(/^\[|\]$/g, ""),
  port: endpoint.server.port,
  path: endpoint.server.pathname.replace(/\/$/, "") + target.path,
  method: target.body === undefined ? "GET" : target.patchType === undefined ? "POST" : "PATCH",
  headers: {
    accept: target.accept,
    ...(target.body === undefined ? {} : { "content-type": target.patchType ?? "application/json" }),
    "accept-encoding": "identity",
    "user-agent": endpoint.userAgent,
    ...authorization.headers,
  },
  ...authorization.tls,
})

const awaitAnswer = (request: Http.ClientRequest, { body, waitMs }: Target): Effect.Effect<Http.IncomingMessage, NetworkError> =>
  Effect.callback<Http.IncomingMessage, NetworkError>((resume) => {
    request.once("response", (response) => {
      // Whoever reads the body listens too; without this one an answer cut before that would end the process.
      response.on("error", () => undefined)
      resume(Effect.succeed(response))
    })
    request.once("error", (cause) => resume(Effect.fail(broken(explainCause(cause), request.reusedSocket))))
    request.end(body)
  }).pipe(Effect.timeoutOrElse({ duration: waitMs, orElse: () => Effect.fail(broken(`no answer within ${waitMs / 1000} s`)) }))

const sendOnce = Effect.fnUntraced(function* (endpoint: Endpoint, authorization: Authorization, target: Target) {
  const open = endpoint.server.protocol === "https:" ? Https.request : Http.request
  const request = yield* Effect.acquireRelease(
    Effect.try({
      try: () => open(requestOptions(endpoint, authorization, target)).on("error", () => undefined),
      catch: (cause) => broken(explainCause(cause)),
    }),
    (opened) => Effect.sync(() => opened.destroy()),
  )
  return yield* awaitAnswer(request, target)
})

/**
 * Sends a request and waits for the headers of the answer. A kept connection that the server closed in the same moment is no failure of the
 * server: such a request goes out once more.
 */
export const send = (
  endpoint: Endpoint,
  authorization: Authorization,
  target: Target,
): Effect.Effect<Http.IncomingMessage, NetworkError, Scope.Scope> =>
  Effect.catchIf(
    sendOnce(endpoint, authorization, target),
    (error) => error.reused,
    () => sendOnce(endpoint, authorization, target),
  )

/** What became of a wish to speak another protocol: the connection, or the answer that refuses it. */
export type Upgrade =
  | { readonly _tag: "Open"; readonly socket: Duplex }
  | { readonly _tag: "Refused"; readonly response: Http.IncomingMessage }

/** RFC 6455, 1.3: what a server appends to the key that it was sent before it hashes it. */
const webSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/**
 * Opens a WebSocket, which is a connection of its own; it is cut when the scope closes.
 * @param protocols those that are understood, the best one first
 */
export const openWebSocket = Effect.fnUntraced(function* (
  endpoint: Endpoint,
  authorization: Authorization,
  target: Target,
  protocols: string,
): Effect.fn.Return<Upgrade, NetworkError, Scope.Scope> {
  const key = randomBytes(16).toString("base64")
  const accepted = createHash("sha1").update(`${key}${webSocketGuid}`).digest("base64")
  const options = requestOptions(endpoint, authorization, target)
  const headers = {
    ...(options.headers as Http.OutgoingHttpHeaders),
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-key": key,
    "sec-websocket-version": "13",
    "sec-websocket-protocol": protocols,
  }
  const open = endpoint.server.protocol === "https:" ? Https.request : Http.request
  const request = yield* Effect.acquireRelease(
    Effect.try({ try: () => open({ ...options, headers }).on("error", () => undefined), catch: (cause) => broken(explainCause(cause)) }),
    (opened) => Effect.sync(() => void opened.destroy()),
  )
  const upgraded = Effect.callback<Upgrade, NetworkError>((resume) => {
    request.once("upgrade", (response, socket: Socket, head) => {
      socket.on("error", () => undefined)
      socket.setTimeout(0)
      socket.setKeepAlive(true, keepAliveProbeMs)
      if (head.length > 0) socket.unshift(head)
      if (response.headers["sec-websocket-accept"] === accepted) return resume(Effect.succeed({ _tag: "Open", socket }))
      socket.destroy()
      resume(Effect.fail(broken("the answer is no WebSocket: a proxy stands between")))
    })
    request.once("response", (response) => {
      response.on("error", () => undefined)
      resume(Effect.succeed({ _tag: "Refused", response }))
    })
    request.once("error", (cause) => resume(Effect.fail(broken(explainCause(cause)))))
    request.end()
  })
  const late = { duration: target.waitMs, orElse: () => Effect.fail(broken(`no answer within ${target.waitMs / 1000} s`)) }
  const answer = yield* Effect.timeoutOrElse(upgraded, late)
  if (answer._tag === "Open") yield* Effect.addFinalizer(() => Effect.sync(() => void answer.socket.destroy()))
  return answer
})

export interface BodyBounds {
  readonly memory: PageMemory
  readonly bytesMax: number
  /** A guess at the size; right guesses save copies. */
  readonly bytesExpected: number
  /** The longest silence within the body. */
  readonly stallMs: number
}

/**
 * Reads a body to its end. Chunks are copied at once into one piece of memory, so that the socket's buffers die young.
 * Fails when the connection is cut, stands still, or the body exceeds `bytesMax` (`tooLarge`).
 */
export const readBody = (response: Http.IncomingMessage, bounds: BodyBounds): Effect.Effect<Uint8Array, NetworkError> =>
  Effect.callback((resume) => {
    const declared = Number(response.headers["content-length"])
    const tooLarge = new NetworkError({ text: `the answer is larger than ${bounds.bytesMax} bytes`, tooLarge: true, reused: false })
    if (declared > bounds.bytesMax) return resume(Effect.fail(tooLarge))
    // Cut before anybody listened: nothing more will be heard of it.
    if (response.destroyed) return resume(Effect.fail(broken("the connection was cut")))
    const gathering = bounds.memory.gather(Number.isNaN(declared) ? bounds.bytesExpected : declared, bounds.bytesMax)
    const leave = () => {
      clearTimeout(stall)
      response.off("data", onData).off("end", onEnd).off("error", onError)
    }
    const fail = (error: NetworkError) => {
      leave()
      gathering.drop()
      resume(Effect.fail(error))
    }
    const onData = (chunk: Buffer) => {
      stall.refresh()
      if (gathering.add(chunk)) return
      response.pause()
      fail(tooLarge)
    }
    const onEnd = () => {
      if (!response.complete) return fail(broken("the connection was cut"))
      leave()
      resume(Effect.succeed(gathering.take()))
    }
    const onError = (cause: Error) => fail(broken(explainCause(cause)))
    const stall = setTimeout(() => fail(broken(`the answer stood still for ${bounds.stallMs / 1000} s`)), bounds.stallMs)
    response.on("data", onData).on("end", onEnd).on("error", onError)
    return Effect.sync(() => {
      leave()
      gathering.drop()
    })
  })

export interface StreamBounds {
  /** The longest silence once `marker` was seen. */
  readonly idleMs: number
  /** Bytes that prove that the server speaks regularly. */
  readonly marker: string
  /** The longest time that the whole answer may take. */
  readonly lifeMs: number
}

/**
 * Reads a body as it comes: each call answers with the bytes that have come since, undefined at an orderly end. Nobody asking, the socket
 * is not read: its own buffers fill and the server waits. Silence is measured only while somebody asks.
 */
export const openStream = Effect.fnUntraced(function* (response: Http.IncomingMessage, bounds: StreamBounds) {
  const openedMs = yield* Clock.currentTimeMillis
  let marked = false
  let state: "open" | "ended" | NetworkError = response.destroyed ? broken("the connection was cut") : "open"
  let wake = (): void => undefined
  response.on("readable", () => wake())
  response.on("end", () => {
    state = response.complete ? "ended" : broken("the connection was cut")
    wake()
  })
  response.on("error", (cause) => {
    state = broken(explainCause(cause))
    wake()
  })

  /** What can be said without waiting; undefined when that is nothing. */
  const outcome = (): Effect.Effect<Uint8Array | undefined, NetworkError> | undefined => {
    const bytes: Buffer | null = response.read()
    if (bytes !== null) {
      marked ||= bytes.includes(bounds.marker, 0, "latin1")
      return Effect.succeed(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
    }
    return state === "open" ? undefined : state === "ended" ? Effect.succeed(undefined) : Effect.fail(state)
  }
  const arrival = Effect.callback<Uint8Array | undefined, NetworkError>((resume) => {
    wake = () => {
      const known = outcome()
      if (known === undefined) return
      wake = () => undefined
      resume(known)
    }
    wake()
    return Effect.sync(() => {
      wake = () => undefined
    })
  })
  const wait = Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
    const silenceMs = marked ? bounds.idleMs : Math.max(openedMs + bounds.lifeMs - nowMs, 0)
    const silent = marked ? `nothing was heard for ${bounds.idleMs / 1000} s` : `the answer did not end within ${bounds.lifeMs / 1000} s`
    return Effect.timeoutOrElse(arrival, { duration: silenceMs, orElse: () => Effect.fail(broken(silent)) })
  })
  return Effect.suspend(() => outcome() ?? wait)
})
