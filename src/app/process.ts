/**
 * An Effect as the whole process: exit statuses, the last error, and a bound for the end.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import { meshError, type MeshError } from "../domain/error.ts"
import type { SinkError } from "../ports/Sink.ts"
import { logMeshError } from "./notices.ts"
import { shownError } from "./wholeRun.ts"

/** What a wrong command line ends with. */
const usageStatus = 2

export type HandSignals = (interrupt: () => void) => void

/**
 * Runs to the end and exits: 0 (or the `process.exitCode` that it set) when it ended as asked or was interrupted, else the failure's
 * status with the error printed. A wrong command line ends with 2 wherever it is noticed.
 * @param log the form of all log lines, that of the last error included
 * @param failureStatus what an error ends with
 * @param handSignals arms the deadline: the runtime itself interrupts the effect on a signal
 */
export const runProcess = (
  program: Effect.Effect<void, MeshError | SinkError>,
  log: Layer.Layer<never>,
  handSignals: HandSignals,
  failureStatus = 1,
): void => {
  handSignals(() => undefined)
  let failedWith = failureStatus
  const reported = program.pipe(
    Effect.catch((error) => {
      const shown = shownError(error)
      if (shown === undefined) return Effect.void
      if (shown.key === "ErrUsage") failedWith = usageStatus
      return Effect.andThen(logMeshError(shown), Effect.fail("reported" as const))
    }),
    Effect.tapDefect((defect) =>
      logMeshError(meshError("ErrInternal", defect instanceof Error ? (defect.stack ?? defect.message) : String(defect))),
    ),
  )
  NodeRuntime.runMain(Effect.provide(reported, log), {
    disableErrorReporting: true,
    teardown: (exit, onExit) =>
      onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? Number(process.exitCode ?? 0) : failedWith),
  })
}
