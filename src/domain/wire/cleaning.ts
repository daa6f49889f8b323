/**
 * From an object of a cluster to a manifest that can be applied again, here or elsewhere: without what the API server and its controllers
 * have filled in. What a person may have chosen stays, even where it mostly is a default: node ports, storage classes, volumes bound
 * by hand.
 *
 * Invariants: cleaning what is clean changes nothing; what has no rule here loses only its status and the bookkeeping of its metadata.
 */
import { change, changeItems, changeMembers, drop, dropEmpty, dropValues, dropWhere, itemsOf, keepItems, membersOf } from "./edit.ts"
import { isMembers, type Members } from "./exact.ts"
import { cleanPodSpec, cleanTemplate } from "./podCleaning.ts"
import { lastAppliedKey } from "./redact.ts"

/** Owners are in it because they are named by uid: an object whose owner's uid is nobody's is collected as garbage. */
const bookkeeping: ReadonlySet<string> = new Set([
  "clusterName",
  "creationTimestamp",
  "deletionGracePeriodSeconds",
  "deletionTimestamp",
  "generateName",
  "generation",
  "managedFields",
  "ownerReferences",
  "resourceVersion",
  "selfLink",
  "uid",
])

/** Written by the API server, its controllers and kubectl. */
const filledAnnotations: ReadonlySet<string> = new Set([
  lastAppliedKey,
  "autoscaling.alpha.kubernetes.io/conditions",
  "autoscaling.alpha.kubernetes.io/current-metrics",
  "batch.kubernetes.io/cronjob-scheduled-timestamp",
  "batch.kubernetes.io/job-tracking",
  "control-plane.alpha.kubernetes.io/leader",
  "deployment.kubernetes.io/desired-replicas",
  "deployment.kubernetes.io/max-replicas",
  "deployment.kubernetes.io/revision",
  "deployment.kubernetes.io/revision-history",
  "deprecated.daemonset.template.generation",
  "endpoints.kubernetes.io/last-change-trigger-time",
  "kubernetes.io/service-account.uid",
  "node.alpha.kubernetes.io/ttl",
  "pv.kubernetes.io/bind-completed",
  "pv.kubernetes.io/bound-by-controller",
  "volume.beta.kubernetes.io/storage-provisioner",
  "volume.kubernetes.io/selected-node",
  "volume.kubernetes.io/storage-provisioner",
  "volumes.kubernetes.io/controller-managed-attach-detach",
])

/** Labels by which a Job finds its pods: they hold its uid, or its name. */
const jobLabels = ["batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name"] as const

/** Kubernetes protects its own objects by itself; finalizers of others are part of the object. */
const isOwnFinalizer = (name: unknown): boolean =>
  name === "foregroundDeletion" || name === "orphan" || /(^|[./])(kubernetes|k8s)\.io\//.test(String(name))

const cleanMetadata = (metadata: Members): Members => {
  const bare = dropWhere(metadata, (name) => bookkeeping.has(name))
  const noted = changeMembers(bare, "annotations", (annotations) => dropWhere(annotations, (name) => filledAnnotations.has(name)))
  const free = change(noted, "finalizers", (names) => itemsOf(names).filter((name) => !isOwnFinalizer(name)))
  return dropEmpty(free, "annotations", "labels", "finalizers")
}

const cleanTemplateOf = (spec: Members): Members => changeMembers(spec, "template", cleanTemplate)

const cleanWorkload =
  (defaults: Members) =>
  (spec: Members): Members =>
    cleanTemplateOf(dropValues(spec, defaults))

const cleanJob = (spec: Members): Members => {
  const { completions, manualSelector, parallelism } = spec
  const single = completions === 1 && parallelism === 1 ? drop(spec, "completions", "parallelism") : spec
  const bare = dropValues(single, {
    backoffLimit: 6,
    completionMode: "NonIndexed",
    manualSelector: false,
    podReplacementPolicy: "TerminatingOrFailed",
    suspend: false,
  })
  if (manualSelector === true) return cleanTemplateOf(bare)
  const unlabelled = changeMembers(drop(bare, "selector"), "template", (template) =>
    changeMembers(template, "metadata", (metadata) =>
      dropEmpty(
        changeMembers(metadata, "labels", (labels) => drop(labels, ...jobLabels)),
        "labels",
      ),
    ),
  )
  return cleanTemplateOf(unlabelled)
}

