/**
 * Whether two messages about one event say the same, and if not, whether a decision explains it. Members of objects have no order, elements
 * of arrays have; numbers are compared as text; strings that hold JSON are compared as JSON.
 * Does not know which messages belong together: that is sync/pairing.ts.
 */
import { explainPlace, type Decision, type Pair, type Place } from "./decision.ts"
import { parseNode, type Node } from "./node.ts"

/** Strings of a message that hold JSON. */
const jsonPaths: ReadonlySet<string> = new Set(
  ["spec.attribute", "status.attribute", "data", "binaryData", "stringData", "metadata.ownerReferences", "metadata.finalizers"].map(
    (path) => `Object.${path}`,
  ),
)

/** A place at which two messages differ, and the decision behind it, if there is one. */
export interface Difference extends Place {
  readonly decision: Decision | undefined
}

/** Go drops an all-zero fraction: `1.0` and `1` are one number to everybody. */
const dropZeros = (literal: string): string => literal.replace(/^(-?\d+)\.0+$/, "$1")

const joinName = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`)

const comparePlaces = ({ ours, path, theirs }: Place): ReadonlyArray<Place> => {
  if (theirs?._tag === "Object" && ours?._tag === "Object") {
    const names = new Set([...theirs.members.keys(), ...ours.members.keys()])
    return [...names].flatMap((name) =>
      comparePlaces({ path: joinName(path, name), theirs: theirs.members.get(name), ours: ours.members.get(name) }),
    )
  }
  if (theirs?._tag === "Array" && ours?._tag === "Array") {
    const length = Math.max(theirs.items.length, ours.items.length)
    return Array.from({ length }, (_, i) => comparePlaces({ path: `${path}[${i}]`, theirs: theirs.items[i], ours: ours.items[i] })).flat()
  }
  if (theirs?._tag === "String" && ours?._tag === "String") {
    if (theirs.text === ours.text) return []
    const left = jsonPaths.has(path) ? parseNode(theirs.text) : undefined
    const right = left === undefined ? undefined : parseNode(ours.text)
    return left === undefined || right === undefined
      ? [{ path, theirs, ours }]
      : comparePlaces({ path: `${path}!`, theirs: left, ours: right })
  }
  const isSame = theirs?._tag === "Literal" && ours?._tag === "Literal" && dropZeros(theirs.text) === dropZeros(ours.text)
  return isSame ? [] : [{ path, theirs, ours }]
}

/** All places at which two trees differ, without a judgement. */
export const diffNodes = (theirs: Node | undefined, ours: Node | undefined): ReadonlyArray<Place> =>
  comparePlaces({ path: "", theirs, ours })

/**
 * The differences of two messages about one event; empty when they say the same.
 * @param source the object itself, where it is known: some decisions can only be told from it
 */
export const compareMessages = (theirs: Node, ours: Node, source?: Node): ReadonlyArray<Difference> => {
  const pair: Pair = { theirs, ours, source }
  return diffNodes(theirs, ours).map((place) => ({ ...place, decision: explainPlace(place, pair) }))
}

const canonicalize = (node: Node, path: string): string => {
  switch (node._tag) {
    case "Object": {
      const names = [...node.members.keys()].toSorted()
      return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalize(node.members.get(name) as Node, joinName(path, name))}`).join(",")}}`
    }
    case "Array":
      return `[${node.items.map((item) => canonicalize(item, `${path}[]`)).join(",")}]`
    case "String": {
      const inner = jsonPaths.has(path) ? parseNode(node.text) : undefined
      return inner === undefined ? JSON.stringify(node.text) : `!${canonicalize(inner, `${path}!`)}`
    }
    case "Literal":
      return dropZeros(node.text)
  }
}

/** A text that two messages have in common exactly when they say the same. */
export const canonicalText = (message: Node): string => canonicalize(message, "")
