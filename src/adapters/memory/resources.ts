/**
 * What the fake cluster serves: the built-in resources as a table, and those that a custom resource definition adds.
 * The rows repeat the discovery documents of a kube-apiserver 1.37. Subresources are left out but for `status`.
 */
import type { KubeObject } from "./object.ts"

/** One resource, in all the versions in which it is served. */
export interface Resource {
  readonly group: string
  readonly plural: string
  readonly singular: string
  readonly kind: string
  readonly listKind: string
  readonly namespaced: boolean
  /** Served versions, the preferred one first. */
  readonly versions: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<string>
  readonly shortNames: ReadonlyArray<string>
  readonly categories: ReadonlyArray<string>
  readonly statusSubresource: boolean
  /** Added by a definition: its JSON is spelt differently from that of built-in ones. */
  readonly custom: boolean
}

const allVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
const customVerbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]

/** Below each group version: plural singular kind scope shortNames category status verbs; a row without verbs has all of them. */
const table = `
v1
  bindings binding Binding namespaced - - - create
  componentstatuses componentstatus ComponentStatus cluster cs - - get,list
  configmaps configmap ConfigMap namespaced cm - -
  endpoints endpoints Endpoints namespaced ep - -
  events event Event namespaced ev - -
  limitranges limitrange LimitRange namespaced limits - -
  namespaces namespace Namespace cluster ns - status
  nodes node Node cluster no - status
  persistentvolumeclaims persistentvolumeclaim PersistentVolumeClaim namespaced pvc - status
  persistentvolumes persistentvolume PersistentVolume cluster pv - status
  pods pod Pod namespaced po all status
  podtemplates podtemplate PodTemplate namespaced - - -
  replicationcontrollers replicationcontroller ReplicationController namespaced rc all status
  resourcequotas resourcequota ResourceQuota namespaced quota - status
  secrets secret Secret namespaced - - -
  serviceaccounts serviceaccount ServiceAccount namespaced sa - -
  services service Service namespaced svc all status
apps/v1
  controllerrevisions controllerrevision ControllerRevision namespaced - - -
  daemonsets daemonset DaemonSet namespaced ds all status
  deployments deployment Deployment namespaced deploy all status
  replicasets replicaset ReplicaSet namespaced rs all status
  statefulsets statefulset StatefulSet namespaced sts all status
batch/v1
  cronjobs cronjob CronJob namespaced cj all status
  jobs job Job namespaced - all status
networking.k8s.io/v1
  ingressclasses ingressclass IngressClass cluster - - -
  ingresses ingress Ingress namespaced ing - status
  ipaddresses ipaddress IPAddress cluster ip - -
  networkpolicies networkpolicy NetworkPolicy namespaced netpol - -
  servicecidrs servicecidr ServiceCIDR cluster - - status
rbac.authorization.k8s.io/v1
  clusterrolebindings clusterrolebinding ClusterRoleBinding cluster - - -
  clusterroles clusterrole ClusterRole cluster - - -
  rolebindings rolebinding RoleBinding namespaced - - -
  roles role Role namespaced - - -
storage.k8s.io/v1
  csidrivers csidriver CSIDriver cluster - - -
  csinodes csinode CSINode cluster - - status
  csistoragecapacities csistoragecapacity CSIStorageCapacity namespaced - - -
  storageclasses storageclass StorageClass cluster sc - -
  volumeattachments volumeattachment VolumeAttachment cluster - - status
  volumeattributesclasses volumeattributesclass VolumeAttributesClass cluster vac - -
policy/v1
  poddisruptionbudgets poddisruptionbudget PodDisruptionBudget namespaced pdb - status
autoscaling/v2
  horizontalpodautoscalers horizontalpodautoscaler HorizontalPodAutoscaler namespaced hpa all status
discovery.k8s.io/v1
  endpointslices endpointslice EndpointSlice namespaced - - -
coordination.k8s.io/v1
  leases lease Lease namespaced - - -
scheduling.k8s.io/v1
  priorityclasses priorityclass PriorityClass cluster pc - -
node.k8s.io/v1
  runtimeclasses runtimeclass RuntimeClass cluster - - -
admissionregistration.k8s.io/v1
  mutatingwebhookconfigurations mutatingwebhookconfiguration MutatingWebhookConfiguration cluster - api-extensions -
  validatingwebhookconfigurations validatingwebhookconfiguration ValidatingWebhookConfiguration cluster - api-extensions -
apiextensions.k8s.io/v1
  customresourcedefinitions customresourcedefinition CustomResourceDefinition cluster crd,crds api-extensions status
apiregistration.k8s.io/v1
  apiservices apiservice APIService cluster - api-extensions status
authentication.k8s.io/v1
  selfsubjectreviews selfsubjectreview SelfSubjectReview cluster - - - create
  tokenreviews tokenreview TokenReview cluster - - - create
authorization.k8s.io/v1
  localsubjectaccessreviews localsubjectaccessreview LocalSubjectAccessReview namespaced - - - create
  selfsubjectaccessreviews selfsubjectaccessreview SelfSubjectAccessReview cluster - - - create
  selfsubjectrulesreviews selfsubjectrulesreview SelfSubjectRulesReview cluster - - - create
  subjectaccessreviews subjectaccessreview SubjectAccessReview cluster - - - create
`

