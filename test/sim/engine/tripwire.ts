/**
 * One call of a port fails: the n-th, counted over all ports, in a way that the call's sort knows.
 */
import type { Failure } from "../../../src/domain/sync/fact.ts"

export interface Tripwire {
  calls: number
  /** The call that fails, from 1; 0: none. */
  readonly at: number
  /** Chooses among the ways in which a call of its sort can fail. */
  readonly way: number
  struck: string | undefined
  /** What comes afterwards neither counts nor fails. */
  isOver: boolean
}

export const makeTripwire = (at = 0, way = 0): Tripwire => ({ calls: 0, at, way, struck: undefined, isOver: false })

/** Whether this call is the one that fails. */
export const strikes = (wire: Tripwire, call: string): boolean => {
  if (wire.isOver) return false
  wire.calls++
  if (wire.calls !== wire.at) return false
  wire.struck = call
  return true
}

/** How a request to the API server may fail. */
export const failures: ReadonlyArray<Failure> = [
  { _tag: "Unavailable", text: "the connection broke", retryAfterMs: undefined },
  { _tag: "Gone", text: "too old resource version" },
  { _tag: "NotServed", text: "the server could not find the requested resource" },
  { _tag: "Forbidden", text: "forbidden" },
  { _tag: "Unauthorized", text: "Unauthorized" },
  { _tag: "TooLarge", text: "request entity too large" },
  { _tag: "Refused", text: "conversion webhook failed" },
  { _tag: "Unavailable", text: "too many requests", retryAfterMs: 7_000, throttled: true },
]
