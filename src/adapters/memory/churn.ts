/**
 * Life for the demo's cluster: pods come, go and restart, deployments are scaled, labels and configuration change, a custom resource
 * definition appears with its objects and goes again, an object is created anew under its name, a watch is cut.
 *
 * A step follows from the seed and its number alone. The rare things have fixed places in a round of 80 steps, ten seconds at
 * eight steps a second, so that whoever looks for ten seconds sees each of them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type Chance, makeChance } from "./chance.ts"
import { fillTemplate } from "./corpus.ts"
import { definitionsKey } from "../../domain/select/selection.ts"
import { podOf } from "./demoCluster.ts"
import { meetsTrouble } from "./fault.ts"
import { type Cluster, cutWatches, sortedItems, type Stored, timestampOf, treeOf } from "./model.ts"
import type { KubeObject } from "./object.ts"
import { createObject, patchObject, removeObject } from "./write.ts"

export const stepEveryMs = 125
export const stepsPerRound = 80

const ferries = "ferries.harbour.example"
const ferryNames = ["albatross", "cormorant", "guillemot", "kittiwake", "puffin", "razorbill"]

const ferryDefinition: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: ferries, generation: 1 },
  spec: {
    group: "harbour.example",
    names: { plural: "ferries", singular: "ferry", kind: "Ferry", listKind: "FerryList", shortNames: ["fry"] },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
    conversion: { strategy: "None" },
  },
}

const ferryOf = (name: string, berth: number): KubeObject => ({
  apiVersion: "harbour.example/v1",
  kind: "Ferry",
  metadata: { name, namespace: "harbour" },
  spec: { berth, crew: 12 + berth, route: ["harbour", "island", "lighthouse"] },
})

/** One of a type's objects in the demo's namespaces. */
const pickObject = (cluster: Cluster, chance: Chance, key: string): Stored | undefined => {
  const shelf = cluster.shelves.get(key)
  const items = shelf === undefined ? [] : sortedItems(shelf)
  return items.length === 0 ? undefined : chance.pick(items)
}

const patchPicked = (cluster: Cluster, chance: Chance, key: string, patchOf: (tree: KubeObject) => unknown): void => {
  const stored = pickObject(cluster, chance, key)
  if (stored !== undefined) patchObject(cluster, key, stored.namespace, stored.name, patchOf(treeOf(stored)))
}

interface PodStatus {
  readonly conditions: ReadonlyArray<{ readonly type: string; readonly status: string }>
  readonly containerStatuses: ReadonlyArray<{ readonly restartCount: number; readonly ready: boolean }>
}

/** A pod's container restarts: not ready, then ready again with one restart more. */
const restartPod = (cluster: Cluster, chance: Chance, nowMs: number): void =>
  patchPicked(cluster, chance, "pods", (tree) => {
    const { conditions, containerStatuses } = tree["status"] as PodStatus
    const ready = !(containerStatuses[0]?.ready ?? true)
    return {
      status: {
        conditions: conditions.map((condition) =>
          condition.type === "Ready" || condition.type === "ContainersReady"
            ? { ...condition, status: ready ? "True" : "False", lastTransitionTime: timestampOf(nowMs) }
            : condition,
        ),
        containerStatuses: containerStatuses.map((container) => ({
          ...container,
          ready,
          restartCount: container.restartCount + (ready ? 0 : 1),
        })),
      },
    }
  })

const scaleDeployment = (cluster: Cluster, chance: Chance): void =>
  patchPicked(cluster, chance, "deployments.apps", (tree) => {
    const { replicas } = tree["spec"] as { readonly replicas: number }
    const wanted = 1 + ((replicas + chance.below(3)) % 5)
    return { spec: { replicas: wanted }, status: { replicas: wanted, updatedReplicas: wanted } }
  })

const createPod = (cluster: Cluster, chance: Chance, nowMs: number): void => {
  const owner = pickObject(cluster, chance, "replicasets.apps")
  if (owner === undefined) return
  const name = owner.labels["app"] ?? owner.name
  const app = { namespace: owner.namespace, name, hash: owner.labels["pod-template-hash"] ?? "", owner: owner.uid }
  createObject(cluster, "pods", podOf(chance, app, timestampOf(nowMs)), nowMs)
}

const removePicked = (cluster: Cluster, chance: Chance, key: string, nowMs: number): void => {
  const stored = pickObject(cluster, chance, key)
  if (stored !== undefined) removeObject(cluster, key, stored.namespace, stored.name, nowMs)
}

