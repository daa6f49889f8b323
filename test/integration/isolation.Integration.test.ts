/**
 * One kind's trouble is its own: a converter that is not there, a refusal, a server that says 500 for ever, one that never answers, one
 * that answers garbage, and an object that cannot be read. All at once, on a real API server behind a proxy that counts; every other kind
 * goes on.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { listsConcurrentMax } from "../../src/domain/limit.ts"
import type { Status } from "../../src/domain/sync/status.ts"
import { type Gateway, openGateway, refusal, type Treatment } from "../chaos/gateway.ts"
import { type Broker, makeConsumer, startBroker } from "./broker.ts"
import { collectionPath, readState } from "./cluster.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { findLane, type Run, runMeshsync } from "./meshsync.ts"
import { temporaryFolder, until } from "./program.ts"
import {
  addressAt,
  configMap,
  createNamespace,
  define,
  type Definition,
  definitionOf,
  definitions,
  installMeshsyncResource,
} from "./workload.ts"

let plane: ControlPlane
let broker: Broker
let gateway: Gateway

const anvils: Definition = { group: "broken.example.com", plural: "anvils", kind: "Anvil", versions: ["v1beta1", "v1"] }
const wells: Definition = { group: "deep.example.com", plural: "wells", kind: "Well", versions: ["v1"] }

/** A definition whose objects are stored in one version, while the preferred one needs a converter that is not there. */
const defineBroken = async (): Promise<void> => {
  const { spec, ...rest } = definitionOf(anvils) as { readonly spec: object }
  const clientConfig = { url: "https://127.0.0.1:1/convert" }
  const conversion = { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } }
  await plane.admin.write("POST", definitions, { ...rest, spec: { ...spec, conversion } })
  const collection = "/apis/broken.example.com/v1beta1/namespaces/isolation/anvils"
  const body = { apiVersion: "broken.example.com/v1beta1", kind: "Anvil", metadata: { name: "anvil" } }
  await until("an anvil is stored", 30_000, async () =>
    (await plane.admin.send("POST", collection, body)).status === 201 ? true : undefined,
  )
}

const nest = (depth: number): object => {
  let value: object = {}
  for (let i = 0; i < depth; i++) value = { a: value }
  return value
}

/** How the proxy treats a kind, and what its lane must say. */
const treatments: Readonly<Record<string, readonly [string, Treatment, reason: string]>> = {
  "/apis/networking.k8s.io/v1/ingresses": [
    "ingresses.networking.k8s.io",
    { _tag: "Answer", status: 403, body: refusal(403, "Forbidden", "ingresses is forbidden") },
    "Forbidden",
  ],
  "/api/v1/replicationcontrollers": [
    "replicationcontrollers",
    { _tag: "Answer", status: 500, body: refusal(500, "InternalError", "etcd has a bad day") },
    "Unavailable",
  ],
  "/apis/apps/v1/statefulsets": ["statefulsets.apps", { _tag: "Hang" }, "Unavailable"],
  "/apis/batch/v1/cronjobs": ["cronjobs.batch", { _tag: "Answer", status: 200, body: '{"items":[{"metadata":' }, "Unavailable"],
}

const brokenPath = "/apis/broken.example.com/v1/anvils"

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false, audits: true })
  broker = await startBroker()
  gateway = await openGateway(plane.url, plane.pair)
  console.log(`kube-apiserver ${plane.version}; nats-server ${broker.version}`)
  await installMeshsyncResource(plane)
  await createNamespace(plane, "isolation")
  await defineBroken()
  await define(plane, wells)
  gateway.treat = ({ path: asked, verb }) => (verb === "other" ? undefined : treatments[asked]?.[1]) ?? { _tag: "Pass" }
})

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

const kubeconfig = (): string => {
  const file = path.join(temporaryFolder(), "kubeconfig")
  const text = fs.readFileSync(plane.kubeconfig("admin"), "utf8").replace(plane.url, `https://127.0.0.1:${gateway.port}`)
  fs.writeFileSync(file, text, { mode: 0o600 })
  return file
}

/** What the API server itself has been asked of a collection by the program. */
const countAudited = (collection: string): number =>
  plane.requestsOf("meshsync/").filter((asked) => asked.split(/[ ?]/)[1] === collection).length

