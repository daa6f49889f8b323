import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { aggregatedAccept, classicPlan, discoverAggregated, discoverClassic, type Discovery } from "../../../src/domain/select/discovery.ts"
import { typeKey, typeName } from "../../../src/domain/select/resource.ts"
import { recordedAggregated, recordedBody, recordedClassic } from "./recorded.ts"

const aggregated = (items: ReadonlyArray<unknown>, apiVersion = "apidiscovery.k8s.io/v2"): string =>
  JSON.stringify({ kind: "APIGroupDiscoveryList", apiVersion, metadata: {}, items })
const resource = (plural: string, verbs: ReadonlyArray<string> | null = ["list", "watch"]) => ({
  resource: plural,
  responseKind: { group: "", version: "", kind: "Thing" },
  scope: "Namespaced",
  singularResource: "thing",
  verbs,
})
const discover = (items: ReadonlyArray<unknown>) => Result.getOrThrow(discoverAggregated(aggregated([]), aggregated(items)))

describe("aggregated discovery", () => {
  it("reads a real server's answer", () => {
    const { staleGroups, types } = recordedAggregated()
    expect(staleGroups.size).toBe(0)
    expect(types.find((type) => typeKey(type) === "deployments.apps")).toEqual({
      group: "apps",
      version: "v1",
      plural: "deployments",
      kind: "Deployment",
      namespaced: true,
      singular: "deployment",
      shortNames: ["deploy"],
      categories: ["all"],
      watchable: true,
    })
    expect(types.find((type) => typeKey(type) === "nodes")?.namespaced).toBe(false)
    expect(types[0]?.group).toBe("")
  })

  it("names each type once and no sub-resources", () => {
    const keys = recordedAggregated().types.map(typeKey)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.filter((key) => key.includes("/"))).toEqual([])
    expect(keys).toEqual(expect.arrayContaining(["events", "events.events.k8s.io"]))
  })

  it("knows what cannot be watched", () => {
    const unwatchable = recordedAggregated()
      .types.filter((type) => !type.watchable)
      .map(typeKey)
    expect(unwatchable.toSorted()).toEqual([
      "bindings",
      "componentstatuses",
      "localsubjectaccessreviews.authorization.k8s.io",
      "selfsubjectaccessreviews.authorization.k8s.io",
      "selfsubjectreviews.authentication.k8s.io",
      "selfsubjectrulesreviews.authorization.k8s.io",
      "subjectaccessreviews.authorization.k8s.io",
      "tokenreviews.authentication.k8s.io",
    ])
  })

  it("takes the preferred version of a group, and a later one for what only that serves", () => {
    const types = recordedAggregated().types.map(typeName)
    expect(types).toContain("horizontalpodautoscalers.v2.autoscaling")
    expect(types).toContain("duos.v1.ver.example.com")
    const { types: mixed } = discover([
      {
        metadata: { name: "mixed.io" },
        versions: [
          { version: "v2", resources: [resource("news"), resource("gets", ["get"])], freshness: "Current" },
          { version: "v1", resources: [resource("news"), resource("olds"), resource("gets")], freshness: "Current" },
        ],
      },
    ])
    expect(mixed.map(typeName)).toEqual(["news.v2.mixed.io", "gets.v1.mixed.io", "olds.v1.mixed.io"])
    expect(mixed.every((type) => type.watchable)).toBe(true)
  })

  it("reads v2beta1, absent and null lists, and entries that are only parents of sub-resources", () => {
    const items = [
      {
        metadata: { name: "odd.io" },
        versions: [
          { version: "v1", resources: [resource("things"), resource("parents", null), { resource: "orphans", responseKind: null }] },
          { version: "v0", resources: null },
          { version: "v00" },
        ],
      },
      { metadata: { name: "empty.io" }, versions: null },
    ]
    const found = Result.getOrThrow(
      discoverAggregated(aggregated([], "apidiscovery.k8s.io/v2beta1"), aggregated(items, "apidiscovery.k8s.io/v2beta1")),
    )
    expect(found.types.map((type) => [typeKey(type), type.watchable])).toEqual([
      ["things.odd.io", true],
      ["parents.odd.io", false],
    ])
  })

  it("marks groups whose answer is old, and keeps what is known of them", () => {
    const found = discover([
      { metadata: { name: "down.io" }, versions: [{ version: "v1", resources: [resource("things")], freshness: "Stale" }] },
      { metadata: { name: "up.io" }, versions: [{ version: "v1", resources: [], freshness: "Current" }] },
    ])
    expect([...found.staleGroups]).toEqual(["down.io"])
    expect(found.types.map(typeKey)).toEqual(["things.down.io"])
  })

  it.each([
    ["a classic answer", recordedBody("/apis") ?? ""],
    ["a page of a proxy", "<html>504 Gateway Time-out</html>"],
    ["a cut body", aggregated([]).slice(0, 30)],
    ["nothing", ""],
    ["a Status", JSON.stringify({ kind: "Status", status: "Failure", code: 503 })],
  ])("refuses %s", (_, apis) => {
    const found = discoverAggregated(aggregated([]), apis)
    expect(Result.isFailure(found) && found.failure).toMatch(/^\/apis: no aggregated discovery/)
  })

  it("asks for both versions and lets old servers answer in the classic way", () => {
    expect(aggregatedAccept.split(",").map((part) => part.split(";").slice(0, 3).join(";"))).toEqual([
      "application/json;g=apidiscovery.k8s.io;v=v2",
      "application/json;g=apidiscovery.k8s.io;v=v2beta1",
      "application/json",
    ])
  })
})

