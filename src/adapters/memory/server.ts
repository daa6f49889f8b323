/**
 * The fake API server over HTTP on the loopback: an answer of the model for each request, a fiber for each watch.
 * Plain HTTP, bearer tokens of the model's users. Back-pressure is the socket's: a watch writes on only when the last bytes are out.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { fakeIdleMs, fakeObjectBytesMax } from "../../domain/limit.ts"
import { answer, countedAs, type Reply, type Request } from "./answer.ts"
import type { Fault } from "./fault.ts"
import { administrator, type Cluster, restartServer, type User, wake } from "./model.ts"
import type { KubeObject } from "./object.ts"
import { awaitChange, streamWatch } from "./stream.ts"
import type { Watch } from "./watch.ts"
import { createObject, patchObject, removeObject, type Written } from "./write.ts"

export interface ClusterOptions {
  readonly cluster: Cluster
  /** 0: a free one. */
  readonly port?: number
}

/** A running fake cluster. Mutations are seen by open watches at once. */
export interface FakeCluster {
  readonly cluster: Cluster
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** The text of a kubeconfig that leads to it, for the administrator or another user. */
  readonly kubeconfig: (user?: User) => string
  /** Lists and watches asked for so far, of one type (`plural.group`). */
  readonly requests: (key: string) => { readonly lists: number; readonly watches: number }
  readonly create: (key: string, object: KubeObject) => Effect.Effect<Written>
  readonly patch: (key: string, namespace: string, name: string, patch: object) => Effect.Effect<Written>
  readonly remove: (key: string, namespace: string, name: string) => Effect.Effect<Written>
  readonly inject: (fault: Fault) => Effect.Effect<void>
  readonly clearFaults: Effect.Effect<void>
  /** Breaks every open connection, as a restart of the server does. */
  readonly restart: Effect.Effect<void>
}

const readBody = async (incoming: IncomingMessage): Promise<string | undefined> => {
  const chunks: Array<Buffer> = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > fakeObjectBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const writeReply = (response: ServerResponse, { body, contentType, cutAfter, retryAfterSeconds, status }: Reply): void => {
  response.writeHead(status, {
    "cache-control": "no-cache, private",
    "content-type": contentType,
    // Go sends what exceeds its buffer of 2 KiB in chunks.
    ...(body.length > 2_048 ? {} : { "content-length": body.length }),
    ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
  })
  if (cutAfter === undefined || cutAfter >= body.length) response.end(body)
  else response.write(body.subarray(0, cutAfter), () => response.destroy())
}

/** Writes, and completes when the socket has taken it. */
const writeChunk = (response: ServerResponse, bytes: Uint8Array): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    response.write(bytes, () => resume(Effect.void))
  })

const serveWatch = (cluster: Cluster, response: ServerResponse, watch: Watch, timeoutSeconds: number | undefined): Effect.Effect<void> =>
  Effect.gen(function* () {
    const next = yield* streamWatch(cluster, watch, timeoutSeconds)
    response.writeHead(200, { "cache-control": "no-cache, private", "content-type": "application/json" })
    response.flushHeaders()
    for (;;) {
      const { bytes, state } = yield* next
      if (bytes.length > 0) yield* writeChunk(response, bytes)
      if (state === "ended") return void response.end()
      if (state === "cut") return void response.destroy()
    }
  })

const serveRequest = (cluster: Cluster, request: Omit<Request, "nowMs">, response: ServerResponse): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (;;) {
      const given = answer(cluster, { ...request, nowMs: yield* Clock.currentTimeMillis })
      if (given._tag === "Reply") return writeReply(response, given)
      if (given._tag === "Watching") return yield* serveWatch(cluster, response, given.watch, given.timeoutSeconds)
      yield* awaitChange(cluster)
    }
  })

/** A fiber for the request, on the real clock; it is interrupted when the client goes away. */
const respondWith =
  (cluster: Cluster, count: (request: Omit<Request, "nowMs">) => void) => async (incoming: IncomingMessage, response: ServerResponse) => {
    const body = await readBody(incoming)
    if (body === undefined) return void response.writeHead(413).end()
    const request = {
      method: incoming.method ?? "GET",
      path: incoming.url ?? "/",
      accept: incoming.headers.accept ?? "",
      token: (incoming.headers.authorization ?? "").replace(/^Bearer /, ""),
      body,
    }
    count(request)
    const gone = new AbortController()
    response.once("close", () => gone.abort())
    await Effect.runPromiseExit(serveRequest(cluster, request, response), { signal: gone.signal })
  }

const kubeconfigOf = (url: string, { name, token }: User): string => `apiVersion: v1
kind: Config
clusters: [{name: fake, cluster: {server: "${url}"}}]
users: [{name: ${name}, user: {token: ${token}}}]
contexts: [{name: fake, context: {cluster: fake, user: ${name}}}]
current-context: fake
`

const listen = (server: Server, port: number): Effect.Effect<number> =>
  Effect.callback<number>((resume) => {
    server.once("error", (error) => resume(Effect.die(error)))
    server.listen(port, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

const close = (server: Server): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })

/** Serves a model on the loopback until the scope closes. */
export const serveCluster = ({ cluster, port = 0 }: ClusterOptions): Effect.Effect<FakeCluster, never, Scope.Scope> =>
  Effect.gen(function* () {
    const counts = new Map<string, { lists: number; watches: number }>()
    const countOf = (key: string) => counts.get(key) ?? { lists: 0, watches: 0 }
    const count = (request: Omit<Request, "nowMs">) => {
      const counted = countedAs({ ...request, nowMs: 0 })
      if (counted === undefined) return
      const { lists, watches } = countOf(counted.key)
      counts.set(counted.key, counted.verb === "list" ? { lists: lists + 1, watches } : { lists, watches: watches + 1 })
    }
    const respond = respondWith(cluster, count)
    const sockets = new Set<Socket>()
    const server = createServer({ keepAliveTimeout: fakeIdleMs }, (incoming, response) => void respond(incoming, response))
    server.on("connection", (socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
    })
    const bound = yield* Effect.acquireRelease(listen(server, port), () => close(server))
    const url = `http://127.0.0.1:${bound}`
    return {
      cluster,
      url,
      kubeconfig: (user = administrator) => kubeconfigOf(url, user),
      requests: countOf,
      create: (key, object) => Effect.map(Clock.currentTimeMillis, (nowMs) => createObject(cluster, key, object, nowMs)),
      patch: (key, namespace, name, patch) => Effect.sync(() => patchObject(cluster, key, namespace, name, patch)),
      remove: (key, namespace, name) => Effect.map(Clock.currentTimeMillis, (nowMs) => removeObject(cluster, key, namespace, name, nowMs)),
      inject: (fault) => Effect.sync(() => void cluster.faults.push(fault)),
      clearFaults: Effect.sync(() => {
        cluster.faults.length = 0
        wake(cluster)
      }),
      restart: Effect.sync(() => {
        restartServer(cluster)
        for (const socket of sockets) socket.destroy()
      }),
    }
  })
