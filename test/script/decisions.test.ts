import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { decisions } from "../../src/domain/wire/decision.ts"

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8")
const section = readme.slice(readme.indexOf("## Differences from the Go MeshSync"), readme.indexOf("## Not yet"))
const rows = [...section.matchAll(/^\| (\d+) \| (.+?) \|/gm)].map(([, number, what]) => [Number(number), what] as const)

it("the README's differences are numbered in order", () => {
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.map(([number]) => number)).toEqual(rows.map((_, index) => index + 1))
})

it.each(Object.values(decisions).map(({ name, number }) => [number, name] as const))(
  "decision %i of the comparison is the README's: %s",
  (...decision) => {
    expect(rows).toContainEqual(decision)
  },
)
