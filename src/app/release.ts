/**
 * When what a lane holds back goes out: each state as soon as its kind's interval is over, and all of them at the end of a run.
 * What is held back, and what takes its place, is the domain's (holding.ts).
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Latch from "effect/Latch"
import { heldEndWaitMs, heldGatherMs } from "../domain/limit.ts"
import { nextDueMs, type Holding } from "../domain/sync/holding.ts"
import type { Lane } from "../domain/sync/lane.ts"
import type { SinkError } from "../ports/Sink.ts"
import type { Desk } from "./desk.ts"

/**
 * Sends what is due, again and again.
 * @param stirred opened when something waits
 * @param send takes a turn with what is due, if anything is
 */
export const releaseForEver = (
  holding: Holding,
  stirred: Latch.Latch,
  send: Effect.Effect<void, SinkError>,
): Effect.Effect<never, SinkError> =>
  Effect.forever(
    Effect.gen(function* () {
      yield* stirred.await
      const dueMs = nextDueMs(holding)
      if (dueMs === undefined) return void stirred.closeUnsafe()
      // A clock that has been set back must not make anything wait for longer.
      const waitMs = Math.min(holding.everyMs, dueMs - (yield* Clock.currentTimeMillis))
      yield* Effect.sleep(Math.max(0, waitMs) + heldGatherMs)
      yield* send
    }),
  )

/** Sends all that a lane holds back, unless a list of it runs. A sink that is broken for good is the lane's own to tell. */
export const releaseNow = ({ releases }: Desk, lane: Lane): Effect.Effect<void> =>
  Effect.ignore(Effect.suspend(() => releases.get(lane)?.("all") ?? Effect.void))

/** Sends all that waits, within `heldEndWaitMs`. What does not get out in time is found by the next run, which compares or announces. */
export const releaseAll = ({ releases }: Desk): Effect.Effect<void> =>
  Effect.suspend(() => Effect.forEach([...releases.values()], (send) => send("end"), { concurrency: "unbounded", discard: true })).pipe(
    Effect.timeoutOption(heldEndWaitMs),
    Effect.ignore,
  )
