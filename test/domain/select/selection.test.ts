import { describe, expect, it } from "vitest"
import type { Discovery } from "../../../src/domain/select/discovery.ts"
import { typeKey } from "../../../src/domain/select/resource.ts"
import { definitionsKey, type LaneSpec, select, type SelectionInput } from "../../../src/domain/select/selection.ts"
import { makeDiscovery, makeType, recordedAggregated, recordedCustomTypes } from "./recorded.ts"

const recorded = recordedAggregated()

const choose = (input: Partial<SelectionInput>, discovery: Discovery = recorded) =>
  select(discovery, {
    watchList: "absent",
    outputNamespaces: [],
    outputResources: [],
    selector: "",
    customTypes: recordedCustomTypes(discovery),
    ...input,
  })

const keysOf = (lanes: ReadonlyArray<LaneSpec>): ReadonlyArray<string> =>
  lanes.filter((lane) => !lane.hidden).map((lane) => typeKey(lane.type))
const keys = (input: Partial<SelectionInput>, discovery?: Discovery) => keysOf(choose(input, discovery).lanes)
const told = (input: Partial<SelectionInput>, discovery?: Discovery) =>
  choose(input, discovery)
    .notices.filter(({ level }) => level !== "debug")
    .map(({ error, level, subject }) => `${level} ${error} ${subject}`)
const hidden = (input: Partial<SelectionInput>, discovery?: Discovery) =>
  choose(input, discovery)
    .lanes.filter((lane) => lane.hidden)
    .map((lane) => typeKey(lane.type))

const defaults = [
  "namespaces",
  "configmaps",
  "nodes",
  "secrets",
  "persistentvolumes",
  "persistentvolumeclaims",
  "replicasets.apps",
  "pods",
  "services",
  "deployments.apps",
  "statefulsets.apps",
  "daemonsets.apps",
  "ingresses.networking.k8s.io",
  "endpoints",
  "endpointslices.discovery.k8s.io",
  "cronjobs.batch",
  "replicationcontrollers",
  "storageclasses.storage.k8s.io",
  "clusterroles.rbac.authorization.k8s.io",
  "volumeattachments.storage.k8s.io",
  "apiservices.apiregistration.k8s.io",
]
const custom = [...recordedCustomTypes(recorded)]
const whitelist = (...entries: ReadonlyArray<readonly [string, ReadonlyArray<string>]>) => ({
  whitelist: entries.map(([resource, events]) => ({ resource, events })),
})

describe("without a custom resource", () => {
  it("the 21 built-in kinds are watched, whole and with all events", () => {
    const { lanes, notices } = choose({})
    expect(keysOf(lanes)).toEqual(defaults)
    for (const lane of lanes) {
      expect([...lane.events]).toEqual(["ADDED", "MODIFIED", "DELETED"])
      expect(lane).toMatchObject({ namespace: undefined, namespaces: undefined, selector: "", hidden: false })
    }
    expect(notices).toEqual([])
  })

  it("a kind that this cluster does not serve is left out quietly", () => {
    const discovery = makeDiscovery(recorded.types.filter((type) => type.plural !== "apiservices"))
    expect(keys({}, discovery)).toEqual(defaults.slice(0, -1))
    expect(choose({}, discovery).notices.map(({ level, subject }) => [level, subject])).toEqual([
      ["debug", "apiservices.v1.apiregistration.k8s.io"],
    ])
  })

  it("outputResources select from everything served", () => {
    expect(keys({ outputResources: ["Pod", " services ", "ev", "lease", "widgets"] })).toEqual([
      "pods",
      "services",
      "events",
      "leases.coordination.k8s.io",
      "widgets.odd.example.com",
    ])
  })

  it("a star selects everything but events and leases, unless they are named", () => {
    const everything = recorded.types.filter((type) => type.watchable).map(typeKey)
    const quiet = everything.filter((key) => !/^(events|leases)/.test(key))
    expect(keys({ outputResources: ["*"] })).toEqual(quiet)
    expect(keys({ everything: true })).toEqual(quiet)
    expect(keys({ outputResources: ["*", "events"] }).toSorted()).toEqual([...quiet, "events"].toSorted())
    expect(keys({ outputResources: ["*.coordination.k8s.io"] })).toEqual(["leases.coordination.k8s.io"])
  })

  it("the selector goes to every lane", () => {
    expect(choose({ selector: "app=x", outputResources: ["pods", "nodes"] }).lanes.map((lane) => lane.selector)).toEqual(["app=x", "app=x"])
  })

  it("definitions are watched only where types may appear later", () => {
    expect(hidden({})).toEqual([])
    expect(hidden({ outputResources: ["pods"] })).toEqual([])
    expect(hidden({ outputResources: ["gizmos.odd.example.com"] })).toEqual([definitionsKey])
    expect(hidden({ outputResources: ["*.odd.example.com"] })).toEqual([definitionsKey])
    expect(hidden({ everything: true })).toEqual([])
    expect(hidden({ everything: true, outputNamespaces: ["shop"] })).toEqual([definitionsKey])
  })
})

