import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { parseDuration } from "../../../src/domain/select/duration.ts"

describe("a duration", () => {
  it.each([
    ["0", 0],
    ["-0", 0],
    ["+0", 0],
    ["8s", 8_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["-5s", -5_000],
    ["+5s", 5_000],
    ["-1ns", -1e-6],
    ["300ms", 300],
    ["12us", 0.012],
    ["12µs", 0.012],
    ["12μs", 0.012],
    [".5s", 500],
    ["5.s", 5_000],
    ["1h1m1s1ms", 3_661_001],
    ["1s1s", 2_000],
    ["0s", 0],
    ["00001m", 60_000],
    ["2562047h47m16s", 9_223_372_036_000],
  ])("%s is %d ms", (text, delayMs) => {
    expect(Result.getOrThrow(parseDuration(text))).toBeCloseTo(delayMs, 9)
  })

  it.each([
    ["", 'time: invalid duration ""'],
    ["-", 'time: invalid duration "-"'],
    ["8", 'time: missing unit in duration "8"'],
    ["1m30", 'time: missing unit in duration "1m30"'],
    ["00", 'time: missing unit in duration "00"'],
    ["s", 'time: invalid duration "s"'],
    [".s", 'time: invalid duration ".s"'],
    [".", 'time: invalid duration "."'],
    ["1d", 'time: unknown unit "d" in duration "1d"'],
    ["1S", 'time: unknown unit "S" in duration "1S"'],
    ["1constructor", 'time: unknown unit "constructor" in duration "1constructor"'],
    ["1e3s", 'time: unknown unit "e" in duration "1e3s"'],
    ["8 s", 'time: unknown unit " s" in duration "8 s"'],
    [" 8s", 'time: invalid duration " 8s"'],
    ["--5s", 'time: invalid duration "--5s"'],
    ["1s-1s", 'time: unknown unit "s-" in duration "1s-1s"'],
    ["1.2.3s", 'time: missing unit in duration "1.2.3s"'],
    ["2562048h", 'time: invalid duration "2562048h"'],
    ["30 seconds", 'time: unknown unit " seconds" in duration "30 seconds"'],
  ])("%j is none", (text, reason) => {
    const parsed = parseDuration(text)
    expect(Result.isFailure(parsed) && parsed.failure).toBe(reason)
  })
})
