/**
 * Effects in the world's time: its heap is the clock, its chance the randomness, and fibers are scheduled by a queue that is emptied after
 * each thing that happens. So a run is one synchronous function of its seed, and half an hour costs milliseconds. Effect's own TestClock
 * moves on while fibers that it woke have still several steps to go, and its fibers run in the event loop's turns; here nothing of that is
 * left to chance.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import { after, Finding, type World } from "../world.ts"

/** Steps of fibers between two moments; more of them turn in a circle. */
const turnsMax = 100_000

const makeClock = (world: World): Clock.Clock => {
  const nanos = () => BigInt(world.nowMs) * 1_000_000n
  return {
    currentTimeMillisUnsafe: () => world.nowMs,
    currentTimeMillis: Effect.sync(() => world.nowMs),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: nanos,
    monotonicTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.callback<void>((resume) => {
        let wanted = true
        after(world, Duration.toMillis(duration), () => {
          if (wanted) resume(Effect.void)
        })
        return Effect.sync(() => {
          wanted = false
        })
      }),
  }
}

/** Gives the world fibers. Returns what starts one; its first steps are done when that returns. */
export const startFibers = (world: World): (<A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>) => {
  const turns: Array<() => void> = []
  const scheduler = new Scheduler.MixedScheduler("async", (turn) => {
    turns.push(turn)
    return () => {
      const at = turns.indexOf(turn)
      if (at >= 0) turns.splice(at, 1)
    }
  })
  const chance: Random.Random = {
    nextDoubleUnsafe: () => world.chance.below(2 ** 31) / 2 ** 31,
    nextIntUnsafe: () => world.chance.below(2 ** 31),
  }
  const services = Context.make(Clock.Clock, makeClock(world)).pipe(Context.add(Random.Random, chance))
  world.settle = () => {
    for (let count = 0; turns.length > 0; count++) {
      if (count > turnsMax) throw new Finding(`fibers take more than ${turnsMax} turns in one moment`)
      turns.shift()!()
    }
  }
  return (effect) => {
    const fiber = Effect.runForkWith(services)(effect, { scheduler })
    world.settle()
    return fiber
  }
}