const cleanCronJob = (spec: Members): Members => {
  const bare = dropValues(spec, { concurrencyPolicy: "Allow", failedJobsHistoryLimit: 1, successfulJobsHistoryLimit: 3, suspend: false })
  return changeMembers(bare, "jobTemplate", (template) => {
    const named = changeMembers(template, "metadata", (metadata) => dropWhere(metadata, (_name, value) => value === null))
    return changeMembers(dropEmpty(named, "metadata"), "spec", cleanJob)
  })
}

const cleanClaimSpec = (spec: Members): Members => dropValues(spec, { volumeMode: "Filesystem" })

const cleanStatefulSet = (spec: Members): Members => {
  // Later versions of Kubernetes fill in more of it.
  const rolled = changeMembers(spec, "updateStrategy", (strategy) =>
    dropEmpty(
      changeMembers(strategy, "rollingUpdate", (update) => dropValues(update, { maxUnavailable: 1, partition: 0 })),
      "rollingUpdate",
    ),
  )
  const bare = dropValues(rolled, {
    persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
    podManagementPolicy: "OrderedReady",
    revisionHistoryLimit: 10,
    updateStrategy: { type: "RollingUpdate" },
  })
  const claimed = changeItems(bare, "volumeClaimTemplates", (claim) => {
    const named = changeMembers(drop(claim, "status"), "metadata", (metadata) => dropWhere(metadata, (_name, value) => value === null))
    return changeMembers(named, "spec", cleanClaimSpec)
  })
  return cleanTemplateOf(claimed)
}

const cleanServicePort = (port: Members): Members => dropValues(port, { protocol: "TCP", targetPort: port["port"] })

