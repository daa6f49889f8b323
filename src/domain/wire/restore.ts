/**
 * The way back from a message's `Object` to the object of Kubernetes: labels as a map, spec and status as trees.
 *
 * A message carries metadata, spec, status, data, binaryData, stringData, immutable and type; other members of an object it does not have.
 * Texts that are no JSON stay texts, so a member that was the string `42` comes back as a number. Numbers go through doubles, so integers
 * beyond 2^53 are rounded: who needs them reads the texts.
 */

/** An element of `labels` or `annotations`: the value is raw, escapes and all, and absent where it is empty. */
export interface Label {
  readonly id: string
  readonly unique_id: string
  readonly kind: string
  readonly key?: string
  readonly value?: string
}

/** The metadata of a message. `ownerReferences` and `finalizers` are texts of JSON. */
export interface PayloadMetadata {
  readonly id: string
  readonly name?: string
  readonly generateName?: string
  readonly namespace?: string
  readonly selfLink?: string
  readonly uid: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly deletionGracePeriodSeconds?: number
  readonly labels?: ReadonlyArray<Label>
  readonly annotations?: ReadonlyArray<Label>
  readonly ownerReferences?: string
  readonly finalizers?: string
  readonly clusterName?: string
  readonly cluster_id: string
}

/** `spec` or `status`: the attribute is a text of JSON, to the byte what the API server sent. The Go MeshSync leaves out an empty one. */
export interface Attribute {
  readonly id: string
  readonly attribute?: string
}

/** The `Object` of a message about a resource. `data` and its like are texts of JSON. */
export interface Payload {
  readonly id: string
  readonly apiVersion: string
  readonly kind: string
  readonly model: string
  readonly metadata: PayloadMetadata
  readonly spec?: Attribute
  readonly status?: Attribute
  readonly cluster_id: string
  readonly pattern_resource: string | null
  readonly component_metadata: { readonly capabilities: { readonly connection: boolean; readonly urls: ReadonlyArray<string> } } | null
  readonly immutable?: string
  readonly data?: string
  readonly binaryData?: string
  readonly stringData?: string
  readonly type?: string
}

/** A message on `meshery.meshsync.core`. */
export interface ResourceMessage {
  readonly ObjectType: "meshsync-data"
  readonly EventType: "ADDED" | "MODIFIED" | "DELETED"
  readonly Request: null
  readonly Object: Payload
}

/** Metadata in the form of Kubernetes; `managedFields` are never carried. */
export interface ObjectMetadata {
  readonly name?: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly [member: string]: unknown
}

/** An object as Kubernetes has it, as far as a message carries it. */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMetadata
  readonly [member: string]: unknown
}

/** The value of a text of JSON, else the text. */
const parseText = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return unescapeText(text)
  }
}

/** The string whose JSON content a raw text is, else the text. */
const unescapeText = (raw: string): string => {
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    return raw
  }
}

const mapOf = (labels: ReadonlyArray<Label>): Readonly<Record<string, string>> =>
  Object.fromEntries(labels.map(({ key = "", value = "" }) => [key, unescapeText(value)]))

const restoreMetadata = (metadata: PayloadMetadata): ObjectMetadata => {
  const { annotations, cluster_id: _clusterId, finalizers, id: _id, labels, ownerReferences, uid, ...others } = metadata
  return {
    ...others,
    ...(uid === "" ? {} : { uid }),
    ...(labels === undefined ? {} : { labels: mapOf(labels) }),
    ...(annotations === undefined ? {} : { annotations: mapOf(annotations) }),
    ...(ownerReferences === undefined ? {} : { ownerReferences: parseText(ownerReferences) }),
    ...(finalizers === undefined ? {} : { finalizers: parseText(finalizers) }),
  }
}

/**
 * The object that a payload tells of.
 *
 * @example
 * restoreObject(decodeMessage(bytes).Object).metadata.labels
 */
export const restoreObject = (payload: Payload): KubernetesObject => {
  const { apiVersion, binaryData, data, immutable, kind, metadata, spec, status, stringData, type } = payload
  return {
    apiVersion,
    kind,
    metadata: restoreMetadata(metadata),
    ...(spec === undefined ? {} : { spec: parseText(spec.attribute ?? "") }),
    ...(status === undefined ? {} : { status: parseText(status.attribute ?? "") }),
    ...(immutable === undefined ? {} : { immutable: parseText(immutable) }),
    ...(data === undefined ? {} : { data: parseText(data) }),
    ...(binaryData === undefined ? {} : { binaryData: parseText(binaryData) }),
    ...(stringData === undefined ? {} : { stringData: parseText(stringData) }),
    ...(type === undefined ? {} : { type: unescapeText(type) }),
  }
}
