/**
 * Custom resource definitions that come, change and go during a run. The MeshSync resource is there, so custom resources are watched.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Broker, type Consumer, makeConsumer, startBroker } from "./broker.ts"
import { inParallel } from "./cluster.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { findLane, type Run, runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"
import { addressAt, configMap, define, type Definition, definitionOf, definitions, installMeshsyncResource } from "./workload.ts"

let plane: ControlPlane
let broker: Broker

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  broker = await startBroker()
  console.log(`kube-apiserver ${plane.version}; nats-server ${broker.version}`)
  await installMeshsyncResource(plane)
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

/** Runs the program with a consumer until the work is done; it must survive the work and end in order. */
const during = async (work: (run: Run, consumer: Consumer) => Promise<void>): Promise<void> => {
  const consumer = makeConsumer()
  const connection = await consumer.attach(broker.address)
  const environment = { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address }
  await using run = await runMeshsync({ args: [], environment })
  await run.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
  await work(run, consumer)
  run.signal("SIGTERM")
  const exit = await run.exit
  await connection.close()
  expect(exit, exit.stderr).toMatchObject({ status: 0, signal: null })
  expect(exit.stderr).toBe("")
  expect(consumer.broken).toEqual([])
}

const collection = ({ group, plural, versions }: Definition): string => `/apis/${group}/${versions[0]}/namespaces/default/${plural}`

const createItems = (definition: Definition, count: number): Promise<void> =>
  inParallel(
    8,
    Array.from({ length: count }, (_, i) => () => {
      const { group, kind, versions } = definition
      const body = { apiVersion: `${group}/${versions[0]}`, kind, metadata: { name: `item-${i}` }, spec: { size: i } }
      return plane.admin.write("POST", collection(definition), body)
    }),
  )

const eventsOf = (consumer: Consumer, kind: string, event: string, from = 0): ReadonlyArray<string> =>
  consumer.messages
    .slice(from)
    .filter(({ EventType, Object }) => EventType === event && Object.kind === kind)
    .map(({ Object }) => `${Object.apiVersion} ${Object.metadata.name} ${Object.metadata.uid}`)

const count = 150

