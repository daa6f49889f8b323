/**
 * What a run of chaos found, as text for people. Passing means: every consumer equalled the cluster in time, the program never ended by
 * itself, no message was broken, and nothing secret was seen.
 */
import { beaconWaitMs, convergenceLimitMs } from "./limit.ts"
import { type Sort, sorts } from "./schedule.ts"
import type { Struck } from "./stage.ts"

export interface Verdict {
  readonly consumer: string
  /** In the cluster at the end. */
  readonly objects: number
  /** From silence to equality; undefined: never seen equal. */
  readonly convergedMs: number | undefined
  /** What differed at the last look. */
  readonly difference: string
}

export interface Report {
  readonly seed: number
  readonly versions: ReadonlyArray<string>
  readonly durationMs: number
  /** When the last fault was healed, from the beginning. */
  readonly silentMs: number
  readonly struck: ReadonlyArray<Struck>
  readonly verdicts: ReadonlyArray<Verdict>
  readonly heard: ReadonlyArray<{
    readonly name: string
    readonly messages: number
    readonly bytes: number
    readonly duplicates: number
    readonly pruned: number
    readonly differed: number
    readonly broken: number
    readonly leaks: number
  }>
  readonly changes: Readonly<Record<string, number>>
  readonly counters: Readonly<Record<string, number>>
  readonly requests: ReadonlyArray<readonly [string, number]>
  readonly lives: number
  readonly collapses: ReadonlyArray<string>
  /** Where a secret value was seen, besides messages. */
  readonly leaks: ReadonlyArray<string>
  readonly peakMiB: number | undefined
  readonly log: string
}

/** What is wrong; nothing if the run passed. */
export const findFaults = ({ collapses, heard, leaks, verdicts }: Report): ReadonlyArray<string> => [
  ...verdicts
    .filter(({ convergedMs }) => convergedMs === undefined)
    .map(({ consumer, difference }) => `${consumer} never equalled the cluster: ${difference}`),
  ...verdicts
    .filter(({ convergedMs = 0 }) => convergedMs > convergenceLimitMs)
    .map(({ consumer, convergedMs = 0 }) => `${consumer} equalled the cluster only after ${seconds(convergedMs)} s`),
  ...collapses.map((text) => `the program ${text}`),
  ...heard.filter(({ broken }) => broken > 0).map(({ broken, name }) => `${name} got ${broken} broken messages`),
  ...heard.filter((one) => one.leaks > 0).map(({ leaks: count, name }) => `${name} got ${count} messages with a secret value`),
  ...leaks.map((where) => `a secret value stands in ${where}`),
]

const seconds = (ms: number): string => (ms / 1_000).toFixed(1)

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const faultRow = (sort: Sort, struck: ReadonlyArray<Struck>): string => {
  const all = struck.filter((one) => one.sort === sort)
  const recovered = all.map(({ recoveryMs }) => recoveryMs).filter((ms) => ms !== undefined)
  const missed = all.filter(({ miss }) => miss !== undefined).length
  const times = recovered.length === 0 ? ["-", "-"] : [seconds(median(recovered)), seconds(Math.max(...recovered))]
  return `| ${[sort, all.length - missed, missed, ...times].join(" | ")} |`
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

const requestText = (requests: Report["requests"], silentMs: number): string => {
  const of = (verb: string): number => sum(requests.filter(([what]) => what.startsWith(`${verb} `)).map(([, count]) => count))
  const all = sum(requests.map(([, count]) => count))
  return `${of("list")} pages of lists, ${of("watch")} watches, ${of("other")} others; ${(all / (silentMs / 1_000)).toFixed(1)} a second`
}

/** The report in Markdown. */
export const reportText = (report: Report): string => {
  const { changes, counters, heard, lives, peakMiB, requests, silentMs, struck, verdicts } = report
  const starts = struck.map(({ atMs }) => atMs).toSorted((a, b) => a - b)
  const gap = Math.max(...starts.map((atMs, i) => atMs - (starts[i - 1] ?? 0)))
  const recoveries = struck.map(({ recoveryMs }) => recoveryMs).filter((ms) => ms !== undefined)
  const faults = findFaults(report)
  return [
    `Seed ${report.seed}, ${seconds(report.durationMs)} s, kube-apiserver ${report.versions.join(", nats-server ")}: ` +
      `${faults.length === 0 ? "passed" : "FAILED"}.`,
    "",
    ...faults.map((fault) => `- ${fault}`),
    ...(faults.length === 0 ? [] : [""]),
    "| Fault | struck | missed | recovery, median (s) | recovery, max (s) |",
    "|---|---|---|---|---|",
    ...sorts.map((sort) => faultRow(sort, struck)),
    "",
    `- Faults: ${struck.length}, at most ${seconds(gap)} s apart; recovery median ${seconds(median(recoveries))} s, ` +
      `max ${seconds(Math.max(0, ...recoveries))} s, ${struck.length - recoveries.length} not within ${beaconWaitMs / 1_000} s`,
    `- Changes: ${changes["made"]} made, ${changes["failed"]} refused or unanswered, of all ${changes["deleted"]} deletions, ` +
      `${changes["anew"]} recreations, ${changes["definitions"]} definitions`,
    ...heard.map(
      ({ bytes, differed, duplicates, messages, name, pruned }) =>
        `- Messages to ${name}: ${messages} (${(bytes / 1_048_576).toFixed(1)} MiB), ` +
        (name === "exact" ? `${pruned} objects pruned by marks, ${differed} digests differed` : `of them ${duplicates} duplicates`),
    ),
    `- Lives of the program: ${lives}; announcements ${counters["announcements"] ?? 0}, lists ${counters["lists"] ?? 0}, ` +
      `doubtful batches ${counters["doubtful"] ?? 0}, delivered again ${counters["resent"] ?? 0}`,
    `- Requests to the API server: ${requestText(requests, silentMs)}`,
    `- Memory of the program at its highest: ${peakMiB === undefined ? "not measured" : `${peakMiB.toFixed(0)} MiB`}`,
    ...verdicts.map(
      ({ consumer, convergedMs, difference, objects }) =>
        `- Difference of ${consumer} to ${objects} objects: ${difference}` +
        (convergedMs === undefined ? "" : `; equal ${seconds(convergedMs)} s after the last fault`),
    ),
  ].join("\n")
}