/** Deletes an object and creates it anew under the same name at once. */
const recreate = (cluster: Cluster, chance: Chance, nowMs: number): void => {
  const stored = pickObject(cluster, chance, "configmaps")
  if (stored === undefined) return
  const { metadata, ...rest } = treeOf(stored)
  const { creationTimestamp: _, resourceVersion: __, uid: ___, ...kept } = metadata
  removeObject(cluster, "configmaps", stored.namespace, stored.name, nowMs)
  createObject(cluster, "configmaps", { ...rest, metadata: kept }, nowMs)
}

const createEvent = (cluster: Cluster, chance: Chance, nowMs: number): void => {
  const pod = pickObject(cluster, chance, "pods")
  if (pod === undefined) return
  const filling = {
    name: `${pod.name}.${chance.suffix(12)}`,
    namespace: pod.namespace,
    pod: pod.name,
    uid: pod.uid,
    time: timestampOf(nowMs),
  }
  createObject(cluster, "events", fillTemplate("Event", filling), nowMs)
}

const beatNode = (cluster: Cluster, chance: Chance, nowMs: number): void =>
  patchPicked(cluster, chance, "nodes", (tree) => {
    const { conditions } = tree["status"] as { readonly conditions: ReadonlyArray<object> }
    return { status: { conditions: conditions.map((condition) => ({ ...condition, lastHeartbeatTime: timestampOf(nowMs) })) } }
  })

const owners = ["team-blue", "team-green", "team-red"]

const labelKeys = ["services", "configmaps", "deployments.apps", "ingresses.networking.k8s.io", "cronjobs.batch"]

/** The ordinary steps, each with its share of a hundred. */
const ordinary = (cluster: Cluster, chance: Chance, step: number, nowMs: number): void => {
  const share = chance.below(100)
  if (share < 30) restartPod(cluster, chance, nowMs)
  else if (share < 45) scaleDeployment(cluster, chance)
  else if (share < 60)
    patchPicked(cluster, chance, chance.pick(labelKeys), () => ({ metadata: { labels: { owner: chance.pick(owners) } } }))
  else if (share < 72) patchPicked(cluster, chance, "configmaps", () => ({ data: { revision: String(step) } }))
  else if (share < 80) createPod(cluster, chance, nowMs)
  else if (share < 88) removePicked(cluster, chance, "pods", nowMs)
  else if (share < 94) createEvent(cluster, chance, nowMs)
  else beatNode(cluster, chance, nowMs)
}

/**
 * One step: usually one change of the cluster.
 * @param step its number, from 0
 * @param nowMs milliseconds since the epoch
 */
export const churnStep = (cluster: Cluster, seed: number, step: number, nowMs: number): void => {
  const chance = makeChance(seed ^ (step * 0x1000193))
  switch (step % stepsPerRound) {
    case 12:
      createObject(cluster, definitionsKey, ferryDefinition, nowMs)
      // Its storage is not ready at once, as in a real cluster. One that nobody listed in the round before is still there.
      if (!meetsTrouble(cluster.faults, ferries, "list", "Status"))
        cluster.faults.push({ key: ferries, verb: "list", trouble: { _tag: "Status", code: 429, retryAfterSeconds: 1 }, times: 1 })
      for (const [berth, name] of ferryNames.entries()) createObject(cluster, ferries, ferryOf(name, berth), nowMs)
      return
    case 20:
    case 52:
      return recreate(cluster, chance, nowMs)
    case 30:
    case 44:
      return void patchObject(cluster, ferries, "harbour", chance.pick(ferryNames), { spec: { berth: step } })
    case 36:
      return cutWatches(cluster, "pods")
    case 60:
      return removePicked(cluster, chance, ferries, nowMs)
    case 72:
      return void removeObject(cluster, definitionsKey, "", ferries, nowMs)
    default:
      return ordinary(cluster, chance, step, nowMs)
  }
}

/** Changes a cluster for ever, about eight times a second. */
export const runChurn = ({ cluster }: { readonly cluster: Cluster }, seed: number): Effect.Effect<never> =>
  Effect.gen(function* () {
    for (let step = 0; ; step += 1) {
      yield* Effect.sleep(stepEveryMs)
      churnStep(cluster, seed, step, yield* Clock.currentTimeMillis)
    }
  })
