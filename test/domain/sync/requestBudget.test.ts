import { assert, describe, it } from "@effect/vitest"
import { listsHeldMaxMs, requestsBurst, requestsPerSecond } from "../../../src/domain/limit.ts"
import { heedFailure, listHoldMs, makeRequestBudget, takeToken } from "../../../src/domain/sync/requestBudget.ts"

const stepMs = 1_000 / requestsPerSecond

describe("the request budget", () => {
  it("lets a burst out at once, and then so many a second", () => {
    const budget = makeRequestBudget(5_000)
    for (let count = 0; count < requestsBurst; count++) assert.strictEqual(takeToken(budget, 5_000), 0)
    assert.strictEqual(takeToken(budget, 5_000), stepMs)
    assert.isAbove(takeToken(budget, 5_000 + stepMs - 1), 0)
    let taken = 0
    for (let nowMs = 5_001; nowMs <= 15_000; nowMs++) if (takeToken(budget, nowMs) === 0) taken++
    assert.approximately(taken, 10 * requestsPerSecond, 1)
  })

  it("saves no more than a burst, and a clock that went back gives nothing", () => {
    const budget = makeRequestBudget(0)
    for (let count = 0; count < requestsBurst; count++) assert.strictEqual(takeToken(budget, 86_400_000), 0)
    assert.isAbove(takeToken(budget, 86_400_000), 0)
    assert.isAbove(takeToken(budget, 0), 0)
    assert.strictEqual(takeToken(budget, stepMs), 0)
  })

  it("holds lists as long as a 429 says, within its bound, and the longest counts", () => {
    const budget = makeRequestBudget(0)
    const refuse = (retryAfterMs: number | undefined, throttled?: true) =>
      heedFailure(budget, { _tag: "Unavailable", text: "", retryAfterMs, ...(throttled && { throttled }) }, 1_000)
    refuse(3_000)
    refuse(undefined, true)
    heedFailure(budget, { _tag: "Gone", text: "" }, 1_000)
    assert.strictEqual(listHoldMs(budget, 1_000), 0)
    refuse(3_000, true)
    refuse(2_000, true)
    assert.strictEqual(listHoldMs(budget, 1_000), 3_000)
    assert.strictEqual(listHoldMs(budget, 4_000), 0)
    refuse(300_000, true)
    assert.strictEqual(listHoldMs(budget, 1_000), listsHeldMaxMs)
    assert.strictEqual(listHoldMs(budget, -1_000_000), listsHeldMaxMs)
  })
})
