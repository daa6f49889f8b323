/**
 * The engine's seeds of `make sim`: what they found, as lines for a person. A failing seed is shrunk, and its trace ends with the command
 * that runs it again.
 */
import * as path from "node:path"
import { actionText, drawPlan, engineFaults } from "../action.ts"
import { countPatterns, patternsText } from "../sieve.ts"
import { loadEngine, shrinkEngine, simulateEngine } from "./engine.ts"

const failuresShown = 5

/** Runs the seeds `from` to `from + count - 1`. @returns how many failed */
export const runEngineSeeds = async (from: number, count: number, traced: boolean): Promise<number> => {
  const subject = await loadEngine(path.resolve(import.meta.dirname, "../../../src"))
  const startedMs = performance.now()
  const sums = { failed: 0, messages: 0, lists: 0, announcements: 0 }
  const patterns = new Map<string, number>()
  for (let seed = from; seed < from + count; seed++) {
    const plan = drawPlan(seed, engineFaults)
    const outcome = simulateEngine(plan, subject, undefined, traced)
    countPatterns(patterns, plan)
    sums.messages += outcome.messages
    sums.lists += outcome.lists
    sums.announcements += outcome.announcements
    if (traced) console.log(outcome.trace.join("\n"))
    if (outcome.finding === undefined) continue
    if (++sums.failed > failuresShown) continue
    const shrunk = shrinkEngine(plan, subject)
    const { trace } = simulateEngine(shrunk, subject, undefined, true)
    const actions = shrunk.actions.map((action) => `    ${actionText(action)}`)
    const again = `again: make sim SEEDS=1 FROM=${seed}`
    console.log([`engine, seed ${seed}: ${outcome.finding}`, ...actions, "  trace:", ...trace.slice(-60), `  ${again}\n`].join("\n"))
  }
  console.log(`engine: ${patternsText(patterns)}`)
  const figures = `${sums.lists} lists, ${sums.announcements} announcements and ${sums.messages} messages judged`
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  console.log(`engine: ${count} seeds from ${from}: ${sums.failed} failed; ${figures} in ${seconds} s`)
  return sums.failed
}