describe("with a whitelist", () => {
  it("the named kinds are watched with their events, and all custom resources", () => {
    const { lanes } = choose({
      watchList: whitelist(["pods.v1.", ["ADDED", "DELETED"]], ["services.v1.", []], ["job.v1.batch", ["MODIFIED"]]),
    })
    expect(keysOf(lanes)).toEqual(["pods", "services", "jobs.batch", ...custom])
    expect(lanes.slice(0, 4).map((lane) => [...lane.events])).toEqual([
      ["ADDED", "DELETED"],
      [],
      ["MODIFIED"],
      ["ADDED", "MODIFIED", "DELETED"],
    ])
  })

  it("a custom resource that cannot be watched is left alone", () => {
    const discovery = makeDiscovery([makeType("pods"), makeType("widgets.x.io", { watchable: false }), makeType("gadgets.x.io")])
    const customTypes = new Set(["widgets.x.io", "gadgets.x.io", "unserved.x.io"])
    expect(keys({ watchList: whitelist(["pods.v1.", ["ADDED"]]), customTypes }, discovery)).toEqual(["pods", "gadgets.x.io"])
  })

  it("the first of two entries of one kind counts, whatever they are called", () => {
    const { lanes } = choose({ watchList: whitelist(["node.v1.", ["ADDED"]], ["nodes.v1.", ["DELETED"]]), customTypes: new Set() })
    expect(keysOf(lanes)).toEqual(["nodes"])
    expect([...(lanes[0]?.events ?? [])]).toEqual(["ADDED"])
  })

  it("a named custom resource keeps its events", () => {
    const { lanes } = choose({ watchList: whitelist(["widgets.v1.odd.example.com", ["ADDED"]]) })
    const widgets = lanes.filter((lane) => lane.type.plural === "widgets")
    expect(widgets.map((lane) => [...lane.events])).toEqual([["ADDED"]])
  })

  it("events and leases are watched when named", () => {
    const watchList = whitelist(["event.v1.events.k8s.io", ["ADDED"]], ["lease.v1.coordination.k8s.io", ["ADDED"]])
    expect(keys({ watchList, customTypes: new Set() })).toEqual(["events.events.k8s.io", "leases.coordination.k8s.io"])
  })

  it("unknown names and events are told, one warning each, and nothing else suffers", () => {
    const watchList = whitelist(
      ["pods.v1.", ["DELETE", "ADDED"]],
      ["secert.v1.", ["ADDED"]],
      ["service.apis", ["ADDED"]],
      ["componentstatus.v1.", []],
    )
    const { lanes, notices } = choose({ watchList, customTypes: new Set() })
    expect(keysOf(lanes)).toEqual(["pods"])
    expect([...(lanes[0]?.events ?? [])]).toEqual(["ADDED"])
    expect(notices.map(({ detail, error, level }) => [level, error, detail])).toEqual([
      ["warning", "ErrUnknownEvent", "the whitelist gives pods.v1. the event DELETE"],
      ["warning", "ErrUnknownResource", "this cluster serves no secert.v1.; the nearest name is secrets"],
      ["warning", "ErrUnknownResource", "this cluster serves no service.apis: its API is not installed or was removed"],
      ["warning", "ErrNewInformer", "componentstatuses does not offer list and watch"],
    ])
  })

  it("a name of a group that does not answer is no misspelling", () => {
    const discovery = makeDiscovery(
      recorded.types.filter((type) => type.group !== "odd.example.com"),
      ["odd.example.com"],
    )
    const { notices } = choose({ watchList: whitelist(["widgets.v1.odd.example.com", ["ADDED"]]) }, discovery)
    expect(notices.map(({ detail }) => detail)).toEqual([
      "this cluster serves no widgets.v1.odd.example.com at present: odd.example.com does not answer",
    ])
  })

  it("outputResources keep and add, and the whitelist's events stay", () => {
    const watchList = whitelist(["pods.v1.", ["ADDED"]], ["services.v1.", ["ADDED"]])
    const { lanes } = choose({ watchList, outputResources: ["pod", "event", "widget"] })
    expect(keysOf(lanes)).toEqual(["pods", "events", "widgets.odd.example.com"])
    expect(lanes.slice(0, 2).map((lane) => lane.events.size)).toEqual([1, 3])
  })

  it("outputResources keep custom resources by their plural in whatever group", () => {
    const discovery = makeDiscovery([makeType("services"), makeType("services.serving.knative.dev"), makeType("services.other.io")])
    const watchList = whitelist(["services.v1.", ["ADDED"]])
    const customTypes = new Set(["services.serving.knative.dev"])
    expect(keys({ watchList, customTypes, outputResources: ["Service"] }, discovery)).toEqual(["services", "services.serving.knative.dev"])
    expect(keys({ outputResources: ["Service"], customTypes }, discovery)).toEqual(["services"])
  })

  it("definitions are watched, hidden, whole and in all namespaces, unless selected", () => {
    const watchList = whitelist(["pods.v1.", ["ADDED"]])
    const lane = choose({ watchList, outputNamespaces: ["shop"], selector: "app=x" }).lanes.find((candidate) => candidate.hidden)
    expect(lane).toMatchObject({ namespace: undefined, namespaces: undefined, selector: "", type: { plural: "customresourcedefinitions" } })
    expect(lane?.events.size).toBe(0)
    const selected = { watchList: whitelist(["crd", ["ADDED"]]) }
    expect(hidden(selected)).toEqual([])
    expect(keys({ ...selected, customTypes: new Set() })).toEqual([definitionsKey])
    expect(hidden({ ...selected, selector: "app=x" })).toEqual([definitionsKey])
    expect(told({ ...selected, selector: "app=x" })).toEqual([`warning ErrLeftOut ${definitionsKey}`])
  })
})

