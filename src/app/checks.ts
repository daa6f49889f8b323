/**
 * Findings of an examination, as data and as a table. A finding that is not sound carries what to do about it. Pure.
 */

export interface Check {
  /** What was looked at, e.g. `API server`, `pods`. */
  readonly subject: string
  /** `failed`: something that a run needs is missing. `warning`: it runs, with less. `skipped`: it could not be looked at. */
  readonly outcome: "ok" | "warning" | "failed" | "skipped"
  readonly detail: string
  /** Empty where nothing has to be done. */
  readonly remedy: string
}

/** Sound: nothing has to be done. */
export const ok = (subject: string, detail: string): Check => ({ subject, outcome: "ok", detail, remedy: "" })
/** A run goes on without it, with less. */
export const warning = (subject: string, detail: string, remedy: string): Check => ({ subject, outcome: "warning", detail, remedy })
/** A run needs it and does not have it. */
export const failed = (subject: string, detail: string, remedy: string): Check => ({ subject, outcome: "failed", detail, remedy })
/** It could not be looked at, or need not be. */
export const skipped = (subject: string, detail: string): Check => ({ subject, outcome: "skipped", detail, remedy: "" })

/** Foreign text must not move a terminal's cursor. */
const lineOf = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim()

/**
 * Rows in columns as wide as their widest cell.
 * @param right columns of numbers
 */
export const renderRows = (rows: ReadonlyArray<ReadonlyArray<string>>, right: ReadonlySet<number> = new Set()): ReadonlyArray<string> => {
  const cells = rows.map((row) => row.map(lineOf))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number): string =>
    right.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
  return cells.map((row) => row.map(pad).join("  ").trimEnd())
}

/** A line for each check, below it what to do (once for neighbours with the same remedy), and at the end how many of each outcome. */
export const renderChecks = (checks: ReadonlyArray<Check>): string => {
  const rows = renderRows([["RESULT", "CHECK", "FOUND"], ...checks.map(({ detail, outcome, subject }) => [outcome, subject, detail])])
  const lines = rows.flatMap((row, index) => {
    const remedy = checks[index - 1]?.remedy ?? ""
    return remedy === "" || remedy === checks[index]?.remedy ? [row] : [row, `         -> ${lineOf(remedy)}`]
  })
  const counts = (["ok", "warning", "failed", "skipped"] as const).map(
    (outcome) => `${checks.filter((check) => check.outcome === outcome).length} ${outcome}`,
  )
  return [...lines, "", counts.join(", ")].join("\n")
}
