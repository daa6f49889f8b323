/** The part of a project that has nothing to do with Effect: it must type-check without a look into Effect's declarations. */
import { run, watchCluster, type Change, type MeshSyncError, type RunOptions } from "meshsync"
import { makeBroker, makeFakeCluster, type Fault } from "meshsync/testing"

const cluster = makeFakeCluster()
const fault: Fault = { key: "pods", verb: "list", trouble: { _tag: "Status", code: 503 }, times: 1 }
cluster.inject(fault)
const options: RunOptions = { cluster, output: "broker", broker: makeBroker(), once: true }
await run(options).catch((error: MeshSyncError) => console.error(error.code, error.suggestedRemediation))

const labelsOf = (change: Change): Readonly<Record<string, string>> => change.object().metadata.labels ?? {}
for await (const change of watchCluster({ cluster, once: true })) console.log(change.name, labelsOf(change))
