/**
 * The differences of two snapshots as lines: `+` came, `-` went, `~` changed with its fields below. Values of Secrets are never shown.
 */
import type { ObjectDiff, ObjectName } from "../../domain/sync/snapshotDiff.ts"
import { fieldText } from "./changes.ts"
import { printable } from "./text.ts"

const marks = { Added: "+", Removed: "-", Changed: "~" } as const
const colours = { Added: "\u001b[32m", Removed: "\u001b[31m", Changed: "\u001b[33m" } as const

const nameText = ({ apiVersion, kind, name, namespace }: ObjectName): string =>
  printable(`${kind}.${apiVersion} ${namespace === "" ? "" : `${namespace}/`}${name}`)

const linesOf = (diff: ObjectDiff, colour: boolean): ReadonlyArray<string> => {
  const head = `${marks[diff._tag]} ${nameText(diff.object)}`
  const shown = colour ? `${colours[diff._tag]}${head}\u001b[0m` : head
  if (diff._tag !== "Changed") return [shown]
  return [shown, ...diff.fields.map((field) => `    ${fieldText(field, diff.object.kind === "Secret")}`)]
}

/**
 * One line for each object and each changed field, and a last one with the counts.
 * @param colour whether escape sequences are understood
 */
export const renderSnapshotDiff = (diffs: ReadonlyArray<ObjectDiff>, colour: boolean): string => {
  const count = (tag: ObjectDiff["_tag"]): number => diffs.filter(({ _tag }) => _tag === tag).length
  const sum = `${count("Added")} added, ${count("Removed")} removed, ${count("Changed")} changed`
  return [...diffs.flatMap((diff) => linesOf(diff, colour)), sum, ""].join("\n")
}
