import { describe, expect, it } from "vitest"
import { failed, ok, renderChecks, renderRows, skipped, warning } from "../../src/app/checks.ts"

describe("the table of checks", () => {
  it("has a row for each, the remedy below the row, and the counts", () => {
    const text = renderChecks([ok("user", "jane"), failed("pods", "watch not allowed", "grant it"), skipped("broker", "output is file")])
    expect(text.split("\n")).toEqual([
      "RESULT   CHECK   FOUND",
      "ok       user    jane",
      "failed   pods    watch not allowed",
      "         -> grant it",
      "skipped  broker  output is file",
      "",
      "1 ok, 0 warning, 1 failed, 1 skipped",
    ])
  })

  it("says once what to do about neighbours with the same remedy", () => {
    const text = renderChecks([failed("pods", "no", "grant it"), failed("nodes", "no", "grant it"), failed("broker", "no", "set it")])
    expect(text.split("\n").slice(1, 6)).toEqual([
      "failed  pods    no",
      "failed  nodes   no",
      "         -> grant it",
      "failed  broker  no",
      "         -> set it",
    ])
  })

  it("lets no foreign text move the cursor", () => {
    expect(
      renderChecks([warning("x", "a\u001b[2J\nb", "c\u009bd")])
        .split("\n")
        .slice(1, 3),
    ).toEqual(["warning  x      a [2J b", "         -> c d"])
  })
})

describe("rows", () => {
  it("align numbers at the right", () => {
    expect(
      renderRows(
        [
          ["KIND", "N"],
          ["pods", "100"],
        ],
        new Set([1]),
      ),
    ).toEqual(["KIND    N", "pods  100"])
  })
})
