/**
 * Reconciliation: now and then every kind is listed although its watch is in order, and what differs from the ledger is published.
 *
 * Invariants: off unless an interval of at least 5 min is given; one kind at a time; a list that fails or stays partial counts for nothing
 * and deletes nothing (the reflector's law). A kind that is in trouble, or lists anyway, is left out. Does not know how lists are compared.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import {
  reconcileEveryMinMs,
  reconcileGapMs,
  reconcileJitter,
  reconcileLaneLookMs,
  reconcileLaneWaitMs,
  reconcileLookEveryMs,
} from "../domain/limit.ts"
import { parseDuration } from "../domain/select/duration.ts"
import { addToCounter, type Engine } from "../domain/sync/engine.ts"
import { beginComparison, type Comparison, type Lane } from "../domain/sync/lane.ts"
import type { Signals } from "./laneLoop.ts"

export interface ReconcileOptions {
  readonly engine: Engine
  /** The interval as written, as it counts now; empty or absent: never. */
  readonly interval: () => string | undefined
  /** Sends what a lane holds back: a list would take it for a difference. */
  readonly release: (lane: Lane) => Effect.Effect<void>
  /** What reaches an open lane; undefined for one that is closing. */
  readonly signalsOf: (lane: Lane) => Signals | undefined
}

/** What an interval means: milliseconds, never (undefined), or why it cannot be used. */
export const parseInterval = (text: string | undefined): Result.Result<number | undefined, string> => {
  if (text === undefined || text.trim() === "") return Result.succeed(undefined)
  const parsed = parseDuration(text.trim())
  if (Result.isFailure(parsed)) return Result.fail("it is no duration such as 10m")
  if (parsed.success === 0) return Result.succeed(undefined)
  return parsed.success < reconcileEveryMinMs
    ? Result.fail(`it is below ${reconcileEveryMinMs / 60_000} minutes`)
    : Result.succeed(parsed.success)
}

/** Compares again and again, for as long as the run lasts. The interval may change, and come and go, meanwhile. */
export const reconcileForEver = Effect.fnUntraced(function* (options: ReconcileOptions) {
  let lastMs = yield* Clock.currentTimeMillis
  let jitter = yield* drawJitter
  let warned: string | undefined
  while (true) {
    const text = options.interval()
    const interval = parseInterval(text)
    if (Result.isFailure(interval) && warned !== text) {
      warned = text
      yield* Effect.logWarning(`the reconcile interval ${JSON.stringify(text)} is not used, and nothing is reconciled: ${interval.failure}`)
    }
    const everyMs = Result.getOrUndefined(interval)
    const nowMs = yield* Clock.currentTimeMillis
    if (everyMs === undefined) lastMs = nowMs
    else if (nowMs - lastMs >= everyMs * jitter) {
      yield* reconcileOnce(options)
      lastMs = nowMs
      jitter = yield* drawJitter
    }
    yield* Effect.sleep(reconcileLookEveryMs)
  }
})

const drawJitter = Effect.map(Random.next, (unit) => 1 - reconcileJitter + 2 * reconcileJitter * unit)

/** One comparison of all kinds, and the line that says what it found. */
const reconcileOnce = Effect.fnUntraced(function* (options: ReconcileOptions) {
  const { engine } = options
  const startedMs = yield* Clock.currentTimeMillis
  const found: Array<Comparison> = []
  const leftOut: Array<string> = []
  for (const lane of [...engine.lanes.values()].filter(({ spec }) => !spec.hidden)) {
    const comparison = yield* compareLane(options, lane)
    if (comparison === undefined) leftOut.push(lane.key)
    else found.push(comparison)
    yield* Effect.sleep(reconcileGapMs)
  }
  const sum = (member: "added" | "deleted" | "listed" | "modified"): number => found.reduce((total, one) => total + one[member], 0)
  const [added, modified, deleted, listed] = [sum("added"), sum("modified"), sum("deleted"), sum("listed")]
  addToCounter(engine, "reconciles")
  addToCounter(engine, "drift_added", added)
  addToCounter(engine, "drift_modified", modified)
  addToCounter(engine, "drift_deleted", deleted)
  const seconds = Math.round(((yield* Clock.currentTimeMillis) - startedMs) / 1000)
  yield* Effect.logInfo(
    `reconciled in ${seconds} s: ${added + modified + deleted} of ${listed} objects of ${found.length} kinds differed ` +
      `(${added} added, ${modified} modified, ${deleted} deleted)` +
      (leftOut.length === 0 ? "" : `; not compared: ${leftOut.join(", ")}`),
  )
})

/** Has one lane compare, and waits for the end of it; undefined when it did not come to one. */
const compareLane = Effect.fnUntraced(function* ({ engine, release, signalsOf }: ReconcileOptions, lane: Lane) {
  const signals = signalsOf(lane)
  if (signals === undefined) return undefined
  yield* Effect.timeoutOption(release(lane), reconcileLaneWaitMs)
  const isAtRest = lane.state._tag === "watching" || (lane.state._tag === "paused" && lane.trouble === undefined)
  if (!isAtRest) return undefined
  beginComparison(lane)
  yield* Queue.offer(signals, { _tag: "ReconcileDue" })
  const deadlineMs = (yield* Clock.currentTimeMillis) + reconcileLaneWaitMs
  const ended = (): Comparison | "running" | undefined =>
    lane.comparison === undefined || engine.lanes.get(lane.key) !== lane ? undefined : lane.comparison.done ? lane.comparison : "running"
  while (ended() === "running" && (yield* Clock.currentTimeMillis) < deadlineMs) yield* Effect.sleep(reconcileLaneLookMs)
  const end = ended()
  return end === "running" ? undefined : end
})
