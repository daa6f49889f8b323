import { describe, expect, it } from "vitest"
import { accessesOf, accessReview, clusterIdAccess, reportAccess, roleManifests, rolesOf } from "../../../src/domain/select/permissions.ts"
import { allEvents, type LaneSpec, select, type SelectionInput } from "../../../src/domain/select/selection.ts"
import { makeType, recordedAggregated } from "./recorded.ts"

const laneOf = (key: string, spec: Partial<LaneSpec> & { readonly clusterScoped?: boolean } = {}): LaneSpec => ({
  type: makeType(key, { namespaced: spec.clusterScoped !== true }),
  events: allEvents,
  namespace: undefined,
  namespaces: undefined,
  selector: "",
  hidden: false,
  ...spec,
})

const everything = { clusterId: true, customResource: true }
const nothing = { clusterId: false, customResource: false }

describe("the least roles", () => {
  it("grant list and watch of exactly the kinds of the lanes, and what is read by name", () => {
    const lanes = [laneOf("services"), laneOf("deployments.apps"), laneOf("pods"), laneOf("nodes", { clusterScoped: true })]
    expect(rolesOf(accessesOf(lanes, everything))).toEqual([
      {
        namespace: undefined,
        rules: [
          { apiGroups: [""], resources: ["nodes", "pods", "services"], verbs: ["list", "watch"] },
          { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch"] },
          { apiGroups: [""], resources: ["namespaces"], resourceNames: ["kube-system"], verbs: ["get"] },
          { apiGroups: ["meshery.io"], resources: ["meshsyncs"], resourceNames: ["meshery-meshsync"], verbs: ["get", "list", "watch"] },
        ],
      },
    ])
  })

  it("let the custom resource be told about itself, by its name, where a run does so", () => {
    const place = { namespace: "lab", name: "mine" }
    const [role] = rolesOf(
      accessesOf([laneOf("nodes", { clusterScoped: true })], { ...nothing, customResource: true, place, reports: true }),
    )
    expect(role?.rules.slice(1)).toEqual([
      { apiGroups: ["meshery.io"], resources: ["meshsyncs"], resourceNames: ["mine"], verbs: ["get", "list", "watch"] },
      { apiGroups: ["meshery.io"], resources: ["meshsyncs/status"], resourceNames: ["mine"], verbs: ["patch"] },
    ])
    expect(accessReview(reportAccess(place)).document).toMatchObject({
      spec: { resourceAttributes: { verb: "patch", resource: "meshsyncs", subresource: "status", namespace: "lab", name: "mine" } },
    })
  })

  it("leave out what no feature asks for", () => {
    const roles = rolesOf(accessesOf([laneOf("pods")], nothing))
    expect(roles).toEqual([{ namespace: undefined, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }] }])
  })

  it("let logs be read and terminals be opened where the lanes are, as far as the policy goes", () => {
    const rulesWith = (sessions: "on" | "logs" | "off") =>
      rolesOf(accessesOf([laneOf("pods", { namespace: "shop" })], { ...nothing, sessions }))
    const pods = { apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }
    const logs = { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] }
    const terminals = { apiGroups: [""], resources: ["pods/exec"], verbs: ["create", "get"] }
    expect(rulesWith("off")).toEqual([{ namespace: "shop", rules: [pods] }])
    expect(rulesWith("logs")).toEqual([{ namespace: "shop", rules: [pods, logs] }])
    expect(rulesWith("on")).toEqual([{ namespace: "shop", rules: [pods, logs, terminals] }])
  })

  it("stay within the namespaces that are read, where nothing is read beyond them", () => {
    const lanes = [laneOf("pods", { namespace: "shop" }), laneOf("deployments.apps", { namespace: "shop" })]
    const roles = rolesOf(accessesOf(lanes, { clusterId: true, customResource: false }))
    expect(roles.map(({ namespace, rules }) => [namespace, rules.flatMap(({ resources }) => resources)])).toEqual([
      ["shop", ["pods", "deployments"]],
      ["kube-system", ["namespaces"]],
    ])
  })

  it("grant the whole cluster only to the kinds that are read there", () => {
    const lanes = [
      laneOf("pods", { namespace: "shop" }),
      laneOf("customresourcedefinitions.apiextensions.k8s.io", { clusterScoped: true, hidden: true }),
    ]
    const roles = rolesOf(accessesOf(lanes, nothing))
    expect(roles.map(({ namespace, rules }) => [namespace, rules.flatMap(({ resources }) => resources)])).toEqual([
      [undefined, ["customresourcedefinitions"]],
      ["shop", ["pods"]],
    ])
  })

  it("read several namespaces through the whole cluster, because that is how they are watched", () => {
    const roles = rolesOf(accessesOf([laneOf("pods", { namespaces: new Set(["a", "b"]) })], nothing))
    expect(roles.map(({ namespace }) => namespace)).toEqual([undefined])
  })

  it("name every resource of a real cluster's selection once, and never a wildcard", () => {
    const input: SelectionInput = {
      watchList: "absent",
      outputNamespaces: [],
      outputResources: ["*"],
      selector: "",
      customTypes: new Set(),
    }
    const { lanes } = select(recordedAggregated(), input)
    const [role, ...others] = rolesOf(accessesOf(lanes, nothing))
    const named = role?.rules.flatMap(({ apiGroups: [group = ""], resources }) => resources.map((plural) => `${plural}.${group}`)) ?? []
    expect(others).toEqual([])
    expect(named.toSorted()).toEqual(lanes.map(({ type }) => `${type.plural}.${type.group}`).toSorted())
    expect(named.length).toBeGreaterThan(40)
    expect(named.filter((name) => name.includes("*"))).toEqual([])
  })
})

describe("the manifests", () => {
  const roles = rolesOf(accessesOf([laneOf("pods", { namespace: "shop" })], nothing))

  it("bind each role to a service account", () => {
    expect(roleManifests(roles, "meshsync", { _tag: "ServiceAccount", namespace: "meshery", name: "sync" })).toEqual([
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "meshsync", namespace: "shop" },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }],
      },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "RoleBinding",
        metadata: { name: "meshsync", namespace: "shop" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "meshsync" },
        subjects: [{ kind: "ServiceAccount", name: "sync", namespace: "meshery" }],
      },
    ])
  })

  it("bind to a user, and across the cluster", () => {
    const wide = rolesOf(accessesOf([laneOf("nodes", { clusterScoped: true })], nothing))
    const [role, binding] = roleManifests(wide, "meshsync", { _tag: "User", name: "jane" })
    expect(role).toMatchObject({ kind: "ClusterRole", metadata: { name: "meshsync" } })
    expect(binding).toMatchObject({
      kind: "ClusterRoleBinding",
      roleRef: { kind: "ClusterRole" },
      subjects: [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }],
    })
  })
})

describe("the question for one access", () => {
  it("says everything that the API server decides by", () => {
    expect(accessReview(clusterIdAccess)).toEqual({
      path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      document: {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: {
          resourceAttributes: {
            verb: "get",
            group: "",
            version: "*",
            resource: "namespaces",
            namespace: "kube-system",
            name: "kube-system",
          },
        },
      },
    })
  })

  it("asks for the whole cluster by leaving the namespace out", () => {
    const [list] = accessesOf([laneOf("pods")], nothing)
    expect(list === undefined ? undefined : JSON.stringify(accessReview(list).document)).not.toContain("namespace")
  })
})
