/**
 * The one way out: NATS, files, stdout, the terminal and an embedder's stream are Sinks.
 * A sink takes whole batches, in order within a lane, and says whether it has them.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
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

/** What is delivered together: at most 250 messages, or 1 MiB of them. */
export interface Batch {
  /** `live`: changes of a running watch, never paced. `announcement`: the content of a list. */
  readonly urgency: "live" | "announcement"
  readonly messages: ReadonlyArray<Message>
}

/**
 * `accepted`: the sink has the batch but for what it has left out, and said so, because it turned out that it cannot take it.
 * `doubtful`: the sink cannot tell whether it has the batch; the same batch is to be delivered again, whole and in order.
 */
export type Receipt =
  | { readonly _tag: "accepted"; readonly leftOut?: ReadonlySet<Message> }
  | { readonly _tag: "doubtful"; readonly reason: string }

/** The sink has the batch. */
export const accepted: Receipt = { _tag: "accepted" }

/**
 * The sink is broken for good (disk full, unwritable folder): the run ends with this error.
 * `readerGone`: nobody reads standard output any more (`| head`); the run ends in order, without a word and with success.
 */
export class SinkError extends Data.TaggedError("SinkError")<{ readonly error: MeshError; readonly readerGone?: true }> {
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

/** What a sink leaves behind when it ends, for a person. */
export interface Written {
  readonly path: string
  readonly documents: number
  readonly bytes: number
}

/** Where changes go. */
export class Sink extends Context.Service<
  Sink,
  {
    /** Suspends while the sink cannot take anything: that is the back-pressure. */
    readonly deliver: (batch: Batch) => Effect.Effect<Receipt, SinkError>
    /**
     * Says something about the changes (domain/wire/mark.ts), behind all those of its lane that were accepted before. Absent where there is
     * nobody to tell: files, a terminal.
     * @param payload is asked for it in the moment in which it goes out
     */
    readonly mark?: (payload: () => Uint8Array) => Effect.Effect<Receipt, SinkError>
    /** Largest message that can be delivered, in bytes, as known now. */
    readonly bytesMax: () => number
    /**
     * Largest message of an object that is there, in bytes: above `bytesMax` where the sink has another way for what is larger.
     * Deletions have no other way. Absent: `bytesMax`.
     */
    readonly oversizeBytesMax?: () => number
    readonly status: () => SinkStatus
    /** Whether consumers may have missed what was accepted, so that everything will have to be announced again; absent: never. */
    readonly owes?: () => boolean
    /**
     * Names the process that takes the batches, for as long as it lives: where another one has taken its place, whoever listened there was
     * cut off. Absent or undefined: nobody knows. Only a StateFile needs it, to compare it with what the run before has met.
     */
    readonly receiver?: () => string | undefined
    /** Everything selected has been listed and delivered once. */
    readonly settled: Effect.Effect<void, SinkError>
    /**
     * Ends the output in order, e.g. gives files their final names; nothing is delivered afterwards, and asking again changes nothing.
     * Where it is absent, or not called, the closing of the sink's scope does all there is to do, but cannot fail visibly.
     */
    readonly finish?: Effect.Effect<ReadonlyArray<Written>, SinkError>
  }
>()("meshsync/ports/Sink") {}

/** Whether a mark would go out now: one that is said now and then does not wait for a sink. */
export const takesMarks = ({ state }: SinkStatus): boolean => state === "connected" || state === "open"

/** From the state that says most about trouble to the one that says least. */
const statesByTrouble: ReadonlyArray<SinkStatus["state"]> = ["closed", "disconnected", "connecting", "open", "connected"]

type Marking = Sink["Service"]["mark"]

const bothMarks = (first: Marking, second: Marking): { readonly mark?: NonNullable<Marking> } => {
  if (first === undefined || second === undefined) {
    const only = first ?? second
    return only === undefined ? {} : { mark: only }
  }
  return { mark: (payload) => inTurn(first(payload), second(payload)) }
}

/** The second only when the first has accepted; what either left out is left out. */
const inTurn = <E>(first: Effect.Effect<Receipt, E>, second: Effect.Effect<Receipt, E>): Effect.Effect<Receipt, E> =>
  Effect.flatMap(first, (one) => {
    if (one._tag === "doubtful") return Effect.succeed(one)
    const { leftOut } = one
    if (leftOut === undefined) return second
    return Effect.map(second, (other) =>
      other._tag === "doubtful" ? other : { ...other, leftOut: leftOut.union(other.leftOut ?? new Set()) },
    )
  })

/** The most that both take of an object that is there; absent where neither has another way for large ones. */
const bothOversize = (first: Sink["Service"], second: Sink["Service"]): Pick<Sink["Service"], "oversizeBytesMax"> => {
  const most = ({ bytesMax, oversizeBytesMax }: Sink["Service"]): number => Math.max(bytesMax(), oversizeBytesMax?.() ?? 0)
  if (first.oversizeBytesMax === undefined && second.oversizeBytesMax === undefined) return {}
  return { oversizeBytesMax: () => Math.min(most(first), most(second)) }
}

/**
 * Two sinks as one. A batch goes to the second only when the first has accepted it, so a sink that is in doubt belongs first:
 * then the other takes each batch once. Accepted when both did.
 */
export const both = (first: Sink["Service"], second: Sink["Service"]): Sink["Service"] => ({
  ...bothMarks(first.mark, second.mark),
  deliver: (batch) => inTurn(first.deliver(batch), second.deliver(batch)),
  ...bothOversize(first, second),
  bytesMax: () => Math.min(first.bytesMax(), second.bytesMax()),
  status: () => {
    const [one, other] = [first.status(), second.status()]
    return {
      name: `${one.name}+${other.name}`,
      state: statesByTrouble.find((state) => one.state === state || other.state === state) ?? "closed",
      detail: [one.detail, other.detail].filter((detail) => detail !== "").join("; "),
    }
  },
  settled: Effect.andThen(first.settled, second.settled),
  finish: Effect.zipWith(first.finish ?? Effect.succeed([]), second.finish ?? Effect.succeed([]), (one, other) => [...one, ...other]),
})