describe("classic discovery", () => {
  it("gives the same types as the aggregated one", () => {
    // A server orders groups of equal priority as it likes.
    const sorted = ({ types }: Discovery) => types.toSorted((a, b) => (typeKey(a) < typeKey(b) ? -1 : 1))
    expect(sorted(recordedClassic())).toEqual(sorted(recordedAggregated()))
    expect(recordedClassic().staleGroups.size).toBe(0)
    expect(recordedClassic().types.length).toBeGreaterThan(70)
  })

  it("plans one document a group version, the preferred first", () => {
    const plan = Result.getOrThrow(classicPlan(recordedBody("/api") ?? "", recordedBody("/apis") ?? ""))
    expect(plan[0]).toEqual({ path: "/api/v1", group: "", version: "v1", preferred: true })
    const autoscaling = plan.filter((entry) => entry.group === "autoscaling")
    expect(autoscaling.map((entry) => [entry.path, entry.preferred])).toEqual([
      ["/apis/autoscaling/v2", true],
      ["/apis/autoscaling/v1", false],
    ])
    expect(plan.map((entry) => entry.path)).toContain("/apis/apiregistration.k8s.io/v1")
  })

  it("puts the preferred version first even where the group lists it last", () => {
    const groups = {
      kind: "APIGroupList",
      groups: [{ name: "g.io", versions: [{ version: "v1" }, { version: "v2" }], preferredVersion: { version: "v2" } }],
    }
    const plan = Result.getOrThrow(classicPlan(recordedBody("/api") ?? "", JSON.stringify(groups)))
    expect(plan.map((entry) => entry.path)).toEqual(["/api/v1", "/apis/g.io/v2", "/apis/g.io/v1"])
  })

  it("concludes nothing from an answer that is none", () => {
    expect(Result.isFailure(classicPlan("<html>", recordedBody("/apis") ?? ""))).toBe(true)
    expect(Result.isFailure(classicPlan(recordedBody("/api") ?? "", '{"kind":"Status"}'))).toBe(true)
  })

  it("marks the groups of failed and unreadable documents, and goes on with the others", () => {
    const plan = Result.getOrThrow(classicPlan(recordedBody("/api") ?? "", recordedBody("/apis") ?? ""))
    const broken = new Map<string, string | undefined>([
      ["apps", undefined],
      ["batch", "<html>"],
    ])
    const found = discoverClassic(
      plan.map((entry) => ({ ...entry, text: broken.has(entry.group) ? broken.get(entry.group) : recordedBody(entry.path) })),
    )
    expect([...found.staleGroups]).toEqual(["apps", "batch"])
    const whole = recordedClassic().types.filter((type) => !broken.has(type.group))
    expect(found.types).toEqual(whole)
  })
})
