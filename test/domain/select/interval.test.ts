import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { intervalOf, parseIntervals } from "../../../src/domain/select/interval.ts"

describe("intervals", () => {
  it.each([
    ["", {}],
    ["  ", {}],
    ["endpoints=5s", { endpoints: 5_000 }],
    ["leases.coordination.k8s.io=10s,endpoints=1m30s", { "leases.coordination.k8s.io": 10_000, endpoints: 90_000 }],
    [" *=500ms , pods = 0 ", { "*": 500, pods: 0 }],
    ["pods=1h", { pods: 3_600_000 }],
  ])("%j", (text, expected) => {
    expect(Object.fromEntries(Result.getOrThrow(parseIntervals(text)))).toEqual(expected)
  })

  it.each([
    ["endpoints", '"endpoints" is no TYPE=DURATION'],
    ["endpoints=5s,", '"" is no TYPE=DURATION'],
    ["=5s", '"=5s" is no TYPE=DURATION'],
    ["Pods=5s", '"Pods=5s" is no TYPE=DURATION'],
    ["pods=5s=6s", '"pods=5s=6s" is no TYPE=DURATION'],
    ["pods=5", 'pods: time: missing unit in duration "5"'],
    ["pods=", 'pods: time: invalid duration ""'],
    ["pods=-1s", "pods: an interval cannot be negative"],
    ["pods=61m", "pods: an interval is 1h at most"],
    ["pods=5s,pods=6s", "pods has two intervals"],
  ])("%j cannot be used", (text, fault) => {
    expect(parseIntervals(text)).toEqual(Result.fail(fault))
  })

  it("of a type that is not named are those of the star, or none", () => {
    const [some, all] = ["pods=5s", "pods=5s,*=1s"].map((text) => Result.getOrThrow(parseIntervals(text)))
    expect([intervalOf(some, "pods"), intervalOf(some, "secrets"), intervalOf(all, "secrets"), intervalOf(undefined, "pods")]).toEqual([
      5_000, 0, 1_000, 0,
    ])
  })
})
