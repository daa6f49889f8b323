/**
 * All pure state of one resource type: its place in the state machine, its ledger, its counters. An informer without a store.
 * The transitions are reflector.ts's; this file says what there is and how blocks of records become changes.
 */
import { pageObjectsFirst, pageBytesTarget, pageObjectsMax } from "../limit.ts"
import { Field, Flaw, Source, startOf, type Records } from "../read/record.ts"
import { textOf } from "../read/text.ts"
import type { LaneSpec } from "../select/selection.ts"
import { typeKey } from "../select/resource.ts"
import { wireEvents, type Change, type ChangeEvent, type Departed, type Failure, type Output } from "./fact.ts"
import type { Holding } from "./holding.ts"
import { keep, makeLedger, Outcome, remove, upsert, type Ledger } from "./ledger.ts"

export type State =
  | { readonly _tag: "idle" }
  | { readonly _tag: "listing" }
  | { readonly _tag: "watching" }
  | { readonly _tag: "paused"; readonly resume: "list" | "watch" }
  | { readonly _tag: "closed" }

export interface Trouble {
  readonly failure: Failure
  readonly sinceMs: number
}

/** A list that is compared with the ledger without need: what it has found so far, and whether it is complete. */
export interface Comparison {
  readonly done: boolean
  readonly listed: number
  readonly added: number
  readonly modified: number
  readonly deleted: number
}

export interface Counts {
  added: number
  modified: number
  deleted: number
  doubtful: number
  resent: number
  tooLarge: number
  flawed: number
  unchanged: number
  lists: number
  bytesRead: number
}

export interface Lane {
  spec: LaneSpec
  readonly key: string
  readonly ledger: Ledger
  /** Lives that an earlier run announced, and whose end nobody has announced: said first of all. */
  left: ReadonlyArray<Departed>
  state: State
  /** Version to watch from: of the last complete list, event or bookmark. */
  resourceVersion: string
  /** Objects asked for per page. */
  limit: number
  /**
   * The most that `limit` may grow to until a list is complete: a size that failed behind a smaller one that did not is not asked for
   * again.
   */
  limitMax: number
  /** Pages of the running list taken in so far. */
  pages: number
  /** A complete list has been taken in at least once. */
  synced: boolean
  /** And delivered: what it said has been accepted. The shell knows when. */
  delivered: boolean
  /** The running list announces everything as Added, whatever the ledger holds. */
  announcing: boolean
  /** Another announcement was asked for while a list was running: one more round follows it. */
  announceAgain: boolean
  /** A full announcement has begun and not ended. */
  epochOpen: boolean
  /** Its name, or that of the last one. */
  epoch: string
  /** By address, objects whose present state is too large to be sent; at most `omittedMax` and one. */
  readonly omitted: Map<string, Departed>
  /** The running watch has brought an event or a bookmark. */
  heard: boolean
  /** Failures in a row. */
  attempts: number
  /**
   * Versions in a row that were too old, or watches that brought nothing: a list alone does not show that the next watch will do
   * better.
   */
  goneInRow: number
  trouble: Trouble | undefined
  /** The last or the running comparison; undefined where there was none, or where it failed. */
  comparison: Comparison | undefined
  lastHeardMs: number
  readonly counts: Counts
  /** What was last sent of each uid; filled only where repeats are suppressed. */
  readonly contents: Map<string, number>
  /** What waits for its kind's interval; undefined where there is none. */
  holding: Holding | undefined
}

/**
 * A lane that has not begun.
 * @param ledger what an earlier run has announced of this type
 * @param left earlier lives of its addresses
 */
export const makeLane = (spec: LaneSpec, ledger: Ledger = makeLedger(), left: ReadonlyArray<Departed> = []): Lane => ({
  spec,
  key: typeKey(spec.type),
  ledger,
  left,
  state: { _tag: "idle" },
  resourceVersion: "",
  limit: pageObjectsFirst,
  limitMax: pageObjectsMax,
  pages: 0,
  synced: false,
  delivered: false,
  announcing: false,
  announceAgain: false,
  epochOpen: false,
  epoch: "",
  omitted: new Map(),
  heard: false,
  attempts: 0,
  goneInRow: 0,
  trouble: undefined,
  comparison: undefined,
  lastHeardMs: 0,
  counts: { added: 0, modified: 0, deleted: 0, doubtful: 0, resent: 0, tooLarge: 0, flawed: 0, unchanged: 0, lists: 0, bytesRead: 0 },
  contents: new Map(),
  holding: undefined,
})

/** Whether the selection lets a change of this sort out. The ledger follows the cluster all the same. */
const publishes = (lane: Lane, event: ChangeEvent): boolean => !lane.spec.hidden && lane.spec.events.has(wireEvents[event])

/** Where a change goes. */
const wayOf = (lane: Lane, output: Output, event: ChangeEvent): Array<Change> => (publishes(lane, event) ? output.changes : output.unsaid)

const announce = (lane: Lane, output: Output, event: ChangeEvent, record: number): void => {
  wayOf(lane, output, event).push({ event, record })
}

/** Announces the end of objects that the ledger alone remembers. */
export const announceDepartures = (lane: Lane, output: Output, departed: ReadonlyArray<Departed>): void => {
  const way = wayOf(lane, output, "Deleted")
  for (const one of departed) way.push({ event: "Deleted", record: -1, departed: one })
}

