/**
 * The one way out: NATS, files, stdout, the terminal and an embedder's stream are Sinks.
 * A sink takes whole batches, in order within a lane, and says whether it has them.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { MeshError } from "../domain/error.ts"
import type { ResourceType } from "../domain/select/resource.ts"
import type { ChangeEvent } from "../domain/sync/fact.ts"

/** One message and what it is about. The payload is a view of the batch's buffer: copy what must outlive `deliver`. */
export interface Message {
  readonly event: ChangeEvent
  readonly type: ResourceType
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** The envelope as it goes on the wire: JSON in UTF-8. */
  readonly payload: Uint8Array
}

export interface Batch {
  /** `live`: changes of a running watch, never paced. `announcement`: the content of a list. */
  readonly urgency: "live" | "announcement"
  readonly messages: ReadonlyArray<Message>
}

/** `doubtful`: the sink cannot tell whether it has the batch; the same batch is to be delivered again, whole and in order. */
export type Receipt = { readonly _tag: "accepted" } | { readonly _tag: "doubtful"; readonly reason: string }

export const accepted: Receipt = { _tag: "accepted" }

/** The sink is broken for good (disk full, unwritable folder): the run ends with this error. */
export class SinkError extends Data.TaggedError("SinkError")<{ readonly error: MeshError }> {
  override get message() {
    return this.error.message
  }
}

/** For status and metrics. */
export interface SinkStatus {
  readonly name: string
  readonly state: "connecting" | "connected" | "disconnected" | "open" | "closed"
  readonly detail: string
}

export class Sink extends Context.Service<
  Sink,
  {
    /** Suspends while the sink cannot take anything: that is the back-pressure. */
    readonly deliver: (batch: Batch) => Effect.Effect<Receipt, SinkError>
    /** Largest message that can be delivered, in bytes, as known now. */
    readonly bytesMax: () => number
    readonly status: () => SinkStatus
    /** Everything selected has been listed and delivered once. */
    readonly settled: Effect.Effect<void, SinkError>
  }
>()("meshsync/ports/Sink") {}
