/**
 * What differs between two states of a cluster: objects that came, went and changed, these with the paths of their fields.
 * Empty if and only if every object of one side has an equal on the other, but for what `diffPaths` leaves out.
 * Does not know files, nor which values may be shown.
 */
import type { KubernetesObject } from "../wire/restore.ts"
import { diffPaths, type FieldDiff } from "./diff.ts"

/** Which object, in words that stay when it is created anew. */
export interface ObjectName {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

export type ObjectDiff =
  | { readonly _tag: "Added"; readonly object: ObjectName }
  | { readonly _tag: "Removed"; readonly object: ObjectName }
  | { readonly _tag: "Changed"; readonly object: ObjectName; readonly fields: ReadonlyArray<FieldDiff> }

const nameOf = ({ apiVersion, kind, metadata }: KubernetesObject): ObjectName => ({
  apiVersion,
  kind,
  namespace: metadata.namespace ?? "",
  name: metadata.name ?? "",
})

/** No part of a name holds a line feed. */
const keyOf = ({ apiVersion, kind, name, namespace }: ObjectName): string => [kind, apiVersion, namespace, name].join("\n")

const indexObjects = (objects: Iterable<KubernetesObject>): ReadonlyMap<string, KubernetesObject> => {
  const byKey = new Map<string, KubernetesObject>()
  for (const object of objects) byKey.set(keyOf(nameOf(object)), object)
  return byKey
}

/**
 * The differences, ordered by kind, apiVersion, namespace and name. An object that was created anew is changed, in its uid.
 * @param before the older state; of two objects with one name the later one counts
 * @param after the newer state
 */
export const diffSnapshots = (before: Iterable<KubernetesObject>, after: Iterable<KubernetesObject>): ReadonlyArray<ObjectDiff> => {
  const older = indexObjects(before)
  const newer = indexObjects(after)
  return [...new Set([...older.keys(), ...newer.keys()])].toSorted().flatMap((key): ReadonlyArray<ObjectDiff> => {
    const old = older.get(key)
    const fresh = newer.get(key)
    if (fresh === undefined) return old === undefined ? [] : [{ _tag: "Removed", object: nameOf(old) }]
    if (old === undefined) return [{ _tag: "Added", object: nameOf(fresh) }]
    const fields = diffPaths(old, fresh)
    return fields.length === 0 ? [] : [{ _tag: "Changed", object: nameOf(fresh), fields }]
  })
}
