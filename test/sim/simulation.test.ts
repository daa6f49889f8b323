/**
 * The simulation as part of the unit tests: the committed seeds and five hundred fresh ones. More: `make sim SEEDS=n FROM=k`.
 * Fresh ones follow from the day, so that a failure can be repeated and the next day tries others.
 */
import * as path from "node:path"
import { expect, it } from "vitest"
import { actionText, drawPlan, faults, type Plan } from "./action.ts"
import { legalPairs, matrixText, mergeMatrix } from "./matrix.ts"
import { laneSeeds } from "./seeds.ts"
import { shrink, simulate, simulatePlan, type Outcome } from "./simulate.ts"
import { loadSubject, type Subject } from "./subject.ts"

const freshCount = 500
const day = Math.floor(Date.now() / 86_400_000)
const fresh = Array.from({ length: freshCount }, (_, at) => day * freshCount + at)

const explain = ({ finding, seed }: Outcome, whole: Plan, subject: Subject): string => {
  const plan = shrink(whole, subject)
  const { trace } = simulatePlan(plan, subject, true)
  return [
    `seed ${seed}: ${finding}`,
    ...plan.actions.map(actionText),
    "trace:",
    ...trace.slice(-60),
    `again: make sim SEEDS=1 FROM=${seed}`,
  ].join("\n")
}

it(
  `finds nothing in ${laneSeeds.length} committed and ${freshCount} fresh seeds, and meets every state with every fact`,
  { timeout: 120_000 },
  async () => {
    const subject = await loadSubject(path.resolve(import.meta.dirname, "../../src"))
    const matrix = new Map<string, number>()
    let lists = 0
    let messages = 0
    // What committed seeds have found was found before there were intervals.
    const plain = laneSeeds.map((seed) => drawPlan(seed, faults, "never"))
    for (const plan of [...plain, ...[...laneSeeds, ...fresh].map((seed) => drawPlan(seed))]) {
      const outcome = simulatePlan(plan, subject)
      if (outcome.finding !== undefined) throw new Error(explain(outcome, plan, subject))
      mergeMatrix(matrix, outcome.matrix)
      lists += outcome.completedLists
      messages += outcome.messages
    }
    console.log(`${matrixText(matrix)}\nseeds from ${fresh[0]}: ${lists} completed lists and ${messages} messages judged`)
    expect(legalPairs.filter((pair) => (matrix.get(pair) ?? 0) < freshCount / 10)).toEqual([])
    expect([...matrix.keys()].filter((pair) => !legalPairs.includes(pair))).toEqual([])
  },
)

it("does the same for the same seed, and something else for another", async () => {
  const subject = await loadSubject(path.resolve(import.meta.dirname, "../../src"))
  for (let seed = 1; seed <= 10; seed++) {
    const [one, again] = [simulate(seed, subject), simulate(seed, subject)]
    expect([again.hash, again.steps, again.messages]).toEqual([one.hash, one.steps, one.messages])
    expect(simulate(seed + 1, subject).hash).not.toBe(one.hash)
  }
})
