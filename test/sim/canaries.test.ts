/** The simulation's own test: every bug that somebody shipped is caught. */
import { expect, it } from "vitest"
import { canaries } from "./canary.ts"
import { catchAll } from "./hatchery.ts"
import { findingOfLanes } from "./simulate.ts"

it("catches every bug within fifty seeds", { timeout: 600_000 }, async () => {
  const survivors = await catchAll("canaries", canaries, findingOfLanes)
  expect(survivors).toEqual([])
})
