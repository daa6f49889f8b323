/** What was asked of the API server and how it answered, in numbers. Counts requests, not their retries as such: each is one more. */
import type { Failure } from "./fact.ts"
import type { RequestStatus } from "./status.ts"

export type RequestVerb = "list" | "watch" | "get" | "create" | "patch"

/** How it was answered: a watch is answered when it opens. */
export type AnswerName = "ok" | "throttled" | "unavailable" | "gone" | "too_large" | "unauthorized" | "forbidden" | "not_served" | "refused"

export interface RequestCounts extends RequestStatus {
  readonly answers: Record<string, Record<string, number>>
  waitedMs: number
  listsRunning: number
  listsRunningMost: number
}

export const makeRequestCounts = (): RequestCounts => ({ answers: {}, waitedMs: 0, listsRunning: 0, listsRunningMost: 0 })

/** As it is at this moment. */
export const copyCounts = ({ answers, ...numbers }: RequestCounts): RequestStatus => ({
  ...numbers,
  answers: Object.fromEntries(Object.entries(answers).map(([verb, ofVerb]) => [verb, { ...ofVerb }])),
})

/** A list's page is asked for; to be undone by `noteListed` when it is answered, however. */
export const noteListing = (counts: RequestCounts): void => {
  counts.listsRunning++
  counts.listsRunningMost = Math.max(counts.listsRunningMost, counts.listsRunning)
}

/** A page that `noteListing` has counted is answered. */
export const noteListed = (counts: RequestCounts): void => void counts.listsRunning--

const names: Readonly<Record<Failure["_tag"], AnswerName>> = {
  Gone: "gone",
  Unavailable: "unavailable",
  TooLarge: "too_large",
  Unauthorized: "unauthorized",
  Forbidden: "forbidden",
  NotServed: "not_served",
  Refused: "refused",
}

/** The class of a failure; a 429 is one of its own. */
export const answerName = (failure: Failure): AnswerName =>
  failure._tag === "Unavailable" && failure.throttled === true ? "throttled" : names[failure._tag]

/** Counts one request when its answer is known. */
export const countAnswer = ({ answers }: RequestCounts, verb: RequestVerb, answer: AnswerName): void => {
  const ofVerb = (answers[verb] ??= {})
  ofVerb[answer] = (ofVerb[answer] ?? 0) + 1
}
