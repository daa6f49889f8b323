/**
 * The discovery documents of the fake API server: aggregated (one document for all groups) and classic (one for each group version).
 */
import { apiVersionOf } from "../../domain/select/resource.ts"
import type { Cluster } from "./model.ts"
import type { Resource } from "./resources.ts"

export const aggregatedMediaType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

const resourcesOf = (cluster: Cluster): ReadonlyArray<Resource> => [...cluster.shelves.values()].map(({ resource }) => resource)

/** Groups in the order in which they are served, the core group first. */
const groupsOf = (cluster: Cluster): ReadonlyArray<string> => [...new Set(resourcesOf(cluster).map(({ group }) => group))]

/** Served versions of a group, the preferred one first. */
const versionsOf = (cluster: Cluster, group: string): ReadonlyArray<string> => [
  ...new Set(resourcesOf(cluster).flatMap((resource) => (resource.group === group ? resource.versions : []))),
]

const servedIn = (cluster: Cluster, group: string, version: string): ReadonlyArray<Resource> =>
  resourcesOf(cluster).filter((resource) => resource.group === group && resource.versions.includes(version))

const aggregatedResource = (resource: Resource, version: string) => {
  const responseKind = resource.custom
    ? { group: resource.group, version, kind: resource.kind }
    : { group: "", version: "", kind: resource.kind }
  return {
    resource: resource.plural,
    responseKind,
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(resource.statusSubresource ? { subresources: [{ subresource: "status", responseKind, verbs: ["get", "patch", "update"] }] } : {}),
  }
}

/** `/api` or `/apis` in the aggregated form. */
export const aggregatedDiscovery = (cluster: Cluster, core: boolean): object => ({
  kind: "APIGroupDiscoveryList",
  apiVersion: "apidiscovery.k8s.io/v2",
  metadata: {},
  items: groupsOf(cluster)
    .filter((group) => (group === "") === core)
    .map((group) => ({
      metadata: core ? {} : { name: group },
      versions: versionsOf(cluster, group).map((version) => ({
        version,
        resources: servedIn(cluster, group, version).map((resource) => aggregatedResource(resource, version)),
        freshness: "Current",
      })),
    })),
})

/** `/api` in the classic form. */
export const coreVersions = (): object => ({
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "192.0.2.1:6443" }],
})

const groupVersionOf = (group: string, version: string) => ({ groupVersion: apiVersionOf({ group, version }), version })

const groupEntry = (cluster: Cluster, group: string) => {
  const versions = versionsOf(cluster, group).map((version) => groupVersionOf(group, version))
  return { name: group, versions, preferredVersion: versions[0] }
}

/** `/apis` in the classic form. */
export const groupList = (cluster: Cluster): object => ({
  kind: "APIGroupList",
  apiVersion: "v1",
  groups: groupsOf(cluster)
    .filter((group) => group !== "")
    .map((group) => groupEntry(cluster, group)),
})

/** `/apis/<group>`; undefined when the group is not served. */
export const groupDocument = (cluster: Cluster, group: string): object | undefined =>
  versionsOf(cluster, group).length === 0 ? undefined : { kind: "APIGroup", apiVersion: "v1", ...groupEntry(cluster, group) }

const classicResources = (resource: Resource): ReadonlyArray<object> => {
  const { categories, kind, namespaced, plural, shortNames, singular, statusSubresource, verbs } = resource
  const listed = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
  }
  const status = { name: `${plural}/status`, singularName: "", namespaced, kind, verbs: ["get", "patch", "update"] }
  return statusSubresource ? [listed, status] : [listed]
}

/** `/api/v1`, `/apis/<group>/<version>`; undefined when the version is not served. */
export const resourceList = (cluster: Cluster, group: string, version: string): object | undefined => {
  const served = servedIn(cluster, group, version)
  return served.length === 0
    ? undefined
    : {
        kind: "APIResourceList",
        ...(group === "" ? {} : { apiVersion: "v1" }),
        groupVersion: apiVersionOf({ group, version }),
        resources: served.flatMap(classicResources),
      }
}

/** `/version`. */
export const versionDocument = {
  major: "1",
  minor: "37",
  gitVersion: "v1.37.2",
  gitCommit: "",
  gitTreeState: "",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "go1.26.8",
  compiler: "gc",
  platform: "linux/amd64",
}
