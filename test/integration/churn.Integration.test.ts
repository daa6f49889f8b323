/**
 * Objects that change all the time on a real API server, and what a run with a minimum interval says of them beside one without: few
 * messages, the last state in the end, deletions at once, and nothing left behind when it ends.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { Message } from "./broker.ts"
import { addressOf } from "./cluster.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { runMeshsync, type Run } from "./meshsync.ts"
import { until } from "./program.ts"
import { addressAt, configMap, createNamespace } from "./workload.ts"

let plane: ControlPlane

const space = "churn"
const configMaps = `/api/v1/namespaces/${space}/configmaps`
const secrets = `/api/v1/namespaces/${space}/secrets`
const leases = `/apis/coordination.k8s.io/v1/namespaces/${space}/leases`
const leaseCount = 20
const rounds = 50
const roundMs = 100
const intervalMs = 2_000

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  console.log(`kube-apiserver ${plane.version}`)
  await createNamespace(plane, space)
})

afterAll(async () => {
  await plane?.[Symbol.asyncDispose]()
})

const nameOf = (at: number): string => `lease-${at}`
const leaseOf = (at: number) => ({
  apiVersion: "coordination.k8s.io/v1",
  kind: "Lease",
  metadata: { name: nameOf(at) },
  spec: { holderIdentity: "somebody", leaseDurationSeconds: 40, renewTime: `2026-01-01T00:00:00.000000Z` },
})

const start = (...args: ReadonlyArray<string>): Promise<Run> =>
  runMeshsync({
    args: ["--output", "stdout", "--resources", "configmaps,leases,secrets", "--namespaces", space, ...args],
    environment: { KUBECONFIG: plane.kubeconfig("admin") },
  })

const messagesOf = (stdout: string): ReadonlyArray<Message> =>
  stdout
    .slice(0, stdout.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => JSON.parse(text) as Message)

const told = (run: Run, address: string): ReadonlyArray<string> =>
  messagesOf(run.stdout())
    .filter(({ Object: object }) => addressOf(object) === address)
    .map(({ EventType, Object: object }) => `${EventType} @${object.metadata.resourceVersion}`)

const versionOf = (written: Readonly<Record<string, unknown>>): string =>
  (written["metadata"] as { readonly resourceVersion: string }).resourceVersion

/** Changes the ConfigMap and all the Leases again and again; answers the last version of each by its address. */
const churn = async (): Promise<ReadonlyMap<string, string>> => {
  const last = new Map<string, string>()
  const startedMs = performance.now()
  for (let round = 1; round <= rounds; round++) {
    const renewTime = `2026-01-01T00:00:${String(round).padStart(2, "0")}.000000Z`
    const patches = Array.from({ length: leaseCount }, async (_, at) => {
      const written = await plane.admin.write("PATCH", `${leases}/${nameOf(at)}`, { spec: { renewTime } })
      last.set(addressAt("coordination.k8s.io/v1", "Lease", space, nameOf(at)), versionOf(written))
    })
    const written = await plane.admin.write("PATCH", `${configMaps}/hot`, { data: { round: String(round) } })
    last.set(addressAt("v1", "ConfigMap", space, "hot"), versionOf(written))
    await Promise.all(patches)
    await sleep(Math.max(0, startedMs + round * roundMs - performance.now()))
  }
  return last
}

it("with an interval a few states and the last one go out, deletions at once, and what waits when the run ends", async () => {
  await plane.admin.write("POST", configMaps, configMap(space, "hot"))
  for (const name of ["held", "doomed"]) await plane.admin.write("POST", secrets, { metadata: { name } })
  for (let at = 0; at < leaseCount; at++) await plane.admin.write("POST", leases, leaseOf(at))
  await using every = await start()
  await using few = await start("--min-interval", "configmaps=2s,leases.coordination.k8s.io=2s,secrets=10m")
  const objects = leaseCount + 3
  for (const run of [every, few]) {
    await run.awaitStatus("all is watched", 20_000, ({ lanes, settled }) => settled && lanes.every(({ state }) => state === "watching"))
    await until("all is announced", 10_000, () => (messagesOf(run.stdout()).length >= objects ? true : undefined))
  }
  const [everyBytes, fewBytes] = [every.stdout().length, few.stdout().length]
  const startedMs = performance.now()
  const last = await churn()
  const lastedMs = performance.now() - startedMs
  const isThere = (run: Run) => () =>
    [...last].every(([address, version]) => told(run, address).at(-1) === `MODIFIED @${version}`) ? true : undefined
  await until("the last states are told, every state on the way", 10_000, isThere(every))
  await until("the last states are told, few on the way", intervalMs + 10_000, isThere(few))
  const count = (run: Run) => [...last.keys()].reduce((sum, address) => sum + told(run, address).length - 1, 0)
  const [all, some] = [count(every), count(few)]
  const bytes = `${every.stdout().length - everyBytes} and ${few.stdout().length - fewBytes} bytes`
  console.log(`${all} writes in ${Math.round(lastedMs)} ms: ${all} messages without, ${some} with an interval of 2 s; ${bytes}`)
  expect(all).toBe(rounds * (leaseCount + 1))
  // The first state at once, then one each interval, and the last one.
  const statesMax = 2 + Math.floor(lastedMs / intervalMs)
  for (const address of last.keys()) expect(told(few, address).length - 1, address).toBeLessThanOrEqual(statesMax)

  const [doomed, held] = ["doomed", "held"].map((name) => addressAt("v1", "Secret", space, name)) as [string, string]
  for (const name of ["doomed", "held"]) await plane.admin.write("PATCH", `${secrets}/${name}`, { stringData: { key: "value" } })
  await until("the change of both is told without an interval", 10_000, () =>
    [doomed, held].every((address) => told(every, address).length === 2) ? true : undefined,
  )
  await plane.admin.write("DELETE", `${secrets}/doomed`)
  await until("the deletion is told at once", 5_000, () => (told(few, doomed).at(-1)?.startsWith("DELETED") === true ? true : undefined))
  expect(told(few, doomed).map((text) => text.split(" ")[0])).toEqual(["ADDED", "DELETED"])
  expect(told(few, held)).toHaveLength(1)
  few.signal("SIGTERM")
  const { status } = await few.exit
  expect(status).toBe(0)
  expect(told(few, held)).toEqual(told(every, held))
}, 120_000)
