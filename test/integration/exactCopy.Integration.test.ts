/**
 * The example consumer beside a real API server and nats-server: away while things are deleted, with ghosts in its copy, deaf to single
 * messages. In the end its copy is the cluster's, object by object.
 */
import { afterAll, beforeAll, expect, it } from "vitest"
import { applyMessage, followCluster } from "../../examples/consumer/consumer.ts"
import type { Copy } from "../../examples/consumer/copy.ts"
import { type Broker, startBroker } from "./broker.ts"
import { collectionPath, inParallel, readState } from "./cluster.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { type Run, runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"
import { addressAt, configMap, createNamespace } from "./workload.ts"

let plane: ControlPlane
let broker: Broker

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  broker = await startBroker()
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

const start = (): Promise<Run> =>
  runMeshsync({ args: ["--pace=false"], environment: { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address } })

/** A copy as `readState` shows a cluster. */
const stateOf = (copy: Copy): ReadonlyMap<string, string> =>
  new Map(
    [...copy.types.values()].flatMap(({ objects }) =>
      [...objects.values()].map(({ object: { apiVersion, kind, metadata } }) => [
        addressAt(apiVersion, kind, metadata.namespace ?? "", metadata.name ?? ""),
        `${metadata.uid}@${metadata.resourceVersion}`,
      ]),
    ),
  )

const awaitExact = async (run: Run, copy: Copy, limitMs: number): Promise<void> => {
  const { lanes } = await run.status()
  let last: ReadonlyArray<string> = []
  await until(
    "the copy is the cluster's",
    limitMs,
    async () => {
      const truth = await readState(
        plane.admin,
        lanes.map(({ name }) => collectionPath(name)),
      )
      const held = stateOf(copy)
      last = [...new Set([...truth.keys(), ...held.keys()])].filter((address) => truth.get(address) !== held.get(address))
      return last.length === 0 && truth.size > 50 ? true : undefined
    },
    () => `${last.length} differ: ${last.slice(0, 5).join(", ")}; ${JSON.stringify(copy.counts)}\n${run.stdout().slice(-2_000)}`,
  )
}

const plantGhost = (copy: Copy, apiVersion: string, kind: string, name: string): void => {
  const metadata = { namespace: "copy", name, uid: `ghost-${name}`, resourceVersion: "1" }
  applyMessage(copy, "meshery.meshsync.core", JSON.stringify({ EventType: "ADDED", Object: { apiVersion, kind, metadata } }))
}

const path = "/api/v1/namespaces/copy/configmaps"
const names = Array.from({ length: 100 }, (_, i) => `thing-${i}`)

it("a consumer that was away, with ghosts of objects and of types, is exact again by what it is told", async () => {
  await createNamespace(plane, "copy")
  await inParallel(
    8,
    names.map((name) => () => plane.admin.write("POST", path, configMap("copy", name))),
  )
  await using run = await start()
  const { connection, copy } = await followCluster({ servers: broker.address })
  await run.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
  await awaitExact(run, copy, 30_000)
  await connection.close()

  const change = (at: number) => () =>
    at % 2 === 0
      ? plane.admin.write("DELETE", `${path}/thing-${at}`)
      : plane.admin.write("PATCH", `${path}/thing-${at}`, { data: { at: "1" } })
  await inParallel(
    8,
    names.map((_, at) => change(at)),
  )
  plantGhost(copy, "v1", "ConfigMap", "ghost")
  plantGhost(copy, "example.com/v1", "Long", "gone")
  expect(copy.types.has("example.com/v1 Long")).toBe(true)

  const back = await followCluster({ servers: broker.address, copy })
  await awaitExact(run, copy, 90_000)
  expect(copy.counts.pruned).toBeGreaterThanOrEqual(1)
  expect(copy.types.has("example.com/v1 Long")).toBe(false)
  await back.connection.close()
})

it("a consumer that does not know what it has missed learns it from digests, and asks once", async () => {
  await using run = await start()
  const { connection, copy } = await followCluster({ servers: broker.address, mayAsk: true })
  await run.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
  await awaitExact(run, copy, 30_000)
  const asked = copy.counts.resyncs
  copy.types.get("v1 ConfigMap")?.objects.delete("copy/thing-1")
  plantGhost(copy, "v1", "ConfigMap", "ghost")
  await awaitExact(run, copy, 120_000)
  expect(copy.counts.resyncs).toBe(asked + 1)
  expect(copy.counts.differed).toBe(2)
  await connection.close()
})

it("a copy from before a restart of MeshSync loses what was deleted meanwhile", async () => {
  const first = await start()
  const { connection, copy } = await followCluster({ servers: broker.address, mayAsk: false })
  await first.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
  first.signal("SIGKILL")
  await first.exit
  await plane.admin.write("DELETE", `${path}/thing-1`)
  await plane.admin.write("DELETE", `${path}/thing-3`)
  await using second = await start()
  await second.awaitStatus("everything is announced again", 30_000, ({ settled }) => settled)
  await awaitExact(second, copy, 60_000)
  expect(copy.counts.resyncs).toBe(0)
  expect(copy.counts.pruned).toBe(2)
  await connection.close()
})
