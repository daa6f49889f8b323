/**
 * A cluster to look at: some 600 objects of 30 kinds in a dozen namespaces, made from recorded objects and a seed.
 */
import { restartServer, loadStored, type Cluster, makeCluster, timestampOf } from "./model.ts"
import * as Result from "effect/Result"
import { makeChance, type Chance } from "./chance.ts"
import { fillTemplate, type Filling } from "./corpus.ts"
import { herdNamespaces, makeHerd } from "./herd.ts"
import type { KubeObject } from "./object.ts"
import { createObject } from "./write.ts"

export interface DemoOptions {
  /** Equal seeds give equal clusters. */
  readonly seed: number
  /** Milliseconds since the epoch: when everything was created. */
  readonly nowMs: number
  /** Instead of the demo's objects this many distinct pods of 8 KB, for measurements. */
  readonly pods?: number
}

export const demoNamespaces = [
  "bakery",
  "clinic",
  "foundry",
  "garden",
  "harbour",
  "library",
  "market",
  "museum",
  "observatory",
  "orchard",
  "station",
  "theatre",
] as const
const systemNamespaces = ["default", "kube-node-lease", "kube-public", "kube-system"]
const apps = ["basket", "billing", "catalog", "gateway", "ledger", "mailer", "notify", "pricing", "reviews", "search", "stock", "web"]
export const nodeNames = Array.from({ length: 6 }, (_, at) => `node-${at}`)

/** Creates an object that must not fail: the demo's names are distinct. Gives its uid. */
export const plant = (cluster: Cluster, key: string, object: KubeObject, nowMs: number): string => {
  const created = createObject(cluster, key, object, nowMs)
  if (Result.isFailure(created)) throw new Error(created.failure.message)
  return created.success.uid
}

/** A pod of a ReplicaSet, running. */
export const podOf = (
  chance: Chance,
  app: { readonly namespace: string; readonly name: string; readonly hash: string; readonly owner: string },
  time: string,
): KubeObject =>
  fillTemplate("Pod", {
    ...app,
    pod: `${app.name}-${app.hash}-${chance.suffix(5)}`,
    node: chance.pick(nodeNames),
    ip: `10.${chance.below(200)}.${chance.below(250)}.${chance.below(250) + 2}`,
    uid: app.owner,
    time,
  })

const plantApp = (cluster: Cluster, chance: Chance, namespace: string, name: string, nowMs: number): void => {
  const time = timestampOf(nowMs)
  const hash = chance.suffix(10)
  const filling: Filling = { name, namespace, hash, time, ip: `10.96.${chance.below(250)}.${chance.below(250) + 2}` }
  const deployment = plant(cluster, "deployments.apps", fillTemplate("Deployment", filling), nowMs)
  const owner = plant(cluster, "replicasets.apps", fillTemplate("ReplicaSet", { ...filling, owner: deployment }), nowMs)
  const podCount = 2 + chance.below(3)
  for (let pod = 0; pod < podCount; pod += 1) {
    plant(cluster, "pods", podOf(chance, { namespace, name, hash, owner }, time), nowMs)
  }
  const service = plant(cluster, "services", fillTemplate("Service", filling), nowMs)
  plant(cluster, "endpoints", fillTemplate("Endpoints", filling), nowMs)
  plant(
    cluster,
    "endpointslices.discovery.k8s.io",
    fillTemplate("EndpointSlice", { ...filling, hash: chance.suffix(5), owner: service }),
    nowMs,
  )
  plant(cluster, "configmaps", fillTemplate("ConfigMap", { ...filling, name: `${name}-config` }), nowMs)
  plant(cluster, "secrets", fillTemplate("Secret", { ...filling, name: `${name}-credentials` }), nowMs)
  plant(cluster, "horizontalpodautoscalers.autoscaling", fillTemplate("HorizontalPodAutoscaler", filling), nowMs)
}

/** One of each kind that a namespace has once. */
const namespaceKinds: ReadonlyArray<readonly [key: string, kind: string, name: string]> = [
  ["statefulsets.apps", "StatefulSet", "store"],
  ["daemonsets.apps", "DaemonSet", "collector"],
  ["jobs.batch", "Job", "migrate"],
  ["cronjobs.batch", "CronJob", "nightly"],
  ["serviceaccounts", "ServiceAccount", "default"],
  ["persistentvolumeclaims", "PersistentVolumeClaim", "archive"],
  ["ingresses.networking.k8s.io", "Ingress", "front"],
  ["networkpolicies.networking.k8s.io", "NetworkPolicy", "isolate"],
  ["poddisruptionbudgets.policy", "PodDisruptionBudget", "steady"],
  ["resourcequotas", "ResourceQuota", "budget"],
  ["limitranges", "LimitRange", "limits"],
  ["roles.rbac.authorization.k8s.io", "Role", "reader"],
  ["rolebindings.rbac.authorization.k8s.io", "RoleBinding", "reader"],
]

const clusterKinds: ReadonlyArray<readonly [key: string, kind: string, name: string]> = [
  ["storageclasses.storage.k8s.io", "StorageClass", "fast"],
  ["storageclasses.storage.k8s.io", "StorageClass", "slow"],
  ["clusterroles.rbac.authorization.k8s.io", "ClusterRole", "operator"],
  ["clusterroles.rbac.authorization.k8s.io", "ClusterRole", "auditor"],
  ["priorityclasses.scheduling.k8s.io", "PriorityClass", "urgent"],
  ["persistentvolumes", "PersistentVolume", "disk-1"],
  ["persistentvolumes", "PersistentVolume", "disk-2"],
]

const plantNamespaces = (cluster: Cluster, names: ReadonlyArray<string>, nowMs: number): void => {
  for (const name of names) {
    plant(cluster, "namespaces", fillTemplate("Namespace", { name, namespace: name, time: timestampOf(nowMs) }), nowMs)
  }
}

/** The herd numbers its uids itself: with the seed of the cluster they would be those of its namespaces. */
const herdSeedShift = 0x4e5d

/** The demo's cluster, or one that is nothing but pods. Everything in it is older than the server: it is listed, not watched. */
export const makeDemoCluster = ({ nowMs, pods, seed }: DemoOptions): Cluster => {
  const cluster = makeCluster(seed)
  const chance = makeChance(seed)
  const time = timestampOf(nowMs)
  plantNamespaces(cluster, [...systemNamespaces, ...(pods === undefined ? demoNamespaces : herdNamespaces)], nowMs)
  if (pods !== undefined) {
    const shelf = cluster.shelves.get("pods")
    if (shelf !== undefined) loadStored(cluster, shelf, makeHerd(shelf, pods, seed + herdSeedShift))
    return cluster
  }
  for (const name of nodeNames) plant(cluster, "nodes", fillTemplate("Node", { name, time }), nowMs)
  for (const [key, kind, name] of clusterKinds) plant(cluster, key, fillTemplate(kind, { name, namespace: demoNamespaces[0], time }), nowMs)
  for (const namespace of demoNamespaces) {
    for (const [key, kind, name] of namespaceKinds)
      plant(cluster, key, fillTemplate(kind, { name, namespace, time, uid: cluster.uids.toString(16) }), nowMs)
    const first = chance.below(apps.length)
    for (let app = 0; app < 3; app += 1) plantApp(cluster, chance, namespace, apps[(first + app * 5) % apps.length]!, nowMs)
  }
  restartServer(cluster)
  return cluster
}
