/**
 * What happens inside a pod: the log of a container, and a terminal in it. Bytes as they come, cut anywhere.
 * Knows no session of the platform: who asked, and where the bytes go, is not said here.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ApiError, WatchStream } from "./ClusterApi.ts"

/** A container; an empty name leaves the choice to the API server. */
export interface ContainerRef {
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

export interface LogRequest extends ContainerRef {
  /** Go on when the end of what is there is reached. */
  readonly follow: boolean
  /** The log of the container that ran before this one. */
  readonly previous: boolean
  /** Lines of history; 0: none. */
  readonly tailLines: number
}

/** A terminal with a shell in it. `next` answers undefined when the shell has ended with status 0, and fails when with another. */
export interface Terminal extends WatchStream {
  /** Types; suspends while the connection takes no more. */
  readonly type: (bytes: Uint8Array) => Effect.Effect<void>
}

/** Logs of containers, and terminals in them. */
export class PodSession extends Context.Service<
  PodSession,
  {
    /** Opens a log, each line with its RFC 3339 time before it; it is cut when the scope closes. */
    readonly openLog: (request: LogRequest) => Effect.Effect<WatchStream, ApiError, Scope.Scope>
    /** Starts `/bin/sh` on a terminal of its own; it ends when the scope closes. */
    readonly openTerminal: (container: ContainerRef) => Effect.Effect<Terminal, ApiError, Scope.Scope>
  }
>()("meshsync/ports/PodSession") {}
