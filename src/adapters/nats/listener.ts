/**
 * Listening to a subject as a bystander: no queue group, so whoever else listens loses nothing. Publishes nothing of its own accord.
 * A connection that was lost comes back by itself; what was said meanwhile is lost, and the listener is told so.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { meshError, type MeshError } from "../../domain/error.ts"
import { parseAddress } from "./address.ts"
import type { NatsOptions } from "./broker.ts"
import { keepConnection } from "./connection.ts"
import { monitorPortDefault } from "./monitor.ts"

/** Who is told. All calls are synchronous, in the order of events. */
export interface Ear {
  /** @param payload valid during the call only */
  readonly hear: (payload: Uint8Array) => void
  readonly lost: () => void
  readonly regained: () => void
}

export interface Listener {
  /** Publishes one message for somebody who asks for it; false: there is no connection. */
  readonly send: (subject: string, payload: Uint8Array) => boolean
  /** Never succeeds; fails when the broker's permissions forbid to listen. */
  readonly refused: Effect.Effect<never, MeshError>
}

/**
 * Listens until the scope closes. When it returns the broker knows of the subscription.
 * @returns fails with ErrBrokerUrl, ErrBrokerCredentials or ErrBrokerConnect at the start only
 */
export const listenTo = Effect.fnUntraced(function* (
  options: NatsOptions,
  subject: string,
  ear: Ear,
): Effect.fn.Return<Listener, MeshError, Scope.Scope> {
  const servers = parseAddress(options.url)
  if (Result.isFailure(servers)) return yield* Effect.fail(servers.failure)
  const refusal = yield* Deferred.make<never, MeshError>()
  let isFirst = true
  const connection = yield* keepConnection(servers.success, options, options.monitorPort ?? monitorPortDefault, {
    opened: (session) =>
      Effect.gen(function* () {
        const refuse = (reason: string) => void Deferred.doneUnsafe(refusal, Effect.fail(meshError("ErrCompare", `${subject}: ${reason}`)))
        session.subscribe(subject, undefined, ear.hear, refuse)
        yield* session.launch([])
        if (!isFirst) ear.regained()
        isFirst = false
      }),
    lost: Effect.sync(ear.lost),
  })
  return { send: (to, payload) => connection.current()?.send(to, payload) === true, refused: Deferred.await(refusal) }
})
