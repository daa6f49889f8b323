/**
 * The commands besides the root: most of them a few lines over a whole run.
 */
import * as Effect from "effect/Effect"
import { meshError, type MeshError } from "../../domain/error.ts"
import type { SinkError } from "../../ports/Sink.ts"
import type { CommandName } from "../commandLine.ts"
import { runProcess, type HandSignals } from "../process.ts"
import { isOn } from "../settings.ts"
import { layerLog, logFormatOf } from "../telemetry.ts"
import type { CommandOptions } from "./commandOptions.ts"

const load = (name: CommandName): Promise<(options: CommandOptions) => Effect.Effect<void, MeshError | SinkError>> => {
  switch (name) {
    case "watch":
      return import("./watch.ts").then(({ watch }) => watch)
    case "demo":
      return import("./demo.ts").then(({ demo }) => demo)
    case "status":
      return import("./status.ts").then(({ status }) => status)
    case "doctor":
      return import("./doctor.ts").then(({ doctor }) => doctor)
    case "config":
      return import("./config.ts").then(({ config }) => config)
    case "rbac":
      return import("./rbac.ts").then(({ rbac }) => rbac)
    case "snapshot":
      return import("./snapshot.ts").then(({ snapshot }) => snapshot)
    case "diff":
      return import("./diff.ts").then(({ diff }) => diff)
    case "compare":
      return import("./compare.ts").then(({ compare }) => compare)
    case "completion":
      return import("./completion.ts").then(({ completion }) => completion)
    case "version":
      return import("./version.ts").then(({ version }) => version)
  }
}

/** Commands whose status 1 is an answer. */
const troubleStatus: ReadonlySet<CommandName> = new Set<CommandName>(["diff", "compare"])

/** Loads the command alone, and runs it as the whole process. */
export const runCommand = async (options: CommandOptions, handSignals: HandSignals): Promise<void> => {
  const { name, values } = options
  const command = await load(name)
  const format = logFormatOf(values.logFormat.text, process.stderr.isTTY === true)
  const log = layerLog({ format: format ?? "text", debug: isOn(values.debug.text), stderrOnly: true })
  const program =
    format === undefined
      ? Effect.fail(meshError("ErrUsage", `--log-format ${JSON.stringify(values.logFormat.text)} is none of auto, text, colour, json`))
      : command(options)
  runProcess(program, log, handSignals, troubleStatus.has(name) ? 2 : 1)
}
