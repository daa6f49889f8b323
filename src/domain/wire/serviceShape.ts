/**
 * The types of a Service's members as the Go MeshSync decodes them (k8s.io/api core/v1): a Service of which one known member has another
 * type has no addresses. Unknown members are of no matter, null fits everywhere, names match in any case.
 */

/** What a value must be. `time` is RFC 3339, `port` a number or a name. */
export type Shape =
  | "text"
  | "flag"
  | "int32"
  | "int64"
  | "time"
  | "port"
  | { readonly each: Shape }
  | { readonly values: Shape }
  | { readonly members: Readonly<Record<string, Shape>> }

const texts: Shape = { each: "text" }
const textMap: Shape = { values: "text" }

const metadata: Shape = {
  members: {
    name: "text",
    generateName: "text",
    namespace: "text",
    selfLink: "text",
    uid: "text",
    resourceVersion: "text",
    generation: "int64",
    creationTimestamp: "time",
    deletionTimestamp: "time",
    deletionGracePeriodSeconds: "int64",
    labels: textMap,
    annotations: textMap,
    ownerReferences: {
      each: { members: { apiVersion: "text", kind: "text", name: "text", uid: "text", controller: "flag", blockOwnerDeletion: "flag" } },
    },
    finalizers: texts,
    managedFields: {
      each: { members: { manager: "text", operation: "text", apiVersion: "text", time: "time", fieldsType: "text", subresource: "text" } },
    },
  },
}

const spec: Shape = {
  members: {
    ports: {
      each: { members: { name: "text", protocol: "text", appProtocol: "text", port: "int32", targetPort: "port", nodePort: "int32" } },
    },
    selector: textMap,
    clusterIP: "text",
    clusterIPs: texts,
    type: "text",
    externalIPs: texts,
    sessionAffinity: "text",
    loadBalancerIP: "text",
    loadBalancerSourceRanges: texts,
    externalName: "text",
    externalTrafficPolicy: "text",
    healthCheckNodePort: "int32",
    publishNotReadyAddresses: "flag",
    sessionAffinityConfig: { members: { clientIP: { members: { timeoutSeconds: "int32" } } } },
    ipFamilies: texts,
    ipFamilyPolicy: "text",
    allocateLoadBalancerNodePorts: "flag",
    loadBalancerClass: "text",
    internalTrafficPolicy: "text",
    trafficDistribution: "text",
  },
}

const status: Shape = {
  members: {
    loadBalancer: {
      members: {
        ingress: {
          each: {
            members: {
              ip: "text",
              hostname: "text",
              ipMode: "text",
              ports: { each: { members: { port: "int32", protocol: "text", error: "text" } } },
            },
          },
        },
      },
    },
    conditions: {
      each: {
        members: { type: "text", status: "text", observedGeneration: "int64", lastTransitionTime: "time", reason: "text", message: "text" },
      },
    },
  },
}

export const serviceShape: Shape = { members: { apiVersion: "text", kind: "text", metadata, spec, status } }

const rfc3339 =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]?\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?(Z|[+-]([01]\d|2[0-4]):([0-5]\d|60))$/

const isInteger = (value: unknown, bits: number): boolean =>
  typeof value === "number" && Number.isInteger(value) && value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)

/** A JSON object as its entries. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Go's folding of names: letter case, and the two letters outside ASCII that fold into it (long s and the Kelvin sign). */
export const foldName = (name: string): string => name.toLowerCase().replaceAll("\u017f", "s")

/** Whether a value parsed from JSON has a shape. */
export const fits = (value: unknown, shape: Shape): boolean => {
  if (value === null || value === undefined) return true
  if (typeof shape !== "string") {
    if ("each" in shape) return Array.isArray(value) && value.every((item) => fits(item, shape.each))
    if (!isObject(value)) return false
    if ("values" in shape) return Object.values(value).every((item) => fits(item, shape.values))
    const shapes = new Map(Object.entries(shape.members).map(([name, member]) => [foldName(name), member]))
    return Object.entries(value).every(([name, member]) => {
      const known = shapes.get(foldName(name))
      return known === undefined || fits(member, known)
    })
  }
  switch (shape) {
    case "text":
      return typeof value === "string"
    case "flag":
      return typeof value === "boolean"
    case "int32":
      return isInteger(value, 32)
    case "int64":
      return isInteger(value, 64)
    case "time":
      return typeof value === "string" && rfc3339.test(value)
    case "port":
      return typeof value === "string" || isInteger(value, 32)
  }
}
