/**
 * Kubernetes objects as the fake API server keeps them: the JSON text that a client receives, cut so that both forms are cheap.
 *
 * Built-in objects: `{"kind":"Pod","apiVersion":"v1",` + body in a watch or a single read, `{` + body as the item of a list.
 * Custom objects: `{"apiVersion":"example.com/v1",` + body everywhere, members in alphabetical order.
 * Numbers keep their spelling, <, > and & are escaped as Go escapes them. Does not know where an object is stored.
 */
import type { Resource } from "./resources.ts"

/** Metadata as it is written; what the server fills in may be left out. */
export interface Meta {
  readonly name?: string
  readonly generateName?: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly finalizers?: ReadonlyArray<string>
  readonly [member: string]: unknown
}

/** An object as a tree: only writes build it. */
export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: Meta
  readonly [member: string]: unknown
}

/** ECMAScript's JSON.parse source text access, which the library declarations lack. */
interface ExactJson {
  readonly parse: (text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown) => unknown
  readonly rawJSON: (text: string) => object
  readonly isRawJSON: (value: unknown) => boolean
}
const exactJson = JSON as unknown as ExactJson

/** Parses JSON; a number that a double cannot spell the same way stays what it was. */
export const parseExact = (text: string): unknown =>
  exactJson.parse(text, (_, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source ? exactJson.rawJSON(source) : value,
  )

const isTree = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !exactJson.isRawJSON(value)

const metadataOrder = [
  "name",
  "generateName",
  "namespace",
  "selfLink",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "labels",
  "annotations",
  "ownerReferences",
  "finalizers",
  "managedFields",
]

/** Members in the order of Go's struct, as built-in objects have them. */
const orderMetadata = (metadata: Meta): Meta => {
  const entries = metadataOrder.flatMap((member) => (metadata[member] === undefined ? [] : [[member, metadata[member]] as const]))
  return Object.fromEntries(entries)
}

const sortMembers = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sortMembers)
  if (!isTree(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sortMembers(value[key])]),
  )
}

const goEscapes: Readonly<Record<string, string>> = {
  "<": "\\u003c",
  ">": "\\u003e",
  "&": "\\u0026",
  "\u2028": "\\u2028",
  "\u2029": "\\u2029",
}

/** JSON as Go's encoder writes it. */
export const encodeGoJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (char) => goEscapes[char] ?? char)

const encoder = new TextEncoder()
const decoder = new TextDecoder()
export const encodeText = (text: string): Uint8Array => encoder.encode(text)
export const decodeText = (bytes: Uint8Array): string => decoder.decode(bytes)

/** The text of an object after the members that depend on the form: everything from `"metadata"` on, closing brace included. */
export const encodeBody = (resource: Resource, object: KubeObject): Uint8Array => {
  const { kind, metadata, ...rest } = { ...object, apiVersion: undefined }
  const tree = resource.custom
    ? sortMembers({ kind: kind ?? resource.kind, metadata, ...rest })
    : { metadata: orderMetadata(metadata), ...rest }
  return encodeText(encodeGoJson(tree).slice(1))
}

/** What stands before the body in a watch event or a single read. */
export const objectHead = (resource: Resource, apiVersion: string): string =>
  resource.custom ? `{"apiVersion":"${apiVersion}",` : `{"kind":"${resource.kind}","apiVersion":"${apiVersion}",`

/** What stands before the body in an item of a list. */
export const itemHead = (resource: Resource, apiVersion: string): string => (resource.custom ? `{"apiVersion":"${apiVersion}",` : "{")

/** An object of which a client asked for the metadata alone. */
export const partialText = ({ metadata }: KubeObject): string =>
  `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":${encodeGoJson(orderMetadata(metadata))}}`

/** Applies a JSON merge patch (RFC 7386): null removes, trees are merged, all else replaces. */
export const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (!isTree(patch)) return patch
  const merged: Record<string, unknown> = isTree(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key]
    else merged[key] = mergePatch(merged[key], value)
  }
  return merged
}
