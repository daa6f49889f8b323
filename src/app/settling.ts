/**
 * When everything selected has been announced once, as far as the cluster lets it be read, the sink is told, and then whoever waits for it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { isSettled, type Engine } from "../domain/sync/engine.ts"
import type { SinkError } from "../ports/Sink.ts"

/** Completes `settled` when the engine is, after `tell` has succeeded. */
export const watchForSettling = (engine: Engine, tell: Effect.Effect<void, SinkError>, settled: Deferred.Deferred<void, SinkError>) =>
  Effect.suspend(() => (isSettled(engine) ? Effect.void : Effect.fail("not yet" as const))).pipe(
    Effect.retry(Schedule.spaced("100 millis")),
    Effect.ignore,
    Effect.andThen(tell),
    Effect.andThen(Deferred.succeed(settled, undefined)),
  )
