/**
 * A look at each server of a broker's address, as somebody who is about to use it: does it answer, does it take the login, what does it
 * offer. Publishes nothing and subscribes to nothing, so a running MeshSync and its consumers notice nothing.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { MeshError } from "../../domain/error.ts"
import { coreSubject } from "../../domain/wire/subject.ts"
import { type BrokerServer, parseAddress, showServer } from "./address.ts"
import type { NatsOptions } from "./broker.ts"
import { authOptions, type Credentials } from "./credentials.ts"
import { type DialFailure, dialServer } from "./dial.ts"
import { answersAny, countSubscriptions, monitorPortDefault } from "./monitor.ts"

export interface ServerInspection {
  /** `host:4222`, without credentials. */
  readonly address: string
  readonly session:
    | {
        readonly _tag: "Open"
        readonly version: string
        readonly payloadBytesMax: number
        readonly jetstream: boolean
        readonly tls: boolean
      }
    | { readonly _tag: "None"; readonly reason: "unreachable" | "unauthorized" | "refused" | "credentials"; readonly text: string }
  /** Port and answer of the monitoring port. */
  readonly monitorPort: number
  readonly monitored: boolean
  /** Subscriptions that would get a message on core; undefined: the monitoring port does not say. */
  readonly listeners: number | undefined
}

type SessionInspection = ServerInspection["session"]

const sessionOf = (server: BrokerServer, words: Credentials, tls: boolean): Effect.Effect<SessionInspection, DialFailure | MeshError> =>
  Effect.gen(function* () {
    const auth = yield* authOptions(server, words, tls)
    const connection = yield* Effect.acquireRelease(dialServer(server, auth), (opened) => Effect.promise(() => opened.close()))
    const { info } = connection
    return {
      _tag: "Open",
      version: info?.version ?? "",
      payloadBytesMax: info?.max_payload ?? 0,
      jetstream: info?.jetstream === true,
      tls: auth.tls !== undefined,
    } as const
  }).pipe(Effect.scoped)

const reasonOf = ({ kind }: DialFailure) => (kind === "unauthorized" ? kind : kind === "unreachable" ? kind : "refused")

const inspectSession = (server: BrokerServer, words: Credentials): Effect.Effect<SessionInspection> =>
  sessionOf(server, words, false).pipe(
    Effect.catch((failure) => ("kind" in failure && failure.kind === "needsTls" ? sessionOf(server, words, true) : Effect.fail(failure))),
    Effect.catch((failure) =>
      Effect.succeed(
        "kind" in failure
          ? ({ _tag: "None", reason: reasonOf(failure), text: failure.text } as const)
          : ({ _tag: "None", reason: "credentials", text: failure.detail } as const),
      ),
    ),
  )

/**
 * Looks at every server of the address, in its order.
 * @returns fails with ErrBrokerUrl when the address cannot be read
 */
export const inspectServers = (options: NatsOptions): Effect.Effect<ReadonlyArray<ServerInspection>, MeshError> =>
  Effect.gen(function* () {
    const servers = parseAddress(options.url)
    if (Result.isFailure(servers)) return yield* Effect.fail(servers.failure)
    const monitorPort = options.monitorPort ?? monitorPortDefault
    return yield* Effect.forEach(servers.success, (server) =>
      Effect.gen(function* () {
        const session = yield* inspectSession(server, options)
        const monitored = yield* answersAny([server.host], monitorPort)
        const listeners = monitored ? yield* countSubscriptions(server.host, monitorPort, coreSubject) : undefined
        return { address: showServer(server), session, monitorPort, monitored, listeners }
      }),
    )
  })
