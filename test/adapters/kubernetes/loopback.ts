/**
 * HTTP servers on loopback that play an API server's part in tests, and kubeconfigs that name them.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { mkdtemp, rm } from "node:fs/promises"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { Duplex } from "node:stream"
import { tmpdir } from "node:os"
import * as Path from "node:path"
import * as ClusterApi from "../../../src/adapters/kubernetes/clusterApi.ts"
import type { Surroundings } from "../../../src/adapters/kubernetes/kubeconfig.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"

export const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true }
export const deployments: ResourceType = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true }

export interface Loopback {
  readonly url: string
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: () => number
  readonly sockets: ReadonlySet<Socket>
  /** `method url` of every request so far. */
  readonly requests: ReadonlyArray<Http.IncomingMessage>
}

/**
 * A server that lives as long as the scope. With `tls` it speaks HTTPS.
 * @param upgrade takes the connections of those who ask for another protocol
 */
export const serve = (
  handler: Http.RequestListener,
  tls?: Https.ServerOptions,
  upgrade?: (request: Http.IncomingMessage, socket: Duplex) => void,
): Effect.Effect<Loopback, never, Scope.Scope> =>
  Effect.gen(function* () {
    let accepted = 0
    const sockets = new Set<Socket>()
    const requests: Array<Http.IncomingMessage> = []
    const listener: Http.RequestListener = (request, response) => {
      requests.push(request)
      handler(request, response)
    }
    const server = tls === undefined ? Http.createServer(listener) : Https.createServer(tls, listener)
    if (upgrade !== undefined) {
      server.on("upgrade", (request, socket) => {
        requests.push(request)
        upgrade(request, socket)
      })
    }
    // Idle connections are the client's to close.
    server.keepAliveTimeout = 0
    server.on("connection", (socket) => {
      accepted++
      sockets.add(socket)
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
          for (const socket of sockets) socket.destroy()
        }),
    )
    const { port } = server.address() as AddressInfo
    return { url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`, port, accepted: () => accepted, sockets, requests }
  })

/** A kubeconfig of one context, in JSON, which is YAML. */
export const kubeconfig = (cluster: object, user: object = {}): string =>
  JSON.stringify({
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "loop", user: "me" } }],
    clusters: [{ name: "loop", cluster }],
    users: [{ name: "me", user }],
  })

/** Nothing but what a test says. */
export const bare: Surroundings = { environment: {}, home: "", serviceAccountFolder: "/nonexistent" }

export const waits: ClusterApi.Waits = { answerMs: 5000, stallMs: 5000, idleMs: 5000, graceMs: 5000 }

export const layerAt = (url: string, user: object = {}, some: Partial<ClusterApi.Waits> = {}) =>
  Layer.orDie(ClusterApi.layer({ kubeconfigText: kubeconfig({ server: url }, user), version: "1.2.3" }, bare, { ...waits, ...some }))

/** A folder that is removed with the scope. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(Path.join(tmpdir(), "meshsync-kubernetes-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true })),
)

export const listOf = (type: ResourceType, continueToken = "") => ({
  type,
  namespace: undefined,
  selector: "",
  limit: 500,
  continue: continueToken,
})

export const watchOf = (type: ResourceType, timeoutSeconds = 300) => ({
  type,
  namespace: undefined,
  selector: "",
  resourceVersion: "7",
  timeoutSeconds,
})

export const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf8")
