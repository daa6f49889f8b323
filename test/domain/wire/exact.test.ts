import { describe, expect, it } from "vitest"
import { parseExact, spellExact } from "../../../src/domain/wire/exact.ts"
import { forSeeds } from "./seeded.ts"

describe("parseExact and spellExact", () => {
  it.each([
    '{"n":9223372036854775807,"m":[-9007199254740993]}',
    '{"__proto__":{"a":1},"b":"1234567890123456"}',
    "12345678901234567890",
    "null",
  ])("give back %s to the letter", (json) => {
    expect(spellExact(parseExact(json))).toBe(json)
  })

  it("are JSON's own where no integer is too large", () => {
    forSeeds(500, (chance) => {
      const json = JSON.stringify({ a: chance.json(4), id: "0123456789abcdef0123456789" })
      expect(parseExact(json)).toEqual(JSON.parse(json))
      expect(spellExact(parseExact(json))).toBe(json)
    })
  })

  it("leave alone what JSON.parse takes for a number without a loss, and fractions", () => {
    expect(parseExact('[9007199254740991,1e21,0.1234567890123456789,"9223372036854775807"]')).toEqual([
      9007199254740991,
      1e21,
      0.12345678901234568,
      "9223372036854775807",
    ])
  })
})
