import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { defaultNames, tableNames } from "../../../src/domain/select/builtin.ts"
import { measureDistance, pluralSpellings, resolveName } from "../../../src/domain/select/names.ts"
import { typeKey, typeName } from "../../../src/domain/select/resource.ts"
import { makeDiscovery, makeType, recordedAggregated } from "./recorded.ts"

const recorded = recordedAggregated()

/** What a name comes to, in one word. */
const resolve = (name: string, discovery = recorded): string => {
  const resolution = resolveName(name, discovery)
  switch (resolution._tag) {
    case "Found":
      return resolution.types.map(typeKey).join(" ")
    case "Unwatchable":
      return `unwatchable ${typeKey(resolution.type)}`
    case "Unknown":
      return `${resolution.old ? "old" : "unknown"} ${resolution.nearest ?? "-"}`
  }
}

const checkResolution = (name: string): void => {
  const resolution = resolveName(name, recorded)
  if (resolution._tag === "Found") expect(resolution.types.length).toBeGreaterThan(0)
  if (resolution._tag === "Unknown" && resolution.nearest !== undefined) {
    expect(resolveName(resolution.nearest, recorded)._tag).toBe("Found")
  }
}

const checkBound = (a: string, b: string, most: number): void => {
  const exact = measureDistance(a, b)
  const bounded = measureDistance(a, b, most)
  if (exact <= most) expect(bounded).toBe(exact)
  else expect(bounded).toBeGreaterThan(most)
}

/** Every name of the built-in table that is not the plural of what is meant, as the recorded server (v1.37) serves it. */
const oldNames: Readonly<Record<string, string>> = {
  "ingressclass.v1.networking.k8s.io": "ingressclasses.networking.k8s.io",
  "container.v1.core": "old",
  "job.v1.batch": "jobs.batch",
  "service.apis": "old",
  "csidriver.v1.storage.k8s.io": "csidrivers.storage.k8s.io",
  "csinode.v1.storage.k8s.io": "csinodes.storage.k8s.io",
  "csistoragecapacity.v1.storage.k8s.io": "csistoragecapacities.storage.k8s.io",
  "volume.v1.": "old",
  "volumeattributesclass.v1alpha1.storage.k8s.io": "volumeattributesclasses.storage.k8s.io",
  "clustertrustbundle.v1alpha1.certificates.k8s.io": "clustertrustbundles.certificates.k8s.io",
  "controllerrevision.v1.apps": "controllerrevisions.apps",
  "customresourcedefinition.v1.apiextensions.k8s.io": "customresourcedefinitions.apiextensions.k8s.io",
  "event.v1.events.k8s.io": "events.events.k8s.io",
  "limitrange.v1.": "limitranges",
  "horizontalpodautoscaler.v2.autoscaling": "horizontalpodautoscalers.autoscaling",
  "mutatingwebhookconfiguration.v1.admissionregistration.k8s.io": "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  "podschedulingcontext.v1alpha2.resource.k8s.io": "old",
  "podtemplate.v1.": "podtemplates",
  "poddisruptionbudget.v1.policy": "poddisruptionbudgets.policy",
  "priorityclass.v1.scheduling.k8s.io": "priorityclasses.scheduling.k8s.io",
  "resourceclaim.v1alpha2.resource.k8s.io": "resourceclaims.resource.k8s.io",
  "resourceclaimtemplate.v1alpha2.resource.k8s.io": "resourceclaimtemplates.resource.k8s.io",
  "resourceclass.v1alpha2.resource.k8s.io": "old",
  "validatingwebhookconfiguration.v1.admissionregistration.k8s.io": "validatingwebhookconfigurations.admissionregistration.k8s.io",
  "validatingadmissionpolicy.v1beta1.admissionregistration.k8s.io": "validatingadmissionpolicies.admissionregistration.k8s.io",
  "validatingadmissionpolicybinding.v1beta1.admissionregistration.k8s.io": "validatingadmissionpolicybindings.admissionregistration.k8s.io",
  "binding.v1.": "unwatchable bindings",
  "certificatesigningrequest.v1.certificates.k8s.io": "certificatesigningrequests.certificates.k8s.io",
  "clusterrolebinding.v1.rbac.authorization.k8s.io": "clusterrolebindings.rbac.authorization.k8s.io",
  "componentstatus.v1.": "unwatchable componentstatuses",
  "flowschema.v1.flowcontrol.apiserver.k8s.io": "flowschemas.flowcontrol.apiserver.k8s.io",
  "ipaddress.v1alpha1.networking.k8s.io": "ipaddresses.networking.k8s.io",
  "lease.v1.coordination.k8s.io": "leases.coordination.k8s.io",
  "localsubjectaccessreview.v1.authorization.k8s.io": "unwatchable localsubjectaccessreviews.authorization.k8s.io",
  "node.v1.": "nodes",
  "networkpolicy.v1.networking.k8s.io": "networkpolicies.networking.k8s.io",
  "prioritylevelconfiguration.v1.flowcontrol.apiserver.k8s.io": "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
  "resourcequota.v1.": "resourcequotas",
  "role.v1.rbac.authorization.k8s.io": "roles.rbac.authorization.k8s.io",
  "rolebinding.v1.rbac.authorization.k8s.io": "rolebindings.rbac.authorization.k8s.io",
  "runtimeclass.v1.node.k8s.io": "runtimeclasses.node.k8s.io",
  "selfsubjectaccessreview.v1.authorization.k8s.io": "unwatchable selfsubjectaccessreviews.authorization.k8s.io",
  "selfsubjectreview.v1.authentication.k8s.io": "unwatchable selfsubjectreviews.authentication.k8s.io",
  "selfsubjectrulesreview.v1.authorization.k8s.io": "unwatchable selfsubjectrulesreviews.authorization.k8s.io",
  "serviceaccount.v1.": "serviceaccounts",
  "servicecidr.v1alpha1.networking.k8s.io": "servicecidrs.networking.k8s.io",
  "storageversion.v1alpha1.internal.apiserver.k8s.io": "old",
  "subjectaccessreview.v1.authorization.k8s.io": "unwatchable subjectaccessreviews.authorization.k8s.io",
  "tokenrequest.v1.authentication.k8s.io": "old",
  "tokenreview.v1.authentication.k8s.io": "unwatchable tokenreviews.authentication.k8s.io",
}

