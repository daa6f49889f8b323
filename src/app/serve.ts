/**
 * What the program does without a command: the whole cluster, continuously, to NATS, to files or to stdout.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { meshError, type MeshError } from "../domain/error.ts"
import { parsePlace } from "../domain/select/place.ts"
import type { Status } from "../domain/sync/status.ts"
import type { Requests } from "../ports/Requests.ts"
import type { Sink, SinkError, Written } from "../ports/Sink.ts"
import {
  audienceOf,
  columnsOf,
  layerBroker,
  layerCluster,
  layerHealth,
  layerSnapshot,
  layerState,
  layerStdout,
  loadProgress,
  oversizePolicies,
} from "./layers.ts"
import { interactives } from "./sessions.ts"
import { makeMonitor, monitorStatus, runToEnd, type Monitor, type WholeRunOptions } from "./wholeRun.ts"
import { runProcess, type HandSignals } from "./process.ts"
import { durationMs, isOn, isRedacting, leavesOutRepeats, listOf, minIntervalsOf, type Values, redactPathsOf } from "./settings.ts"
import { layerLog, logFormatOf } from "./telemetry.ts"

export interface ServeOptions {
  readonly version: string
  readonly values: Values
}

/** Runs as the whole process until a signal, the time, or the end that was asked for. */
export const serve = (options: ServeOptions, handSignals: HandSignals): void => {
  const { values } = options
  const format = logFormatOf(values.logFormat.text, process.stdout.isTTY === true)
  const stderrOnly = values.output.text === "stdout"
  const log = layerLog({ format: format ?? "text", debug: isOn(values.debug.text), stderrOnly })
  const program =
    format === undefined
      ? Effect.fail(meshError("ErrUsage", `--log-format ${JSON.stringify(values.logFormat.text)} is none of auto, text, colour, json`))
      : serving(options)
  runProcess(program, log, handSignals)
}

const modes = ["broker", "file", "stdout"] as const
type Mode = (typeof modes)[number]

const serving = Effect.fnUntraced(function* ({ values, version }: ServeOptions) {
  const mode = modes.find((known) => known === values.output.text)
  if (mode === undefined) {
    return yield* Effect.fail(
      meshError("ErrOutputMode", `output ${JSON.stringify(values.output.text)} is none of "broker" and "file" (nor "stdout")`),
    )
  }
  const interactive = interactives.find((known) => known === values.interactive.text)
  if (interactive === undefined) {
    return yield* Effect.fail(meshError("ErrUsage", `interactive ${JSON.stringify(values.interactive.text)} is none of on, logs, off`))
  }
  if (!oversizePolicies.some((known) => known === values.oversize.text)) {
    return yield* Effect.fail(meshError("ErrUsage", `oversize ${JSON.stringify(values.oversize.text)} is none of drop, chunks`))
  }
  if (mode === "file" && values.stateFile.text !== "") {
    return yield* Effect.fail(meshError("ErrUsage", "--state-file goes with --output broker and stdout: a snapshot holds everything"))
  }
  const customResource = parsePlace(values.customResource.text)
  if (customResource === undefined) {
    return yield* Effect.fail(
      meshError("ErrUsage", `custom-resource ${JSON.stringify(values.customResource.text)} is not of the form NAMESPACE/NAME`),
    )
  }
  const audience = yield* audienceOf(values)
  yield* warnOfBrokerUrl(values)
  if (mode === "broker" && leavesOutRepeats(values)) yield* Effect.logInfo("content dedup enabled: messages that repeat one are left out")
  const monitor = makeMonitor(version, mode)
  const port = Number(values.healthPort.text)
  const health = layerHealth({ port, status: () => monitorStatus(monitor), ready: () => monitor.engine.ready })
  const ports = Layer.mergeAll(layerCluster(values, version), layerOutput(mode, values), layerState(values))
  const options = { ...wholeRunOptions(mode, values, version), interactive, audience, customResource, lasting: mode !== "file" }
  const run = runToEnd(options, monitor, reportWritten)
  const progress = mode === "file" ? Effect.forkChild(showProgress(monitor)) : Effect.void
  yield* Effect.andThen(progress, run).pipe(Effect.provide(ports), Effect.provide(health))
})

const layerOutput = (mode: Mode, values: Values): Layer.Layer<Sink | Requests, MeshError | SinkError> => {
  switch (mode) {
    case "broker":
      return layerBroker(values)
    case "file":
      return layerSnapshot(values)
    case "stdout":
      return layerStdout
  }
}

/** What the settings make of a run. A snapshot of files holds what was read, so nothing is left out of it. */
export const wholeRunOptions = (mode: Mode, values: Values, version: string): WholeRunOptions => ({
  version,
  redact: isRedacting(values),
  redactPaths: redactPathsOf(values),
  minIntervals: minIntervalsOf(values),
  contentDedup: mode === "broker" && leavesOutRepeats(values),
  outputNamespaces: listOf(values.namespaces.text),
  outputResources: listOf(values.resources.text),
  selector: values.selector.text,
  clusterId: values.clusterId.text,
  reconcileInterval: values.reconcileInterval.text,
  reportsConfiguration: mode === "broker",
  deleteOnClose: isOn(values.deleteOnClose.text),
  readyWhen: mode === "broker" ? "open" : "settled",
  once: isOn(values.once.text),
  stopAfterMs: durationMs(values.stopAfter.text),
})

/** `BROKER_URL` has always won; whoever gives both should know. */
const warnOfBrokerUrl = (values: Values): Effect.Effect<void> =>
  values.brokerUrl.ignored === undefined
    ? Effect.void
    : Effect.logWarning("--broker-url is ignored because BROKER_URL names another broker")

/** A line for each kind, then one for each file. */
const reportWritten = (written: ReadonlyArray<Written>, status: Status | undefined): Effect.Effect<void> => {
  const kinds = written.length === 0 ? [] : (status?.lanes ?? [])
  const lines = [
    ...kinds.map(({ key, objects, trouble }) => `${key}: ${objects} objects${trouble === undefined ? "" : ` (${trouble.text})`}`),
    ...written.map(({ bytes, documents, path }) => `${path} holds ${documents} documents in ${bytes} bytes`),
  ]
  return Effect.forEach(lines, (line) => Effect.logInfo(line), { discard: true })
}

const progressEveryMs = 1_000
const progressLineEveryMs = 10_000

/** A line that is rewritten on a terminal, a plain line now and then elsewhere, until everything has been listed. */
const showProgress = Effect.fnUntraced(function* (monitor: Monitor) {
  const progressText = yield* loadProgress
  const tty = process.stderr.isTTY === true
  const show = Effect.suspend(() => {
    const status = monitorStatus(monitor)
    // Before discovery has answered there is nothing to count.
    if (status.lanes.length === 0) return Effect.void
    const text = progressText(status, tty ? columnsOf(process.stderr) - 1 : Infinity)
    if (!tty) return Effect.logInfo(text)
    process.stderr.write(`\r\u001b[K${text}`)
    return Effect.void
  })
  const isUnderWay = Effect.sync(() => !monitorStatus(monitor).settled)
  yield* Effect.repeat(show, { schedule: Schedule.spaced(tty ? progressEveryMs : progressLineEveryMs), while: () => isUnderWay })
  if (tty) process.stderr.write("\r\u001b[K")
})
