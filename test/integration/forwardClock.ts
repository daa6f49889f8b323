/**
 * A clock that goes as the real one does, and that a test may put forward: what was to happen meanwhile happens at once. Only what is given
 * this clock notices; sockets and servers keep their own time.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface ForwardClock {
  readonly clock: Clock.Clock
  readonly putForward: (ms: number) => void
}

interface Sleeper {
  readonly untilMs: number
  readonly wake: () => void
}

/** @param real the clock that it follows */
export const makeForwardClock = (real: Clock.Clock): ForwardClock => {
  let aheadMs = 0
  const sleepers = new Set<Sleeper>()
  const nowMs = (): number => real.currentTimeMillisUnsafe() + aheadMs
  const nanos = (ofReal: bigint): bigint => ofReal + BigInt(aheadMs) * 1_000_000n
  const sleep = (ms: number): Effect.Effect<void> => {
    if (!Number.isFinite(ms)) return Effect.never
    return Effect.callback<void>((resume) => {
      const leave = (): void => {
        clearTimeout(timer)
        sleepers.delete(sleeper)
      }
      const wake = (): void => {
        leave()
        resume(Effect.void)
      }
      const sleeper: Sleeper = { untilMs: nowMs() + ms, wake }
      const timer = setTimeout(wake, Math.max(0, ms))
      sleepers.add(sleeper)
      return Effect.sync(leave)
    })
  }
  return {
    clock: {
      currentTimeMillisUnsafe: nowMs,
      currentTimeMillis: Effect.sync(nowMs),
      currentTimeNanosUnsafe: () => nanos(real.currentTimeNanosUnsafe()),
      currentTimeNanos: Effect.sync(() => nanos(real.currentTimeNanosUnsafe())),
      monotonicTimeNanosUnsafe: () => nanos(real.monotonicTimeNanosUnsafe()),
      monotonicTimeNanos: Effect.sync(() => nanos(real.monotonicTimeNanosUnsafe())),
      sleep: (duration) => sleep(Duration.toMillis(duration)),
    },
    putForward: (ms) => {
      aheadMs += ms
      for (const sleeper of sleepers) if (sleeper.untilMs <= nowMs()) sleeper.wake()
    },
  }
}
