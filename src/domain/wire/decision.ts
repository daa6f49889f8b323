/**
 * The decisions that make our messages differ from the Go MeshSync's on purpose, and how each one shows in a pair of messages about the
 * same event. The numbers are those of the README's table of differences.
 *
 * Invariant: a decision explains a difference only when our side is what the decision demands. That the other side is different is not
 * enough, or a fault of ours would hide behind a decision.
 */
import { isSameNode, nodeAt, parseNode, textAt, type Node } from "./node.ts"
import { designLabel, designOf } from "./pattern.ts"
import { lastAppliedKey, redactManifest } from "./redact.ts"
import { answeredMetadata, serviceKind } from "./service.ts"

/** The decisions that can show in messages, by their number and name in the README. */
export const decisions = {
  names: { number: 2, name: "names of kinds" },
  versions: { number: 6, name: "version of custom resources" },
  deletions: { number: 9, name: "deletions during a resync or an outage" },
  services: { number: 13, name: "Services" },
  design: { number: 15, name: "`pattern_resource`" },
  envelope: { number: 16, name: "`id`, `model`, `component_metadata` of an object" },
  redaction: { number: 17, name: "redaction" },
  clusterId: { number: 21, name: "cluster id" },
  numbers: { number: 26, name: "numbers" },
  emptyText: { number: 27, name: '`spec: ""`' },
} as const

export type Decision = keyof typeof decisions

/** Two messages about one event, and what is known besides. */
export interface Pair {
  readonly theirs: Node
  readonly ours: Node
  /** The object as the API server has it, where it was looked up. */
  readonly source: Node | undefined
}

/** One place at which two messages differ; an absent side is undefined. `!` in a path leads into a string that holds JSON. */
export interface Place {
  readonly path: string
  readonly theirs: Node | undefined
  readonly ours: Node | undefined
}

const isText = (node: Node | undefined, text: string): boolean => node?._tag === "String" && node.text === text
const isNull = (node: Node | undefined): boolean => node?._tag === "Literal" && node.text === "null"

/** Members of the envelope that are always empty here, whatever an object holds under that name. */
const emptyMembers: ReadonlySet<string> = new Set([
  "Object.id",
  "Object.model",
  "Object.metadata.id",
  "Object.metadata.cluster_id",
  "Object.spec.id",
  "Object.status.id",
])

const objectMembers: ReadonlySet<string> = new Set(
  ["spec", "status", "data", "binaryData", "stringData", "immutable", "type"].map((name) => `Object.${name}`),
)

/** Whether the object has a member of that name in other letters only. Nothing but the object itself can tell. */
const isSpeltOtherwise = (path: string, source: Node | undefined): boolean => {
  const name = path.slice("Object.".length)
  if (source?._tag !== "Object" || source.members.has(name)) return false
  return [...source.members.keys()].some((member) => member.toLowerCase() === name.toLowerCase())
}

/** Whether only the object itself can tell if a difference is explained. */
export const needsSource = ({ ours, path }: Place): boolean => objectMembers.has(path) && ours === undefined

const explainsEnvelope = (place: Place, pair: Pair): boolean => {
  const { ours, path } = place
  if (emptyMembers.has(path)) return isText(ours, "")
  if (path === "Object.component_metadata") return isNull(ours) && textAt(pair.ours, "Object", "kind") !== "Service"
  return needsSource(place) && isSpeltOtherwise(path, pair.source)
}

/** The label's text as our own message carries it, its escapes resolved. */
const labelIn = (message: Node, list: "labels" | "annotations", key: string): string | undefined => {
  const labels = nodeAt(message, "Object", "metadata", list)
  const found = labels?._tag === "Array" ? labels.items.find((label) => textAt(label, "key") === key) : undefined
  return found === undefined ? undefined : unescapeRaw(textAt(found, "value") ?? "")
}

/** Labels and annotations carry the content of a JSON string, escapes and all. */
const unescapeRaw = (raw: string): string => {
  const node = parseNode(`"${raw}"`)
  return node?._tag === "String" ? node.text : raw
}

/** The id that our message must have: that of the label, or none. */
const isOurDesign = ({ ours, path }: Place, pair: Pair): boolean => {
  if (path !== "Object.pattern_resource") return false
  const label = labelIn(pair.ours, "labels", designLabel)
  return label === undefined ? isNull(ours) : isText(ours, designOf(label))
}

