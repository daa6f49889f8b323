/**
 * Notices of the domain as log lines, with the five members that MeshKit's logs carry.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { errorRegistry, errorText, severityNumber, type ErrorEntry, type MeshError } from "../domain/error.ts"
import { requestComplaintEveryMs } from "../domain/limit.ts"
import type { Notice } from "../domain/notice.ts"

const fieldsOf = (entry: ErrorEntry): Record<string, unknown> => ({
  code: entry.code,
  severity: severityNumber[entry.severity],
  "short-description": entry.short,
  "probable-cause": entry.cause,
  "suggested-remediation": entry.remedy,
})

/** Logs a notice once, at its level. */
export const logNotice = (notice: Notice): Effect.Effect<void> => {
  switch (notice.level) {
    case "debug":
      return Effect.logDebug(notice.detail)
    case "info":
      return Effect.logInfo(notice.detail)
    case "warning":
      return Effect.logWarning(errorText(notice.error, notice.detail)).pipe(Effect.annotateLogs({ code: errorRegistry[notice.error].code }))
    case "error":
      return Effect.logError(errorText(notice.error, notice.detail)).pipe(Effect.annotateLogs(fieldsOf(errorRegistry[notice.error])))
  }
}

/** An error with all that its entry says: for those that end something. */
export const logMeshError = (error: MeshError): Effect.Effect<void> =>
  Effect.logError(error.message).pipe(Effect.annotateLogs(fieldsOf(error.entry)))

/**
 * Warnings about requests: whoever may publish may send nonsense as fast as he likes, so one kind of mistake is named once in a while.
 * @returns a function of the kind, of which there must be few, and the line
 */
export const makeComplaints = () => {
  const saidMs = new Map<string, number>()
  return Effect.fnUntraced(function* (kind: string, line: string) {
    const nowMs = yield* Clock.currentTimeMillis
    if (nowMs - (saidMs.get(kind) ?? -requestComplaintEveryMs) < requestComplaintEveryMs) return
    saidMs.set(kind, nowMs)
    yield* Effect.logWarning(line)
  })
}
