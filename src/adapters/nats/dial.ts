/**
 * Making a connection: one attempt at one server, and what a failure means. Names are resolved by the system, which knows the search
 * domains of a pod and /etc/hosts (the `nats` package would ask the name server itself). Does not try again; see connection.ts.
 */
import * as Effect from "effect/Effect"
import { connect, type ConnectionOptions, type NatsConnection, NatsError } from "nats"
import { brokerDialWaitMs, brokerPingEveryMs } from "../../domain/limit.ts"
import { type BrokerServer, showServer } from "./address.ts"

/** Why no connection came about. */
export interface DialFailure {
  /** `answered`: something is there but no session came about. `needsTls`: it wants TLS, which the address did not ask for. */
  readonly kind: "unreachable" | "answered" | "unauthorized" | "needsTls"
  /** The server and what it said, without credentials. */
  readonly text: string
}

const unreachableCodes: ReadonlySet<string> = new Set([
  "CONNECTION_REFUSED",
  "TIMEOUT",
  "DISCONNECT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ETIMEDOUT",
  "EPIPE",
])

const unauthorizedCodes: ReadonlySet<string> = new Set([
  "AUTHORIZATION_VIOLATION",
  "AUTHENTICATION_EXPIRED",
  "AUTHENTICATION_TIMEOUT",
  "ACCOUNT_EXPIRED",
])

const codeOf = (cause: unknown): string => (cause instanceof Error && "code" in cause ? String(cause.code) : "")

/** What a person is told of a failure of the package: its terse codes in words, the system's messages as they are. */
export const textOf = (cause: unknown): string => {
  if (cause instanceof NatsError && cause.chainedError !== undefined) return textOf(cause.chainedError)
  if (cause instanceof AggregateError && cause.message === "") return cause.errors.map((one) => textOf(one)).join("; ")
  if (codeOf(cause) === "SERVER_OPT_NA") return "the broker does not offer TLS, which the address or the credentials demand"
  if (codeOf(cause) === "TIMEOUT") return `no answer in ${brokerDialWaitMs / 1000} s`
  return cause instanceof Error ? cause.message : "the connection was closed"
}

const sortFailure = (server: BrokerServer, options: ConnectionOptions, cause: unknown): DialFailure => {
  const code = codeOf(cause)
  const text = `${showServer(server)}: ${textOf(cause)}`
  if (unauthorizedCodes.has(code)) return { kind: "unauthorized", text }
  if (cause === undefined || unreachableCodes.has(code)) return { kind: "unreachable", text }
  // Without our options the package checks the certificate against no name, which fails for an address.
  const aboutTls = /TLS|CERT|SIGNATURE/.test(code)
  return { kind: aboutTls && options.tls === undefined ? "needsTls" : "answered", text }
}

/** The package's options that are the same at every dial. It never dials again by itself: a session ends with its connection. */
const fixedOptions: ConnectionOptions = {
  name: "meshsync",
  reconnect: false,
  resolve: false,
  timeout: brokerDialWaitMs,
  pingInterval: brokerPingEveryMs,
  maxPingOut: 2,
  noAsyncTraces: true,
}

/**
 * One attempt, at most about `brokerDialWaitMs` long. The package cannot abort it: a connection that comes after an interruption is closed.
 * @param auth login and TLS, from credentials.ts
 */
export const dialServer = (server: BrokerServer, auth: ConnectionOptions): Effect.Effect<NatsConnection, DialFailure> =>
  Effect.callback<NatsConnection, DialFailure>((resume) => {
    let abandoned = false
    connect({ ...fixedOptions, ...auth, servers: [showServer(server)] }).then(
      (connection) => {
        if (abandoned) void connection.close()
        else resume(Effect.succeed(connection))
      },
      (cause: unknown) => resume(Effect.fail(sortFailure(server, auth, cause))),
    )
    return Effect.sync(() => {
      abandoned = true
    })
  })