describe("the built-in names", () => {
  it("are as many as in the Go MeshSync", () => {
    expect([defaultNames.length, tableNames.length]).toEqual([21, 71])
    expect(new Set(tableNames).size).toBe(71)
    expect(defaultNames.filter((name) => !tableNames.includes(name))).toEqual([])
    expect(Object.keys(oldNames).filter((name) => !tableNames.includes(name))).toEqual([])
  })

  it.each(tableNames.filter((name) => oldNames[name] === undefined))("%s is served as it is spelt", (name) => {
    const resolution = resolveName(name, recorded)
    expect(resolution._tag === "Found" && resolution.types.map(typeName)).toEqual([name])
  })

  it.each(Object.entries(oldNames))("%s means %s", (name, meaning) => {
    expect(resolve(name).replace(/^old .*/, "old")).toBe(meaning)
  })
})

describe("a name", () => {
  it.each([
    ["pods", "pods"],
    ["pod", "pods"],
    ["Pod", "pods"],
    ["PODS", "pods"],
    [" po ", "pods"],
    ["pods.", "pods"],
    ["pods.v1", "pods"],
    ["pods.v1.", "pods"],
    ["deploy", "deployments.apps"],
    ["Deployment.apps", "deployments.apps"],
    ["deployments.v1.apps", "deployments.apps"],
    ["deployments.v1beta2.apps", "deployments.apps"],
    ["deployments..apps", "deployments.apps"],
    ["networkpolicies", "networkpolicies.networking.k8s.io"],
    ["NetworkPolicy", "networkpolicies.networking.k8s.io"],
    ["hpa", "horizontalpodautoscalers.autoscaling"],
    ["crd", "customresourcedefinitions.apiextensions.k8s.io"],
    ["events", "events"],
    ["ev", "events"],
    ["events.events.k8s.io", "events.events.k8s.io"],
    ["endpoints", "endpoints"],
    ["gx", "galaxies.odd.example.com"],
    ["duo.v1beta1.ver.example.com", "duos.ver.example.com"],
    ["*.batch", "cronjobs.batch jobs.batch"],
    ["*.v1.batch", "cronjobs.batch jobs.batch"],
    ["*.odd.example.com", "galaxies.odd.example.com widgets.odd.example.com"],
    ["componentstatuses", "unwatchable componentstatuses"],
  ])("%s is %s", (name, meaning) => {
    expect(resolve(name)).toBe(meaning)
  })

  it("with a star means everything that can be watched", () => {
    expect(resolve("*").split(" ")).toEqual(recorded.types.filter((type) => type.watchable).map(typeKey))
  })

  it("belongs to the core group where that knows it, else to all groups that do", () => {
    const discovery = makeDiscovery([
      makeType("services.serving.knative.dev"),
      makeType("services"),
      makeType("clusters.x.io"),
      makeType("clusters.y.io"),
      makeType("pods.metrics.k8s.io", { watchable: false }),
      makeType("nodes", { watchable: false }),
      makeType("nodes.mesh.io"),
    ])
    expect(resolve("services", discovery)).toBe("services")
    expect(resolve("Service.serving.knative.dev", discovery)).toBe("services.serving.knative.dev")
    expect(resolve("clusters", discovery)).toBe("clusters.x.io clusters.y.io")
    expect(resolve("pods", discovery)).toBe("unwatchable pods.metrics.k8s.io")
    expect(resolve("nodes", discovery)).toBe("nodes.mesh.io")
  })

  it("is a plural before it is a short name, and needs no singular to be served", () => {
    const discovery = makeDiscovery([
      makeType("brokers.x.io", { shortNames: ["br", "cans"] }),
      makeType("cans.y.io"),
      makeType("boxes.z.io", { singular: "", kind: "Crate" }),
    ])
    expect(resolve("cans", discovery)).toBe("cans.y.io")
    expect(resolve("box", discovery)).toBe("boxes.z.io")
    expect(resolve("crate", discovery)).toBe("boxes.z.io")
  })

  it("may carry an unconventional version where that is served, and no other group", () => {
    const discovery = makeDiscovery([makeType("things.io", { version: "stable" }), makeType("certs.manager.io")])
    expect(resolve("things.stable.io", discovery)).toBe("things.io")
    expect(resolve("things.unstable.io", discovery)).toBe("unknown things.io")
    expect(resolve("certs.other.manager.io", discovery)).toBe("unknown certs.manager.io")
  })

  it.each([
    ["deploymnts", "unknown deployments.apps"],
    ["depolyment", "unknown deployments.apps"],
    ["secert", "unknown secrets"],
    ["deployments.v1.app", "unknown deployments.apps"],
    ["deployments.extensions", "unknown deployments.apps"],
    ["deploy.v1.extensions", "unknown deployments.apps"],
    ["*.extensions", "unknown -"],
    ["networkpolicys", "unknown networkpolicies.networking.k8s.io"],
    ["*.bach", "unknown *.batch"],
    ["kubernetes-in-a-nutshell", "unknown -"],
    ["", "unknown -"],
    [".", "unknown -"],
    ["..", "unknown -"],
  ])("%s is %s", (name, meaning) => {
    expect(resolve(name)).toBe(meaning)
  })

  it("that is absurdly long is not compared with anything", () => {
    expect(resolve("x".repeat(1_000_000))).toBe("unknown -")
  })

  it.prop("however it is written is found, is offered, or has nothing near it", { name: Schema.String }, ({ name }) => {
    checkResolution(name)
  })

  it("is found by its full name, its plural with the group, its kind with the group, and its short names with the group", () => {
    for (const type of recorded.types.filter(({ watchable }) => watchable)) {
      const suffix = type.group === "" ? "." : `.${type.group}`
      for (const name of [typeName(type), typeKey(type), `${type.kind}${suffix}`, ...type.shortNames.map((short) => short + suffix)]) {
        expect([name, resolve(name)]).toEqual([name, typeKey(type)])
      }
    }
  })
})

