/** The simulation's own test: every bug that somebody shipped is caught. */
import { expect, it } from "vitest"
import { canaries } from "./canary.ts"
import { catchAll } from "./hatchery.ts"
import { simulate } from "./simulate.ts"
import { loadSubject } from "./subject.ts"

it("catches every bug within fifty seeds", { timeout: 600_000 }, async () => {
  const survivors = await catchAll("canaries", canaries, async (root) => {
    const subject = await loadSubject(root)
    return (seed) => simulate(seed, subject).finding
  })
  expect(survivors).toEqual([])
})
