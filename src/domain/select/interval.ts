/**
 * Minimum intervals by kind: `leases.coordination.k8s.io=10s,endpoints=5s`. A type is named as in `--redact-path`, `plural` or
 * `plural.group`; `*` stands for all that are not named, and `0` for no interval. Names are not checked against the cluster.
 */
import * as Result from "effect/Result"
import { holdIntervalMaxMs } from "../limit.ts"
import { parseDuration } from "./duration.ts"

/** Milliseconds by type key, or `*`. */
export type Intervals = ReadonlyMap<string, number>

const typeForm = /^(?:\*|[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)$/

/**
 * Reads intervals, separated by commas.
 * @returns a failure says which of them cannot be used, and why
 */
export const parseIntervals = (text: string): Result.Result<Intervals, string> => {
  const intervals = new Map<string, number>()
  if (text.trim() === "") return Result.succeed(intervals)
  for (const part of text.split(",")) {
    const [type = "", duration, ...more] = part.split("=").map((piece) => piece.trim())
    if (!typeForm.test(type) || duration === undefined || more.length > 0) {
      return Result.fail(`${JSON.stringify(part.trim())} is no TYPE=DURATION`)
    }
    if (intervals.has(type)) return Result.fail(`${type} has two intervals`)
    const parsed = parseDuration(duration)
    if (Result.isFailure(parsed)) return Result.fail(`${type}: ${parsed.failure}`)
    if (parsed.success < 0) return Result.fail(`${type}: an interval cannot be negative`)
    if (parsed.success > holdIntervalMaxMs) return Result.fail(`${type}: an interval is ${holdIntervalMaxMs / 3_600_000}h at most`)
    intervals.set(type, parsed.success)
  }
  return Result.succeed(intervals)
}

/**
 * The interval of a type in milliseconds; 0: none.
 * @param key of the type, `plural` or `plural.group`
 */
export const intervalOf = (intervals: Intervals | undefined, key: string): number => intervals?.get(key) ?? intervals?.get("*") ?? 0
