/**
 * `--oversize=chunks` by the built program: a custom resource of 1.4 MB, nearly all that etcd takes, whose message exceeds the 1 MiB of a
 * nats-server as it comes. The example consumer has it, with its changes, and by the marks an exact copy; whoever hears core alone hears
 * nothing of it but its end.
 */
import { afterAll, beforeAll, expect, it } from "vitest"
import { applyMessage, followCluster } from "../../examples/consumer/consumer.ts"
import type { Copy, Payload } from "../../examples/consumer/copy.ts"
import { makeOversizeDecoder } from "../../src/sdk.ts"
import { type Broker, makeConsumer, startBroker } from "./broker.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { findLane, type Run, runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"
import { createNamespace, define, type Definition } from "./workload.ts"

let plane: ControlPlane
let broker: Broker

const whales: Definition = { group: "large.example.com", plural: "whales", kind: "Whale", versions: ["v1"] }
const lane = "whales.large.example.com"
const path = "/apis/large.example.com/v1/namespaces/sea/whales"
const text = `"${"ü\\".repeat(100)}" ${"x".repeat(1_400_000)}`
const whale = (name: string, spec: object): object => ({ apiVersion: "large.example.com/v1", kind: "Whale", metadata: { name }, spec })

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  broker = await startBroker()
  await createNamespace(plane, "sea")
  await define(plane, whales)
  await plane.admin.write("POST", path, whale("moby", { text, age: 1 }))
  await plane.admin.write("POST", path, whale("minke", { text: "small" }))
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

const start = (...args: ReadonlyArray<string>): Promise<Run> =>
  runMeshsync({
    args: ["--resources", "whales,namespaces", ...args],
    environment: { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address },
  })

const heldOf = (copy: Copy, name: string): Payload | undefined =>
  copy.types.get("large.example.com/v1 Whale")?.objects.get(`sea/${name}`)?.object

const specOf = (object: Payload | undefined): unknown => {
  const { spec } = (object ?? {}) as { readonly spec?: { readonly attribute: string } }
  return spec === undefined ? undefined : JSON.parse(spec.attribute)
}

const plantGhost = (copy: Copy): void => {
  const metadata = { namespace: "sea", name: "ghost", uid: "ghost", resourceVersion: "1" }
  const object = { apiVersion: "large.example.com/v1", kind: "Whale", metadata }
  applyMessage(copy, "meshery.meshsync.core", JSON.stringify({ EventType: "ADDED", Object: object }))
}

it("a custom resource of 1.4 MB arrives, is changed, and goes", async () => {
  const decoder = makeOversizeDecoder()
  const { connection, copy } = await followCluster({ servers: broker.address, mayAsk: false, decoder })
  const core = makeConsumer()
  const coreConnection = await core.attach(broker.address)
  plantGhost(copy)
  await using run = await start("--oversize=chunks")
  await until("it is in the copy", 30_000, async () => (heldOf(copy, "moby") === undefined ? undefined : true), run.stdout)
  expect(specOf(heldOf(copy, "moby"))).toEqual({ text, age: 1 })
  // The end of the announcement counts it in: only a copy that has it forgets the ghost.
  await until("the ghost is forgotten", 10_000, async () => (heldOf(copy, "ghost") === undefined ? true : undefined), run.stdout)

  await plane.admin.write("PATCH", `${path}/moby`, { spec: { age: 2 } })
  await until("the change is in the copy", 10_000, async () =>
    (specOf(heldOf(copy, "moby")) as { readonly age: number }).age === 2 ? true : undefined,
  )
  expect(specOf(heldOf(copy, "moby"))).toEqual({ text, age: 2 })
  const status = await run.awaitStatus("the change counts as sent", 10_000, (now) => findLane(now, lane)?.published.modified === 1)
  expect(findLane(status, lane)).toMatchObject({ objects: 2, omitted: [], skipped: { tooLarge: 0 }, published: { added: 2 } })

  await plane.admin.write("DELETE", `${path}/moby`)
  await until("it is gone from the copy", 10_000, async () => (heldOf(copy, "moby") === undefined ? true : undefined))
  expect(specOf(heldOf(copy, "minke"))).toEqual({ text: "small" })
  const toldOnCore = () => core.messages.filter(({ Object: { metadata } }) => metadata.name === "moby").map(({ EventType }) => EventType)
  await until("its end is on core", 10_000, async () => (toldOnCore().length > 0 ? true : undefined))
  expect(toldOnCore()).toEqual(["DELETED"])
  expect(core.broken).toEqual([])
  expect([decoder.held(), decoder.lost()]).toEqual([0, 0])
  await connection.close()
  await coreConnection.close()
})

it("without the setting it is named and counted as too large, and a small version of it is sent", async () => {
  await plane.admin.write("POST", path, whale("moby", { text }))
  const decoder = makeOversizeDecoder()
  const { connection, copy } = await followCluster({ servers: broker.address, mayAsk: false, decoder })
  await using run = await start()
  await run.awaitStatus("all is told", 30_000, ({ settled }) => settled)
  await until("the small one is in the copy", 10_000, async () => (heldOf(copy, "minke") === undefined ? undefined : true))
  expect(heldOf(copy, "moby")).toBeUndefined()
  expect(findLane(await run.status(), lane)).toMatchObject({ omitted: [{ namespace: "sea", name: "moby" }], skipped: { tooLarge: 1 } })
  await plane.admin.write("PATCH", `${path}/moby`, { spec: { text: "shrunk" } })
  await until("it is in the copy", 10_000, async () => (heldOf(copy, "moby") === undefined ? undefined : true))
  await run.awaitStatus("it is no longer named", 10_000, (now) => findLane(now, lane)?.omitted.length === 0)
  await connection.close()
})
