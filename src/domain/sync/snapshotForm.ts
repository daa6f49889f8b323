/**
 * Two snapshots may say more or less of an object: messages lack members, manifests what the cluster has filled in, and a redacted
 * Secret its values. Here both are brought to what they have in common, so that a difference is one of the cluster's.
 */
import { cleanObject, isDerived } from "../wire/cleaning.ts"
import { parseExact, type Members } from "../wire/exact.ts"
import { redacted } from "../wire/redact.ts"
import type { KubernetesObject } from "../wire/restore.ts"
import { redactObject, type WholeForm } from "../wire/whole.ts"
import { holdObject, type HeldObject } from "./snapshotDiff.ts"

/** The objects of a snapshot, and in which form they are. */
export interface Snapshot {
  /** `message`: restored from messages. `object`: whole. `manifest`: cleaned. */
  readonly form: "message" | "object" | "manifest"
  readonly objects: ReadonlyArray<HeldObject>
}

/** The members that a message carries. */
const carried: ReadonlySet<string> = new Set([
  "apiVersion",
  "kind",
  "metadata",
  "spec",
  "status",
  "immutable",
  "data",
  "binaryData",
  "stringData",
  "type",
])

const isSecret = ({ object }: HeldObject): boolean => object.kind === "Secret"

/** Whether a snapshot holds Secrets without their values. */
export const isRedacted = ({ objects }: Snapshot): boolean => objects.some((held) => isSecret(held) && held.text.includes(`"${redacted}"`))

/** The form of a session whose objects compare with a snapshot's; a manifest's cluster is asked for all: cleaning leaves out the same. */
export const wholeFormOf = ({ form }: Snapshot): WholeForm | undefined => (form === "message" ? undefined : { _tag: "Object" })

/**
 * Both snapshots in the form of the one that says less.
 * @param derived manifests were made with objects that a controller or the cluster makes by itself
 */
export const alignSnapshots = (before: Snapshot, after: Snapshot, derived: boolean): readonly [Snapshot, Snapshot] => {
  const forms = [before.form, after.form]
  const isCarried = forms.includes("message")
  const isClean = forms.includes("manifest")
  const hidden = isRedacted(before) || isRedacted(after)
  const align = ({ form, objects }: Snapshot): Snapshot => ({
    form,
    objects: objects.flatMap((held) => {
      const edits = [
        ...(hidden && isSecret(held) ? [redactObject] : []),
        ...(isClean && form !== "manifest" ? [cleanObject] : []),
        ...(isCarried && form !== "message" ? [carry] : []),
      ]
      const isLeftOut = isClean && form !== "manifest" && !derived
      if (edits.length === 0) return [held]
      const object = parseExact(held.text) as Members
      if (isLeftOut && isDerived(object)) return []
      return [holdObject(edits.reduce((edited, edit) => edit(edited), object) as unknown as KubernetesObject)]
    }),
  })
  return [align(before), align(after)]
}

const carry = (object: Members): Members => Object.fromEntries(Object.entries(object).filter(([name]) => carried.has(name)))