/** Lists and watches of a collection since a time on performance.now()'s scale. */
const timesSince = (collection: string, sinceMs: number): ReadonlyArray<number> =>
  ["list", "watch"].flatMap((verb) => gateway.requests.get(`${verb} ${collection}`)?.timesMs ?? []).filter((atMs) => atMs >= sinceMs)

const troubled = [...Object.values(treatments).map(([key]) => key), "anvils.broken.example.com"]

const createWell = (name: string, spec: object): Promise<unknown> =>
  plane.admin.write("POST", "/apis/deep.example.com/v1/namespaces/isolation/wells", {
    apiVersion: "deep.example.com/v1",
    kind: "Well",
    metadata: { name },
    spec,
  })

const isSynced = (lanes: Status["lanes"], key: string): boolean => lanes.some((lane) => lane.key === key && lane.synced)

const expectTroubles = async (run: Run): Promise<void> => {
  const { lanes, ready } = await run.status()
  expect(ready).toBe(true)
  expect(await run.fetchText("/readyz")).toBe("ok")
  const detail = (await run.fetchText("/readyz?verbose")).split("\n")
  expect(detail[0]).toBe("ok")
  expect(
    lanes
      .filter(({ trouble }) => trouble !== undefined)
      .map(({ key }) => key)
      .toSorted(),
  ).toEqual(troubled.toSorted())
  for (const [key, , reason] of Object.values(treatments)) {
    const found = lanes.find((lane) => lane.key === key)?.trouble
    expect(found, key).toMatchObject({ reason })
    expect(found?.text, key).not.toBe("")
    expect(
      detail.filter((line) => line.startsWith(`${key}: ${reason} for `) && line.includes(String(found?.text).slice(0, 40))),
    ).toHaveLength(1)
  }
  const broken = lanes.find(({ key }) => key === "anvils.broken.example.com")?.trouble
  expect(broken?.text).toMatch(/conver/i)
  expect(detail.find((line) => line.startsWith("anvils.broken.example.com: "))).toMatch(/conver/i)
}

it("five kinds in trouble and a poisoned object: all else is announced and followed, and those in trouble are asked rarely", async () => {
  await createWell("shallow", { depth: 1 })
  await createWell("abyss", nest(600))
  const consumer = makeConsumer()
  await consumer.attach(broker.address)
  await using run = await runMeshsync({ args: [], environment: { KUBECONFIG: kubeconfig(), BROKER_URL: broker.address } })
  const startedMs = performance.now()
  await run.awaitStatus("it is ready", 20_000, ({ ready }) => ready)
  const isHealthy = (key: string): boolean => !troubled.includes(key)
  await run.awaitStatus(
    "all others are announced",
    30_000,
    ({ lanes }) => lanes.length > 20 && lanes.every(({ key, synced }) => !isHealthy(key) || synced),
  )
  await run.awaitStatus(
    "each trouble is known",
    45_000,
    ({ lanes }) => lanes.filter(({ trouble }) => trouble !== undefined).length === troubled.length,
  )
  await expectTroubles(run)
  const well = findLane(await run.status(), "wells.deep.example.com")
  expect(well).toMatchObject({ state: "watching", synced: true })
  expect(well?.skipped.flawed).toBeGreaterThanOrEqual(1)
  expect(consumer.state.has(addressAt("deep.example.com/v1", "Well", "isolation", "shallow"))).toBe(true)
  await until("a minute is over", 90_000, () => (performance.now() - startedMs > 60_000 ? true : undefined))
  const minuteMs = performance.now()
  const auditedBefore = countAudited(brokenPath)
  expect(auditedBefore).toBeGreaterThanOrEqual(3)
  let step = 0
  await until("another minute of changes is over", 120_000, async () => {
    const name = `change-${step++}`
    await plane.admin.write("POST", "/api/v1/namespaces/isolation/configmaps", configMap("isolation", name))
    await until(`${name} arrives`, 5_000, () => (consumer.state.has(addressAt("v1", "ConfigMap", "isolation", name)) ? true : undefined))
    return performance.now() - minuteMs > 60_000 ? true : undefined
  })
  const rates = [brokenPath, ...Object.keys(treatments)].map((collection): [string, number] => [
    collection,
    timesSince(collection, minuteMs).length,
  ])
  console.log(`requests in the second minute: ${rates.map(([collection, count]) => `${collection} ${count}`).join(", ")}`)
  for (const [collection, count] of rates) expect(count, collection).toBeLessThanOrEqual(2)
  const gapsMs = rates.flatMap(([collection]) =>
    timesSince(collection, minuteMs).flatMap((atMs, i, all) => (i === 0 ? [] : [atMs - (all[i - 1] ?? 0)])),
  )
  for (const gapMs of gapsMs) expect(gapMs).toBeGreaterThan(30_000)
  // Of the kind whose requests reach it the API server has counted the same.
  const audited = countAudited(brokenPath) - auditedBefore
  console.log(`by the API server's own audit log: ${brokenPath} ${audited}`)
  expect(audited).toBeLessThanOrEqual(2)
  expect(Math.abs(countAudited(brokenPath) - timesSince(brokenPath, 0).length)).toBeLessThanOrEqual(1)
  await expectTroubles(run)
  await createWell("later", { depth: 2 })
  await until("a later object of the poisoned kind arrives", 5_000, () =>
    consumer.state.has(addressAt("deep.example.com/v1", "Well", "isolation", "later")) ? true : undefined,
  )
  const { lanes } = await run.status()
  expect(findLane(await run.status(), "wells.deep.example.com")?.lists).toBe(well?.lists)
  const healthy = lanes.filter(({ key }) => isHealthy(key) && key !== "wells.deep.example.com").map(({ name }) => collectionPath(name))
  const truth = await readState(plane.admin, healthy)
  for (const [address, version] of truth) expect(consumer.state.get(address), address).toBe(version)
  expect(consumer.broken).toEqual([])
})

