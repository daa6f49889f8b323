/**
 * What differs between two states of a cluster: objects that came, went and changed, these with the paths of their fields.
 * Empty if and only if every object of one side has an equal on the other, but for what `diffPaths` leaves out.
 * Objects wait as text and are parsed in pairs, so that memory is that of the texts. Does not know files, nor which values may be shown.
 */
import { parseExact, spellExact } from "../wire/exact.ts"
import type { KubernetesObject } from "../wire/restore.ts"
import { diffPaths, type FieldDiff } from "./diff.ts"

/** Which object, in words that stay when it is created anew. */
export interface ObjectName {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
}

/** One object of a state. */
export interface HeldObject {
  readonly object: ObjectName
  /** JSON. */
  readonly text: string
}

export type ObjectDiff =
  | { readonly _tag: "Added"; readonly object: ObjectName }
  | { readonly _tag: "Removed"; readonly object: ObjectName }
  | { readonly _tag: "Changed"; readonly object: ObjectName; readonly fields: ReadonlyArray<FieldDiff> }

/** What two snapshots must agree in to speak of the same object. */
export const nameOf = ({ apiVersion, kind, metadata }: KubernetesObject): ObjectName => ({
  apiVersion,
  kind,
  namespace: metadata.namespace ?? "",
  name: metadata.name ?? "",
})

/** An object in the form in which a side of a comparison keeps it. */
export const holdObject = (object: KubernetesObject): HeldObject => ({ object: nameOf(object), text: spellExact(object) })

/** No part of a name holds a line feed. */
const keyOf = ({ apiVersion, kind, name, namespace }: ObjectName): string => [kind, apiVersion, namespace, name].join("\n")

const indexObjects = (objects: Iterable<HeldObject>): ReadonlyMap<string, HeldObject> => {
  const byKey = new Map<string, HeldObject>()
  for (const held of objects) byKey.set(keyOf(held.object), held)
  return byKey
}

const diffTexts = (before: string, after: string): ReadonlyArray<FieldDiff> =>
  before === after ? [] : diffPaths(parseExact(before), parseExact(after))

/**
 * The differences, ordered by kind, apiVersion, namespace and name. An object that was created anew is changed, in its uid.
 * @param before the older state; of two objects with one name the later one counts
 * @param after the newer state
 */
export const diffSnapshots = (before: Iterable<HeldObject>, after: Iterable<HeldObject>): ReadonlyArray<ObjectDiff> => {
  const older = indexObjects(before)
  const newer = indexObjects(after)
  return [...new Set([...older.keys(), ...newer.keys()])].toSorted().flatMap((key): ReadonlyArray<ObjectDiff> => {
    const old = older.get(key)
    const fresh = newer.get(key)
    if (fresh === undefined) return old === undefined ? [] : [{ _tag: "Removed", object: old.object }]
    if (old === undefined) return [{ _tag: "Added", object: fresh.object }]
    const fields = diffTexts(old.text, fresh.text)
    return fields.length === 0 ? [] : [{ _tag: "Changed", object: fresh.object, fields }]
  })
}
