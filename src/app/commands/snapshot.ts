/**
 * `meshsync snapshot`: the cluster as it is now, and the end. A YAML file, or lines of JSON on stdout. Publishes nothing, needs no broker.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { meshError } from "../../domain/error.ts"
import { layerCluster, layerSnapshot, layerStdout } from "../layers.ts"
import { makeMonitor, runSession } from "../session.ts"
import { durationMs, isOn, listOf, type Values } from "../settings.ts"
import type { CommandOptions } from "./command.ts"

/** A history of a single moment says nothing that the snapshot does not. */
const withoutHistory = (values: Values): Values => ({ ...values, extended: { text: "false", from: "flag" } })

export const snapshot = Effect.fnUntraced(function* ({ own, values, version, words }: CommandOptions) {
  const format = own.get("snapshotFormat") ?? "yaml"
  if (format !== "yaml" && format !== "ndjson")
    return yield* Effect.fail(meshError("ErrUsage", `--format ${JSON.stringify(format)} is none of yaml, ndjson`))
  if (format === "ndjson" && values.outputFile.from === "flag")
    return yield* Effect.fail(meshError("ErrUsage", "ndjson goes to stdout: redirect it instead of naming --output-file"))
  const everywhere = isOn(own.get("allNamespaces") ?? "false")
  const session = runSession(
    {
      version,
      redact: !isOn(values.showSecrets.text),
      contentDedup: false,
      outputNamespaces: everywhere ? [] : listOf(values.namespaces.text),
      outputResources: words.length > 0 ? words.flatMap((word) => word.split(",")) : listOf(values.resources.text),
      selector: values.selector.text,
      clusterId: values.clusterId.text,
      readyWhen: "settled",
      once: true,
      stopAfterMs: durationMs(values.stopAfter.text),
    },
    makeMonitor(version, "file"),
    (written) => Effect.forEach(written, ({ documents, path }) => Effect.logInfo(`${path} holds ${documents} objects`), { discard: true }),
  )
  const output = format === "yaml" ? layerSnapshot(withoutHistory(values)) : layerStdout
  yield* Effect.provide(session, Layer.merge(layerCluster(values, version), output))
})
