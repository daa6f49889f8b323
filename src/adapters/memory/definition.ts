/**
 * What the API server itself does with a CustomResourceDefinition: it accepts the names and serves the resource; when the definition is
 * deleted, a finalizer of its own holds it until the objects are gone.
 * Leaves out that custom objects with finalizers would hold it too.
 */
import { typeKey } from "../../domain/select/resource.ts"
import {
  type Cluster,
  commit,
  serveResource,
  type Shelf,
  type Stored,
  storeObject,
  timestampOf,
  treeOf,
  withdrawResource,
} from "./model.ts"
import type { KubeObject } from "./object.ts"
import { resourceOfDefinition } from "./resources.ts"

const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"

interface Condition {
  readonly type: string
  readonly status: "True" | "False"
  readonly lastTransitionTime: string
  readonly reason: string
  readonly message: string
}

const conditionOf = (nowMs: number, type: string, status: "True" | "False", reason: string, message: string): Condition => ({
  type,
  status,
  lastTransitionTime: timestampOf(nowMs),
  reason,
  message,
})

const storedVersionsOf = (tree: KubeObject): ReadonlyArray<string> => {
  const { versions } = tree["spec"] as { readonly versions: ReadonlyArray<{ readonly name: string; readonly storage: boolean }> }
  return versions.filter(({ storage }) => storage).map(({ name }) => name)
}

const conditionsOf = (tree: KubeObject): ReadonlyArray<Condition> =>
  (tree["status"] as { readonly conditions?: ReadonlyArray<Condition> | null }).conditions ?? []

const withConditions = (tree: KubeObject, conditions: ReadonlyArray<Condition>): KubeObject => ({
  ...tree,
  status: { ...(tree["status"] as object), conditions },
})

/** A definition as it is when it has just been stored. */
export const unestablished = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, generation: 1 },
  status: { conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: storedVersionsOf(object) },
})

/** Accepts a definition's names, then serves its resource. */
export const establish = (cluster: Cluster, shelf: Shelf, stored: Stored, nowMs: number): void => {
  const tree = treeOf(stored)
  const { names } = tree["spec"] as { readonly names: object }
  const named: KubeObject = { ...tree, status: { ...(tree["status"] as object), acceptedNames: names } }
  const accepted = conditionOf(nowMs, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
  const message = "the initial names have been accepted"
  const installing = conditionOf(nowMs, "Established", "False", "Installing", message)
  const established = conditionOf(nowMs, "Established", "True", "InitialNamesAccepted", message)
  const between = storeObject(cluster, shelf, stored, withConditions(named, [accepted, installing]))
  storeObject(cluster, shelf, between, withConditions(named, [accepted, established]))
  serveResource(cluster, resourceOfDefinition(tree))
}

/** Deletes a definition: it is marked, its objects go, and then it goes itself. */
export const removeDefinition = (cluster: Cluster, shelf: Shelf, before: Stored, nowMs: number): Stored => {
  const tree = treeOf(before)
  const marked: KubeObject = {
    ...tree,
    metadata: { ...tree.metadata, deletionTimestamp: timestampOf(nowMs), finalizers: [cleanupFinalizer] },
  }
  const pending = conditionOf(
    nowMs,
    "Terminating",
    "True",
    "InstanceDeletionPending",
    "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
  )
  const running = conditionOf(nowMs, "Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress")
  const first = storeObject(cluster, shelf, before, withConditions(marked, [...conditionsOf(tree), pending]))
  const last = storeObject(cluster, shelf, first, withConditions(marked, [...conditionsOf(tree), running]))
  withdrawResource(cluster, typeKey(resourceOfDefinition(tree)))
  commit(cluster, shelf, last, undefined)
  return first
}
