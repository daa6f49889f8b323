/**
 * What a comparison of two MeshSyncs has found so far: counts for each kind and decision, and the events that no decision explains.
 * Holds no values of objects: Secrets are among them.
 */
import { compareFindingsMax, comparePathsMax } from "../limit.ts"
import { decisions, type Decision } from "../wire/decision.ts"

/**
 * What became of an event. `timing`: both sides tell of that state, but one has listed what the other has watched. `before`: the other side
 * told it before anybody listened. `undecided`: it could not be judged, because the end, a lost connection or a bound came first.
 */
export const outcomes = [
  "equal",
  "explained",
  "timing",
  "before",
  "different",
  "missingHere",
  "missingThere",
  "undecided",
  "repeated",
] as const
export type Outcome = (typeof outcomes)[number]

export type Counts = Record<Outcome, number>

/** What an event is about. */
export interface EventName {
  readonly event: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/** An event that has to be looked at: where it differs, or who did not tell it. */
export interface Finding extends EventName {
  readonly outcome: "different" | "missingHere" | "missingThere"
  readonly paths: ReadonlyArray<string>
}

export interface Report {
  /** By `kind.apiVersion`. */
  readonly kinds: Map<string, Counts>
  readonly decisions: Map<Decision, number>
  readonly findings: Array<Finding>
  /** Texts on the subject that are no messages about resources, and messages outside of what is compared. */
  foreign: number
  outside: number
}

export const noCounts = (): Counts => ({
  equal: 0,
  explained: 0,
  timing: 0,
  before: 0,
  different: 0,
  missingHere: 0,
  missingThere: 0,
  undecided: 0,
  repeated: 0,
})

/** A report of nothing. */
export const makeReport = (): Report => ({ kinds: new Map(), decisions: new Map(), findings: [], foreign: 0, outside: 0 })

export interface Verdict {
  readonly outcome: Outcome
  readonly decisions?: ReadonlyArray<Decision>
  readonly paths?: ReadonlyArray<string>
}

/** Writes down what became of an event. */
export const noteVerdict = (report: Report, about: EventName, { decisions: behind = [], outcome, paths = [] }: Verdict): void => {
  const key = `${about.kind}.${about.apiVersion}`
  const counts = report.kinds.get(key) ?? noCounts()
  report.kinds.set(key, counts)
  counts[outcome]++
  for (const decision of new Set(behind)) report.decisions.set(decision, (report.decisions.get(decision) ?? 0) + 1)
  const isFinding = outcome === "different" || outcome === "missingHere" || outcome === "missingThere"
  if (isFinding && report.findings.length < compareFindingsMax)
    report.findings.push({ ...about, outcome, paths: paths.slice(0, comparePathsMax) })
}

/** All kinds together. */
export const sumCounts = (report: Report): Counts => {
  const sum = noCounts()
  for (const counts of report.kinds.values()) for (const outcome of outcomes) sum[outcome] += counts[outcome]
  return sum
}

/** Events that no decision explains. */
export const countTrouble = ({ different, missingHere, missingThere }: Counts): number => different + missingHere + missingThere

/** Events of which both sides have told. */
export const countMatched = ({ different, equal, explained, timing }: Counts): number => different + equal + explained + timing

/** The report as a document for programs. */
export const reportDocument = (report: Report): object => ({
  counts: sumCounts(report),
  kinds: [...report.kinds].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([kind, counts]) => ({ kind, ...counts })),
  decisions: listDecisions(report),
  findings: report.findings,
  outside: report.outside,
  foreign: report.foreign,
})

/** The decisions that explained something, by their number in the README. */
export const listDecisions = (report: Report): ReadonlyArray<{ readonly number: number; readonly name: string; readonly count: number }> =>
  [...report.decisions].map(([decision, count]) => ({ ...decisions[decision], count })).toSorted((a, b) => a.number - b.number)
