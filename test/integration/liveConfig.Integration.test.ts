/**
 * Edits of the MeshSync custom resource while a run goes on: what each costs a real API server, by its own audit log, and how soon a
 * consumer has it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Broker, type Consumer, makeConsumer, startBroker } from "./broker.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { findLane, type Run, runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"
import { configMap, createNamespace, definitionOf, definitions } from "./workload.ts"

let plane: ControlPlane
let broker: Broker

const collection = "/apis/meshery.io/v1alpha1/namespaces/meshery/meshsyncs"
const path = `${collection}/meshery-meshsync`
const appliedWithinMs = 2_000

/** As the operator defines it: with a status of its own, whose conditions are one atomic list. */
const defineMeshsync = async (): Promise<void> => {
  const definition = definitionOf({ group: "meshery.io", plural: "meshsyncs", kind: "MeshSync", versions: ["v1alpha1"] }) as {
    spec: { versions: Array<object> }
  }
  const text = { type: "string" }
  const condition = {
    type: "object",
    required: ["lastTransitionTime", "message", "reason", "status", "type"],
    properties: {
      type: text,
      status: text,
      reason: text,
      message: text,
      lastTransitionTime: text,
      observedGeneration: { type: "integer" },
    },
  }
  const properties = {
    spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    status: { type: "object", properties: { conditions: { type: "array", items: condition } } },
  }
  definition.spec.versions = [
    {
      name: "v1alpha1",
      served: true,
      storage: true,
      subresources: { status: {} },
      schema: { openAPIV3Schema: { type: "object", properties } },
    },
  ]
  await plane.admin.write("POST", definitions, definition)
  await until("MeshSync resources are served", 30_000, async () =>
    (await plane.admin.send("GET", collection)).status === 200 ? true : undefined,
  )
}

