/**
 * `make sim SEEDS=n FROM=k`: runs the seeds k to k+n-1 and prints what they found, and a tenth as many of the whole engine. A failing
 * seed is shrunk; its trace ends with the command that runs it again. With TRACE=1 and one seed the whole trace is printed. With 500 seeds
 * and more the known bugs are tried too, each with the seed that catches it.
 */
import * as path from "node:path"
import { actionText, drawPlan } from "./action.ts"
import { canaries } from "./canary.ts"
import { engineCanaries } from "./engine/canary.ts"
import { findingOfEngine } from "./engine/engine.ts"
import { runEngineSeeds } from "./engine/engineSeeds.ts"
import { catchAll } from "./hatchery.ts"
import { matrixText, mergeMatrix } from "./matrix.ts"
import { countPatterns, patternsText } from "./sieve.ts"
import { findingOfLanes, shrink, simulate, simulatePlan } from "./simulate.ts"
import { loadSubject } from "./subject.ts"

const seeds = Number(process.env["SEEDS"] || 500)
const from = Number(process.env["FROM"] || 1)
const traced = process.env["TRACE"] === "1"
const subject = await loadSubject(path.resolve(import.meta.dirname, "../../src"))
const matrix = new Map<string, number>()
const patterns = new Map<string, number>()
let failures = 0
let messages = 0
let lists = 0
const startedMs = performance.now()
for (let seed = from; seed < from + seeds; seed++) {
  const outcome = traced ? simulatePlan(drawPlan(seed), subject, true) : simulate(seed, subject)
  mergeMatrix(matrix, outcome.matrix)
  countPatterns(patterns, drawPlan(seed))
  messages += outcome.messages
  lists += outcome.completedLists
  if (traced) console.log(outcome.trace.join("\n"))
  if (outcome.finding === undefined) continue
  failures++
  if (failures > 5) continue
  const plan = shrink(drawPlan(seed), subject)
  const last = simulatePlan(plan, subject, true)
  console.log(`seed ${seed}: ${outcome.finding}\n  shrunk to ${plan.actions.length} actions: ${last.finding}`)
  for (const action of plan.actions) console.log(`    ${actionText(action)}`)
  console.log(`  trace:\n${last.trace.slice(-60).join("\n")}\n  again: make sim SEEDS=1 FROM=${seed}\n`)
}
const seconds = (performance.now() - startedMs) / 1000
console.log(matrixText(matrix))
console.log(patternsText(patterns))
console.log(
  `${seeds} seeds from ${from}: ${failures} failed; ${lists} completed lists and ${messages} messages judged in ${seconds.toFixed(1)} s`,
)
// A seed of the whole engine takes some four times as long as one of a lane.
failures += await runEngineSeeds(from, Math.ceil(seeds / 10), traced)
if (seeds >= 500) {
  const survivors = [
    ...(await catchAll("simCanaries", canaries, findingOfLanes)),
    ...(await catchAll("simEngineCanaries", engineCanaries, findingOfEngine)),
  ]
  console.log(`${canaries.length + engineCanaries.length} bugs tried, not caught: ${survivors.join(", ") || "none"}`)
  failures += survivors.length
}
process.exitCode = failures === 0 ? 0 : 1