const words = (cell: string | undefined): ReadonlyArray<string> => (cell === undefined || cell === "-" ? [] : cell.split(","))

const parseRow = (groupVersion: string, row: string): Resource => {
  const [plural = "", singular = "", kind = "", scope, shortNames, categories, status, verbs] = row.split(" ")
  const [version = "", group = ""] = groupVersion.split("/").toReversed()
  return {
    group,
    plural,
    singular,
    kind,
    listKind: `${kind}List`,
    namespaced: scope === "namespaced",
    versions: [version],
    verbs: verbs === undefined ? allVerbs : words(verbs),
    shortNames: words(shortNames),
    categories: words(categories),
    statusSubresource: status === "status",
    custom: false,
  }
}

/** The resources that are there without any definition. */
export const builtinResources: ReadonlyArray<Resource> = table
  .trim()
  .split(/\n(?! )/)
  .flatMap((block) => {
    const [groupVersion = "", ...rows] = block.split("\n")
    return rows.map((row) => parseRow(groupVersion, row.trim()))
  })

/** The part of a custom resource definition that decides what is served. */
interface Definition {
  readonly group: string
  readonly scope: string
  readonly names: {
    readonly plural: string
    readonly singular?: string
    readonly kind: string
    readonly listKind?: string
    readonly shortNames?: ReadonlyArray<string>
    readonly categories?: ReadonlyArray<string>
  }
  readonly versions: ReadonlyArray<{
    readonly name: string
    readonly served: boolean
    readonly subresources?: { readonly status?: object }
  }>
}

/** Kubernetes' order of versions: stable before beta before alpha, higher numbers first, anything else last and alphabetical. */
const versionRank = (version: string): readonly [number, number, number] => {
  const parts = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version)
  if (parts === null) return [0, 0, 0]
  const level = parts[2] === undefined ? 3 : parts[2] === "beta" ? 2 : 1
  return [level, Number(parts[1]), Number(parts[3] ?? 0)]
}

const compareVersions = (left: string, right: string): number => {
  const [a, b] = [versionRank(left), versionRank(right)]
  for (const at of [0, 1, 2] as const) if (a[at] !== b[at]) return b[at] - a[at]
  return left < right ? -1 : 1
}

/** What a CustomResourceDefinition asks to be served. */
export const resourceOfDefinition = (object: KubeObject): Resource => {
  const { group, names, scope, versions } = object["spec"] as Definition
  const singular = names.singular ?? names.kind.toLowerCase()
  return {
    group,
    plural: names.plural,
    singular,
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    namespaced: scope === "Namespaced",
    versions: versions
      .filter(({ served }) => served)
      .map(({ name }) => name)
      .toSorted(compareVersions),
    verbs: customVerbs,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    statusSubresource: versions.some(({ subresources }) => subresources?.status !== undefined),
    custom: true,
  }
}