/** Addresses are the cluster's to give; `None` is a wish. Node ports stay: nothing tells a chosen one from a given one. */
const cleanService = (spec: Members): Members => {
  const addressed = spec["clusterIP"] === "None" ? dropValues(spec, { clusterIPs: ["None"] }) : drop(spec, "clusterIP", "clusterIPs")
  const single =
    spec["ipFamilyPolicy"] === "SingleStack" ? dropValues(addressed, { ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" }) : addressed
  const bare = dropValues(drop(single, "healthCheckNodePort"), {
    allocateLoadBalancerNodePorts: true,
    externalTrafficPolicy: "Cluster",
    internalTrafficPolicy: "Cluster",
    sessionAffinity: "None",
    type: "ClusterIP",
  })
  return changeItems(bare, "ports", cleanServicePort)
}

type Cleaning = (object: Members) => Members

const inSpec =
  (clean: Cleaning): Cleaning =>
  (object) =>
    dropEmpty(changeMembers(object, "spec", clean), "spec")

/** The labels of its pods' template are given to a Job that has none, those by which it finds them included. */
const cleanJobObject: Cleaning = (object) => {
  const isManual = membersOf(object["spec"])["manualSelector"] === true
  const unlabelled = changeMembers(object, "metadata", (metadata) =>
    isManual ? metadata : changeMembers(metadata, "labels", (labels) => drop(labels, ...jobLabels)),
  )
  return inSpec(cleanJob)(unlabelled)
}

/** A claim that the binder has bound may be bound anew; one that names its volume itself keeps it. */
const cleanClaim: Cleaning = (object) => {
  const annotations = membersOf(membersOf(object["metadata"])["annotations"])
  const isBoundByController = Object.hasOwn(annotations, "pv.kubernetes.io/bound-by-controller")
  return changeMembers(object, "spec", (spec) => cleanClaimSpec(isBoundByController ? drop(spec, "volumeName") : spec))
}

const cleanNamespace: Cleaning = (object) => {
  const unlabelled = changeMembers(object, "metadata", (metadata) =>
    changeMembers(metadata, "labels", (labels) => drop(labels, "kubernetes.io/metadata.name")),
  )
  return inSpec((spec) => dropValues(spec, { finalizers: ["kubernetes"] }))(unlabelled)
}

const serviceAccountToken = "kubernetes.io/service-account-token"

/** The names that the cluster gives to Secrets that it makes for a service account, behind the account's own. */
const givenSecret = /^-(token|dockercfg)-[a-z0-9]{5}$/

const cleanServiceAccount: Cleaning = (object) => {
  const account = String(membersOf(object["metadata"])["name"])
  return keepItems(
    object,
    "secrets",
    ({ name }) => !String(name).startsWith(account) || !givenSecret.test(String(name).slice(account.length)),
  )
}

/** By group and kind, so that another group's Service is not taken for one. */
const cleanings: ReadonlyMap<string, Cleaning> = new Map<string, Cleaning>([
  ["/Namespace", cleanNamespace],
  ["/Node", inSpec((spec) => drop(spec, "podCIDR", "podCIDRs"))],
  [
    "/PersistentVolume",
    inSpec((spec) => changeMembers(cleanClaimSpec(spec), "claimRef", (claim) => drop(claim, "resourceVersion", "uid"))),
  ],
  ["/PersistentVolumeClaim", cleanClaim],
  ["/Pod", inSpec(cleanPodSpec)],
  ["/PodTemplate", (object) => changeMembers(object, "template", cleanTemplate)],
  ["/ReplicationController", inSpec(cleanTemplateOf)],
  ["/Secret", (object) => (object["type"] === serviceAccountToken ? drop(object, "data") : object)],
  ["/Service", inSpec(cleanService)],
  ["/ServiceAccount", cleanServiceAccount],
  [
    "apps/DaemonSet",
    inSpec(
      cleanWorkload({
        revisionHistoryLimit: 10,
        updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 }, type: "RollingUpdate" },
      }),
    ),
  ],
  [
    "apps/Deployment",
    inSpec(
      cleanWorkload({
        progressDeadlineSeconds: 600,
        revisionHistoryLimit: 10,
        strategy: { rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" }, type: "RollingUpdate" },
      }),
    ),
  ],
  ["apps/ReplicaSet", inSpec(cleanTemplateOf)],
  ["apps/StatefulSet", inSpec(cleanStatefulSet)],
  ["batch/CronJob", inSpec(cleanCronJob)],
  ["batch/Job", cleanJobObject],
])

const kindOf = ({ apiVersion, kind }: Members): string => {
  const text = String(apiVersion)
  return `${text.includes("/") ? text.slice(0, text.indexOf("/")) : ""}/${String(kind)}`
}

/** Whether the cluster would make the object by itself, and owns it without saying so in `ownerReferences`. */
const isMadeByCluster = (object: Members): boolean => {
  const metadata = membersOf(object["metadata"])
  const [labels, annotations] = [membersOf(metadata["labels"]), membersOf(metadata["annotations"])]
  switch (kindOf(object)) {
    case "/ConfigMap":
      return metadata["name"] === "kube-root-ca.crt"
    case "/Endpoints":
      return (
        labels["endpoints.kubernetes.io/managed-by"] === "endpoint-controller" ||
        Object.hasOwn(annotations, "endpoints.kubernetes.io/last-change-trigger-time") ||
        isApiServer(metadata)
      )
    case "/Service":
      return isApiServer(metadata)
    case "discovery.k8s.io/EndpointSlice":
      return isApiServer({ ...metadata, name: labels["kubernetes.io/service-name"] })
    case "/ServiceAccount":
      return metadata["name"] === "default" && isBare(cleanObject(object))
    case "apiregistration.k8s.io/APIService":
      return Object.hasOwn(labels, "kube-aggregator.kubernetes.io/automanaged")
    default:
      return labels["kubernetes.io/bootstrapping"] === "rbac-defaults" || annotations["apf.kubernetes.io/autoupdate-spec"] === "true"
  }
}

/** Whether nothing but its name says anything. */
const isBare = ({ apiVersion: _apiVersion, kind: _kind, metadata, ...others }: Members): boolean =>
  Object.keys(others).length === 0 && Object.keys(drop(membersOf(metadata), "name", "namespace")).length === 0

const isApiServer = ({ name, namespace }: Members): boolean => name === "kubernetes" && namespace === "default"

/**
 * Whether a manifest of the object would only say again what another one brings about: a controller owns it, or the cluster makes it.
 * @param object as the API server has it, before it is cleaned
 */
export const isDerived = (object: Members): boolean => {
  const owners = itemsOf(membersOf(object["metadata"])["ownerReferences"])
  return owners.some((owner) => isMembers(owner) && owner["controller"] === true) || isMadeByCluster(object)
}

/** The object as a manifest that can be applied. */
export const cleanObject = (object: Members): Members => {
  const clean = cleanings.get(kindOf(object)) ?? ((same) => same)
  return changeMembers(clean(drop(object, "status")), "metadata", cleanMetadata)
}
