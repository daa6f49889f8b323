/**
 * The whole engine in its world: the committed seeds and fresh ones, the same seed twice, and every single call of a port failing, one
 * after the other.
 */
import * as path from "node:path"
import { expect, it } from "vitest"
import { actionText, drawPlan, engineFaults } from "../action.ts"
import { loadEngine, shrinkEngine, simulateEngine } from "./engine.ts"
import { engineSeeds } from "../seeds.ts"
import { failEachCall } from "./singleFailures.ts"
import { failures } from "./tripwire.ts"

const root = path.resolve(import.meta.dirname, "../../../src")
const freshCount = 60
const first = Math.floor(Date.now() / 86_400_000) * freshCount

it(`finds nothing in ${engineSeeds.length} committed and ${freshCount} fresh seeds`, { timeout: 120_000 }, async () => {
  const subject = await loadEngine(root)
  let announcements = 0
  for (const seed of [...engineSeeds, ...Array.from({ length: freshCount }, (_, at) => first + at)]) {
    const outcome = simulateEngine(drawPlan(seed, engineFaults), subject)
    announcements += outcome.announcements
    if (outcome.finding === undefined) continue
    const plan = shrinkEngine(drawPlan(seed, engineFaults), subject)
    const { trace } = simulateEngine(plan, subject, undefined, true)
    throw new Error([`seed ${seed}: ${outcome.finding}`, ...plan.actions.map(actionText), ...trace.slice(-60)].join("\n"))
  }
  expect(announcements).toBeGreaterThan(freshCount)
})

it("does the same for the same seed, and something else for another", async () => {
  const subject = await loadEngine(root)
  for (let seed = 1; seed <= 5; seed++) {
    const [one, again, other] = [seed, seed, seed + 1].map((at) => simulateEngine(drawPlan(at, engineFaults), subject))
    expect([again?.hash, again?.steps, again?.calls]).toEqual([one?.hash, one?.steps, one?.calls])
    expect(other?.hash).not.toBe(one?.hash)
  }
})

/** Which way each call fails in today's run: each day another one, so that all have been tried after as many days as there are ways. */
const dayWay = Math.floor(Date.now() / 86_400_000) % failures.length

it("survives every single call of a port failing", { timeout: 120_000 }, async () => {
  const subject = await loadEngine(root)
  const struck = failEachCall(subject, (at) => at + dayWay)
  console.log(`single failures survived: ${[...struck].map(([sort, count]) => `${sort} ${count}`).join(", ")}`)
  expect([...struck.keys()].toSorted()).toEqual(["deliver", "list", "mark", "read", "watch"])
})