describe("with a blacklist, or a custom resource that cannot be used", () => {
  const whole = keys({ watchList: "broken", customTypes: new Set() })

  it("the table is watched as far as it is served, without events and leases", () => {
    // 71 names: 7 mean nothing, 8 cannot be watched, events and leases stay out, and nodes stands there twice.
    expect(whole).toHaveLength(71 - 7 - 8 - 2 - 1)
    expect(new Set(whole).size).toBe(whole.length)
    expect(defaults.filter((key) => !whole.includes(key))).toEqual([])
    expect(whole).toContain("jobs.batch")
    expect(whole.filter((key) => /^(events|leases)/.test(key))).toEqual([])
    expect(told({ watchList: "broken" })).toEqual([])
  })

  it("custom resources come on top", () => {
    expect(keys({ watchList: "broken" })).toEqual([...whole, ...custom])
  })

  it("what the blacklist names is not watched, under whatever name, custom resources included", () => {
    const blacklist = ["node.v1.", "secrets", "Job.batch", "*.odd.example.com", "customresourcedefinition.v1.apiextensions.k8s.io"]
    const gone = ["nodes", "secrets", "jobs.batch", definitionsKey, "galaxies.odd.example.com", "widgets.odd.example.com"]
    const { lanes, notices } = choose({ watchList: { blacklist } })
    expect(keysOf(lanes)).toEqual([...whole, ...custom].filter((key) => !gone.includes(key)))
    expect(notices.filter(({ level }) => level !== "debug")).toEqual([])
    expect(hidden({ watchList: { blacklist } })).toEqual([definitionsKey])
  })

  it("a misspelt name is told; an old or unwatchable one is no mistake", () => {
    const blacklist = ["secert.v1.", "service.apis", "podschedulingcontext.v1alpha2.resource.k8s.io", "binding.v1."]
    expect(told({ watchList: { blacklist } })).toEqual(["warning ErrUnknownResource secert.v1."])
  })

  it("deny wins over outputResources, and says so", () => {
    const input = { watchList: { blacklist: ["secrets.v1."] }, outputResources: ["secrets", "pods", "events"] }
    // The recorded cluster has a custom resource of the same plural, which the blacklist does not name.
    expect(keys(input)).toEqual(["secrets.vault.example.dev", "pods", "events"])
    expect(told(input)).toEqual(["warning ErrLeftOut secrets"])
    expect(keys({ ...input, outputResources: ["*"] })).not.toContain("secrets")
    expect(told({ ...input, outputResources: ["*"] })).toEqual([])
  })
})

