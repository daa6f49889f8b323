/**
 * Whether TCP addresses accept a connection: Services are announced with the addresses at which they can be reached.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/** Tries TCP addresses. */
export class Dialer extends Context.Service<
  Dialer,
  {
    /** Those of the given `host:port` that accept a connection. Distinct addresses are dialled once and remembered for a while. */
    readonly reachable: (addresses: ReadonlyArray<string>) => Effect.Effect<ReadonlySet<string>>
  }
>()("meshsync/ports/Dialer") {}
