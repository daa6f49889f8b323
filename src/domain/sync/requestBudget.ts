/**
 * What a run may ask of the API server: a bucket of tokens over all requests, and a time during which no list begins.
 * Pure but for the budget that it is given; does not know what a request is for, nor who waits.
 */
import { listsHeldMaxMs, requestsBurst, requestsPerSecond } from "../limit.ts"
import type { Failure } from "./fact.ts"

export interface RequestBudget {
  /** Requests that may go out at once, as of `filledMs`. */
  tokens: number
  filledMs: number
  /** No list begins before this. */
  listsHeldUntilMs: number
}

/** A full bucket. @param nowMs milliseconds since the epoch, as in all that follows */
export const makeRequestBudget = (nowMs: number): RequestBudget => ({ tokens: requestsBurst, filledMs: nowMs, listsHeldUntilMs: 0 })

/**
 * Takes a token if there is one.
 * @returns 0 when it was taken; else the milliseconds after which to ask again. A clock that went back fills nothing and takes nothing
 */
export const takeToken = (budget: RequestBudget, nowMs: number): number => {
  const elapsedMs = Math.max(0, nowMs - budget.filledMs)
  budget.tokens = Math.min(requestsBurst, budget.tokens + (elapsedMs * requestsPerSecond) / 1000)
  budget.filledMs = nowMs
  if (budget.tokens < 1) return Math.ceil(((1 - budget.tokens) * 1000) / requestsPerSecond)
  budget.tokens -= 1
  return 0
}

/** A server that says 429 with Retry-After to one says it to all: no list begins until then, 10 s at most. */
export const heedFailure = (budget: RequestBudget, failure: Failure, nowMs: number): void => {
  if (failure._tag !== "Unavailable" || failure.throttled !== true || failure.retryAfterMs === undefined) return
  const untilMs = nowMs + Math.min(failure.retryAfterMs, listsHeldMaxMs)
  budget.listsHeldUntilMs = Math.max(budget.listsHeldUntilMs, untilMs)
}

/** How long a list that would begin now is held back, in milliseconds; never longer than the bound, even when the clock was set back. */
export const listHoldMs = ({ listsHeldUntilMs }: RequestBudget, nowMs: number): number =>
  Math.min(listsHeldMaxMs, Math.max(0, listsHeldUntilMs - nowMs))
