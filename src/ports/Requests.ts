/**
 * What comes in: requests of the platform, and the sink's own wish to announce everything again.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Request } from "../domain/wire/request.ts"

/** What the platform asks for, and the way back. */
export class Requests extends Context.Service<
  Requests,
  {
    /** Requests in order of arrival. Ends only with the process. */
    readonly incoming: Stream.Stream<Request>
    /** Publishes a reply. Lost without an error when the broker is away: whoever asked asks again. */
    readonly reply: (subject: string, payload: Uint8Array) => Effect.Effect<void>
    /** A reply of many messages need not be held to the rate that Meshery Server can take. */
    readonly unpaced?: boolean
    /** What is published on a subject, until the scope closes. What finds `terminalInputsMax` messages waiting is dropped. */
    readonly subscribe: (subject: string) => Effect.Effect<Queue.Dequeue<Uint8Array>, never, Scope.Scope>
  }
>()("meshsync/ports/Requests") {}
