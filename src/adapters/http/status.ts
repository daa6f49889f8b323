/**
 * The health port: /healthz and /readyz as the Go MeshSync answers them, /metrics for Prometheus, /status for people and programs.
 * Answers from the status it is given and keeps nothing. It never holds the process up: neither its port nor a client can end or delay
 * the run.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { meshError } from "../../domain/error.ts"
import { healthConnectionsMax, healthHeaderWaitMs } from "../../domain/limit.ts"
import type { Status } from "../../domain/sync/status.ts"
import { renderMetrics, renderReadiness, type ProcessUsage } from "../../domain/sync/statusText.ts"

export interface HealthOptions {
  readonly port: number
  readonly status: () => Status
  readonly ready: () => boolean
}

interface Answer {
  readonly code: number
  readonly type: string
  readonly body: string
}

const plainText = "text/plain; charset=utf-8"

const measureProcess = (): ProcessUsage => {
  const { system, user } = process.cpuUsage()
  return { residentBytes: process.memoryUsage.rss(), cpuSeconds: (system + user) / 1e6, startedMs: performance.timeOrigin }
}

const answers: Readonly<Record<string, (options: HealthOptions, query: string) => Answer>> = {
  "/healthz": () => ({ code: 200, type: plainText, body: "ok" }),
  // With `?verbose` as at the API server's own: what is ready and what is not, and why. Probes see the bare word.
  "/readyz": ({ ready, status }, query) => {
    const isReady = ready()
    const [code, word] = isReady ? [200, "ok"] : [503, "not ready"]
    const isVerbose = /(?:^|&)verbose(?:=|&|$)/.test(query)
    return { code, type: plainText, body: isVerbose ? renderReadiness({ ...status(), ready: isReady }) : word }
  },
  "/metrics": ({ status }) => ({
    code: 200,
    type: "text/plain; version=0.0.4; charset=utf-8",
    body: renderMetrics(status(), measureProcess()),
  }),
  "/status": ({ status }) => ({ code: 200, type: "application/json", body: `${JSON.stringify(status())}\n` }),
}

/** The text of Go's net/http. */
const notFound: Answer = { code: 404, type: plainText, body: "404 page not found\n" }

/** The path of a request's target: `/a?b` and, as proxies send it, `http://host/a`. */
const pathOf = (target: string): string => target.replace(/^https?:\/\/[^/?]*/i, "").replace(/\?.*$/s, "")

const queryOf = (target: string): string => target.replace(/^[^?]*\??/s, "")

const answerRequest = (options: HealthOptions, request: IncomingMessage, response: ServerResponse): void => {
  const path = pathOf(request.url ?? "")
  const { body, code, type } = Object.hasOwn(answers, path) ? (answers[path]?.(options, queryOf(request.url ?? "")) ?? notFound) : notFound
  response.writeHead(code, {
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
  })
  response.end(body)
}

const createHealthServer = (options: HealthOptions): Server => {
  const server = createServer(
    // Timeouts are looked at once a second; Node's default of 30 s would let a slow client stay six times as long as it may.
    { headersTimeout: healthHeaderWaitMs, requestTimeout: healthHeaderWaitMs, connectionsCheckingInterval: 1_000 },
    (request, response) => answerRequest(options, request, response),
  )
  server.maxConnections = healthConnectionsMax
  server.on("connection", (socket) => socket.unref())
  return server.unref()
}

/** The port once the server listens on all interfaces, IPv6 and IPv4; undefined, with a warning, where it cannot. */
const listen = (server: Server, port: number): Effect.Effect<number | undefined> =>
  Effect.callback<number | undefined, Error>((resume) => {
    // Also later errors, e.g. no more file descriptors for a connection, end here and not the process.
    server.on("error", (cause) => resume(Effect.fail(cause)))
    server.listen(port, () => {
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  }).pipe(
    Effect.catch((cause) => {
      const error = meshError("ErrHealthPort", `port ${port}: ${cause.message}; the run goes on without it`)
      return Effect.as(Effect.annotateLogs(Effect.logWarning(error), { code: error.entry.code }), undefined)
    }),
  )

/**
 * Serves until the scope closes, which cuts open connections at once.
 * @returns the port, which is another one for port 0; undefined when it could not be opened
 */
export const serveHealth = (options: HealthOptions): Effect.Effect<number | undefined, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.sync(() => createHealthServer(options)),
      (open) =>
        Effect.sync(() => {
          open.close()
          open.closeAllConnections()
        }),
    )
    return yield* listen(server, options.port)
  })

/** The health port for as long as the layer lives. A port that is taken is a warning. */
export const layerHttp = (options: HealthOptions): Layer.Layer<never> => Layer.effectDiscard(serveHealth(options))
