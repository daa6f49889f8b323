/**
 * What changed between two messages about one object, in the words of Kubernetes: `spec.replicas 2 -> 3`.
 * Knows the envelope that this program writes: spec and status are JSON texts, labels are lists. Values of Secrets are never shown.
 */
import { feedFieldsMax, feedValueCharsMax } from "../../domain/limit.ts"
import { diffPaths, type FieldDiff } from "../../domain/sync/diff.ts"
import { isMembers, type Members } from "../../domain/wire/exact.ts"
import { printable } from "./text.ts"

const parse = (text: unknown): unknown => {
  if (typeof text !== "string") return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The object in a message, or undefined where there is none. */
export const objectOf = (payload: Uint8Array): Members | undefined => {
  const envelope = parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8"))
  const object = isMembers(envelope) ? envelope["Object"] : undefined
  return isMembers(object) ? object : undefined
}

/** Only the envelope's own; nothing of the object itself. */
const ownMembers: ReadonlySet<string> = new Set(["id", "model", "cluster_id", "pattern_resource"])
/** kubectl's copy of what the other fields say. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

/** A list of labels or annotations as the map that it was. */
const mapOf = (elements: unknown): unknown =>
  Array.isArray(elements)
    ? Object.fromEntries(
        elements
          .filter(isMembers)
          .map(({ key, value }) => [typeof key === "string" ? key : "", value ?? ""] as const)
          .filter(([key]) => key !== lastApplied),
      )
    : elements

const metadataOf = (metadata: unknown): unknown =>
  isMembers(metadata)
    ? {
        ...metadata,
        labels: mapOf(metadata["labels"]),
        annotations: mapOf(metadata["annotations"]),
        ownerReferences: parse(metadata["ownerReferences"]),
        finalizers: parse(metadata["finalizers"]),
      }
    : metadata

const attributeOf = (member: unknown): unknown => (isMembers(member) ? member["attribute"] : undefined)

const restoreMember = (name: string, value: unknown): unknown => {
  if (name === "metadata") return metadataOf(value)
  if (name === "spec" || name === "status") return parse(attributeOf(value))
  return name === "data" || name === "binaryData" || name === "stringData" ? parse(value) : value
}

/** Equal texts are skipped before they are parsed: a status update costs the parsing of two statuses, not of two objects. */
const isSame = (first: unknown, second: unknown): boolean =>
  first === second || (attributeOf(first) !== undefined && attributeOf(first) === attributeOf(second))

/** Intent before outcome, and that before bookkeeping. */
const rankOf = ({ path }: FieldDiff): number => (path.startsWith("metadata") ? 2 : path.startsWith("status") ? 1 : 0)

/** The fields in which two objects of messages differ, the most telling first. */
export const compareObjects = (before: Members, after: Members): ReadonlyArray<FieldDiff> => {
  const older: Record<string, unknown> = {}
  const newer: Record<string, unknown> = {}
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (ownMembers.has(name) || isSame(before[name], after[name])) continue
    if (before[name] !== undefined) older[name] = restoreMember(name, before[name])
    if (after[name] !== undefined) newer[name] = restoreMember(name, after[name])
  }
  return diffPaths(older, newer).toSorted((first, second) => rankOf(first) - rankOf(second))
}

/** A short scalar as text; undefined for what is better not printed. */
const scalarText = (value: unknown): string | undefined => {
  if (value === null || typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value)
  if (typeof value !== "string" || value.length > feedValueCharsMax) return undefined
  return /^[\w./:@+-]+$/.test(value) ? value : printable(JSON.stringify(value))
}

/** One differing field in words. @param hidden whether its values must not be shown */
export const fieldText = ({ after, before, path }: FieldDiff, hidden: boolean): string => {
  const name = printable(path)
  if (after === undefined) return `${name} removed`
  const text = hidden ? undefined : scalarText(after)
  if (before === undefined) return text === undefined ? `${name} added` : `${name} added ${text}`
  const old = hidden ? undefined : scalarText(before)
  return text === undefined || old === undefined ? `${name} changed` : `${name} ${old} -> ${text}`
}

/** The changed fields in one line: the first few by name, the others by number. */
export const changesText = (before: Members, after: Members): string => {
  const fields = compareObjects(before, after)
  if (fields.length === 0) return "no visible field changed"
  const hidden = after["kind"] === "Secret"
  const shown = fields.slice(0, feedFieldsMax).map((field) => fieldText(field, hidden))
  const more = fields.length - shown.length
  return shown.join(", ") + (more > 0 ? ` and ${more} more` : "")
}
