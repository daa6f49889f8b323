/** The same for bugs above the lanes: every one is caught. */
import { expect, it } from "vitest"
import { drawPlan, engineFaults } from "../action.ts"
import { catchAll } from "../hatchery.ts"
import { engineCanaries } from "./canary.ts"
import { loadEngine, simulateEngine } from "./engine.ts"

it("catches every bug of the engine within fifty seeds", { timeout: 600_000 }, async () => {
  const survivors = await catchAll("engineCanaries", engineCanaries, async (root) => {
    const subject = await loadEngine(root)
    return (seed) => simulateEngine(drawPlan(seed, engineFaults), subject).finding
  })
  expect(survivors).toEqual([])
})
