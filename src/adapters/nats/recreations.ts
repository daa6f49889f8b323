/**
 * Objects created anew right after their deletion. Meshery Server gathers messages for 500 ms and applies upserts before deletes, so a
 * Deleted followed at once by an Added of the same address may end as deleted there. The object's newest message therefore goes out once
 * more.
 *
 * Invariants: what is repeated is never older than what went out for the address; an upsert that went out `recreationSettledMs` after the
 * Deleted needs no repetition; a later Deleted cancels it. Payloads are copies. Bounds: `recreationsWatchedMax` deletions (the oldest is
 * forgotten) and `recreationsMax` copies of `recreationsBytesMax` bytes (beyond them the oldest falls due early, none is lost).
 * Time is an argument; nothing here sends.
 */
import {
  recreationRepeatMs,
  recreationSettledMs,
  recreationsBytesMax,
  recreationsMax,
  recreationsWatchedMax,
  recreationWindowMs,
} from "../../domain/limit.ts"
import { apiVersionOf } from "../../domain/select/resource.ts"
import type { Message } from "../../ports/Sink.ts"

/** A message that waits for its repetition. */
export interface Repetition {
  /** With a payload of its own. */
  readonly message: Message
  readonly deletedMs: number
  dueMs: number
}

/** Changed in place by the functions below. Both maps are in order of time. */
export interface Recreations {
  /** Address -> when its Deleted went out. */
  readonly departed: Map<string, number>
  /** Address -> what waits. */
  readonly waiting: Map<string, Repetition>
  bytes: number
}

/** Nothing has been deleted or created anew yet. */
export const makeRecreations = (): Recreations => ({ departed: new Map(), waiting: new Map(), bytes: 0 })

/** What identifies an object to a consumer, whose key has no uid. */
const addressOf = (message: Message): string => `${apiVersionOf(message.type)} ${message.type.kind} ${message.namespace}/${message.name}`

const forget = (state: Recreations, address: string): void => {
  const repetition = state.waiting.get(address)
  if (repetition === undefined) return
  state.waiting.delete(address)
  state.bytes -= repetition.message.payload.byteLength
}

const keep = (state: Recreations, address: string, message: Message, deletedMs: number, dueMs: number): void => {
  const held = state.waiting.get(address)
  if (held !== undefined) state.bytes -= held.message.payload.byteLength
  // A replaced entry keeps its place in the order of time.
  state.waiting.set(address, { message: { ...message, payload: message.payload.slice() }, deletedMs, dueMs })
  state.bytes += message.payload.byteLength
}

/** Forgets deletions whose window is over, and the oldest beyond the bound. */
const prune = (state: Recreations, nowMs: number): void => {
  for (const [address, deletedMs] of state.departed) {
    if (nowMs - deletedMs <= recreationWindowMs && state.departed.size <= recreationsWatchedMax) return
    state.departed.delete(address)
  }
}

/** Takes note of a message at the moment at which it goes out. */
export const noteMessage = (state: Recreations, message: Message, nowMs: number): void => {
  if (state.departed.size > 0) prune(state, nowMs)
  if (message.event !== "Deleted" && state.departed.size === 0 && state.waiting.size === 0) return
  const address = addressOf(message)
  if (message.event === "Deleted") {
    forget(state, address)
    state.departed.delete(address)
    state.departed.set(address, nowMs)
    prune(state, nowMs)
    return
  }
  const held = state.waiting.get(address)
  if (held !== undefined) {
    if (nowMs - held.deletedMs >= recreationSettledMs) forget(state, address)
    else keep(state, address, message, held.deletedMs, held.dueMs)
    return
  }
  const deletedMs = state.departed.get(address)
  if (deletedMs === undefined) return
  state.departed.delete(address)
  keep(state, address, message, deletedMs, nowMs + recreationRepeatMs)
}

/**
 * Takes note of a message that goes out on another subject, in pieces: what waits of its address is older, and must not follow it. The
 * deletion before counts on, for an upsert that comes next.
 */
export const noteOversize = (state: Recreations, message: Message): void => {
  const address = addressOf(message)
  const held = state.waiting.get(address)
  if (held === undefined) return
  forget(state, address)
  state.departed.set(address, held.deletedMs)
}

/** Whether more waits than may be kept. */
export const isOverfull = (state: Recreations): boolean => state.waiting.size > recreationsMax || state.bytes > recreationsBytesMax

/** What is to go out again now: what is due, and beyond the bounds the oldest. It stays until `settleRepetition`. */
export const dueRepetitions = (state: Recreations, nowMs: number, countMax: number, bytesMax: number): ReadonlyArray<Repetition> => {
  const due: Array<Repetition> = []
  let count = state.waiting.size
  let bytes = state.bytes
  let taken = 0
  for (const repetition of state.waiting.values()) {
    const size = repetition.message.payload.byteLength
    const early = count > recreationsMax || bytes > recreationsBytesMax
    if (!early && nowMs < repetition.dueMs) continue
    if (due.length >= countMax || (due.length > 0 && taken + size > bytesMax)) break
    due.push(repetition)
    taken += size
    count -= 1
    bytes -= size
  }
  return due
}

/** When the next repetition is due; undefined when none waits. */
export const nextDueMs = (state: Recreations): number | undefined => {
  let earliest: number | undefined
  for (const { dueMs } of state.waiting.values()) if (earliest === undefined || dueMs < earliest) earliest = dueMs
  return earliest
}

/**
 * What became of a repetition that went out: one in doubt is tried again, unless something newer has taken its place.
 * @param accepted whether the broker has it
 */
export const settleRepetition = (state: Recreations, repetition: Repetition, accepted: boolean, nowMs: number): void => {
  const address = addressOf(repetition.message)
  if (state.waiting.get(address) !== repetition) return
  if (accepted) forget(state, address)
  else repetition.dueMs = nowMs + recreationRepeatMs
}
