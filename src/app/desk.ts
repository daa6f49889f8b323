/**
 * What every lane's loop shares: the ports, the engine, and the few things that are bounded over all lanes.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { listsConcurrentMax, writerBytesKeptMax, writersKeptMax } from "../domain/limit.ts"
import type { Intervals } from "../domain/select/interval.ts"
import type { Engine } from "../domain/sync/engine.ts"
import { makeRoom, type Room, type Wanted } from "../domain/sync/holding.ts"
import type { Lane } from "../domain/sync/lane.ts"
import type { PathRules } from "../domain/wire/redactPath.ts"
import type { WholeForm } from "../domain/wire/whole.ts"
import { makeWriter, type Writer } from "../domain/wire/writer.ts"
import { ClusterApi } from "../ports/ClusterApi.ts"
import { Dialer } from "../ports/Dialer.ts"
import { Sink, type SinkError } from "../ports/Sink.ts"
import type { Recorder } from "./recorder.ts"

export interface DeskOptions {
  readonly engine: Engine
  /** Replace the values of Secrets. */
  readonly redact: boolean
  /** What else is hidden, by type. */
  readonly redactPaths?: PathRules | undefined
  /** Leave out messages whose object is the same, byte for byte, as the last one sent of its uid. */
  readonly contentDedup: boolean
  /** By kind, the time between two states of an object in which only the latest one is kept; undefined: every state goes out. */
  readonly minIntervals?: Intervals | undefined
  /** Write whole objects instead of messages. */
  readonly whole?: WholeForm | undefined
  /** Writes down what has been said; undefined: nobody will ask. */
  readonly recorder?: Recorder | undefined
  /** Called after a turn that changed what the ledger of a type holds, and when a type turns out not to be served. */
  readonly onTypesMayHaveChanged: Effect.Effect<void>
}

export interface Desk extends DeskOptions {
  readonly api: Context.Service.Shape<typeof ClusterApi>
  readonly sink: Context.Service.Shape<typeof Sink>
  readonly dialer: Context.Service.Shape<typeof Dialer>
  /** Lists running at the same time: their pages are what memory is made of. */
  readonly lists: Semaphore.Semaphore
  /**
   * By type key, who has the word: what is said of one type is said by one at a time, or a deletion that is repeated would overtake the
   * creation that came after it, and a digest would be taken in the middle of a turn.
   */
  readonly words: Map<string, Semaphore.Semaphore>
  /** What all lanes hold back together. */
  readonly room: Room
  /** What sends of what a lane holds back; of the lanes at work that have an interval. */
  readonly releases: Map<Lane, (wanted: Wanted) => Effect.Effect<void, SinkError>>
  /** Buffers that wait for the next batch. */
  readonly writers: Array<Writer>
}

/** Takes the ports out of the context, once for all lanes. */
export const makeDesk = Effect.fn("makeDesk")(function* (options: DeskOptions) {
  return {
    ...options,
    api: yield* ClusterApi,
    sink: yield* Sink,
    dialer: yield* Dialer,
    lists: yield* Semaphore.make(listsConcurrentMax),
    words: new Map(),
    room: makeRoom(),
    releases: new Map(),
    writers: [],
  } satisfies Desk
})

/** Has the word for a type, from deciding what to say until it is accepted. */
export const withWord =
  (desk: Desk, key: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const word = desk.words.get(key) ?? Semaphore.makeUnsafe(1)
    desk.words.set(key, word)
    return word.withPermits(1)(effect)
  }

const writerBytesFirst = 64 * 1024

/** A buffer for one batch; to be returned when the batch has been accepted. */
export const takeWriter = (desk: Desk): Writer => desk.writers.pop() ?? makeWriter(writerBytesFirst)

/** Keeps a buffer for the next batch, unless there are enough, or it has become too large. */
export const returnWriter = (desk: Desk, writer: Writer): void => {
  if (desk.writers.length < writersKeptMax && writer.bytes.length <= writerBytesKeptMax) desk.writers.push(writer)
}
