/**
 * Reads back what this program has written: a YAML snapshot, or the lines of `--output stdout`. Whole in memory, because a difference
 * needs both sides. Does not read the `-extended` file: it is a history, and the deletions in it are comments.
 */
import { readFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { parseAllDocuments } from "yaml"
import { meshError, type MeshError } from "../../domain/error.ts"
import { restoreObject, type KubernetesObject, type Payload } from "../../domain/wire/restore.ts"

type Members = Readonly<Record<string, unknown>>

const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value)

const payloadOf = (value: unknown, place: string): Payload => {
  if (!isMembers(value) || !isMembers(value["metadata"]) || typeof value["kind"] !== "string" || !("pattern_resource" in value))
    throw new Error(`${place} is no object of a snapshot`)
  return value as unknown as Payload
}

const keyOf = ({ apiVersion, kind, metadata }: Payload): string =>
  [apiVersion, kind, metadata.namespace ?? "", metadata.name ?? ""].join("\n")

const parseLines = (text: string): ReadonlyArray<KubernetesObject> => {
  const last = new Map<string, Payload>()
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue
    const message: unknown = JSON.parse(line)
    const payload = payloadOf(isMembers(message) ? message["Object"] : undefined, `line ${index + 1}`)
    if (isMembers(message) && message["EventType"] === "DELETED") last.delete(keyOf(payload))
    else last.set(keyOf(payload), payload)
  }
  return [...last.values()].map(restoreObject)
}

const parseDocuments = (text: string): ReadonlyArray<KubernetesObject> => {
  if (/^# (ADDED|MODIFIED|DELETED)$/m.test(text)) throw new Error("it is the -extended file of every event; name the snapshot beside it")
  const documents = parseAllDocuments(text)
  return [...documents].flatMap((document, index) => {
    const [fault] = document.errors
    if (fault !== undefined) throw fault
    const value: unknown = document.toJS({ maxAliasCount: 0 })
    return value === null ? [] : [restoreObject(payloadOf(value, `document ${index + 1}`))]
  })
}

/** The objects in the text of a snapshot. Throws an Error that says which document or line is none. */
export const parseSnapshot = (text: string): ReadonlyArray<KubernetesObject> =>
  text.trimStart().startsWith("{") ? parseLines(text) : parseDocuments(text)

/**
 * The objects of a snapshot. Fails with ErrSnapshotRead where there is no such file or its content is something else.
 * @param path as the user wrote it
 */
export const readSnapshot = (path: string): Effect.Effect<ReadonlyArray<KubernetesObject>, MeshError> =>
  Effect.tryPromise({
    try: async () => parseSnapshot(await readFile(path, "utf8")),
    catch: (cause) => meshError("ErrSnapshotRead", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`),
  })
