/**
 * Which members the scanner looks for, by their exact names: in objects, in their metadata, and around them.
 * Names are compared as bytes; only one that holds an escape is decoded first.
 */
import { backslash } from "./json.ts"
import { Field, Source } from "./record.ts"
import { decodeString, sameBytes } from "./text.ts"

interface Name {
  readonly name: string
  readonly bytes: Uint8Array
  /** What the name stands for: a column, or a number of its own. */
  readonly value: number
}

export interface NameTable {
  /** The names by their length in bytes. */
  readonly byLength: ReadonlyArray<ReadonlyArray<Name>>
  /** By value: whether a `null` is a value of its own. Elsewhere it means that the member is absent. */
  readonly keepsNull: ReadonlyArray<boolean>
}

const tableOf = (values: Readonly<Record<string, number>>, keepsNull: ReadonlyArray<string> = []): NameTable => {
  const names = Object.entries(values).map(([name, value]) => ({
    name,
    value,
    bytes: Uint8Array.from(name, (letter) => letter.charCodeAt(0)),
  }))
  const longest = Math.max(...names.map(({ name }) => name.length))
  const keeping = new Set(keepsNull.map((name) => values[name]))
  return {
    byLength: Array.from({ length: longest + 1 }, (_, length) => names.filter(({ name }) => name.length === length)),
    keepsNull: Array.from({ length: Math.max(...Object.values(values)) + 1 }, (_, value) => keeping.has(value)),
  }
}

/** Opens the metadata columns instead of being one. */
export const metadataMember = 100

/** Members of an object that are columns. The Go MeshSync publishes the text `null` for those that keep it. */
export const objectMembers = tableOf(
  {
    apiVersion: Field.apiVersion,
    kind: Field.kind,
    metadata: metadataMember,
    spec: Field.spec,
    status: Field.status,
    immutable: Field.immutable,
    data: Field.data,
    binaryData: Field.binaryData,
    stringData: Field.stringData,
    type: Field.type,
  },
  ["immutable", "data", "binaryData", "stringData", "type"],
)

/** Members of an object's metadata that are columns. */
export const metadataMembers = tableOf(
  {
    name: Field.name,
    generateName: Field.generateName,
    namespace: Field.namespace,
    selfLink: Field.selfLink,
    uid: Field.uid,
    resourceVersion: Field.resourceVersion,
    generation: Field.generation,
    creationTimestamp: Field.creationTimestamp,
    deletionTimestamp: Field.deletionTimestamp,
    deletionGracePeriodSeconds: Field.deletionGracePeriodSeconds,
    labels: Field.labels,
    annotations: Field.annotations,
    ownerReferences: Field.ownerReferences,
    finalizers: Field.finalizers,
    clusterName: Field.clusterName,
  },
  ["ownerReferences", "finalizers"],
)

/** The metadata columns are one stretch of the table, so that a second `metadata` can clear what the first one left. */
export const metadataFirst = Field.name
export const metadataLast = Field.clusterName

/** What a list page has around its items; `metadata` again opens the members below. */
export const ListMember = { apiVersion: 0, kind: 1, resourceVersion: 2, continue: 3, remaining: 4, items: 5 } as const
export const listMembers = tableOf({
  apiVersion: ListMember.apiVersion,
  kind: ListMember.kind,
  metadata: metadataMember,
  items: ListMember.items,
})
export const listMetadataMembers = tableOf({
  resourceVersion: ListMember.resourceVersion,
  continue: ListMember.continue,
  remainingItemCount: ListMember.remaining,
})

/** The members of a watch line. */
export const LineMember = { type: 0, object: 1 } as const
export const lineMembers = tableOf(LineMember)

/** The types of a watch line. */
export const eventNames = tableOf({
  ADDED: Source.added,
  MODIFIED: Source.modified,
  DELETED: Source.deleted,
  BOOKMARK: Source.bookmark,
  ERROR: Source.error,
})

/**
 * What a name stands for, or -1 when the table lacks it.
 * @param start the name's first byte, behind its quote
 * @param end the position of the closing quote
 */
export const valueOfName = (table: NameTable, bytes: Uint8Array, start: number, end: number): number => {
  const candidates = table.byLength[end - start]
  if (candidates !== undefined) {
    for (const candidate of candidates) if (sameBytes(candidate.bytes, 0, end - start, bytes, start, end)) return candidate.value
  }
  for (let i = start; i < end; i++) {
    if (bytes[i] === backslash) {
      const text = decodeString(bytes, start, end)
      return table.byLength[text.length]?.find(({ name }) => name === text)?.value ?? -1
    }
  }
  return -1
}
