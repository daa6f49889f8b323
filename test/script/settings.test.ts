import { readFileSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { formatSettings, placeSettings } from "../../scripts/settings.ts"
import { settings, type Setting } from "../../src/app/settings.ts"

const readme = readFileSync(path.resolve(import.meta.dirname, "../../README.md"), "utf8")

describe("the README's table of settings", () => {
  it("is up to date (else: make settings)", () => {
    expect(readme).toBe(placeSettings(readme))
  })

  it("has a row of four cells for each setting", () => {
    const rows = formatSettings().split("\n").slice(2)
    const all: ReadonlyArray<Setting> = Object.values(settings)
    expect(rows).toHaveLength(all.length)
    for (const [at, { env, flag, meaning }] of all.entries()) {
      const row = rows[at] ?? ""
      expect(row.split(/(?<!\\)\|/)).toHaveLength(6)
      expect(row).toContain(meaning)
      expect(row).toContain(flag === "" ? `\`${env}\`` : `\`--${flag}`)
    }
  })

  it("replaces what stands between its marks, and nothing else", () => {
    const stale = readme.replace("| Flag | Environment |", "| Old | Table |")
    expect(stale).not.toBe(readme)
    expect(placeSettings(stale)).toBe(readme)
    expect(() => placeSettings("no marks")).toThrow("the text lacks the lines")
  })
})