it("a 429 of one kind holds back the lists of all; what was asked, how often and how many at a time is shown as it was", async () => {
  let refusedMs = 0
  gateway.treat = ({ path: asked, verb }) => {
    if (asked !== "/api/v1/configmaps" || verb !== "list" || refusedMs > 0) return { _tag: "Pass" }
    refusedMs = performance.now()
    const body = refusal(429, "TooManyRequests", "too many requests, please try again later")
    return { _tag: "Answer", status: 429, body, headers: { "retry-after": "4" } }
  }
  const countAll = (): number => [...gateway.requests.values()].reduce((sum, { count }) => sum + count, 0)
  const before = countAll()
  await using run = await runMeshsync({ args: ["--resources", "*"], environment: { KUBECONFIG: kubeconfig(), BROKER_URL: broker.address } })
  const isListed = ({ lanes }: Status): boolean => lanes.filter(({ synced }) => synced).length > 30 && isSynced(lanes, "configmaps")
  await run.awaitStatus("the refused kind and the others are listed", 60_000, isListed)
  const lists = [...gateway.requests].flatMap(([key, { timesMs }]) => (key.startsWith("list ") ? timesMs : []))
  // What was on its way when the answer came is done with half a second later.
  expect(lists.filter((atMs) => atMs > refusedMs + 500 && atMs < refusedMs + 3_900)).toEqual([])
  expect(lists.filter((atMs) => atMs >= refusedMs + 3_900).length).toBeGreaterThan(5)
  const sumOf = ({ requests: { answers } }: Status): number =>
    Object.values(answers).reduce((total, ofVerb) => total + Object.values(ofVerb).reduce((sum, count) => sum + count, 0), 0)
  const { requests } = await run.awaitStatus("each request is counted", 30_000, (now) => sumOf(now) === countAll() - before)
  expect(requests.answers["list"]?.["throttled"]).toBe(1)
  // One of the custom resource beside those of the kinds.
  expect(requests.listsRunningMost).toBeGreaterThanOrEqual(2)
  expect(requests.listsRunningMost).toBeLessThanOrEqual(listsConcurrentMax + 1)
  expect(requests.waitedMs).toBeGreaterThan(3_000)
  const metrics = await run.fetchText("/metrics")
  expect(metrics).toContain('meshsync_requests_total{verb="list",answer="throttled"} 1\n')
  expect(metrics).toContain(`meshsync_lists_running_most ${requests.listsRunningMost}\n`)
})
