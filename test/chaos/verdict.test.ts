import { describe, expect, it } from "vitest"
import { compareViews, differenceText, isEmpty } from "./verdict.ts"

describe("a difference", () => {
  it("is empty between equal views, whatever their order", () => {
    const left = new Map(Object.entries({ a: "1@1", b: "2@2" }))
    expect(isEmpty(compareViews(left, new Map([...left].toReversed())))).toBe(true)
  })

  it("names what is missing, what is old or of another life, and what is left over", () => {
    const truth = new Map(Object.entries({ a: "1@1", b: "2@2", c: "3@3", d: "4@4" }))
    const view = new Map(Object.entries({ b: "2@1", c: "9@3", d: "4@4", e: "5@5" }))
    const difference = compareViews(truth, view)
    expect(difference).toEqual({ missing: ["a"], stale: ["b", "c"], ghosts: ["e"] })
    expect(isEmpty(difference)).toBe(false)
    expect(differenceText(difference, 1)).toBe("1 missing (a), 2 stale (b), 1 ghosts (e)")
  })
})
