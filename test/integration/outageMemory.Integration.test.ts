/** Memory of the built program while its broker is away and the cluster changes; the long form is `make outage`. */
import { describe, expect, it } from "vitest"
import { runOutage } from "../outage/run.ts"

describe("a broker that is away for 20 s at 1,000 changes/s", () => {
  it.each(["pause", "kill"] as const)("%s: memory stays as it was, and the consumer is exact afterwards", async (sort) => {
    const report = await runOutage({ sort, durationMs: 20_000, rate: 1_000, pods: 2_000 })
    console.log(JSON.stringify(report))
    // Fewer changes than half of the wanted ones would prove little.
    expect(report.changesPerSecond).toBeGreaterThan(500)
    expect(report.growthMiB).toBeLessThan(20_000_000 / 2 ** 20)
  })
})
