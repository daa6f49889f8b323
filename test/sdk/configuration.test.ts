import { assert, describe, it } from "vitest"
import { requestSubject, run, watchCluster } from "../../src/sdk.ts"
import { makeBroker, makeFakeCluster } from "../../src/testing.ts"

const resource = { apiVersion: "meshery.io/v1alpha1", kind: "MeshSync", metadata: { namespace: "platform", name: "sync" } }

const watchListOf = (...kinds: ReadonlyArray<string>) => ({
  spec: {
    "watch-list": {
      data: { whitelist: JSON.stringify(kinds.map((Resource) => ({ Resource, Events: ["ADDED", "MODIFIED", "DELETED"] }))) },
    },
  },
})

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "meshsyncs.meshery.io" },
  spec: {
    group: "meshery.io",
    scope: "Namespaced",
    names: { plural: "meshsyncs", singular: "meshsync", kind: "MeshSync", listKind: "MeshSyncList" },
    versions: [{ name: "v1alpha1", served: true, storage: true }],
  },
}

/** A cluster with a ConfigMap and a Secret, and a MeshSync custom resource in a place of its own that selects ConfigMaps. */
const makeConfigured = () => {
  const cluster = makeFakeCluster()
  cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "platform" } })
  cluster.create(definition)
  cluster.create({ ...resource, ...watchListOf("configmaps.v1.") })
  cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "platform", name: "a" } })
  cluster.create({ apiVersion: "v1", kind: "Secret", metadata: { namespace: "platform", name: "b" } })
  return cluster
}

describe("the library's configuration", () => {
  it.each([
    [true, ["Added a", "Added b", "Deleted a"]],
    [false, ["Added a", "Added b"]],
  ])("follows the custom resource that it is told; deleteOnClose %s", async (deleteOnClose, expected) => {
    const cluster = makeConfigured()
    const seen: Array<string> = []
    const customResource = resource.metadata
    for await (const { event, name, resource: type } of watchCluster({ cluster, customResource, deleteOnClose })) {
      if (!["configmaps", "secrets"].includes(type.plural)) continue
      seen.push(`${event} ${name}`)
      if (seen.length === 1) {
        const address = { apiVersion: resource.apiVersion, kind: resource.kind, ...customResource }
        cluster.patch(address, watchListOf("secrets.v1."))
      }
      if (seen.length === expected.length) break
    }
    assert.deepStrictEqual(seen.toSorted(), expected)
  })

  it("opens nothing in pods unless it is told to", async () => {
    const cluster = makeFakeCluster()
    cluster.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: "default", name: "web" },
      spec: { containers: [{ name: "nginx" }] },
    })
    const broker = makeBroker()
    const controller = new AbortController()
    const settled = Promise.withResolvers<void>()
    const terminal = broker.subscribe("exec.default.web.nginx.t1", "mine")
    const running = run({ cluster, output: "broker", broker, signal: controller.signal, onSettled: settled.resolve })
    await Promise.race([settled.promise, running])
    const wish = { id: "t1", name: "web", namespace: "default", container: "nginx" }
    await broker.publish(
      requestSubject,
      new TextEncoder().encode(JSON.stringify({ Request: { Entity: "exec-request", Payload: { wish } } })),
    )
    for await (const payload of terminal) {
      assert.deepInclude(JSON.parse(new TextDecoder().decode(payload)), {
        ObjectType: "error",
        Object: "forbidden by MESHSYNC_INTERACTIVE=off",
      })
      break
    }
    controller.abort()
    await running
  })
})
