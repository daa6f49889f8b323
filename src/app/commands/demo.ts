/**
 * `meshsync demo`: the feed and both snapshots against a cluster that lives in this process, read over real HTTP by the real Kubernetes
 * adapter. What is shown comes out of the sink; the generator of the changes and the feed do not know each other.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import type { Written } from "../../ports/Sink.ts"
import { layerClusterOf, layerFeedAndSnapshot, openDemoCluster } from "../layers.ts"
import { makeMonitor, monitorStatus, runToEnd } from "../wholeRun.ts"
import { durationMs, isOn } from "../settings.ts"
import type { CommandOptions } from "./commandOptions.ts"

const seedDefault = 1

export const demo = (options: CommandOptions) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { own, values, version } = options
      const cluster = yield* openDemoCluster(Number(own.get("seed") ?? seedDefault))
      const monitor = makeMonitor(version, "feed")
      const feed = { verbose: isOn(own.get("verbose") ?? "false"), status: () => monitorStatus(monitor) }
      const run = runToEnd(
        {
          version,
          redact: !isOn(values.showSecrets.text),
          contentDedup: false,
          outputNamespaces: [],
          outputResources: ["*"],
          selector: "",
          clusterId: "",
          readyWhen: "settled",
          once: false,
          stopAfterMs: durationMs(own.get("duration") ?? "-1ns"),
        },
        monitor,
        (written) => farewell(written),
      )
      yield* Effect.forkScoped(cluster.churn)
      const ports = Layer.merge(layerClusterOf({ kubeconfigText: cluster.kubeconfigText, version }), layerFeedAndSnapshot(feed, values))
      yield* Effect.provide(run, ports)
    }),
  )

const kubeconfigPath = (): string => process.env["KUBECONFIG"] || join(homedir(), ".kube", "config")

/** What is left behind, and the way to the real thing. */
const farewell = (written: ReadonlyArray<Written>): Effect.Effect<void> =>
  Effect.sync(() => {
    const files = written.map(({ documents, path }) => `  ${path} (${documents} documents)`)
    const next = existsSync(kubeconfigPath())
      ? [`Your own cluster (${kubeconfigPath()}): meshsync watch`]
      : ["Your own cluster: set KUBECONFIG, then: meshsync watch"]
    process.stderr.write(["", "The demonstration has ended. It left these snapshots:", ...files, ...next, ""].join("\n"))
  })
