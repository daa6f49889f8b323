import { expect, it } from "vitest"
import { fuzzSeed, makeTally } from "./fuzz.ts"

it("takes whatever an API server or a broker sends, and says nothing that cannot be decoded", () => {
  const tally = makeTally()
  for (let seed = 1; seed <= 400; seed++) {
    expect(() => fuzzSeed(seed, tally), `seed ${seed}`).not.toThrow()
  }
  // The mutants reach every outcome often.
  for (const [outcome, count] of Object.entries(tally)) expect(count, outcome).toBeGreaterThan(40)
  expect(tally.inputs).toBeGreaterThan(20_000)
})