describe("the Go MeshSync's plurals", () => {
  it.each([
    ["Ingress", ["ingress", "ingresses"]],
    ["storageclass", ["storageclass", "storageclasses"]],
    ["box", ["box", "boxes"]],
    ["quiz", ["quiz", "quizes"]],
    ["pod", ["pod", "pods"]],
    ["pods", ["pods", "podses"]],
    ["batch", ["batch", "batches"]],
    ["crash", ["crash", "crashes"]],
    ["networkpolicy", ["networkpolicy", "networkpolicys"]],
  ])("%s", (word, spellings) => {
    expect(pluralSpellings(word)).toEqual(spellings)
  })
})

describe("the distance of two texts", () => {
  it.each([
    ["", "", 0],
    ["pods", "pods", 0],
    ["", "pods", 4],
    ["pods", "pod", 1],
    ["pods", "podds", 1],
    ["pods", "pads", 1],
    ["pods", "pdos", 1],
    ["kitten", "sitting", 3],
    ["rvice", "cret", 5],
  ])("%j and %j: %d", (a, b, distance) => {
    expect(measureDistance(a, b)).toBe(distance)
    expect(measureDistance(b, a)).toBe(distance)
  })

  const word = Schema.Array(Schema.Literals(["a", "b", "c"]))
  it.prop("is the same under a bound, up to the bound", { a: word, b: word, most: Schema.Literals([0, 1, 2, 3]) }, ({ a, b, most }) => {
    checkBound(a.join(""), b.join(""), most)
  })
})

describe("a wildcard for groups", () => {
  const mesh = makeDiscovery([
    makeType("gateways.networking.istio.io"),
    makeType("policies.security.istio.io"),
    makeType("pods"),
    makeType("x.notistio.io"),
  ])

  it("means every group below, and no other", () => {
    expect(resolve("*.istio.io", mesh)).toBe("gateways.networking.istio.io policies.security.istio.io")
    expect(resolve("*.networking.istio.io", mesh)).toBe("gateways.networking.istio.io")
    expect(resolve("gateways.istio.io", mesh)).toBe("unknown gateways.networking.istio.io")
  })
})
