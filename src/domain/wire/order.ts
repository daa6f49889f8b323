/**
 * In which order manifests are applied best: what others refer to comes before them, what intercepts others' creation last.
 * Objects of a definition that is applied just before them may still be refused; applying again helps.
 */
import { apiVersionOf, type ResourceType } from "../select/resource.ts"

/** By group and kind. */
const first: ReadonlyArray<string> = [
  "/Namespace",
  "apiextensions.k8s.io/CustomResourceDefinition",
  "scheduling.k8s.io/PriorityClass",
  "storage.k8s.io/StorageClass",
  "/ServiceAccount",
  "/Secret",
  "/ConfigMap",
  "/PersistentVolume",
  "/PersistentVolumeClaim",
  "rbac.authorization.k8s.io/ClusterRole",
  "rbac.authorization.k8s.io/ClusterRoleBinding",
  "rbac.authorization.k8s.io/Role",
  "rbac.authorization.k8s.io/RoleBinding",
  "/Service",
]

const last: ReadonlySet<string> = new Set([
  "admissionregistration.k8s.io/MutatingWebhookConfiguration",
  "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
  "apiregistration.k8s.io/APIService",
])

/** Types ordered by this text are in the order of apiVersion and kind. */
export const placeOfType = (type: ResourceType): string => `${apiVersionOf(type)}\0${type.kind}`

/** Types ordered by this text are in the order in which their manifests are applied; those without a rule by `placeOfType`. */
export const placeInManifest = (type: ResourceType): string => {
  const name = `${type.group}/${type.kind}`
  const at = first.indexOf(name)
  const rank = at >= 0 ? at : last.has(name) ? first.length + 1 : first.length
  return `${String.fromCharCode(0x61 + rank)}\0${placeOfType(type)}`
}