describe("a definition", () => {
  it("that is removed with 150 objects in it gives 150 Deleteds, one each, and its lane closes", () =>
    during(async (run, consumer) => {
      const widgets: Definition = { group: "come.example.com", plural: "widgets", kind: "Widget", versions: ["v1"] }
      await define(plane, widgets)
      await createItems(widgets, count)
      await until(`${count} are Added`, 30_000, () => (new Set(eventsOf(consumer, "Widget", "ADDED")).size === count ? true : undefined))
      const lists = (await run.status()).lanes.map(({ key, lists: times }) => [key, times])
      await plane.admin.write("DELETE", `${definitions}/widgets.come.example.com`)
      await run.awaitStatus("the lane closes", 60_000, (status) => findLane(status, "widgets.come.example.com") === undefined)
      const deleted = eventsOf(consumer, "Widget", "DELETED")
      expect(deleted.toSorted()).toEqual([...new Set(eventsOf(consumer, "Widget", "ADDED"))].toSorted())
      // No other kind was listed again.
      const others = (await run.status()).lanes.map(({ key, lists: times }) => [key, times])
      expect(others).toEqual(lists.filter(([key]) => key !== "widgets.come.example.com"))
    }))

  it("that is removed while nobody can watch gives the same 150 Deleteds", () =>
    during(async (run, consumer) => {
      const pulleys: Definition = { group: "away.example.com", plural: "pulleys", kind: "Pulley", versions: ["v1"] }
      await define(plane, pulleys)
      await createItems(pulleys, count)
      await until(`${count} are Added`, 30_000, () => (new Set(eventsOf(consumer, "Pulley", "ADDED")).size === count ? true : undefined))
      await plane.besideApiServer(async (other) => {
        await plane.killApiServer()
        await run.awaitStatus("the lane pauses", 30_000, (status) => findLane(status, "pulleys.away.example.com")?.state === "paused")
        await other.write("DELETE", `${definitions}/pulleys.away.example.com`)
        await until("the definition is gone", 60_000, async () =>
          (await other.send("GET", `${definitions}/pulleys.away.example.com`)).status === 404 ? true : undefined,
        )
      })
      expect(eventsOf(consumer, "Pulley", "DELETED")).toEqual([])
      await plane.startApiServer()
      await run.awaitStatus("the lane closes", 90_000, (status) => findLane(status, "pulleys.away.example.com") === undefined)
      expect(eventsOf(consumer, "Pulley", "DELETED").toSorted()).toEqual(eventsOf(consumer, "Pulley", "ADDED").toSorted())
    }))

  it("that changes its version gives Deleted with the old apiVersion, then Added with the new one", () =>
    during(async (run, consumer) => {
      const gears: Definition = { group: "move.example.com", plural: "gears", kind: "Gear", versions: ["v1beta1"] }
      await define(plane, gears)
      await createItems(gears, 20)
      await until("20 are Added", 30_000, () => (eventsOf(consumer, "Gear", "ADDED").length === 20 ? true : undefined))
      const path = `${definitions}/gears.move.example.com`
      const { metadata } = (await plane.admin.write("GET", path)) as { readonly metadata: { readonly resourceVersion: string } }
      // A version in which objects may be stored stays listed; it need not be served.
      const next = definitionOf({ ...gears, versions: ["v1", "v1beta1"] }) as {
        metadata: object
        spec: { versions: Array<{ served: boolean }> }
      }
      next.metadata = { ...next.metadata, resourceVersion: metadata.resourceVersion }
      next.spec.versions[1]!.served = false
      const from = consumer.messages.length
      await plane.admin.write("PUT", path, next)
      await until("20 are Added in v1", 60_000, () => (eventsOf(consumer, "Gear", "ADDED", from).length === 20 ? true : undefined))
      const [deleted, added] = [eventsOf(consumer, "Gear", "DELETED", from), eventsOf(consumer, "Gear", "ADDED", from)]
      expect(deleted.toSorted()).toEqual(added.map((text) => text.replace("/v1 ", "/v1beta1 ")).toSorted())
      expect(added.every((text) => text.startsWith("move.example.com/v1 "))).toBe(true)
      const order = consumer.messages.slice(from).filter(({ Object }) => Object.kind === "Gear")
      const lastDeleted = new Map(order.map(({ EventType, Object }, i) => [`${EventType} ${Object.metadata.name}`, i]))
      for (let i = 0; i < 20; i++) expect(lastDeleted.get(`DELETED item-${i}`)).toBeLessThan(lastDeleted.get(`ADDED item-${i}`)!)
      expect(consumer.state.has(addressAt("move.example.com/v1beta1", "Gear", "default", "item-0"))).toBe(false)
      expect(consumer.state.has(addressAt("move.example.com/v1", "Gear", "default", "item-0"))).toBe(true)
      const changed = await plane.admin.write("PATCH", "/apis/move.example.com/v1/namespaces/default/gears/item-0", { spec: { size: 99 } })
      await until("a change in v1 arrives", 10_000, () =>
        consumer.state.get(addressAt("move.example.com/v1", "Gear", "default", "item-0")) ===
        `${(changed["metadata"] as { readonly uid: string }).uid}@${(changed["metadata"] as { readonly resourceVersion: string }).resourceVersion}`
          ? true
          : undefined,
      )
      expect(findLane(await run.status(), "gears.move.example.com")).toMatchObject({ name: "gears.v1.move.example.com", objects: 20 })
    }))

  it("without a schema may hold null where a spec is: published without spec, and everything goes on", () =>
    during(async (run, consumer) => {
      const oddities: Definition = { group: "odd.example.com", plural: "oddities", kind: "Oddity", versions: ["v1"] }
      await define(plane, oddities)
      const bodies = [
        { metadata: { name: "null-spec" }, spec: null, status: null },
        { metadata: { name: "bad-pattern" }, spec: {}, pattern_resource: "not a uuid" },
        { metadata: { name: "text-spec" }, spec: "abc" },
      ]
      for (const body of bodies) {
        await plane.admin.write("POST", collection(oddities), { apiVersion: "odd.example.com/v1", kind: "Oddity", ...body })
      }
      const stored = await plane.admin.write("GET", `${collection(oddities)}/null-spec`)
      expect(stored).toHaveProperty("spec", null)
      const find = (name: string) =>
        until(`${name} arrives`, 30_000, () =>
          consumer.messages.find(({ Object }) => Object.kind === "Oddity" && Object.metadata.name === name),
        )
      const nullSpec = await find("null-spec")
      expect(nullSpec.Object).not.toHaveProperty("spec")
      expect(nullSpec.Object).not.toHaveProperty("status")
      expect((await find("bad-pattern")).Object).toMatchObject({ spec: { attribute: "{}" } })
      expect((await find("text-spec")).Object).toMatchObject({ spec: { attribute: "abc" } })
      await plane.admin.write("POST", "/api/v1/namespaces/default/configmaps", configMap("default", "after-oddities"))
      await until("a later object arrives", 10_000, () =>
        consumer.state.has(addressAt("v1", "ConfigMap", "default", "after-oddities")) ? true : undefined,
      )
      expect(run.hasEnded()).toBe(false)
    }))
})
