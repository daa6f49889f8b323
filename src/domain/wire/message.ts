/**
 * One change as the message that Meshery Server reads: an envelope with the object's members in a fixed order, cut out of the API server's
 * own bytes. Labels and annotations become arrays, `spec`, `status` and the like become strings of JSON.
 * Invariants: members of an object reach the envelope by their exact names only, and never as `id`, `model` or `component_metadata`;
 * a message is valid JSON in valid UTF-8 whatever the object holds. Numbers keep their spelling.
 * Does not know subjects, sinks or batches; dials nothing.
 */
import { depthMax } from "../limit.ts"
import { openBrace, quote } from "../read/json.ts"
import { Field, endOf, startOf, type Records } from "../read/record.ts"
import { textOf } from "../read/text.ts"
import { apiVersionOf, typeKey, type ResourceType } from "../select/resource.ts"
import type { LaneSpec } from "../select/selection.ts"
import { wireEvents, type Change, type ChangeEvent, type Departed } from "../sync/fact.ts"
import { writeRawText } from "./canonical.ts"
import { writeMetadata } from "./metadata.ts"
import { redactMember } from "./redact.ts"
import { describePaths, hidePaths, type PathRules } from "./redactPath.ts"
import { componentMetadata, serviceKind } from "./service.ts"
import { writeWhole, type WholeForm } from "./whole.ts"
import { encodeText, escapeInto, writeAscii, writeQuoted, writeText, type Writer } from "./writer.ts"

export interface EncodeSettings {
  /** UID of the namespace `kube-system`; may be empty. */
  readonly clusterId: string
  /** Whether the values of Secrets are replaced. */
  readonly redact: boolean
  /** What else is hidden, by type. */
  readonly redactPaths?: PathRules | undefined
  /** Those of the Services' `host:port` that accept a connection. */
  readonly reachable: ReadonlySet<string>
  /** Write whole objects in the place of what Meshery Server reads: for snapshots, never for a broker. */
  readonly whole?: WholeForm | undefined
}

/** To be raised with every change of what a message says of an object. */
const messageRevision = 1

/**
 * What decides the text of a type's messages besides the objects: when it differs from that of an earlier run, what that run has announced
 * does not say what this one would.
 */
export const describeContent = (
  { depth = "full", type }: Pick<LaneSpec, "depth" | "type">,
  redact: boolean,
  redactPaths?: PathRules,
): string => {
  const paths = describePaths(redactPaths?.get(typeKey(type)))
  const hidden = `${redact && type.kind === "Secret" ? ", redacted" : ""}${paths === "" ? "" : `, without ${paths}`}`
  return `revision ${messageRevision}, ${depth}, ${depthMax} deep${hidden}`
}

const envelopeHead = (event: ChangeEvent): string =>
  `{"ObjectType":"meshsync-data","EventType":"${wireEvents[event]}","Request":null,"Object":`

/**
 * Appends one change as a whole message.
 * @param records the block that the change points into; not read for an object that has departed
 * @param type the lane's type: items of lists carry no apiVersion and kind of their own
 */
export const encodeChange = (writer: Writer, change: Change, records: Records, type: ResourceType, settings: EncodeSettings): void => {
  if (change.departed !== undefined) {
    writeIdentity(writer, apiVersionOf(type), type.kind, change.departed, settings.clusterId)
    return
  }
  writeAscii(writer, envelopeHead(change.event))
  const [shown, record] = hide(records, change.record, type, settings)
  writePayload(writer, shown, record, type, settings, change.event)
  writeAscii(writer, "}")
}

/** The record as it may be shown: where a rule concerns it, one of another block. */
const hide = (records: Records, record: number, type: ResourceType, { redactPaths }: EncodeSettings): readonly [Records, number] => {
  const paths = redactPaths?.get(typeKey(type))
  const hidden = paths === undefined ? undefined : hidePaths(records, record, paths)
  return hidden === undefined ? [records, record] : [hidden, 0]
}

/**
 * Appends one change with the whole object in the envelope.
 * @returns false, and nothing is written, where the form leaves the object out
 */
export const encodeWhole = (
  writer: Writer,
  { event, record }: Change,
  records: Records,
  type: ResourceType,
  settings: EncodeSettings & { readonly whole: WholeForm },
): boolean => {
  const { redact, whole } = settings
  const [shown, shownRecord] = hide(records, record, type, settings)
  const header = headerOf(records, record, type)
  const start = writer.at
  writeAscii(writer, envelopeHead(event))
  if (!writeWhole(writer, shown, shownRecord, header, whole, redact && header.kind === "Secret")) {
    writer.at = start
    return false
  }
  writeAscii(writer, "}")
  return true
}

/**
 * Appends a Deleted with nothing but the object's identity: a consumer needs no more, and the whole object may exceed what the broker
 * takes.
 */
export const encodeIdentity = (writer: Writer, records: Records, record: number, type: ResourceType, clusterId: string): void => {
  const { apiVersion, kind } = headerOf(records, record, type)
  const text = (field: Field): string => textOf(records, record, field)
  const identity = {
    name: text(Field.name),
    namespace: text(Field.namespace),
    uid: text(Field.uid),
    resourceVersion: text(Field.resourceVersion),
  }
  writeIdentity(writer, apiVersion, kind, identity, clusterId)
}

