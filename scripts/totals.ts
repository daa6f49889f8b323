/**
 * Counts test results from vitest's JSON reports: `node scripts/totals.ts [--no-skips] SUITE...` reads build/SUITE.json.
 * Prints one line per suite and, as the last line, `N passed, N failed, N skipped` over all of them. Exits 1 if anything failed,
 * if a suite left no report (it did not run: one failure), and with --no-skips if anything was skipped.
 */
import { readFileSync } from "node:fs"

interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface Report {
  readonly success: boolean
  readonly testResults: ReadonlyArray<{
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly status: string }>
  }>
}

/** A file that failed without a failed test (import error, failed hook) is one failure, and so is a run that failed without such a file. */
const count = ({ success, testResults }: Report): Totals => {
  const tests = testResults.flatMap((file) => file.assertionResults)
  const passed = tests.filter(({ status }) => status === "passed").length
  const failedTests = tests.filter(({ status }) => status === "failed").length
  const brokenFiles = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed"),
  ).length
  const failed = failedTests + brokenFiles
  return { passed, failed: failed === 0 && !success ? 1 : failed, skipped: tests.length - passed - failedTests }
}

const read = (suite: string): Totals => {
  try {
    const totals = count(JSON.parse(readFileSync(`build/${suite}.json`, "utf8")) as Report)
    console.log(`${suite}: ${write(totals)}`)
    return totals
  } catch {
    console.log(`${suite}: did not run to its end, see above`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

const write = ({ passed, failed, skipped }: Totals) => `${passed} passed, ${failed} failed, ${skipped} skipped`

const words = process.argv.slice(2)
const suites = words.filter((word) => !word.startsWith("--"))
const sum = suites
  .map(read)
  .reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }))
console.log(write(sum))
if (sum.failed > 0 || (words.includes("--no-skips") && sum.skipped > 0)) process.exitCode = 1
