/**
 * The rights that a run needs, no more: one list of accesses, from which the roles are made that grant them and the questions that ask
 * whether they are granted. So what `rbac` gives is what `doctor` looks for.
 * Does not know who gets them, nor what is granted at present.
 */
import { compareText } from "../read/text.ts"
import { type Place, placeDefault } from "./place.ts"
import type { LaneSpec } from "./selection.ts"
import { typeKey } from "./resource.ts"

export type Verb = "create" | "get" | "list" | "patch" | "watch"

/** One verb on one resource. */
export interface Access {
  readonly verb: Verb
  readonly group: string
  /** The plural. */
  readonly resource: string
  /** Only the object of this name; empty: all. */
  readonly name: string
  /** Only in this namespace; undefined: in all of them, or the resource has none. */
  readonly namespace: string | undefined
}

/** What a run does besides lists and watches. */
export interface Features {
  /** It asks for the uid of the namespace kube-system, because nobody has set a cluster id. */
  readonly clusterId: boolean
  /** It reads and follows the MeshSync custom resource. */
  readonly customResource: boolean
  /** Where that is; absent: Meshery's. */
  readonly place?: Place
  /** It says in that resource's status whether it can be used. */
  readonly reports?: boolean
  /** What requests may open in pods; absent: nothing. */
  readonly sessions?: "on" | "logs" | "off"
}

export interface Rule {
  readonly apiGroups: ReadonlyArray<string>
  readonly resources: ReadonlyArray<string>
  readonly resourceNames?: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<Verb>
}

/** The rules that hold in one namespace (a Role), or everywhere (a ClusterRole). */
export interface RoleSpec {
  readonly namespace: string | undefined
  readonly rules: ReadonlyArray<Rule>
}

/** Its uid is the cluster's id. For the API server a namespace lies in itself. */
export const clusterIdAccess: Access = { verb: "get", group: "", resource: "namespaces", name: "kube-system", namespace: "kube-system" }

const customResourceAccess = (verb: Verb, resource: string, { name, namespace }: Place): Access => ({
  verb,
  group: "meshery.io",
  resource,
  name,
  namespace,
})

/** A list and a watch of a single name need no more than the right to that name. */
export const customResourceAccesses = (place: Place): ReadonlyArray<Access> =>
  (["get", "list", "watch"] as const).map((verb) => customResourceAccess(verb, "meshsyncs", place))

/** Nothing depends on it. */
export const reportAccess = (place: Place): Access => customResourceAccess("patch", "meshsyncs/status", place)

/** What one lane asks of the API server. */
export const laneAccesses = ({ namespace, type }: LaneSpec): ReadonlyArray<Access> =>
  (["list", "watch"] as const).map((verb) => ({
    verb,
    group: type.group,
    resource: type.plural,
    name: "",
    namespace: type.namespaced ? namespace : undefined,
  }))

/**
 * Logs and terminals in the namespaces of the lanes. A terminal asks with GET, for which API servers up to 1.34 want `get`; later ones want
 * `create` as well. A pod's default container is found with `list`.
 */
export const sessionAccesses = (lanes: ReadonlyArray<LaneSpec>, sessions: "on" | "logs" | "off"): ReadonlyArray<Access> => {
  const all = lanes.filter(({ type }) => type.namespaced).map(({ namespace }) => namespace)
  const namespaces = all.includes(undefined) ? [undefined] : [...new Set(all)]
  const access = (verb: Verb, resource: string, namespace: string | undefined): Access => ({
    verb,
    group: "",
    resource,
    name: "",
    namespace,
  })
  return namespaces.flatMap((namespace) => [
    ...(sessions === "off" ? [] : [access("get", "pods/log", namespace)]),
    ...(sessions === "on"
      ? [access("list", "pods", namespace), access("get", "pods/exec", namespace), access("create", "pods/exec", namespace)]
      : []),
  ])
}

/** Everything that a run of these lanes asks for, in their order. */
export const accessesOf = (
  lanes: ReadonlyArray<LaneSpec>,
  { clusterId, customResource, place = placeDefault, reports = false, sessions = "off" }: Features,
): ReadonlyArray<Access> => [
  ...lanes.flatMap(laneAccesses),
  ...(clusterId ? [clusterIdAccess] : []),
  ...(customResource ? customResourceAccesses(place) : []),
  ...(customResource && reports ? [reportAccess(place)] : []),
  ...sessionAccesses(lanes, sessions),
]

