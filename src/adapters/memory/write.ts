/**
 * Writing to the fake API server: create, replace, patch, delete, with the rules of the real one that a watcher can see.
 *
 * A write that changes nothing gives no new version. Finalizers hold a deleted object until the last of them is gone. A deletion shows
 * the object as it was, under the version of the deletion. A stored CustomResourceDefinition serves its resource, a deleted one takes
 * its objects along (definition.ts). Leaves out validation, defaulting, managed fields, admission, and the controllers that a real
 * cluster has (garbage collection, namespaces).
 */
import * as Result from "effect/Result"
import { definitionsKey } from "../../domain/select/selection.ts"
import { establish, removeDefinition, unestablished } from "./definition.ts"
import {
  bodyOf,
  type Cluster,
  commit,
  itemKey,
  nextUid,
  serveResource,
  type Shelf,
  type Stored,
  storedOf,
  storeObject,
  timestampOf,
  treeOf,
} from "./model.ts"
import { type KubeObject, mergePatch, type Meta } from "./object.ts"
import { alreadyExists, badRequest, conflict, notFound, type Refusal } from "./refusal.ts"
import { resourceOfDefinition } from "./resources.ts"

export type Written = Result.Result<Stored, Refusal>

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, at) => byte === right[at])

/**
 * Creates an object.
 * @param key `plural.group` of a served type
 * @param nowMs milliseconds since the epoch, for its creationTimestamp
 */
export const createObject = (cluster: Cluster, key: string, object: KubeObject, nowMs: number): Written => {
  const shelf = cluster.shelves.get(key)
  if (shelf === undefined) return Result.fail(badRequest(`${key} is not served`))
  const { generateName, namespace } = object.metadata
  const uid = nextUid(cluster)
  const name = object.metadata.name ?? (generateName === undefined ? undefined : `${generateName}${uid.slice(0, 5)}`)
  if (name === undefined) return Result.fail(badRequest("name or generateName is required"))
  if (shelf.resource.namespaced && !(cluster.shelves.get("namespaces")?.items.has(itemKey("", namespace ?? "")) ?? true)) {
    return Result.fail(notFound({ group: "", plural: "namespaces" }, namespace ?? ""))
  }
  if (shelf.items.has(itemKey(namespace, name))) return Result.fail(alreadyExists(shelf.resource, name))
  const { deletionTimestamp: _, ...given } = object.metadata
  const metadata: Meta = {
    ...given,
    name,
    uid,
    creationTimestamp: timestampOf(nowMs),
    ...(shelf.resource.custom || given.generation !== undefined ? { generation: 1 } : {}),
  }
  const whole: KubeObject = { ...object, metadata }
  const stored = storeObject(cluster, shelf, undefined, key === definitionsKey ? unestablished(whole) : whole)
  if (key === definitionsKey) establish(cluster, shelf, stored, nowMs)
  return Result.succeed(stored)
}

/** Stores a changed tree: nothing when nothing changed, a deletion when the last finalizer of a deleted object is gone. */
const storeChange = (cluster: Cluster, shelf: Shelf, before: Stored, object: KubeObject): Stored => {
  const { resource } = shelf
  const old = treeOf(before)
  const metadata: Meta = {
    ...object.metadata,
    name: before.name,
    ...(before.namespace === "" ? {} : { namespace: before.namespace }),
    uid: before.uid,
    resourceVersion: String(before.version),
    creationTimestamp: old.metadata.creationTimestamp ?? "",
    ...(old.metadata.generation === undefined ? {} : { generation: old.metadata.generation }),
  }
  const same = storedOf(resource, { ...object, metadata })
  if (sameBytes(bodyOf(same), bodyOf(before))) return before
  if (metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) {
    commit(cluster, shelf, before, undefined)
    return same
  }
  const specified = JSON.stringify(old["spec"]) !== JSON.stringify(object["spec"])
  const generation = (old.metadata.generation ?? 0) + (specified ? 1 : 0)
  const stored = storeObject(cluster, shelf, before, {
    ...object,
    metadata: old.metadata.generation === undefined ? metadata : { ...metadata, generation },
  })
  if (shelf.key === definitionsKey && specified) serveResource(cluster, resourceOfDefinition(object))
  return stored
}

/** Replaces an object; a resourceVersion in it must be the current one. */
export const replaceObject = (cluster: Cluster, key: string, object: KubeObject): Written => {
  const shelf = cluster.shelves.get(key)
  if (shelf === undefined) return Result.fail(badRequest(`${key} is not served`))
  const { name = "", namespace, resourceVersion } = object.metadata
  const before = shelf.items.get(itemKey(namespace, name))
  if (before === undefined) return Result.fail(notFound(shelf.resource, name))
  if (resourceVersion !== undefined && resourceVersion !== String(before.version)) return Result.fail(conflict(shelf.resource, name))
  return Result.succeed(storeChange(cluster, shelf, before, object))
}

/** Applies a JSON merge patch to an object. */
export const patchObject = (cluster: Cluster, key: string, namespace: string, name: string, patch: unknown): Written => {
  const shelf = cluster.shelves.get(key)
  if (shelf === undefined) return Result.fail(badRequest(`${key} is not served`))
  const before = shelf.items.get(itemKey(namespace, name))
  if (before === undefined) return Result.fail(notFound(shelf.resource, name))
  const merged = mergePatch(treeOf(before), patch) as KubeObject
  return Result.succeed(storeChange(cluster, shelf, before, merged))
}

/** Marks an object as being deleted: it stays until its finalizers are gone. */
const markDeleted = (cluster: Cluster, shelf: Shelf, before: Stored, tree: KubeObject, nowMs: number): Stored => {
  if (tree.metadata.deletionTimestamp !== undefined) return before
  const { generation } = tree.metadata
  const metadata: Meta = {
    ...tree.metadata,
    deletionTimestamp: timestampOf(nowMs),
    deletionGracePeriodSeconds: 0,
    ...(generation === undefined ? {} : { generation: generation + 1 }),
  }
  return storeObject(cluster, shelf, before, { ...tree, metadata })
}

/**
 * Deletes an object.
 * @param nowMs milliseconds since the epoch, for its deletionTimestamp
 */
export const removeObject = (cluster: Cluster, key: string, namespace: string, name: string, nowMs: number): Written => {
  const shelf = cluster.shelves.get(key)
  if (shelf === undefined) return Result.fail(badRequest(`${key} is not served`))
  const before = shelf.items.get(itemKey(namespace, name))
  if (before === undefined) return Result.fail(notFound(shelf.resource, name))
  if (key === definitionsKey) return Result.succeed(removeDefinition(cluster, shelf, before, nowMs))
  const tree = treeOf(before)
  if ((tree.metadata.finalizers ?? []).length > 0) return Result.succeed(markDeleted(cluster, shelf, before, tree, nowMs))
  commit(cluster, shelf, before, undefined)
  return Result.succeed(before)
}
