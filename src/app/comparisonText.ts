/**
 * A comparison in words: one line while it goes on, tables at the end. Pure.
 */
import {
  countMatched,
  countTrouble,
  listDecisions,
  outcomes,
  sumCounts,
  type Finding,
  type Outcome,
  type Report,
} from "../domain/sync/comparisonReport.ts"
import { renderRows } from "./checks.ts"

const headings: Readonly<Record<Outcome, string>> = {
  equal: "EQUAL",
  explained: "EXPLAINED",
  timing: "TIMING",
  before: "BEFORE",
  different: "DIFFERENT",
  missingHere: "MISSING HERE",
  missingThere: "MISSING THERE",
  undecided: "UNDECIDED",
  repeated: "REPEATED",
}

/** What the columns mean that do not say it themselves. */
const legend: Readonly<Partial<Record<Outcome, string>>> = {
  timing: "TIMING: both tell of that state, but one has listed what the other has watched.",
  before: "BEFORE: the other one announced it before this comparison began; --resync has it announced again.",
  undecided: "UNDECIDED: the end, a lost connection or a bound came before the counterpart.",
  repeated: "REPEATED: told more than once; it is counted once.",
}

/** E.g. `204 equal, 12 explained, 0 different, 0 missing; 31 wait for their counterpart`. */
export const comparisonLine = (report: Report, waiting: number): string => {
  const { different, equal, explained, missingHere, missingThere, timing } = sumCounts(report)
  const counts = `${equal + timing} equal, ${explained} explained, ${different} different, ${missingHere + missingThere} missing`
  return `${counts}; ${waiting} wait for their counterpart`
}

const findingNames = { different: "different", missingHere: "missing here", missingThere: "missing there" } as const

/** Findings and paths shown to a person; the document for programs has more. */
const findingsShownMax = 50
const pathsShownMax = 5

const findingRow = ({ apiVersion, event, kind, name, namespace, outcome, paths, resourceVersion }: Finding): ReadonlyArray<string> => {
  const more = paths.length > pathsShownMax ? [`and ${paths.length - pathsShownMax} more`] : []
  const where = [...paths.slice(0, pathsShownMax), ...more].join(", ")
  return [findingNames[outcome], event, `${kind}.${apiVersion} ${namespace === "" ? "" : `${namespace}/`}${name}@${resourceVersion}`, where]
}

/** Columns in which something stands; the first two and those of trouble always. */
const alwaysShown: ReadonlySet<Outcome> = new Set<Outcome>(["equal", "explained", "different", "missingHere", "missingThere"])

/** The whole report. */
export const comparisonTable = (report: Report): string => {
  const sum = sumCounts(report)
  const shown = outcomes.filter((outcome) => alwaysShown.has(outcome) || sum[outcome] > 0)
  const kinds = [...report.kinds].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const rows = [...kinds, ["all", sum] as const].map(([kind, counts]) => [kind, ...shown.map((outcome) => String(counts[outcome]))])
  const table = renderRows([["KIND", ...shown.map((outcome) => headings[outcome])], ...rows], new Set(shown.map((_, index) => index + 1)))
  const notes = shown.flatMap((outcome) => legend[outcome] ?? [])
  const decisions = listDecisions(report).map(({ count, name, number }) => [String(number), String(count), name])
  const explained =
    decisions.length === 0
      ? []
      : ["", ...renderRows([["DECISION", "EVENTS", "DIFFERENCES FROM THE GO MESHSYNC (README)"], ...decisions], new Set([0, 1]))]
  const findings = report.findings.slice(0, findingsShownMax).map(findingRow)
  const omitted = countTrouble(sum) - findings.length
  const listed =
    findings.length === 0
      ? []
      : ["", ...renderRows([["FINDING", "EVENT", "OBJECT", "WHERE"], ...findings]), ...(omitted > 0 ? [`and ${omitted} more`] : [])]
  return [...table, ...notes, ...explained, ...listed, "", conclusion(report), ""].join("\n")
}

const conclusion = (report: Report): string => {
  const sum = sumCounts(report)
  const trouble = countTrouble(sum)
  const outside = report.outside === 0 ? "" : ` ${report.outside} messages were outside of what is compared.`
  if (trouble > 0)
    return `${trouble} of ${countMatched(sum) + sum.missingHere + sum.missingThere} events are neither equal nor explained.${outside}`
  return `All ${countMatched(sum)} events that were compared are equal or explained, and none is missing.${outside}`
}
