/**
 * Everything once more, for consumers that have missed something: as Added by the lanes, then the deletions that no lane repeats.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { resyncDebounceMs } from "../domain/limit.ts"
import { addToCounter } from "../domain/sync/engine.ts"
import type { Lane } from "../domain/sync/lane.ts"
import type { Desk } from "./desk.ts"
import type { Signals } from "./laneLoop.ts"
import { announceOrphans } from "./orphans.ts"

/** Resync requests are gathered: each one starts the wait anew, as the Go MeshSync's debounce does. */
export const untilQuiet = (resyncs: Queue.Queue<void>): Effect.Effect<void> =>
  Queue.take(resyncs).pipe(
    Effect.timeoutOption(resyncDebounceMs),
    Effect.flatMap((more) => (more._tag === "Some" ? untilQuiet(resyncs) : Effect.void)),
  )

interface Reachable {
  readonly signals: Signals
}

/**
 * Announces everything again.
 * @param open the open lanes by type key
 * @param lastLanes by type key, what the next lane of the type waits for
 */
export const announceAll = Effect.fnUntraced(function* (
  desk: Desk,
  open: ReadonlyMap<string, Reachable>,
  lastLanes: Map<string, Deferred.Deferred<void>>,
) {
  yield* Effect.logInfo("everything is announced again")
  addToCounter(desk.engine, "announcements")
  for (const { signals } of open.values()) yield* Queue.offer(signals, { _tag: "ResyncAsked" })
  // What a lane that is being closed says last may be missed as well: it repeats it, or the lane that takes its place meanwhile does.
  const closing = [...lastLanes].filter(([key]) => !open.has(key) && desk.engine.lanes.has(key))
  for (const [key] of closing) (desk.engine.lanes.get(key) as Lane).announcing = true
  for (const [, end] of closing) yield* Deferred.await(end)
  for (const [key] of closing) if (open.has(key)) yield* Queue.offer((open.get(key) as Reachable).signals, { _tag: "ResyncAsked" })
  yield* announceOrphans(desk, lastLanes)
})