describe("outputNamespaces", () => {
  const input = { outputResources: ["pods", "nodes", "services"] }

  it("one: namespaced kinds are read in it, cluster-scoped ones not at all", () => {
    const { lanes } = choose({ ...input, outputNamespaces: ["shop"] })
    expect(lanes.map((lane) => [typeKey(lane.type), lane.namespace, lane.namespaces])).toEqual([
      ["pods", "shop", undefined],
      ["services", "shop", undefined],
    ])
    expect(told({ ...input, outputNamespaces: ["shop"] })).toEqual(["warning ErrLeftOut nodes"])
    expect(told({ outputNamespaces: ["shop"] })).toEqual([])
  })

  it("several: all are read, and these published", () => {
    const { lanes } = choose({ ...input, outputNamespaces: ["shop", " bank", "shop"] })
    expect(lanes.map((lane) => [typeKey(lane.type), lane.namespace, [...(lane.namespaces ?? [])]])).toEqual([
      ["pods", undefined, ["shop", "bank"]],
      ["services", undefined, ["shop", "bank"]],
    ])
  })

  it("an empty element admits cluster-scoped objects", () => {
    const { lanes } = choose({ ...input, outputNamespaces: ["", "shop"] })
    expect(lanes.map((lane) => [typeKey(lane.type), lane.namespace])).toEqual([
      ["pods", "shop"],
      ["nodes", undefined],
      ["services", "shop"],
    ])
    expect(keys({ ...input, outputNamespaces: [""] })).toEqual(["nodes"])
    expect(keys({ ...input, outputNamespaces: ["shop", " "] })).toEqual(["pods", "services"])
  })
})

describe("nothing selected", () => {
  it.each<[string, Partial<SelectionInput>]>([
    ["by unknown names", { outputResources: ["gizmos"] }],
    ["by blank names", { outputResources: ["", " "] }],
    ["by a blacklist of everything", { watchList: { blacklist: ["*", "*.events.k8s.io", "events", "leases"] } }],
    ["by namespaces", { outputResources: ["nodes"], outputNamespaces: ["shop"] }],
    ["by a whitelist of nothing served", { watchList: whitelist(["volume.v1.", ["ADDED"]]), customTypes: new Set() }],
  ])("is an error: %s", (_, input) => {
    expect(keys(input)).toEqual([])
    expect(told(input)).toContain("error ErrNewPipeline selection")
  })
})

