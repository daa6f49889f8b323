/**
 * A kind of Kubernetes object as the API server serves it, and how it is spelt: in names of a watch-list, in keys and in request paths.
 * Knows nothing of which types exist; that is discovery's.
 */

/** One served resource: what Kubernetes calls a GroupVersionResource, with its kind and scope. */
export interface ResourceType {
  /** API group; empty for the core group. */
  readonly group: string
  readonly version: string
  /** The plural of the request path, e.g. `pods`. */
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** One object's address: what stays when it is deleted and created anew. */
export interface ResourceRef {
  readonly type: ResourceType
  /** Empty for cluster-scoped objects. */
  readonly namespace: string
  readonly name: string
}

/** The key of a lane: `plural.group`, without the version, so that a lane survives a change of the preferred version. */
export const typeKey = (type: Pick<ResourceType, "group" | "plural">): string =>
  type.group === "" ? type.plural : `${type.plural}.${type.group}`

/** The name as watch-lists spell it: `pods.v1.`, `deployments.v1.apps`. */
export const typeName = (type: Pick<ResourceType, "group" | "version" | "plural">): string => `${type.plural}.${type.version}.${type.group}`

/** `v1` or `apps/v1`. */
export const apiVersionOf = (type: Pick<ResourceType, "group" | "version">): string =>
  type.group === "" ? type.version : `${type.group}/${type.version}`

/**
 * The path of a type's collection.
 * @param namespace restricts it to one namespace; `undefined` asks for all of them
 */
export const collectionPath = (type: ResourceType, namespace?: string): string => {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`
  return namespace === undefined || !type.namespaced
    ? `${root}/${type.plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`
}
