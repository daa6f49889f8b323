/**
 * A whole run: ports in, the run, and its end. The root and the commands differ in their layers and in what they print.
 */
import * as Effect from "effect/Effect"
import { meshError, type MeshError } from "../domain/error.ts"
import { faultOfSelector } from "../domain/select/labelSelector.ts"
import { makeEngine, projectStatus, unreadLanes, type Engine } from "../domain/sync/engine.ts"
import type { Status } from "../domain/sync/status.ts"
import { Sink, type SinkError, type SinkStatus, type Written } from "../ports/Sink.ts"
import { startRun, type RunOptions } from "./run.ts"

/** What probes and feeds look at, from before the first connection on. */
export interface Monitor {
  engine: Engine
  sink: () => SinkStatus
}

/**
 * What probes see before the first connection.
 * @param output what the output is called until it has a name of its own
 */
export const makeMonitor = (version: string, output: string): Monitor => ({
  engine: makeEngine(version, "", Date.now()),
  sink: () => ({ name: output, state: "connecting", detail: "" }),
})

/** The status now, whether the run has begun or not. */
export const monitorStatus = ({ engine, sink }: Monitor): Status => projectStatus(engine, Date.now(), sink())

export interface WholeRunOptions extends RunOptions {
  /** Ready as soon as the output stands (a broker), or when everything has been listed (files). */
  readonly readyWhen: "open" | "settled"
  /** End when everything selected has been listed and delivered. */
  readonly once: boolean
  /** End after this many milliseconds; undefined: never. */
  readonly stopAfterMs: number | undefined
}

/**
 * Runs until the time is up, everything is listed (once), or the fiber is interrupted; ends the output in order in every case.
 * @param onWritten told at the end what the output has left behind, and how things stood; without the latter after an interruption
 */
export const runToEnd = Effect.fnUntraced(function* (
  options: WholeRunOptions,
  monitor: Monitor,
  onWritten: (written: ReadonlyArray<Written>, status: Status | undefined) => Effect.Effect<void>,
) {
  // The command line has looked at it already; embedders come here directly.
  const fault = faultOfSelector(options.selector)
  if (fault !== undefined) return yield* Effect.fail(meshError("ErrUsage", `the label selector cannot be used: ${fault}`))
  const sink = yield* Sink
  monitor.sink = sink.status
  const finish = (status?: Status) => Effect.flatMap(sink.finish ?? Effect.succeed([]), (written) => onWritten(written, status))
  const run = Effect.scoped(
    Effect.gen(function* () {
      const { engine, failed, release, settled, status } = yield* startRun({ ...options, startedMs: monitor.engine.startedMs })
      monitor.engine = engine
      engine.ready = options.readyWhen === "open"
      yield* Effect.logInfo(`run started: ${engine.cluster} is watched, changes go to ${sink.status().name}`)
      const markReady = Effect.andThen(
        settled,
        Effect.suspend(() => {
          engine.ready = true
          return Effect.logInfo(describeSettled(engine, options.once))
        }),
      )
      const end = options.once ? markReady : Effect.andThen(markReady, Effect.never)
      const timer = options.stopAfterMs === undefined ? Effect.never : Effect.sleep(options.stopAfterMs)
      yield* Effect.ensuring(Effect.raceFirst(Effect.raceFirst(end, timer), failed), release)
      const unread = unreadLanes(engine).map((lane) => `${lane.key} (${lane.trouble?.failure.text ?? "not listed in time"})`)
      return { unread, status: yield* status }
    }),
  )
  const interrupted = Effect.andThen(Effect.ignore(finish()), Effect.logInfo("run ended: it was interrupted"))
  const { status, unread } = yield* Effect.onInterrupt(run, () => interrupted)
  yield* finish(status)
  if (!options.once) return
  if (status.lanes.length === 0) return yield* Effect.fail(meshError("ErrNewPipeline", "nothing was written because nothing is selected"))
  if (unread.length > 0) return yield* Effect.fail(meshError("ErrIncompleteSnapshot", `not in the snapshot: ${unread.join("; ")}`))
})

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

/** One line when everything has been said once: from here on the log tells of exceptions only. */
const describeSettled = (engine: Engine, isEnd: boolean): string => {
  const lanes = [...engine.lanes.values()].filter(({ spec }) => !spec.hidden)
  const unread = unreadLanes(engine).length
  const objects = lanes.reduce((sum, { ledger }) => sum + ledger.size, 0)
  return (
    `everything selected is listed and delivered: ${counted(objects, "object")} of ${counted(lanes.length - unread, "kind")}` +
    (unread === 0 ? "" : `; ${counted(unread, "kind")} could not be read${isEnd ? "" : ", and will be tried again"}`)
  )
}

/** The error inside, where a sink's has to be shown; undefined where the reader of stdout just went away. */
export const shownError = (error: MeshError | SinkError): MeshError | undefined =>
  error._tag === "MeshError" ? error : error.readerGone === true ? undefined : error.error