const annotationValue = /^Object\.metadata\.annotations\[(\d+)\]\.value$/

/** Our copy of the manifest must be theirs with its values taken out. */
const isRedactedManifest = ({ ours, path, theirs }: Place, pair: Pair): boolean => {
  const index = annotationValue.exec(path)?.[1]
  if (index === undefined || textAt(pair.ours, "Object", "kind") !== "Secret") return false
  const annotations = nodeAt(pair.ours, "Object", "metadata", "annotations")
  const annotation = annotations?._tag === "Array" ? annotations.items[Number(index)] : undefined
  if (textAt(annotation, "key") !== lastAppliedKey || ours?._tag !== "String" || theirs?._tag !== "String") return false
  return unescapeRaw(ours.text) === redactManifest(unescapeRaw(theirs.text))
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const integerPattern = /^-?(?:0|[1-9]\d*)$/
const int64Max = 2n ** 63n - 1n

/** Integers of 64 bits are exact on both sides, so a difference there is a fault. */
const passesThroughDouble = (text: string): boolean => {
  if (!integerPattern.test(text) || text === "-0") return true
  const value = BigInt(text)
  return value > int64Max || value < -int64Max - 1n
}

/** Texts that stand for a number where the object had one, although its kind allows strings only. */
const spelledNumbers = /^Object\.(?:type|immutable|metadata\.(?:labels|annotations)\[\d+\]\.value)$/

const isSameDouble = ({ ours, path, theirs }: Place): boolean => {
  const tag = spelledNumbers.test(path) ? "String" : "Literal"
  if (ours?._tag !== tag || theirs?._tag !== tag) return false
  const isNumber = numberPattern.test(ours.text) && numberPattern.test(theirs.text)
  return isNumber && passesThroughDouble(ours.text) && Number(ours.text) === Number(theirs.text)
}

/** Ours holds an identity alone: a list has found the deletion. */
export const isIdentity = (message: Node): boolean => {
  const object = nodeAt(message, "Object")
  if (object?._tag !== "Object" || textAt(message, "EventType") !== "DELETED") return false
  return ["spec", "status", ...[...objectMembers].map((path) => path.slice("Object.".length))].every((name) => !object.members.has(name))
}

const identityMembers = /^Object\.metadata\.(?:id|name|namespace|uid|resourceVersion|cluster_id)$|^Object\.(?:apiVersion|kind|cluster_id)$/

const jsonIn = (message: Node, name: string): unknown => {
  try {
    return JSON.parse(textAt(message, "Object", name, "attribute") ?? "null")
  } catch {
    return undefined
  }
}

/**
 * Both sides dial at moments of their own, and perhaps from other places. All that follows from it is whether a Service has addresses:
 * where a load balancer has to answer, one side has none, and the other one's are those of this Service.
 */
const isAnswerOfDial = ({ ours, path, theirs }: Place, pair: Pair): boolean => {
  if (path !== "Object.component_metadata" || isNull(ours) === isNull(theirs)) return false
  if (textAt(pair.ours, "Object", "kind") !== serviceKind || textAt(pair.ours, "EventType") === "DELETED") return false
  const answered = answeredMetadata({ spec: jsonIn(pair.ours, "spec"), status: jsonIn(pair.ours, "status") })
  return answered !== undefined && isSameNode(isNull(ours) ? theirs : ours, parseNode(answered))
}

/** Each decision's rule for one place. */
const rules: ReadonlyArray<readonly [Decision, (place: Place, pair: Pair) => boolean]> = [
  ["envelope", explainsEnvelope],
  ["design", isOurDesign],
  ["redaction", isRedactedManifest],
  ["numbers", isSameDouble],
  ["services", isAnswerOfDial],
  ["emptyText", ({ ours, path, theirs }) => /^Object\.(?:spec|status)\.attribute$/.test(path) && isText(ours, "") && theirs === undefined],
  ["clusterId", ({ path, theirs }) => path === "Object.cluster_id" && isText(theirs, "")],
  ["deletions", ({ ours, path }, pair) => ours === undefined && !identityMembers.test(path) && isIdentity(pair.ours)],
]

/** The decision that explains a difference; undefined when none does. */
export const explainPlace = (place: Place, pair: Pair): Decision | undefined => rules.find(([, holds]) => holds(place, pair))?.[0]
