/**
 * `meshsync watch`: the live feed of a cluster, to look at. Publishes nothing.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerCluster, layerFeed } from "../layers.ts"
import { makeMonitor, monitorStatus, runSession } from "../session.ts"
import { durationMs, isOn, listOf, redactPathsOf } from "../settings.ts"
import type { CommandOptions } from "./command.ts"

export const watch = Effect.fnUntraced(function* ({ own, values, version, words }: CommandOptions) {
  const monitor = makeMonitor(version, "feed")
  const feed = layerFeed({ verbose: isOn(own.get("verbose") ?? "false"), status: () => monitorStatus(monitor) })
  const everywhere = isOn(own.get("allNamespaces") ?? "false")
  const session = runSession(
    {
      version,
      redact: !isOn(values.showSecrets.text),
      redactPaths: redactPathsOf(values),
      contentDedup: false,
      outputNamespaces: everywhere ? [] : listOf(values.namespaces.text),
      outputResources: words.length > 0 ? words.flatMap((word) => word.split(",")) : listOf(values.resources.text),
      selector: values.selector.text,
      clusterId: "-",
      readyWhen: "settled",
      once: false,
      stopAfterMs: durationMs(values.stopAfter.text),
    },
    monitor,
    () => Effect.void,
  )
  yield* Effect.provide(session, Layer.merge(layerCluster(values, version), feed))
})
