/**
 * Reading from an API server. The bytes stay the server's own: pages whole, watches as they come.
 * Knows requests and failures; does not know what an object is.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ResourceType } from "../domain/select/resource.ts"
import type { Depth } from "../domain/select/selection.ts"
import type { Failure } from "../domain/sync/fact.ts"

/** A request that the API server did not answer as asked; `failure` says how to go on. */
export class ApiError extends Data.TaggedError("ApiError")<{ readonly failure: Failure; readonly path: string }> {
  override get message() {
    return `${this.path}: ${this.failure.text}`
  }
}

/** What is read of a type. */
export interface Collection {
  readonly type: ResourceType
  /** Only this namespace; undefined: all. */
  readonly namespace: string | undefined
  /** A label selector in kubectl's grammar; empty: all. */
  readonly selector: string
  /** Only the object of this name; absent: all. */
  readonly name?: string
  /** `metadata`: PartialObjectMetadata is asked for, so the objects come without `spec` and `status`. Absent: whole objects. */
  readonly depth?: Depth
}

export interface ListRequest extends Collection {
  /** Objects a page at most. */
  readonly limit: number
  /** Token of the page before; empty for the first. */
  readonly continue: string
}

export interface WatchRequest extends Collection {
  readonly resourceVersion: string
  /** After this long the server ends the watch. */
  readonly timeoutSeconds: number
}

/** An open watch. Nothing is read from the socket beyond what was asked for, save the socket's own buffer. */
export interface WatchStream {
  /**
   * The bytes that have come since, at least one, cut anywhere; undefined when the server ended the watch in order.
   * Valid until the next call.
   */
  readonly next: Effect.Effect<Uint8Array | undefined, ApiError>
}

/** The API server. */
export class ClusterApi extends Context.Service<
  ClusterApi,
  {
    /** One page of a list: the answer's body. */
    readonly list: (request: ListRequest) => Effect.Effect<Uint8Array, ApiError>
    /**
     * Gives a page's memory back for the next pages, when its turn is over; no view of it may be used afterwards. Never needed, only
     * cheaper.
     */
    readonly recycle?: (page: Uint8Array) => void
    /** Opens a watch; it is cut when the scope closes. */
    readonly watch: (request: WatchRequest) => Effect.Effect<WatchStream, ApiError, Scope.Scope>
    /** One document, e.g. discovery or a single object. `accept` defaults to `application/json`. */
    readonly read: (path: string, accept?: string) => Effect.Effect<Uint8Array, ApiError>
    /** Asks the API server a question that is a document, e.g. a SelfSubjectAccessReview: the answer's body. Stores nothing. */
    readonly review: (path: string, document: object) => Effect.Effect<Uint8Array, ApiError>
    /**
     * Server-side apply of a document, as the field manager `meshsync`, which takes over what others hold of the same fields.
     * With a resourceVersion in the document it is refused once the object has changed.
     * @param path of the object or of one of its subresources
     */
    readonly apply: (path: string, document: object) => Effect.Effect<void, ApiError>
    /** Forgets cached credentials, so that the next request asks for new ones. */
    readonly renewCredentials: Effect.Effect<void>
    /** Where it is, for a person: the server's address. */
    readonly address: string
  }
>()("meshsync/ports/ClusterApi") {}
