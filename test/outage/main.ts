/**
 * Two outages, one by SIGSTOP and one by SIGKILL of the broker, with figures; exit status 1 when memory grew beyond the promise.
 *   DURATION=600s RATE=1000 PODS=2000 node test/outage/main.ts
 */
import * as Result from "effect/Result"
import { parseDuration } from "../../src/domain/select/duration.ts"
import { type OutageReport, runOutage } from "./run.ts"

/** The promise: 20 MB, in MiB. */
export const growthMaxMiB = 20_000_000 / 2 ** 20

const durationMs = Result.getOrElse(parseDuration(process.env["DURATION"] || "60s"), () => 60_000)
const [rate, pods] = [Number(process.env["RATE"] || 1_000), Number(process.env["PODS"] || 2_000)]

const print = ({ beforeMiB, changesPerSecond, growthMiB, mostMiB, objects, recoveryMs, sort }: OutageReport): void =>
  console.log(
    `${sort}: ${durationMs / 1000} s without a broker at ${changesPerSecond.toFixed(0)} changes/s; resident ${beforeMiB.toFixed(1)} MiB before, ` +
      `${mostMiB.toFixed(1)} MiB at most, growth ${growthMiB.toFixed(1)} MiB; all ${objects} objects exact ${(recoveryMs / 1000).toFixed(1)} s after its return`,
  )

for (const sort of ["pause", "kill"] as const) {
  const report = await runOutage({ sort, durationMs, rate, pods })
  print(report)
  if (report.growthMiB > growthMaxMiB) process.exitCode = 1
}
