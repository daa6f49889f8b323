/**
 * Ninety seconds of chaos on real processes. `make chaos` runs it longer, with more objects and with any seed.
 */
import { expect, it } from "vitest"
import { findFaults, reportText } from "./report.ts"
import { runChaos } from "./run.ts"
import { sorts } from "./schedule.ts"

const durationMs = 90_000

it(
  "after ninety seconds of faults of every sort under load, both consumers equal the cluster within thirty",
  { timeout: 420_000 },
  async () => {
    const report = await runChaos({ seed: 3, durationMs, objects: 1_000, changesPerSecond: 100 })
    console.log(reportText(report))
    expect(findFaults(report), report.log.slice(-5_000)).toEqual([])
    // What was compared is not empty, and what was to happen did.
    expect(report.verdicts.map(({ consumer }) => consumer)).toEqual(["address-keyed", "exact"])
    for (const { objects } of report.verdicts) expect(objects).toBeGreaterThan(500)
    expect(report.changes["made"]).toBeGreaterThan(1_000)
    const struck = new Set(report.struck.filter(({ miss }) => miss === undefined).map(({ sort }) => sort))
    expect([...struck].toSorted()).toEqual([...sorts].toSorted())
  },
)
