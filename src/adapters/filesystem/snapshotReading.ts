/**
 * Reads back what this program has written: a YAML snapshot, lines, a List of JSON, or a folder of files; manifests of kubectl too.
 * What is read is bounded, and kept as text. Does not read the `-extended` file: it is a history, and the deletions in it are comments.
 */
import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { parseDocument } from "yaml"
import { meshError, type MeshError } from "../../domain/error.ts"
import { snapshotReadBytesMax } from "../../domain/limit.ts"
import { holdObject, type HeldObject } from "../../domain/sync/snapshotDiff.ts"
import type { Snapshot } from "../../domain/sync/snapshotForm.ts"
import { isMembers, parseExact, spellExact } from "../../domain/wire/exact.ts"
import { restoreObject, type KubernetesObject, type Payload } from "../../domain/wire/restore.ts"
import { listHead, listTail } from "../../domain/wire/whole.ts"

interface Found {
  readonly held: HeldObject
  readonly form: Snapshot["form"]
}

/** An object of a snapshot, in whichever form. */
const findObject = (value: unknown, place: string): Found => {
  if (!isMembers(value) || !isMembers(value["metadata"]) || typeof value["kind"] !== "string" || typeof value["apiVersion"] !== "string")
    throw new Error(`${place} is no object of a snapshot`)
  if ("pattern_resource" in value) return { held: holdObject(restoreObject(value as unknown as Payload)), form: "message" }
  // Kubernetes gives every object a uid; cleaning takes it away.
  const form = typeof value["metadata"]["uid"] === "string" ? "object" : "manifest"
  return { held: holdObject(value as unknown as KubernetesObject), form }
}

const keyOf = ({ held: { object } }: Found): string => [object.apiVersion, object.kind, object.namespace, object.name].join("\n")

/** Lines of messages, of which the last one about an object counts, or of whole objects. */
const parseLines = (text: string): ReadonlyArray<Found> => {
  const last = new Map<string, Found>()
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue
    const value: unknown = parseExact(line)
    const message = isMembers(value) && "EventType" in value ? value : undefined
    const found = findObject(message === undefined ? value : message["Object"], `line ${index + 1}`)
    if (message?.["EventType"] === "DELETED") last.delete(keyOf(found))
    else last.set(keyOf(found), found)
  }
  return [...last.values()]
}

const isList = (value: unknown): value is { readonly items: ReadonlyArray<unknown> } => isMembers(value) && Array.isArray(value["items"])

/** A List as this program writes it, item by item, or anybody's. */
const parseJson = (text: string): ReadonlyArray<Found> => {
  if (text.startsWith(`${listHead}\n`)) {
    const lines = text.slice(listHead.length + 1).split("\n")
    const items = lines.filter((line) => line !== listTail && line.trim() !== "")
    return items.map((line, index) => findObject(parseExact(line.replace(/,$/, "")), `item ${index + 1}`))
  }
  const whole = parseIfOne(text)
  if (isList(whole)) return whole.items.map((item, index) => findObject(item, `item ${index + 1}`))
  // One object may be spread over lines, and so may one message.
  return parseLines(whole === undefined ? text : spellExact(whole))
}

/** The value, where the text is one; undefined where it is several lines of them. */
const parseIfOne = (text: string): unknown => {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

/** Integers beyond 2^53 are bigints, as everywhere where objects are compared. */
const narrowIntegers = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value
  if (Array.isArray(value)) return value.map(narrowIntegers)
  return isMembers(value) ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, narrowIntegers(member)])) : value
}

/** One document at a time: the tree that a reader of YAML builds is many times as large as its text. */
const parseYaml = (text: string): ReadonlyArray<Found> => {
  if (/^# (ADDED|MODIFIED|DELETED)$/m.test(text)) throw new Error("it is the -extended file of every event; name the snapshot beside it")
  return text.split(/^---[ \t]*$/m).flatMap((part, index) => {
    const document = parseDocument(part, { intAsBigInt: /\d{16}/.test(part) })
    const [fault] = document.errors
    if (fault !== undefined) throw new Error(`document ${index + 1}: ${fault.message}`)
    const value = narrowIntegers(document.toJS({ maxAliasCount: 0 }))
    if (value === null) return []
    return isList(value)
      ? value.items.map((item) => findObject(item, `document ${index + 1}`))
      : [findObject(value, `document ${index + 1}`)]
  })
}

const parseText = (text: string): ReadonlyArray<Found> => (text.trimStart().startsWith("{") ? parseJson(text) : parseYaml(text))

/** The files of a snapshot, which may be a folder, with their sizes. */
const findFiles = async (path: string): Promise<ReadonlyArray<string>> => {
  if (!(await stat(path)).isDirectory()) return [path]
  const names = await readdir(path, { recursive: true, encoding: "utf8" })
  return names
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .toSorted()
    .map((name) => join(path, name))
}

const readAll = async (path: string): Promise<Snapshot> => {
  const files = await findFiles(path)
  let bytes = 0
  for (const file of files) bytes += (await stat(file)).size
  if (bytes > snapshotReadBytesMax)
    throw new Error(
      `${bytes} bytes are more than the ${snapshotReadBytesMax} that are compared; take snapshots of fewer kinds or namespaces`,
    )
  const found: Array<Found> = []
  for (const file of files) {
    try {
      for (const each of parseText(await readFile(file, "utf8"))) found.push(each)
    } catch (cause) {
      throw file === path ? cause : new Error(`${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }
  const forms = new Set(found.map(({ form }) => form))
  const form = forms.has("message") ? "message" : forms.has("object") ? "object" : "manifest"
  if (forms.size > 1) throw new Error("some of its objects are whole and others are not: it is not one snapshot")
  return { form: found.length === 0 ? "object" : form, objects: found.map(({ held }) => held) }
}

/**
 * The objects of a snapshot. Fails with ErrSnapshotRead where there is no such file, or its content is something else or too much.
 * @param path a file or a folder, as the user wrote it
 */
export const readSnapshot = (path: string): Effect.Effect<Snapshot, MeshError> =>
  Effect.tryPromise({
    try: () => readAll(path),
    catch: (cause) => meshError("ErrSnapshotRead", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`),
  })
