/**
 * `meshsync snapshot`: the cluster as it is now, and the end. Into a file, a folder or standard output; publishes nothing, needs no broker.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { meshError, type MeshError } from "../../domain/error.ts"
import type { Status } from "../../domain/sync/status.ts"
import type { WholeForm } from "../../domain/wire/whole.ts"
import type { Requests } from "../../ports/Requests.ts"
import type { Sink, SinkError, Written } from "../../ports/Sink.ts"
import { layerCluster, layerCollection, layerSnapshot, layerStdout, writeBytes, type Target } from "../layers.ts"
import { chosenBy } from "../selected.ts"
import { makeMonitor, runToEnd } from "../wholeRun.ts"
import { durationMs, isOn, type Values, redactPathsOf } from "../settings.ts"
import type { CommandOptions } from "./commandOptions.ts"

/** What is written, and where to. */
interface Plan {
  readonly whole: WholeForm | undefined
  readonly output: Layer.Layer<Sink | Requests, SinkError>
}

const formats = ["yaml", "json", "ndjson", "folder"] as const

const refuse = (text: string): Effect.Effect<never, MeshError> => Effect.fail(meshError("ErrUsage", text))

/** Standard output, as kubectl names it. */
const isStdout = (file: string): boolean => file === "-"

/** A history of a single moment says nothing that the snapshot does not. */
const layerFile = (values: Values, manifests: boolean): Plan["output"] =>
  layerSnapshot({ ...values, extended: { text: "false", from: "flag" } }, manifests)

/** From flags to a plan. Fails with ErrUsage where they contradict each other. */
const readPlan = ({ own, values }: CommandOptions): Effect.Effect<Plan, MeshError> => {
  const file = values.outputFile.text
  const said = own.get("snapshotFormat") ?? (file.endsWith("/") ? "folder" : "yaml")
  const format = formats.find((known) => known === said)
  const manifests = isOn(own.get("clean") ?? "false")
  const derived = isOn(own.get("includeOwned") ?? "false")
  const isNamed = file !== "" && !isStdout(file)
  if (format === undefined) return refuse(`--format ${JSON.stringify(said)} is none of ${formats.join(", ")}`)
  if (derived && !manifests) return refuse("--include-owned goes with --clean: without it everything is in the snapshot")
  if (format === "folder" && !isNamed) return refuse("--format folder needs --output-file FOLDER")
  if (format !== "folder" && file.endsWith("/")) return refuse(`${file} names a folder, ${format} goes into a file or to -`)
  if (isOn(values.append.text) && (format !== "yaml" || isStdout(file))) return refuse("--append continues a file of yaml and nothing else")
  const clean: WholeForm | undefined = manifests ? { _tag: "Manifest", derived } : undefined
  const collect = (target: Target): Plan["output"] => layerCollection({ target, manifests })
  const toFileOrStdout = (layout: Extract<Target, { _tag: "File" }>["layout"]): Plan["output"] =>
    collect(isNamed ? { _tag: "File", path: file, layout } : { _tag: "Stream", layout, write: writeBytes })
  switch (format) {
    case "yaml":
      return Effect.succeed({ whole: clean, output: isStdout(file) ? toFileOrStdout("yaml") : layerFile(values, manifests) })
    case "ndjson":
      if (clean !== undefined) return Effect.succeed({ whole: clean, output: toFileOrStdout("ndjson") })
      // Messages go out as they come: nothing has to wait for the end.
      return Effect.succeed({ whole: undefined, output: isNamed ? toFileOrStdout("messages") : layerStdout })
    case "json":
      return Effect.succeed({ whole: clean ?? { _tag: "Object" }, output: toFileOrStdout("json") })
    case "folder":
      return Effect.succeed({ whole: clean ?? { _tag: "Object" }, output: collect({ _tag: "Folder", path: file }) })
  }
}

/** What was written; and where manifests are redacted, that they are not all there is. */
const report = (plan: Plan, redact: boolean) =>
  Effect.fnUntraced(function* (written: ReadonlyArray<Written>, status: Status | undefined) {
    for (const { documents, path } of written) yield* Effect.logInfo(`${path} holds ${documents} objects`)
    const secrets = status?.lanes.find(({ key }) => key === "secrets")?.objects ?? 0
    if (plan.whole?._tag === "Manifest" && redact && secrets > 0)
      yield* Effect.logWarning("the Secrets are redacted: the API server will refuse to take them; with --show-secrets they are whole")
  })

/** Fails where a kind could not be read, with what could be read written. */
export const snapshot = Effect.fnUntraced(function* (options: CommandOptions) {
  const { own, values, version, words } = options
  const plan = yield* readPlan(options)
  const redact = !isOn(values.showSecrets.text)
  const run = runToEnd(
    {
      version,
      redact,
      redactPaths: redactPathsOf(values),
      contentDedup: false,
      whole: plan.whole,
      ...chosenBy({ values, words, everywhere: own.get("allNamespaces") }),
      clusterId: values.clusterId.text,
      readyWhen: "settled",
      once: true,
      stopAfterMs: durationMs(values.stopAfter.text),
    },
    makeMonitor(version, "file"),
    report(plan, redact),
  )
  yield* Effect.provide(run, Layer.merge(layerCluster(values, version), plan.output))
})
