/**
 * JSON as a tree whose numbers stay the texts that they were: 64-bit integers are exact, and `1e3` is not `1000`.
 * For comparisons, where speed does not matter; whoever has to be fast reads with read/json.ts.
 */

export type Node =
  | { readonly _tag: "Object"; readonly members: ReadonlyMap<string, Node> }
  | { readonly _tag: "Array"; readonly items: ReadonlyArray<Node> }
  | { readonly _tag: "String"; readonly text: string }
  /** `true`, `false`, `null` or a number. */
  | { readonly _tag: "Literal"; readonly text: string }

const token =
  /[ \t\n\r]*(?:([[\]{},:])|("[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\uffff]*)*")|(true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?))/y

/** A deeper tree is no message of ours; without a bound it would exhaust the stack. */
const depthMax = 1_000

interface Reader {
  readonly text: string
  at: number
  depth: number
}

/** Undefined at the end of the text, and where no token stands. */
const readToken = (reader: Reader): RegExpExecArray | undefined => {
  token.lastIndex = reader.at
  const found = token.exec(reader.text)
  if (found === null) return undefined
  reader.at = token.lastIndex
  return found
}

const readMark = (reader: Reader): string | undefined => readToken(reader)?.[1]

const readObject = (reader: Reader): Node | undefined => {
  const members = new Map<string, Node>()
  let name = readToken(reader)
  if (name?.[1] === "}") return { _tag: "Object", members }
  for (;;) {
    if (name?.[2] === undefined || readMark(reader) !== ":") return undefined
    const value = readValue(reader, readToken(reader))
    if (value === undefined) return undefined
    members.set(JSON.parse(name[2]) as string, value)
    const mark = readMark(reader)
    if (mark === "}") return { _tag: "Object", members }
    if (mark !== ",") return undefined
    name = readToken(reader)
  }
}

const readArray = (reader: Reader): Node | undefined => {
  const items: Array<Node> = []
  let first = readToken(reader)
  if (first?.[1] === "]") return { _tag: "Array", items }
  for (;;) {
    const item = readValue(reader, first)
    if (item === undefined) return undefined
    items.push(item)
    const mark = readMark(reader)
    if (mark === "]") return { _tag: "Array", items }
    if (mark !== ",") return undefined
    first = readToken(reader)
  }
}

const readValue = (reader: Reader, first: RegExpExecArray | undefined): Node | undefined => {
  if (first?.[2] !== undefined) return { _tag: "String", text: JSON.parse(first[2]) as string }
  if (first?.[3] !== undefined) return { _tag: "Literal", text: first[3] }
  if (reader.depth >= depthMax) return undefined
  reader.depth++
  const node = first?.[1] === "{" ? readObject(reader) : first?.[1] === "[" ? readArray(reader) : undefined
  reader.depth--
  return node
}

/** The tree of a text; of members with one name the last counts. Undefined when the text is not JSON, or nested beyond all reason. */
export const parseNode = (text: string): Node | undefined => {
  const reader: Reader = { text, at: 0, depth: 0 }
  const node = readValue(reader, readToken(reader))
  return node === undefined || text.slice(reader.at).trim() !== "" ? undefined : node
}

/** What stands at a path of member names. */
export const nodeAt = (node: Node | undefined, ...names: ReadonlyArray<string>): Node | undefined => {
  let found = node
  for (const name of names) found = found?._tag === "Object" ? found.members.get(name) : undefined
  return found
}

/** The text of a string; undefined for every other node. */
export const textAt = (node: Node | undefined, ...names: ReadonlyArray<string>): string | undefined => {
  const found = nodeAt(node, ...names)
  return found?._tag === "String" ? found.text : undefined
}

/** Whether two trees are the same: members of objects have no order, elements of arrays have. */
export const isSameNode = (one: Node | undefined, other: Node | undefined): boolean => {
  if (one?._tag === "Object" && other?._tag === "Object") {
    return one.members.size === other.members.size && [...one.members].every(([name, node]) => isSameNode(node, other.members.get(name)))
  }
  if (one?._tag === "Array" && other?._tag === "Array") {
    return one.items.length === other.items.length && one.items.every((item, at) => isSameNode(item, other.items[at]))
  }
  if (one === undefined || other === undefined || one._tag !== other._tag) return false
  return "text" in one && "text" in other && one.text === other.text
}
