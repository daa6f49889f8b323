/**
 * The schedule keeps what it promises, for many seeds.
 */
import { describe, expect, it } from "vitest"
import { drawSchedule, gapMaxMs, sorts, targetOf } from "./schedule.ts"

const seeds = Array.from({ length: 200 }, (_, i) => i + 1)

describe("a schedule of ten minutes", () => {
  it("has every sort at least five times, and a fault every five seconds", () => {
    for (const seed of seeds) {
      const faults = drawSchedule(seed, 600_000)
      for (const sort of sorts)
        expect(faults.filter((fault) => fault.sort === sort).length, `${sort}, seed ${seed}`).toBeGreaterThanOrEqual(5)
      const times = [0, ...faults.map(({ atMs }) => atMs)]
      const gaps = times.slice(1).map((atMs, i) => atMs - times[i]!)
      expect(Math.max(...gaps), `seed ${seed}`).toBeLessThanOrEqual(gapMaxMs)
      expect(600_000 - times.at(-1)!).toBeLessThan(10_000)
    }
  })

  it("never strikes twice at the same time in one place, and is over at the end", () => {
    for (const seed of seeds) {
      const busyUntilMs = new Map<string, number>()
      for (const { atMs, holdMs, sort } of drawSchedule(seed, 600_000)) {
        expect(atMs).toBeGreaterThanOrEqual(busyUntilMs.get(targetOf(sort)) ?? 0)
        busyUntilMs.set(targetOf(sort), atMs + holdMs)
        expect(atMs + holdMs).toBeLessThanOrEqual(600_000)
      }
    }
  })

  it("is the same for the same seed, and another one for another", () => {
    expect(drawSchedule(7, 600_000)).toEqual(drawSchedule(7, 600_000))
    expect(drawSchedule(7, 600_000)).not.toEqual(drawSchedule(8, 600_000))
  })
})

describe("a schedule of faults that are apart", () => {
  it("has every sort once, each over before the next", () => {
    const faults = drawSchedule(1, 630_000, sorts, 30_000)
    expect(new Set(faults.slice(0, sorts.length).map(({ sort }) => sort)).size).toBe(sorts.length)
    faults.forEach(({ atMs, holdMs }, i) => {
      expect(atMs).toBe(30_000 * (i + 1))
      expect(holdMs).toBeLessThan(30_000)
    })
  })
})

describe("a schedule of ninety seconds", () => {
  it("has every sort at least once in all but a few seeds", () => {
    const complete = seeds.filter((seed) => new Set(drawSchedule(seed, 90_000).map(({ sort }) => sort)).size === sorts.length)
    expect(complete.length).toBeGreaterThan(seeds.length / 2)
  })

  it("draws from the chosen sorts alone", () => {
    expect(new Set(drawSchedule(1, 90_000, ["kill broker", "compact etcd"]).map(({ sort }) => sort))).toEqual(
      new Set(["kill broker", "compact etcd"]),
    )
  })
})
