import { describe, expect, it } from "vitest"
import * as Limit from "../../../src/domain/limit.ts"
import { estimateRun } from "../../../src/domain/sync/estimate.ts"

const pods = { key: "pods", bytes: 20_000, objects: 20, remaining: 2_980 }

describe("an estimate", () => {
  it("takes the sample for the rest", () => {
    const { bytes, kinds, ledgerBytes, objects } = estimateRun([pods, { key: "nodes", bytes: 300, objects: 0, remaining: 0 }], true)
    expect(kinds).toEqual([
      { key: "pods", objects: 3_000, atLeast: false, bytes: 3_000_000 },
      { key: "nodes", objects: 0, atLeast: false, bytes: 0 },
    ])
    expect({ bytes, objects, ledgerBytes }).toEqual({ bytes: 3_000_000, objects: 3_000, ledgerBytes: 330_000 })
  })

  it("says when it knows only a part", () => {
    expect(estimateRun([{ ...pods, remaining: undefined }], true).kinds).toEqual([
      { key: "pods", objects: 20, atLeast: true, bytes: 20_000 },
    ])
  })

  it("is held up by messages where objects are small, by bytes where they are large, by nothing without a pace", () => {
    const small = { key: "a", bytes: 1, objects: 1, remaining: 10 * Limit.paceMessagesPerSecond - 1 }
    const large = { key: "b", bytes: 7 * Limit.paceBytesPerSecond, objects: 1, remaining: 0 }
    expect(estimateRun([small], true).announcementMs).toBe(10_000)
    expect(estimateRun([large], true).announcementMs).toBe(7_000)
    expect(estimateRun([small, large], false).announcementMs).toBe(0)
  })
})