/** Rules with each resource once; resources of one group with the same verbs share a rule. */
const rulesOf = (accesses: ReadonlyArray<Access>): ReadonlyArray<Rule> => {
  const resources = new Map<string, { readonly access: Access; readonly verbs: Set<Verb> }>()
  for (const access of accesses) {
    const key = `${typeKey({ group: access.group, plural: access.resource })} ${access.name}`
    const known = resources.get(key) ?? { access, verbs: new Set() }
    known.verbs.add(access.verb)
    resources.set(key, known)
  }
  const rules = new Map<
    string,
    { readonly group: string; readonly name: string; readonly verbs: Array<Verb>; readonly plurals: Array<string> }
  >()
  for (const { access, verbs } of resources.values()) {
    const sorted = [...verbs].toSorted(compareText)
    const key = `${access.group} ${access.name} ${sorted.join()}`
    const rule = rules.get(key) ?? { group: access.group, name: access.name, verbs: sorted, plurals: [] }
    rule.plurals.push(access.resource)
    rules.set(key, rule)
  }
  return [...rules.values()]
    .toSorted((a, b) => compareText(a.name, b.name) || compareText(a.group, b.group))
    .map(({ group, name, plurals, verbs }) => ({
      apiGroups: [group],
      resources: plurals.toSorted(compareText),
      ...(name === "" ? {} : { resourceNames: [name] }),
      verbs,
    }))
}

/**
 * The least roles that grant the accesses: one for the whole cluster if anything needs it, and one for each namespace.
 * Where there is a role for the whole cluster it also grants what is read by name, so that one suffices and no namespace has to exist.
 */
export const rolesOf = (accesses: ReadonlyArray<Access>): ReadonlyArray<RoleSpec> => {
  const isWide = accesses.some(({ namespace }) => namespace === undefined)
  const byNamespace = new Map<string | undefined, Array<Access>>(isWide ? [[undefined, []]] : [])
  for (const access of accesses) {
    const namespace = isWide && access.name !== "" ? undefined : access.namespace
    const known = byNamespace.get(namespace)
    if (known === undefined) byNamespace.set(namespace, [access])
    else known.push(access)
  }
  return [...byNamespace].map(([namespace, granted]) => ({ namespace, rules: rulesOf(granted) }))
}

/** Who is to have the rights. */
export type Subject =
  | { readonly _tag: "ServiceAccount"; readonly namespace: string; readonly name: string }
  | { readonly _tag: "User"; readonly name: string }

const rbacGroup = "rbac.authorization.k8s.io"

/**
 * The manifests: each role and its binding.
 * @param name of all of them
 */
export const roleManifests = (roles: ReadonlyArray<RoleSpec>, name: string, subject: Subject): ReadonlyArray<object> =>
  roles.flatMap(({ namespace, rules }) => {
    const kind = namespace === undefined ? "ClusterRole" : "Role"
    const apiVersion = `${rbacGroup}/v1`
    const metadata = { name, ...(namespace === undefined ? {} : { namespace }) }
    const subjects = [
      subject._tag === "User"
        ? { kind: "User", name: subject.name, apiGroup: rbacGroup }
        : { kind: "ServiceAccount", name: subject.name, namespace: subject.namespace },
    ]
    return [
      { apiVersion, kind, metadata, rules },
      { apiVersion, kind: `${kind}Binding`, metadata, roleRef: { apiGroup: rbacGroup, kind, name }, subjects },
    ]
  })

/** In a question, unlike in a rule, a subresource stands apart. */
const resourceOf = (text: string): { readonly resource: string; readonly subresource?: string } => {
  const [resource = "", subresource] = text.split("/")
  return subresource === undefined ? { resource } : { resource, subresource }
}

/** The question whether the asker may do it: where to send it, and the document. `authorization.k8s.io/v1`, SelfSubjectAccessReview. */
export const accessReview = ({ group, name, namespace, resource, verb }: Access): { readonly path: string; readonly document: object } => ({
  path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
  document: {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: {
      resourceAttributes: {
        verb,
        group,
        version: "*",
        ...resourceOf(resource),
        ...(namespace === undefined ? {} : { namespace }),
        ...(name === "" ? {} : { name }),
      },
    },
  },
})
