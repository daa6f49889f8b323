/**
 * How long to wait after a failure. Chance is an argument.
 */
import { attemptsDoublingMax, refusedFirstMs, refusedLastMs, retryAfterMaxMs, retryFirstMs, retryLastMs } from "../limit.ts"
import type { Command } from "./fact.ts"

/**
 * The pause in milliseconds: doubles with every failure in a row and is drawn between half and the whole of that,
 * but is never shorter than what the server asked for.
 * @param unit a number in [0, 1)
 */
export const pauseMs = (pause: Extract<Command, { _tag: "Pause" }>, unit: number): number => {
  const [first, last] = pause.slow ? [refusedFirstMs, refusedLastMs] : [retryFirstMs, retryLastMs]
  const whole = Math.min(last, first * 2 ** Math.min(pause.attempt, attemptsDoublingMax))
  const drawn = whole / 2 + (whole / 2) * unit
  return Math.max(drawn, Math.min(pause.retryAfterMs ?? 0, retryAfterMaxMs))
}
