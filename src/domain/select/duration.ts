/**
 * Durations as Go spells them (`8s`, `1m30s`, `1.5h`, `-1ns`): the grammar of `time.ParseDuration`.
 */
import * as Result from "effect/Result"

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  // The micro sign and the Greek letter.
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** Go counts nanoseconds in 64 bits. */
const durationMaxMs = 2 ** 63 / 1e6

/**
 * Reads a duration.
 * @param text an optional sign, then numbers each with a unit, or a bare `0`; no white space
 * @returns milliseconds, possibly with a fraction; a failure is worded as Go words it
 */
export const parseDuration = (text: string): Result.Result<number, string> => {
  const invalid = Result.fail(`time: invalid duration ${JSON.stringify(text)}`)
  const sign = text.startsWith("-") ? -1 : 1
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text
  if (unsigned === "0") return Result.succeed(0)
  if (unsigned === "") return invalid
  let total = 0
  let at = 0
  const part = /(\d+\.?\d*|\.\d+)([^\d.]*)/y
  while (at < unsigned.length) {
    part.lastIndex = at
    const [whole, digits, unit] = part.exec(unsigned) ?? []
    if (whole === undefined || digits === undefined) return invalid
    if (unit === undefined || unit === "") return Result.fail(`time: missing unit in duration ${JSON.stringify(text)}`)
    const factor = Object.hasOwn(unitMs, unit) ? unitMs[unit] : undefined
    if (factor === undefined) return Result.fail(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`)
    total += Number(digits) * factor
    at += whole.length
  }
  return total > durationMaxMs ? invalid : Result.succeed(total === 0 ? 0 : sign * total)
}
