/**
 * When two messages say the same. Numbers are compared as text, because the server's spelling is kept; only an all-zero fraction is
 * dropped, as Go drops it. Members of objects have no order, elements of arrays have. Strings that hold JSON are compared as JSON, where
 * the last of duplicate members counts.
 */

export type Node =
  | { readonly _tag: "Object"; readonly members: ReadonlyMap<string, Node> }
  | { readonly _tag: "Array"; readonly items: ReadonlyArray<Node> }
  | { readonly _tag: "String"; readonly text: string }
  | { readonly _tag: "Literal"; readonly text: string }

const token =
  /[ \t\n\r]*(?:([[\]{},:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?))/y

/** Parses JSON without taking its numbers apart. Throws a SyntaxError. */
export const parseNode = (text: string): Node => {
  let at = 0
  const next = (): RegExpExecArray => {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null) throw new SyntaxError(`unexpected text at ${at}`)
    at = token.lastIndex
    return found
  }
  const expect = (found: RegExpExecArray, ...marks: ReadonlyArray<string>): string => {
    if (found[1] === undefined || !marks.includes(found[1])) throw new SyntaxError(`expected ${marks.join(" or ")} at ${at}`)
    return found[1]
  }
  const objectNode = (): Node => {
    const members = new Map<string, Node>()
    let name = next()
    if (name[1] === "}") return { _tag: "Object", members }
    for (;;) {
      if (name[2] === undefined) throw new SyntaxError(`expected a name at ${at}`)
      expect(next(), ":")
      members.set(JSON.parse(name[2]) as string, nodeOf(next()))
      if (expect(next(), ",", "}") === "}") return { _tag: "Object", members }
      name = next()
    }
  }
  const arrayNode = (): Node => {
    const items: Array<Node> = []
    let first = next()
    if (first[1] === "]") return { _tag: "Array", items }
    for (;;) {
      items.push(nodeOf(first))
      if (expect(next(), ",", "]") === "]") return { _tag: "Array", items }
      first = next()
    }
  }
  const nodeOf = (found: RegExpExecArray): Node => {
    if (found[2] !== undefined) return { _tag: "String", text: JSON.parse(found[2]) as string }
    if (found[3] !== undefined) return { _tag: "Literal", text: found[3].replace(/^(-?\d+)\.0+$/, "$1") }
    return expect(found, "{", "[") === "{" ? objectNode() : arrayNode()
  }
  const node = nodeOf(next())
  if (text.slice(at).trim() !== "") throw new SyntaxError(`unexpected text at ${at}`)
  return node
}

const parseOrUndefined = (text: string): Node | undefined => {
  try {
    return parseNode(text)
  } catch {
    return undefined
  }
}

/** Strings of a payload that hold JSON. */
const jsonPaths: ReadonlySet<string> = new Set(
  ["spec.attribute", "status.attribute", "data", "binaryData", "stringData", "metadata.ownerReferences", "metadata.finalizers"].map(
    (path) => `Object.${path}`,
  ),
)

export interface Difference {
  readonly path: string
  readonly expected: string
  readonly actual: string
}

const show = (node: Node | undefined): string => {
  if (node === undefined) return "(absent)"
  switch (node._tag) {
    case "Object":
      return `{${[...node.members].map(([name, value]) => `${name}:${show(value)}`).join(",")}}`
    case "Array":
      return `[${node.items.map(show).join(",")}]`
    case "String":
      return JSON.stringify(node.text)
    case "Literal":
      return node.text
  }
}

const differ = (expected: Node | undefined, actual: Node | undefined, path: string): ReadonlyArray<Difference> => {
  const here: ReadonlyArray<Difference> = [{ path, expected: show(expected), actual: show(actual) }]
  if (expected?._tag === "Object" && actual?._tag === "Object") {
    const names = new Set([...expected.members.keys(), ...actual.members.keys()])
    return [...names].flatMap((name) =>
      differ(expected.members.get(name), actual.members.get(name), path === "" ? name : `${path}.${name}`),
    )
  }
  if (expected?._tag === "Array" && actual?._tag === "Array") {
    const length = Math.max(expected.items.length, actual.items.length)
    return Array.from({ length }, (_, i) => differ(expected.items[i], actual.items[i], `${path}[${i}]`)).flat()
  }
  if (expected?._tag === "String" && actual?._tag === "String") {
    if (expected.text === actual.text) return []
    const left = jsonPaths.has(path) ? parseOrUndefined(expected.text) : undefined
    const right = left === undefined ? undefined : parseOrUndefined(actual.text)
    return left === undefined || right === undefined ? here : differ(left, right, `${path}!`)
  }
  const isSame = expected?._tag === "Literal" && actual?._tag === "Literal" && expected.text === actual.text
  return isSame ? [] : here
}

/** In what two message texts differ; empty when they say the same. Throws a SyntaxError when one of them is not JSON. */
export const differences = (expected: string, actual: string): ReadonlyArray<Difference> =>
  differ(parseNode(expected), parseNode(actual), "")
