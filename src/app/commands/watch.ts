/**
 * `meshsync watch`: the live feed of a cluster, to look at. Publishes nothing.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerCluster, layerFeed } from "../layers.ts"
import { chosenBy } from "../selected.ts"
import { makeMonitor, monitorStatus, runToEnd } from "../wholeRun.ts"
import { durationMs, isOn, redactPathsOf } from "../settings.ts"
import type { CommandOptions } from "./commandOptions.ts"

/** Runs until a signal, with the feed in the place of a broker. */
export const watch = Effect.fnUntraced(function* ({ own, values, version, words }: CommandOptions) {
  const monitor = makeMonitor(version, "feed")
  const feed = layerFeed({ verbose: isOn(own.get("verbose") ?? "false"), status: () => monitorStatus(monitor) })
  const run = runToEnd(
    {
      version,
      redact: !isOn(values.showSecrets.text),
      redactPaths: redactPathsOf(values),
      contentDedup: false,
      ...chosenBy({ values, words, everywhere: own.get("allNamespaces") }),
      clusterId: "-",
      readyWhen: "settled",
      once: false,
      stopAfterMs: durationMs(values.stopAfter.text),
    },
    monitor,
    () => Effect.void,
  )
  yield* Effect.provide(run, Layer.merge(layerCluster(values, version), feed))
})
