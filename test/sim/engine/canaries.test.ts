/** The same for bugs above the lanes: every one is caught. */
import { expect, it } from "vitest"
import { catchAll } from "../hatchery.ts"
import { engineCanaries } from "./canary.ts"
import { findingOfEngine } from "./engine.ts"

it("catches every bug of the engine within fifty seeds", { timeout: 600_000 }, async () => {
  const survivors = await catchAll("engineCanaries", engineCanaries, findingOfEngine)
  expect(survivors).toEqual([])
})