const writeIdentity = (writer: Writer, apiVersion: string, kind: string, identity: Departed, clusterId: string): void => {
  const present = (text: string): string | undefined => (text === "" ? undefined : text)
  writeAscii(writer, envelopeHead("Deleted"))
  const payload = {
    id: "",
    apiVersion,
    kind,
    model: "",
    metadata: {
      id: "",
      name: present(identity.name),
      namespace: present(identity.namespace),
      uid: identity.uid,
      resourceVersion: present(identity.resourceVersion),
      cluster_id: "",
    },
    cluster_id: clusterId,
    pattern_resource: null,
    component_metadata: null,
  }
  writeText(writer, JSON.stringify(payload))
  writeAscii(writer, "}")
}

/** How the API server calls an object of which it was asked for the metadata alone, whatever the object is. */
const partialKind = "PartialObjectMetadata"
const partialGroup = "meta.k8s.io/"

/**
 * The object's own apiVersion and kind, or both from its type when it lacks one of them, as an item of a list does, or when they only say
 * that it is not whole.
 */
const headerOf = (records: Records, record: number, type: ResourceType): Header => {
  const apiVersion = textOf(records, record, Field.apiVersion)
  const kind = apiVersion === "" ? "" : textOf(records, record, Field.kind)
  const isPartial = kind === partialKind && apiVersion.startsWith(partialGroup)
  return kind === "" || isPartial ? { apiVersion: apiVersionOf(type), kind: type.kind, isPartial } : { apiVersion, kind, isPartial }
}

interface Header {
  readonly apiVersion: string
  readonly kind: string
  /** The object came as its metadata alone. */
  readonly isPartial: boolean
}

const writePayload = (
  writer: Writer,
  records: Records,
  record: number,
  type: ResourceType,
  settings: EncodeSettings,
  event: ChangeEvent,
): void => {
  const { apiVersion, isPartial, kind } = headerOf(records, record, type)
  const isRedacted = settings.redact && kind === "Secret"
  writeAscii(writer, '{"id":"","apiVersion":')
  writeQuoted(writer, apiVersion)
  writeAscii(writer, ',"kind":')
  writeQuoted(writer, kind)
  writeAscii(writer, ',"model":"","metadata":')
  const design = writeMetadata(writer, records, record, isRedacted)
  writeAttribute(writer, records, record, Field.spec, ',"spec":{"id":"","attribute":"')
  writeAttribute(writer, records, record, Field.status, ',"status":{"id":"","attribute":"')
  writeAscii(writer, ',"cluster_id":')
  writeQuoted(writer, settings.clusterId)
  writeAscii(writer, design === undefined ? ',"pattern_resource":null' : `,"pattern_resource":"${design}"`)
  writeAscii(writer, ',"component_metadata":')
  if (kind === serviceKind && !isPartial && event !== "Deleted") writeText(writer, componentMetadata(records, record, settings.reachable))
  else writeAscii(writer, "null")
  writeMember(writer, records, record, Field.immutable, ',"immutable":"', false)
  writeMember(writer, records, record, Field.data, ',"data":"', isRedacted)
  writeMember(writer, records, record, Field.binaryData, ',"binaryData":"', isRedacted)
  writeMember(writer, records, record, Field.stringData, ',"stringData":"', isRedacted)
  writeMember(writer, records, record, Field.type, ',"type":"', false)
  writeAscii(writer, "}")
}

/** `spec` or `status` as the string of its JSON; a string is its own text. */
const writeAttribute = (writer: Writer, records: Records, record: number, field: Field, head: string): void => {
  const start = startOf(records, record, field)
  if (start < 0) return
  writeAscii(writer, head)
  writeRawText(writer, records.bytes, start, endOf(records, record, field))
  writeAscii(writer, '"}')
}

/** A member as the string of its JSON, if there is anything to write. */
const writeMember = (writer: Writer, records: Records, record: number, field: Field, head: string, isRedacted: boolean): void => {
  const start = startOf(records, record, field)
  if (start < 0) return
  const end = endOf(records, record, field)
  if (records.bytes[start] === quote && end - start === 2) return
  const replacement = isRedacted ? redactMember(records.bytes, start, end) : undefined
  writeAscii(writer, head)
  if (replacement === undefined) writeRawText(writer, records.bytes, start, end)
  else {
    const inner = encodeText(replacement)
    escapeInto(writer, inner, 0, inner.length)
  }
  writeAscii(writer, '"')
}

/**
 * Where the payload lies in a message of ours: the value of `Object`.
 * @returns first byte and first byte behind it
 */
export const payloadSpan = (message: Uint8Array): readonly [start: number, end: number] => {
  const added = envelopeHead("Added").length
  // The names of the events differ in length alone: the payload begins at the first brace behind the shortest head that can be.
  return [message.indexOf(openBrace, added), message.length - 1]
}
