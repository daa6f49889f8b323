/**
 * One object whole, in the form in which Kubernetes has it and not in that of messages: for snapshots that people and kubectl read.
 * Made from the API server's own bytes; managedFields are left out, as kubectl does.
 */
import type { Records } from "../read/record.ts"
import { Field, endOf, startOf } from "../read/record.ts"
import { decodeText } from "../read/text.ts"
import { cleanObject, isDerived } from "./cleaning.ts"
import { change, changeMembers, drop } from "./edit.ts"
import { isMembers, parseExact, spellExact, type Members } from "./exact.ts"
import { lastAppliedKey, redacted, redactManifest } from "./redact.ts"
import { writeText, type Writer } from "./writer.ts"

/** What of an object is written. */
export type WholeForm =
  /** All of it. */
  | { readonly _tag: "Object" }
  /** What can be applied again; `derived`: also objects that a controller or the cluster makes by itself. */
  | { readonly _tag: "Manifest"; readonly derived: boolean }

/** The line before the items of a List of v1, each of which is a line too, and the one behind them. */
export const listHead = '{"apiVersion":"v1","kind":"List","metadata":{},"items":['
export const listTail = "]}"

const redactValues = (value: unknown): unknown =>
  isMembers(value) ? Object.fromEntries(Object.keys(value).map((name) => [name, redacted])) : redacted

/**
 * A Secret without its values. The placeholder is no base64, so that the API server refuses it: a redacted Secret never replaces a
 * real one.
 */
export const redactObject = (object: Members): Members => {
  const hidden = ["data", "binaryData", "stringData"].reduce((edited, name) => change(edited, name, redactValues), object)
  return changeMembers(hidden, "metadata", (metadata) =>
    changeMembers(metadata, "annotations", (annotations) =>
      change(annotations, lastAppliedKey, (text) => (typeof text === "string" ? redactManifest(text) : redacted)),
    ),
  )
}

/** The header that items of lists lack, in front of everything else. */
export interface WholeHeader {
  readonly apiVersion: string
  readonly kind: string
}

/**
 * Appends a record's object as JSON.
 * @param header what the object is, for it may not say so itself
 * @param redact whether it is a Secret whose values must not be seen
 * @returns false, and nothing is written, where the form leaves the object out
 */
export const writeWhole = (
  writer: Writer,
  records: Records,
  record: number,
  { apiVersion, kind }: WholeHeader,
  form: WholeForm,
  redact: boolean,
): boolean => {
  const text = decodeText(records.bytes, startOf(records, record, Field.object), endOf(records, record, Field.object))
  const parsed = parseExact(text) as Members
  const object = { apiVersion, kind, ...drop(parsed, "apiVersion", "kind") }
  if (form._tag === "Manifest" && !form.derived && isDerived(object)) return false
  const shown = redact ? redactObject(object) : object
  const whole =
    form._tag === "Manifest" ? cleanObject(shown) : changeMembers(shown, "metadata", (metadata) => drop(metadata, "managedFields"))
  writeText(writer, spellExact(whole))
  return true
}
