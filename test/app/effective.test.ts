/** What `config view` shows: every value with its origin, no credential, and the kinds that a run would watch. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { makeClusterApi } from "../../src/adapters/memory/clusterApi.ts"
import { makeCluster } from "../../src/adapters/memory/model.ts"
import { createObject } from "../../src/adapters/memory/write.ts"
import { describeEffective, renderEffective } from "../../src/app/effective.ts"
import { commandHelp } from "../../src/app/help.ts"
import { selectLive } from "../../src/app/selected.ts"
import { gatherValues, settings, type Setting, type SettingKey } from "../../src/app/settings.ts"
import { meshError } from "../../src/domain/error.ts"
import { ClusterApi } from "../../src/ports/ClusterApi.ts"

const valuesOf = (flags: Partial<Record<SettingKey, string>>, env: Readonly<Record<string, string>> = {}) =>
  gatherValues(new Map(Object.entries(flags) as Array<[SettingKey, string]>), env)

/** A cluster whose custom resource holds this, or has none. */
const clusterWith = (spec: object | undefined) => {
  const cluster = makeCluster(1)
  const put = (key: string, object: object) => Result.getOrThrow(createObject(cluster, key, { metadata: {}, ...object }, 0))
  put("namespaces", { metadata: { name: "meshery" } })
  if (spec === undefined) return cluster
  put("customresourcedefinitions.apiextensions.k8s.io", {
    metadata: { name: "meshsyncs.meshery.io" },
    spec: {
      group: "meshery.io",
      scope: "Namespaced",
      names: { plural: "meshsyncs", singular: "meshsync", kind: "MeshSync" },
      versions: [{ name: "v1alpha1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  })
  put("meshsyncs.meshery.io", { metadata: { namespace: "meshery", name: "meshery-meshsync" }, spec })
  return cluster
}

const view = (spec: object | undefined, values = valuesOf({})) =>
  Effect.map(
    Effect.result(
      selectLive({ values, words: [], everywhere: undefined }).pipe(Effect.provideService(ClusterApi, makeClusterApi(clusterWith(spec)))),
    ),
    (selected) => describeEffective(values, selected),
  )

const entries = [
  { Resource: "pods", Events: ["ADDED"], namespaces: ["shop"], selector: "app=web", depth: "metadata" },
  { Resource: "nodes", Events: [] },
]
const spec = { "watch-list": { data: { whitelist: JSON.stringify(entries) } }, "reconcile-interval": "1h" }

describe("the configuration in force", () => {
  it.effect("tells of each kind how it is selected, and by whom", () =>
    Effect.gen(function* () {
      const { customResource, kinds } = yield* view(spec)
      assert.deepStrictEqual(customResource, { place: "meshery/meshery-meshsync", state: "in force", detail: "" })
      assert.deepStrictEqual(kinds.slice(0, 2), [
        {
          resource: "pods.v1.",
          kind: "Pod",
          events: ["ADDED"],
          namespaces: ["shop"],
          selector: "app=web",
          depth: "metadata",
          from: "custom resource",
        },
        { resource: "nodes.v1.", kind: "Node", events: [], namespaces: [], selector: "", depth: "full", from: "custom resource" },
      ])
      const builtIn = yield* view(undefined)
      assert.strictEqual(builtIn.customResource.state, "absent")
      assert.strictEqual(builtIn.kinds.length, 21)
      assert.isTrue(builtIn.kinds.every(({ from }) => from === "default"))
      const named = yield* view(spec, valuesOf({}, { MESHSYNC_RESOURCES: "nodes" }))
      assert.deepStrictEqual(
        named.kinds.map(({ from, resource }) => [resource, from]),
        [["nodes.v1.", "environment"]],
      )
      const broken = yield* view({ "watch-list": { data: { whitelist: "[{" } } })
      assert.deepInclude(broken.customResource, { state: "unusable" })
      assert.match(broken.customResource.detail, /whitelist/)
    }),
  )

  it.effect("tells of each setting where its value came from, and no credential", () =>
    Effect.gen(function* () {
      const env = { BROKER_URL: "nats://lovelace:s3cret@one:4222,tls://t0ken@two", NATS_TOKEN: "t0ken", MESHSYNC_PACE: "off" }
      const document = yield* view(spec, valuesOf({ namespaces: "shop" }, { ...env, NATS_PASSWORD: "s3cret" }))
      const shown = new Map(document.settings.map(({ from, name, value }) => [name, `${value} ${from}`]))
      assert.strictEqual(shown.get("--broker-url"), "nats://****@one:4222,tls://****@two environment")
      assert.strictEqual(shown.get("NATS_TOKEN"), "**** environment")
      assert.strictEqual(shown.get("--outputNamespaces"), "shop flag")
      assert.strictEqual(shown.get("--pace"), "off environment")
      assert.strictEqual(shown.get("--output"), "broker default")
      assert.strictEqual(shown.get("--reconcile-interval"), "1h custom resource")
      const onStdout = yield* view(undefined, valuesOf({ output: "stdout" }))
      assert.deepInclude(onStdout.settings, { name: "--redact-secrets", value: "true", from: "default" })
      const open = yield* view(undefined, valuesOf({ output: "stdout", showSecrets: "true" }))
      assert.deepInclude(open.settings, { name: "--redact-secrets", value: "false", from: "default" })
      for (const text of [JSON.stringify(document), renderEffective(document)]) assert.notMatch(text, /s3cret|t0ken|lovelace/)
    }),
  )

  it("has a row for every setting of the table, in its order, with the value that a flag gives it", () => {
    const keys = Object.keys(settings) as ReadonlyArray<SettingKey>
    const flags = Object.fromEntries(keys.map((key) => [key, `value of ${key}`]))
    const { settings: shown } = describeEffective(valuesOf(flags), Result.fail(meshError("ErrDiscovery", "no answer")))
    const isSecret = (key: SettingKey): boolean => key === "natsPassword" || key === "natsToken"
    assert.deepStrictEqual(
      shown,
      keys.map((key) => ({
        name: settings[key].flag === "" ? (settings[key].env as string) : `--${settings[key].flag}`,
        value: isSecret(key) ? "****" : `value of ${key}`,
        from: "flag" as const,
      })),
    )
  })

  it("takes the flags of a run, all of which the help names", () => {
    const help = commandHelp("meshsync", "config")
    const flags = Object.values(settings).flatMap(({ aliases, flag }: Setting) => (flag === "" ? [] : [flag, ...aliases]))
    assert.deepStrictEqual(
      flags.filter((flag) => !help.includes(`--${flag}`)),
      [],
    )
  })

  it("is shown as far as it is known where the cluster says nothing", () => {
    const document = describeEffective(valuesOf({}), Result.fail(meshError("ErrDiscovery", "no answer")))
    const text = renderEffective(document)
    assert.include(text, "custom resource meshery/meshery-meshsync: unknown: no answer")
    assert.notInclude(text, "KIND")
  })
})