describe("an entry with limits", () => {
  const events = ["ADDED", "MODIFIED", "DELETED"]
  const entry = (resource: string, more: object = {}) => ({ resource, events, ...more })
  const laneOf = (key: string, input: Partial<SelectionInput>) =>
    choose(input).lanes.find(({ hidden, type }) => !hidden && typeKey(type) === key)

  it("reads those namespaces, labels and that depth alone", () => {
    const watchList = {
      whitelist: [
        entry("pods", { namespaces: ["shop"], selector: "app=web", depth: "metadata" }),
        entry("secrets", { namespaces: ["a", "b"] }),
      ],
    }
    expect(laneOf("pods", { watchList })).toMatchObject({
      namespace: "shop",
      namespaces: undefined,
      selector: "app=web",
      depth: "metadata",
    })
    expect(laneOf("secrets", { watchList })).toMatchObject({ namespace: undefined, namespaces: new Set(["a", "b"]), selector: "" })
    expect(laneOf("secrets", { watchList })).not.toHaveProperty("depth")
  })

  it("holds together with the filters of the output", () => {
    const watchList = { whitelist: [entry("pods", { namespaces: ["shop", "lab"], selector: "app=web" })] }
    const both = { watchList, outputNamespaces: ["lab", "other"], selector: "tier" }
    expect(laneOf("pods", both)).toMatchObject({ namespace: "lab", selector: "tier,app=web" })
    expect(laneOf("pods", { ...both, outputResources: ["pods"] })).toMatchObject({ namespace: "lab" })
    expect(keys({ ...both, outputNamespaces: ["other"] })).not.toContain("pods")
    expect(told({ ...both, outputNamespaces: ["other"] })).toContain("warning ErrLeftOut pods")
  })

  it("leaves out what belongs to no namespace, and says so where it was named", () => {
    const named = { watchList: { whitelist: [entry("nodes", { namespaces: ["shop"] }), entry("pods")] } }
    expect(keys(named)).not.toContain("nodes")
    expect(told(named)).toEqual(["warning ErrLeftOut nodes"])
    const wild = { watchList: { whitelist: [entry("*", { namespaces: ["shop"] })] } }
    expect(keys(wild)).toContain("pods")
    expect(keys(wild)).not.toContain("nodes")
    expect(told(wild)).toEqual([])
  })

  it("that names a type counts before a wildcard, wherever it stands", () => {
    const watchList = { whitelist: [entry("*", { depth: "metadata" }), { resource: "pods", events: ["ADDED"] }] }
    expect(laneOf("pods", { watchList })).toMatchObject({ events: new Set(["ADDED"]) })
    expect(laneOf("pods", { watchList })).not.toHaveProperty("depth")
    expect(laneOf("nodes", { watchList })).toMatchObject({ depth: "metadata" })
  })

  it("yields to the blacklist beside it", () => {
    const watchList = { whitelist: [entry("*"), entry("secrets")], blacklist: ["secrets", "*.apps"] }
    expect(keys({ watchList })).toContain("pods")
    expect(keys({ watchList })).not.toContain("secrets")
    expect(keys({ watchList })).not.toContain("deployments.apps")
    expect(told({ watchList })).toEqual([])
  })

  it("that does not count selects nothing, keeps its types from a wildcard, and is one warning", () => {
    const watchList = { whitelist: [entry("*"), entry("secrets", { fault: "in its selector: x" }), entry("nodes")] }
    const { lanes, notices, refused } = choose({ watchList })
    const selected = lanes.map(({ type }) => typeKey(type))
    expect(selected).toEqual(expect.arrayContaining(["pods", "nodes"]))
    expect(selected).not.toContain("secrets")
    expect([...refused.keys()]).toEqual(["secrets"])
    expect(notices).toEqual([
      {
        error: "ErrInitConfig",
        subject: "secrets",
        detail: "the whitelist's entry for secrets does not count until it is mended: in its selector: x",
        level: "warning",
      },
    ])
    expect(keys({ watchList, outputResources: ["secrets", "nodes"] })).not.toContain("secrets")
    expect([...choose({ watchList: { ...watchList, blacklist: ["secrets"] } }).refused.keys()]).toEqual([])
  })
})
