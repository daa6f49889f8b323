/** A project of somebody else: what it receives through each of the three entry points. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { decodeMessage, run, watchCluster, type Change } from "meshsync"
import { layerInProcess, streamChanges } from "meshsync/effect"
import { makeBroker, makeFakeCluster, type FakeCluster } from "meshsync/testing"

const cluster: FakeCluster = makeFakeCluster({
  objects: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "settings" }, data: { colour: "blue" } }],
})
const select = { resources: ["configmaps"] }

const plain: Array<Change> = []
for await (const change of watchCluster({ cluster, select, once: true })) plain.push(change)

const streamed = await Effect.runPromise(
  streamChanges({ select, once: true }).pipe(Stream.runCollect, Effect.provide(layerInProcess(cluster))),
)

const broker = makeBroker()
const messages = broker.subscribe("meshery.meshsync.core", "mine")
await run({ cluster, select, once: true, output: "broker", broker })
const published: Array<string> = []
for await (const bytes of messages) {
  published.push(decodeMessage(bytes).EventType)
  await messages.unsubscribe()
}

await using served = await cluster.serve()
const overHttp: Array<Change> = []
for await (const change of watchCluster({ kubeconfig: served.kubeconfig, select, once: true })) overHttp.push(change)

console.log(
  JSON.stringify({
    plain: plain.map((change) => change.object()["data"]),
    streamed: streamed.map(({ event }) => event),
    published,
    overHttp: overHttp.map(({ name }) => name),
  }),
)
