/**
 * Where the contract of the port ClusterApi is run: a fake or a real API server, the port over it, and an administrator who changes things.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { request as requestHttp } from "node:http"
import { request as requestHttps } from "node:https"
import { layer as layerKubernetes } from "../../src/adapters/kubernetes/clusterApi.ts"
import { answer } from "../../src/adapters/memory/answer.ts"
import { makeClusterApi } from "../../src/adapters/memory/clusterApi.ts"
import { plant } from "../../src/adapters/memory/demoCluster.ts"
import { administrator, compact, makeCluster, restartServer, stranger, type Cluster } from "../../src/adapters/memory/model.ts"
import { serveCluster } from "../../src/adapters/memory/server.ts"
import { ClusterApi } from "../../src/ports/ClusterApi.ts"

/** An answer as it is: what a client other than ours sees. */
export interface RawAnswer {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly body?: unknown
  /** `stranger` may read nothing, `nobody` has a token that is not known. */
  readonly as?: "admin" | "stranger" | "nobody"
}

export type Port = (typeof ClusterApi)["Service"]

export class Environment extends Context.Service<
  Environment,
  {
    readonly admin: Port
    readonly stranger: Port
    readonly request: (request: RawRequest) => Effect.Effect<RawAnswer>
    /** Makes continue tokens given so far expire; `path` is a list with such a token, to see when it has happened. */
    readonly expire: (path: string) => Effect.Effect<void>
    /** Restarts the API server: open connections break, its memory of events is gone. */
    readonly restart: Effect.Effect<void>
  }
>()("test/contract/Environment") {}

/** How a body is to be understood. */
const mediaTypeOf = (method: string): string => (method === "PATCH" ? "application/merge-patch+json" : "application/json")

/** Sends a request over HTTP; the certificate of a server on the loopback is not looked at. */
export const sendRaw = (url: string, token: string, { body, method, path }: RawRequest): Effect.Effect<RawAnswer> =>
  Effect.callback<RawAnswer>((resume) => {
    const send = url.startsWith("https:") ? requestHttps : requestHttp
    const options = {
      method,
      rejectUnauthorized: false,
      headers: { authorization: `Bearer ${token}`, "content-type": mediaTypeOf(method), "user-agent": "contract" },
    }
    const outgoing = send(`${url}${path}`, options, (incoming) => {
      const chunks: Array<Buffer> = []
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
      incoming.on("end", () =>
        resume(
          Effect.succeed({
            status: incoming.statusCode ?? 0,
            contentType: incoming.headers["content-type"] ?? "",
            text: Buffer.concat(chunks).toString(),
          }),
        ),
      )
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })

/** The Kubernetes adapter for a kubeconfig, whatever else the machine has. */
export const openPort = (kubeconfigText: string) =>
  Effect.map(
    Layer.build(layerKubernetes({ kubeconfigText }, { environment: {}, home: "", serviceAccountFolder: "/nonexistent" })),
    (context) => Context.get(context, ClusterApi),
  )

const tokens = { admin: administrator.token, stranger: stranger.token, nobody: "unknown-token" } as const

const makeFakeCluster = (): Cluster => {
  const cluster = makeCluster(11)
  plant(cluster, "namespaces", { metadata: { name: "default" }, spec: { finalizers: ["kubernetes"] } }, 1_770_000_000_000)
  restartServer(cluster)
  return cluster
}

const requestInProcess =
  (cluster: Cluster) =>
  ({ as = "admin", body, method, path }: RawRequest): Effect.Effect<RawAnswer> =>
    Effect.gen(function* () {
      const nowMs = yield* Clock.currentTimeMillis
      const text = body === undefined ? "" : JSON.stringify(body)
      const given = answer(cluster, { method, path, accept: "application/json", token: tokens[as], body: text, nowMs })
      if (given._tag !== "Reply") return yield* Effect.die(new Error(`${path} is not answered at once`))
      return { status: given.status, contentType: given.contentType, text: Buffer.from(given.body).toString() }
    })

/** The fake API server, the port in-process. */
export const layerInProcess: Layer.Layer<Environment> = Layer.sync(Environment, () => {
  const cluster = makeFakeCluster()
  return {
    admin: makeClusterApi(cluster),
    stranger: makeClusterApi(cluster, stranger.token),
    request: requestInProcess(cluster),
    expire: () => Effect.sync(() => compact(cluster)),
    restart: Effect.sync(() => restartServer(cluster)),
  }
})

/** The fake API server over HTTP, the port through the Kubernetes adapter. */
export const layerOverHttp: Layer.Layer<Environment> = Layer.effect(
  Environment,
  Effect.gen(function* () {
    const fake = yield* serveCluster({ cluster: makeFakeCluster() })
    return {
      admin: yield* openPort(fake.kubeconfig()),
      stranger: yield* openPort(fake.kubeconfig(stranger)),
      request: (request: RawRequest) => sendRaw(fake.url, tokens[request.as ?? "admin"], request),
      expire: () => Effect.sync(() => compact(fake.cluster)),
      restart: fake.restart,
    }
  }),
).pipe(Layer.orDie)
