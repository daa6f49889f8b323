/**
 * Brokers and API servers that die in the middle of changes. What is compared at the end is every object's uid and resourceVersion.
 */
import { once } from "node:events"
import { createServer } from "node:net"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { brokerWarnEveryMs } from "../../src/domain/limit.ts"
import { type Broker, type Consumer, makeConsumer, startBroker } from "./broker.ts"
import { type Cluster, collectionPath, inParallel, type Item, readState } from "./cluster.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { findLane, type Run, runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"
import { addressAt, configMap, createNamespace } from "./workload.ts"

let plane: ControlPlane
let broker: Broker

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  console.log(`kube-apiserver ${plane.version}`)
})

afterAll(() => plane?.[Symbol.asyncDispose]())

beforeEach(async () => {
  broker = await startBroker()
  console.log(`nats-server ${broker.version}`)
  return () => broker[Symbol.asyncDispose]()
})

const start = async (consumer: Consumer): Promise<Run> => {
  await consumer.attach(broker.address)
  const run = await runMeshsync({ args: [], environment: { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address } })
  await run.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
  return run
}

/** Where the consumer's view and the cluster differ, over every type that is watched. */
const difference = async (run: Run, consumer: Consumer): Promise<ReadonlyArray<string>> => {
  const { lanes } = await run.status()
  expect(lanes.length).toBe(21)
  const truth = await readState(
    plane.admin,
    lanes.map(({ name }) => collectionPath(name)),
  )
  expect(truth.size).toBeGreaterThan(50)
  const missing = [...truth]
    .filter(([address, version]) => consumer.state.get(address) !== version)
    .map(([address]) => `missing or old: ${address}`)
  return [...missing, ...[...consumer.state.keys()].filter((address) => !truth.has(address)).map((address) => `ghost: ${address}`)]
}

const awaitEquality = (run: Run, consumer: Consumer, limitMs: number): Promise<boolean> => {
  let last: ReadonlyArray<string> = []
  return until(
    "the consumer has what the cluster has",
    limitMs,
    async () => {
      last = await difference(run, consumer)
      return last.length === 0 ? true : undefined
    },
    () => `${last.length} differ: ${last.slice(0, 5).join(", ")}\n${run.stdout().slice(-2_000)}`,
  )
}

/** A change of ConfigMaps `0` to `499`: created, changed twice, and half of them deleted at the end, or deleted and created anew. */
const changesOf = (admin: Cluster, namespace: string, done: () => void): ReadonlyArray<() => Promise<unknown>> => {
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  const counted = (task: () => Promise<unknown>) => () => task().then(done)
  const names = Array.from({ length: 500 }, (_, i) => `change-${i}`)
  return [
    ...names.map((name) => counted(() => admin.write("POST", path, configMap(namespace, name, { step: "0" })))),
    ...["1", "2"].flatMap((step) => names.map((name) => counted(() => admin.write("PATCH", `${path}/${name}`, { data: { step } })))),
    ...names.slice(0, 250).map((name) => counted(() => admin.write("DELETE", `${path}/${name}`))),
    ...names
      .slice(0, 250)
      .map((name, i) =>
        counted(() =>
          i % 2 === 0
            ? admin.write("POST", path, configMap(namespace, name, { step: "3" }))
            : admin.write("DELETE", `${path}/change-${250 + i}`),
        ),
      ),
  ]
}

describe("the broker", () => {
  it("killed and restarted in the middle of 2,000 changes, its consumer back 5 s after MeshSync: nothing is missing, nothing is left over", async () => {
    const namespace = "broker-outage"
    await createNamespace(plane, namespace)
    const consumer = makeConsumer()
    await using run = await start(consumer)
    let done = 0
    const changes = changesOf(plane.admin, namespace, () => done++)
    expect(changes.length).toBe(2_000)
    const writing = inParallel(8, changes)
    await until("700 changes are made", 60_000, () => (done >= 700 ? true : undefined))
    await broker.kill()
    const atKill = done
    await run.awaitStatus("MeshSync notices", 20_000, ({ sink }) => sink.state !== "connected")
    await until("500 more changes are made", 60_000, () => (done >= atKill + 500 ? true : undefined))
    await broker.start()
    const atRestart = done
    await run.awaitStatus("MeshSync is back", 20_000, ({ sink }) => sink.state === "connected")
    const heard = consumer.messages.length
    // The consumer's own pause, as a client with a longer back-off makes it; nothing is waited for here.
    await new Promise((resume) => setTimeout(resume, 5_000))
    await consumer.attach(broker.address)
    await writing
    expect(atKill).toBeLessThan(2_000)
    expect(atRestart).toBeGreaterThan(atKill)
    await awaitEquality(run, consumer, 90_000)
    expect(consumer.messages.length).toBeGreaterThan(heard)
    expect(consumer.broken).toEqual([])
    expect(run.hasEnded()).toBe(false)
  })
})

