/**
 * From the API server's refusals to the seven ways to go on. One mapping serves answers and ERROR lines of a watch.
 * Does not know how long to pause; that is the reflector's.
 */
import { errorBodyBytesMax, retryAfterMaxMs } from "../limit.ts"
import type { Failure } from "../sync/fact.ts"
import { endOf, Field, Flaw, startOf, type Records } from "./record.ts"
import { decodeText } from "./text.ts"

/** Nobody answered as asked, and it may pass. */
export const unavailable = (text: string): Failure => ({ _tag: "Unavailable", text, retryAfterMs: undefined })

/** A failure's text is one line of at most this many characters. */
const textMax = 300

/** What of a `metav1.Status` bears on the failure; empty members where there is no Status. */
interface Refusal {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly retryAfterSeconds: number | undefined
  readonly causes: ReadonlyArray<string>
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const stringOf = (value: unknown): string => (typeof value === "string" ? value : "")

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** Reads a Status, or answers undefined when the text is none. */
const readStatus = (json: string): Refusal | undefined => {
  const value = parse(json)
  if (!isRecord(value) || value["kind"] !== "Status") return undefined
  const details = isRecord(value["details"]) ? value["details"] : {}
  const causes = Array.isArray(details["causes"]) ? details["causes"] : []
  const seconds = details["retryAfterSeconds"]
  return {
    code: typeof value["code"] === "number" ? value["code"] : 0,
    reason: stringOf(value["reason"]),
    message: stringOf(value["message"]).slice(0, errorBodyBytesMax),
    retryAfterSeconds: typeof seconds === "number" && seconds > 0 ? seconds : undefined,
    causes: causes.map((cause) => (isRecord(cause) ? stringOf(cause["reason"]) : "")),
  }
}

/** One line without tags or control characters, cut to `textMax` without splitting a character. */
const lineOf = (text: string): string => {
  const line = text
    .replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1\s*>/gi, " ")
    .replace(/<\/?[a-z!][^>]*(>|$)/gi, " ")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
  return line.length <= textMax ? line : `${line.slice(0, textMax - 1).replace(/[\ud800-\udbff]$/, "")}…`
}

/** Reasons of `metav1.Status` that settle the matter where the code is missing, as in some ERROR lines. */
const codeOfReason: Readonly<Record<string, number>> = {
  Expired: 410,
  Gone: 410,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  RequestEntityTooLarge: 413,
  BadRequest: 400,
  Invalid: 422,
  TooManyRequests: 429,
  Timeout: 504,
  ServerTimeout: 504,
  ServiceUnavailable: 503,
  InternalError: 500,
}

const milliseconds = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : Math.min(Math.ceil(seconds * 1000), retryAfterMaxMs)

/** Whether a converter of custom resources failed: the API server answers 500 until somebody mends the webhook. */
const isConversionFailure = (message: string): boolean => /conversion webhook|conversion for .* failed/i.test(message)

/** Whether a 400 is about the continue token: the remedy is the same as for an expired one. */
const isTokenRefusal = (message: string): boolean => /continue (key|token)/i.test(message)

const failureOf = (code: number, refusal: Refusal, text: string, retryAfterMs: number | undefined): Failure => {
  const { causes, message, reason } = refusal
  if (code === 410 || reason === "Expired" || reason === "Gone") return { _tag: "Gone", text }
  if (causes.includes("ResourceVersionTooLarge")) return { _tag: "Unavailable", text, retryAfterMs }
  switch (code) {
    case 401:
      return { _tag: "Unauthorized", text }
    case 403:
      return { _tag: "Forbidden", text }
    case 404:
      return { _tag: "NotServed", text }
    case 413:
      return { _tag: "TooLarge", text }
    case 400:
      return { _tag: isTokenRefusal(message) ? "Gone" : "Refused", text }
    case 405:
    case 406:
    case 422:
      return { _tag: "Refused", text }
    case 429:
      return { _tag: "Unavailable", text, retryAfterMs, throttled: true }
    case 500:
      return isConversionFailure(message) ? { _tag: "Refused", text } : { _tag: "Unavailable", text, retryAfterMs, answered: true }
    default:
      return { _tag: "Unavailable", text, retryAfterMs }
  }
}

/**
 * What an answer other than 200 means.
 * @param status the HTTP status
 * @param body the answer's text as far as it was kept; a Status, plain text, or a proxy's HTML
 * @param retryAfter the header Retry-After; seconds count, a date does not (the domain has no clock)
 */
export const failureOfAnswer = (status: number, body: string, retryAfter: string | undefined): Failure => {
  const refusal = readStatus(body) ?? {
    code: 0,
    reason: "",
    message: body.slice(0, errorBodyBytesMax),
    retryAfterSeconds: undefined,
    causes: [],
  }
  const header = retryAfter === undefined || !/^\s*\d+\s*$/.test(retryAfter) ? undefined : Number(retryAfter)
  const said = lineOf(refusal.message)
  return failureOf(status, refusal, said === "" ? `HTTP ${status}` : said, milliseconds(header ?? refusal.retryAfterSeconds))
}

/**
 * What an ERROR line of a watch means; its object is a Status whose code is that of the answer that it stands for.
 * Also takes the record of a line that is no JSON.
 */
export const failureOfEvent = (records: Records, record: number): Failure => {
  if (records.flaws[record] === Flaw.notJson) {
    return unavailable("the watch sent a line that is no JSON")
  }
  const start = startOf(records, record, Field.object)
  const refusal = start < 0 ? undefined : readStatus(decodeText(records.bytes, start, endOf(records, record, Field.object)))
  if (refusal === undefined) return unavailable("the watch sent an error without a Status")
  const said = lineOf(refusal.message)
  const code = refusal.code === 0 ? (codeOfReason[refusal.reason] ?? 0) : refusal.code
  return failureOf(code, refusal, said === "" ? `${refusal.reason} ${code}`.trim() : said, milliseconds(refusal.retryAfterSeconds))
}