/** Takes in the items of a list page. */
export const absorbPage = (lane: Lane, records: Records, output: Output): void => {
  for (let record = 0; record < records.count; record++) {
    if (records.flaws[record] !== Flaw.none) {
      keep(lane.ledger, records, record)
      skip(lane, records, record, output)
    } else if (isSelected(lane, records, record)) absorb(lane, records, record, output)
  }
}

/**
 * Takes in a block of watch lines up to its end or to the first line that ends the watch.
 * @returns the record of an ERROR line or of one that is not JSON, or -1
 */
export const absorbLines = (lane: Lane, records: Records, output: Output, nowMs: number): number => {
  let newest = -1
  let stopped = -1
  for (let record = 0; record < records.count && stopped < 0; record++) {
    const source = records.sources[record]
    const flaw = records.flaws[record]
    if (source === Source.error || flaw === Flaw.notJson) {
      stopped = record
      continue
    }
    lane.heard = true
    lane.lastHeardMs = nowMs
    // An object that could not be read may lack its version: that of the line before it counts on.
    if (startOf(records, record, Field.resourceVersion) >= 0) newest = record
    if (source === Source.bookmark) continue
    if (flaw !== Flaw.none) skip(lane, records, record, output)
    else if (source === Source.deleted) absorbDeletion(lane, records, record, output)
    else if (isSelected(lane, records, record)) absorb(lane, records, record, output)
  }
  if (newest >= 0) lane.resourceVersion = textOf(records, newest, Field.resourceVersion) || lane.resourceVersion
  return stopped
}

/** Takes in lines that have waited. The watch is beyond them already, so no version moves. */
export const absorbReleased = (lane: Lane, records: Records, output: Output): void => {
  for (let record = 0; record < records.count; record++) if (isSelected(lane, records, record)) absorb(lane, records, record, output)
}

const absorb = (lane: Lane, records: Records, record: number, output: Output): void => {
  switch (upsert(lane.ledger, records, record)) {
    case Outcome.same:
      if (!lane.announcing) lane.counts.unchanged++
      else if (publishes(lane, "Added")) output.changes.push({ event: "Added", record, repeated: true })
      return
    case Outcome.added:
      return announce(lane, output, "Added", record)
    case Outcome.modified:
      return announce(lane, output, lane.announcing ? "Added" : "Modified", record)
    case Outcome.recreated:
      announceDepartures(lane, output, [lane.ledger.replaced as Departed])
      return announce(lane, output, "Added", record)
  }
}

const absorbDeletion = (lane: Lane, records: Records, record: number, output: Output): void => {
  if (remove(lane.ledger, records, record)) announce(lane, output, "Deleted", record)
}

/** Objects of namespaces that are not selected stay out of the ledger too: nothing is ever said of them. */
export const isSelected = (lane: Lane, records: Records, record: number): boolean =>
  lane.spec.namespaces === undefined || lane.spec.namespaces.has(textOf(records, record, Field.namespace))

const flawText: Readonly<Record<number, string>> = {
  [Flaw.tooDeep]: "it is nested too deeply",
  [Flaw.tooLarge]: "it is too large",
  [Flaw.notAnObject]: "it is not a JSON object",
  [Flaw.noName]: "it has no metadata.name",
  [Flaw.unknownEvent]: "its watch event has an unknown type",
}

const skip = (lane: Lane, records: Records, record: number, output: Output): void => {
  lane.counts.flawed++
  const namespace = textOf(records, record, Field.namespace)
  const name = textOf(records, record, Field.name)
  const address = namespace === "" ? name : `${namespace}/${name}`
  output.notices.push({
    error: "ErrSkippedObject",
    subject: lane.key,
    detail: `${lane.spec.type.kind} ${address === "" ? "without a name" : address} was skipped: ${flawText[records.flaws[record] ?? 0] ?? "unknown reason"}`,
    level: "warning",
  })
}

/** Adapts the page size to what the objects of this type weigh: towards `pageBytesTarget`, at most doubling. */
export const adaptLimit = (lane: Lane, pageBytes: number, pageObjects: number): void => {
  if (pageObjects === 0) return
  const fitting = Math.floor(pageBytesTarget / (pageBytes / pageObjects))
  lane.limit = Math.max(1, Math.min(fitting, lane.limit * 2, lane.limitMax))
}

/** From now on what a list finds is counted; the first complete one ends the comparison. */
export const beginComparison = (lane: Lane): void => {
  lane.comparison = { done: false, listed: 0, added: 0, modified: 0, deleted: 0 }
}

/** Adds what one page has led to, if the running list is a comparison. */
export const compareListed = (lane: Lane, listed: number, changes: Output["changes"]): void => {
  const { comparison } = lane
  if (comparison === undefined || comparison.done) return
  const count = (event: ChangeEvent): number => changes.filter((change) => change.event === event).length
  lane.comparison = {
    done: false,
    listed: comparison.listed + listed,
    added: comparison.added + count("Added"),
    modified: comparison.modified + count("Modified"),
    deleted: comparison.deleted + count("Deleted"),
  }
}

/** Counts messages that have been accepted. */
export const countPublished = (lane: Lane, messages: ReadonlyArray<{ readonly event: ChangeEvent }>): void => {
  for (const { event } of messages) {
    if (event === "Added") lane.counts.added++
    else if (event === "Modified") lane.counts.modified++
    else lane.counts.deleted++
  }
}