/** Holds a place where a broker belongs: whoever comes is counted and sent away. */
const holdPlace = async ({ host, port }: Broker) => {
  let attempts = 0
  const server = createServer((socket) => {
    attempts++
    socket.destroy()
  })
  await once(server.listen(port, host), "listening")
  return { attempts: () => attempts, leave: () => once(server.close(), "close") }
}

describe("the broker at the start", () => {
  it("away: MeshSync lives, is not ready and says why; when the broker comes everything is published", async () => {
    await broker.kill()
    const place = await holdPlace(broker)
    const startedMs = performance.now()
    await using run = await runMeshsync({
      args: [],
      environment: { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address },
    })
    await until("it has tried three times", 60_000, () => (place.attempts() >= 3 ? true : undefined), run.stdout)
    expect(await run.fetchText("/healthz")).toBe("ok")
    await expect(run.fetchText("/readyz")).rejects.toThrow("/readyz answers 503")
    expect(await run.status()).toMatchObject({ ready: false, sink: { state: "connecting" } })
    const warnings = (run.stdout() + run.stderr()).split("\n").filter((line) => line.includes("the broker cannot be reached"))
    expect(warnings.length).toBeGreaterThan(0)
    expect(warnings.length).toBeLessThanOrEqual(1 + (performance.now() - startedMs) / brokerWarnEveryMs)
    expect(run.hasEnded()).toBe(false)
    await place.leave()
    await broker.start()
    const consumer = makeConsumer()
    await consumer.attach(broker.address)
    await run.awaitStatus("it is ready", 30_000, ({ ready }) => ready)
    expect(await run.fetchText("/readyz")).toBe("ok")
    await run.awaitStatus("everything is listed", 30_000, ({ settled }) => settled)
    await awaitEquality(run, consumer, 60_000)
    expect(consumer.broken).toEqual([])
    run.signal("SIGTERM")
    expect((await run.exit).status).toBe(0)
  })
})

describe("the API server", () => {
  it("killed and restarted: what changed, came and went while it was away arrives", async () => {
    const namespace = "server-outage"
    await createNamespace(plane, namespace)
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    for (const name of ["stays", "changes", "goes", "anew"]) await plane.admin.write("POST", path, configMap(namespace, name))
    const consumer = makeConsumer()
    await using run = await start(consumer)
    const at = (name: string): string => addressAt("v1", "ConfigMap", namespace, name)
    const before = new Map(["stays", "changes", "goes", "anew"].map((name) => [name, consumer.state.get(at(name))]))
    const from = consumer.messages.length
    await plane.besideApiServer(async (other) => {
      await plane.killApiServer()
      await run.awaitStatus("MeshSync notices", 30_000, (status) => findLane(status, "configmaps")?.state === "paused")
      await other.write("PATCH", `${path}/changes`, { data: { step: "1" } })
      await other.write("DELETE", `${path}/goes`)
      await other.write("DELETE", `${path}/anew`)
      await other.write("POST", path, configMap(namespace, "anew", { life: "2" }))
      await other.write("POST", path, configMap(namespace, "comes"))
    })
    expect((await run.status()).ready).toBe(true)
    await plane.startApiServer()
    await awaitEquality(run, consumer, 90_000)
    const events = consumer.messages
      .slice(from)
      .filter(({ Object }) => Object.metadata.namespace === namespace)
      .map(({ EventType, Object }) => `${EventType} ${Object.metadata.name}`)
    // The recreated object may go out once more, for the sake of consumers that put deletions last.
    expect([...new Set(events)].toSorted()).toEqual(["ADDED anew", "ADDED comes", "DELETED anew", "DELETED goes", "MODIFIED changes"])
    expect(events.indexOf("DELETED anew")).toBeLessThan(events.indexOf("ADDED anew"))
    expect(events.filter((event) => event.startsWith("DELETED"))).toHaveLength(2)
    expect(consumer.state.get(at("stays"))).toBe(before.get("stays"))
    const gone = consumer.messages
      .slice(from)
      .find(({ EventType, Object }: { EventType: string; Object: Item }) => EventType === "DELETED" && Object.metadata.name === "goes")
    expect(before.get("goes")).toContain(gone?.Object.metadata.uid)
  })
})

describe("SIGTERM", () => {
  it("under load ends in order: exit status 0, in time, and no message is cut", async () => {
    const namespace = "signal"
    await createNamespace(plane, namespace)
    const consumer = makeConsumer()
    await using run = await start(consumer)
    let done = 0
    const writing = inParallel(
      8,
      changesOf(plane.admin, namespace, () => done++),
    )
    const arrived = () => consumer.messages.filter(({ Object }) => Object.metadata.namespace === namespace).length
    await until("500 changes arrived", 60_000, () => (arrived() >= 500 ? true : undefined))
    const signalledMs = performance.now()
    run.signal("SIGTERM")
    const exit = await run.exit
    const tookMs = performance.now() - signalledMs
    const atEnd = done
    await writing
    expect(exit, exit.stderr).toMatchObject({ status: 0, signal: null })
    expect(atEnd).toBeLessThan(2_000)
    expect(tookMs).toBeLessThan(8_000)
    expect(exit.stderr).toBe("")
    expect(consumer.broken).toEqual([])
  })
})