const entry = (Resource: string, more: object = {}): object => ({ Resource, Events: ["ADDED", "MODIFIED", "DELETED"], ...more })
const specOf = (...entries: ReadonlyArray<object>): object => ({ "watch-list": { data: { whitelist: JSON.stringify(entries) } } })
const edit = (spec: object): Promise<unknown> => plane.admin.write("PATCH", path, { spec })

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false, audits: true })
  broker = await startBroker()
  for (const name of ["meshery", "shop", "lab"]) await createNamespace(plane, name)
  for (const namespace of ["shop", "lab"]) {
    await plane.admin.write("POST", `/api/v1/namespaces/${namespace}/configmaps`, configMap(namespace, `${namespace}-map`))
    await plane.admin.write("POST", `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name: `${namespace}-secret` } })
  }
  await defineMeshsync()
  const spec = specOf(entry("configmaps", { namespaces: ["shop", "lab"] }), entry("services"))
  await plane.admin.write("POST", collection, {
    apiVersion: "meshery.io/v1alpha1",
    kind: "MeshSync",
    metadata: { name: "meshery-meshsync" },
    spec,
  })
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

const asked = (): ReadonlyArray<string> => plane.requestsOf("meshsync/")

/** What came after the message of that number, but for the resource itself, whose kind is watched as all custom ones are. */
const toldAfter = (consumer: Consumer, from: number): ReadonlyArray<string> =>
  consumer.messages
    .slice(from)
    .filter(({ Object }) => Object.kind !== "MeshSync" && Object.metadata.name !== "kube-root-ca.crt")
    .map(({ EventType, Object }) => `${EventType} ${Object.kind} ${Object.metadata.name}`)

interface Edited {
  readonly requests: ReadonlyArray<string>
  readonly told: ReadonlyArray<string>
}

/** Edits and waits for the effect: what was asked of the API server and said until then. */
const during = async (consumer: Consumer, spec: object, holds: () => boolean | Promise<boolean>): Promise<Edited> => {
  const [requests, messages] = [asked().length, consumer.messages.length]
  const beganMs = performance.now()
  await edit(spec)
  await until("the edit is applied", appliedWithinMs, async () => ((await holds()) ? true : undefined))
  expect(performance.now() - beganMs).toBeLessThan(appliedWithinMs)
  return { requests: asked().slice(requests), told: toldAfter(consumer, messages) }
}

const has = (consumer: Consumer, kind: string, name: string): boolean =>
  [...consumer.state.keys()].some((address) => address.includes(kind) && address.endsWith(name))

const conditionOf = async (): Promise<Record<string, unknown> | undefined> => {
  const { status } = (await plane.admin.write("GET", path)) as {
    readonly status?: { readonly conditions?: ReadonlyArray<Record<string, unknown>> }
  }
  return status?.conditions?.find(({ type }) => type === "ConfigValid")
}

describe("edits of the custom resource", () => {
  it("cost exactly the lists and watches of the kinds concerned, within 2 s", async () => {
    const consumer = makeConsumer()
    const connection = await consumer.attach(broker.address)
    const environment = { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address }
    await using run: Run = await runMeshsync({ args: [], environment })
    await run.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
    // The definitions are new to the run, which therefore looks at them again for 6 s.
    await until("the first looks are over", 30_000, async () =>
      ((await run.status()).counters["discoveries"] ?? 0) >= 4 ? true : undefined,
    )

    const opened = await during(
      consumer,
      specOf(entry("configmaps", { namespaces: ["shop", "lab"] }), entry("services"), entry("secrets", { depth: "metadata" })),
      () => has(consumer, "Secret", "lab-secret") && asked().at(-1)?.startsWith("watch /api/v1/secrets") === true,
    )
    expect(opened).toEqual({
      requests: ["list /api/v1/secrets", "watch /api/v1/secrets"],
      told: ["ADDED Secret lab-secret", "ADDED Secret shop-secret"],
    })
    const secret = consumer.messages.find(({ Object }) => Object.metadata.name === "shop-secret")
    expect(secret?.Object).toMatchObject({ apiVersion: "v1", kind: "Secret" })
    expect(secret?.Object).not.toHaveProperty("data")
    expect(secret?.Object).not.toHaveProperty("type")

    const narrowed = await during(
      consumer,
      specOf(entry("configmaps", { namespaces: ["shop"] }), entry("services"), entry("secrets", { depth: "metadata" })),
      () => !has(consumer, "ConfigMap", "lab-map") && asked().at(-1)?.startsWith("watch /api/v1/namespaces/shop") === true,
    )
    expect(narrowed.requests).toEqual(["list /api/v1/namespaces/shop/configmaps", "watch /api/v1/namespaces/shop/configmaps"])
    expect(narrowed.told).toEqual(["DELETED ConfigMap lab-map"])

    const closed = await during(
      consumer,
      specOf(entry("configmaps", { namespaces: ["shop"] }), entry("services")),
      async () => findLane(await run.status(), "secrets") === undefined,
    )
    expect(closed).toEqual({ requests: [], told: [] })

    const broken = await during(
      consumer,
      specOf(entry("configmaps", { selector: "a=b,,c" }), entry("services")),
      async () => (await conditionOf())?.["status"] === "False",
    )
    expect(broken.requests).toEqual([`patch ${path}/status?fieldManager=meshsync&force=true`])
    expect(broken.told).toEqual([])
    expect(await conditionOf()).toMatchObject({
      reason: "WatchListUnusable",
      message: expect.stringMatching(/entry 1 \(configmaps\): in its selector: a comma/) as string,
    })
    expect(run.stdout() + run.stderr()).toMatch(/the whitelist's entry for configmaps does not count until it is mended/)
    expect(findLane(await run.status(), "services")).toMatchObject({ lists: 1 })

    const mended = await during(
      consumer,
      specOf(entry("configmaps", { namespaces: ["shop"] }), entry("services")),
      async () => (await conditionOf())?.["status"] === "True",
    )
    expect(mended.requests).toEqual([`patch ${path}/status?fieldManager=meshsync&force=true`])
    expect(findLane(await run.status(), "services")).toMatchObject({ lists: 1 })

    const ofShop = entry("configmaps", { namespaces: ["shop"] })
    const isWatched = (): boolean => asked().at(-1) === "watch /api/v1/services"
    const fewer = await during(consumer, specOf(ofShop, entry("services", { Events: ["MODIFIED"] })), isWatched)
    expect(fewer).toEqual({ requests: ["watch /api/v1/services"], told: [] })
    const isListed = (): boolean => asked().at(-2) === "list /api/v1/services" && isWatched()
    const more = await during(consumer, specOf(ofShop, entry("services")), isListed)
    expect(more).toEqual({ requests: ["list /api/v1/services", "watch /api/v1/services"], told: ["ADDED Service kubernetes"] })
    run.signal("SIGTERM")
    expect((await run.exit).status).toBe(0)
    await connection.close()
  })
})
