/**
 * What types do not hold: who may import whom, clock and chance in the domain, sizes, names, opening comments.
 * Each rule is a pure function over one file's syntax tree; the first half of the suite shows that every rule bites,
 * the second half that the sources are clean. A finding reads `file:line: rule`.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { parseAst } from "rolldown/parseAst"
import { describe, expect, it } from "vitest"

const root = path.resolve(import.meta.dirname, "..")
const fileLinesMax = 400
const functionLinesMax = 60
const lineCharactersMax = 140

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [member: string]: unknown
}

interface Source {
  readonly file: string
  readonly text: string
  readonly nodes: ReadonlyArray<Node>
}

interface Finding {
  readonly at: number
  readonly rule: string
}

type Rule = (source: Source) => ReadonlyArray<Finding>

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && "type" in value

const children = (node: Node): ReadonlyArray<Node> =>
  Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)

const flatten = (node: Node): ReadonlyArray<Node> => [node, ...children(node).flatMap(flatten)]

const parse = (file: string, text: string): Source => ({
  file,
  text,
  nodes: flatten(parseAst(text, { lang: "ts" }, file) as unknown as Node),
})

const nameOf = (node: unknown): string => (isNode(node) && typeof node["name"] === "string" ? node["name"] : "")

const select = ({ nodes }: Source, rule: string, matches: (node: Node) => boolean): ReadonlyArray<Finding> =>
  nodes.filter(matches).map((node) => ({ at: node.start, rule }))

const under =
  (folder: string, rule: Rule): Rule =>
  (source) =>
    source.file.startsWith(folder) ? rule(source) : []

// Imports --------------------------------------------------------------------------------------------------------------

interface Import {
  readonly at: number
  readonly typeOnly: boolean
  readonly lazy: boolean
  /** Own modules as a path from the root, foreign ones as they are written. */
  readonly target: string
}

const importTypes = new Set(["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration", "ImportExpression", "TSImportType"])

const importsOf = ({ file, nodes }: Source): ReadonlyArray<Import> =>
  nodes.flatMap((node) => {
    const from = node["source"]
    if (!importTypes.has(node.type) || !isNode(from) || typeof from["value"] !== "string") return []
    const written = from["value"]
    const target = written.startsWith(".") ? path.posix.join(path.posix.dirname(file), written) : written
    const typeOnly = node["importKind"] === "type" || node["exportKind"] === "type" || node.type === "TSImportType"
    return [{ at: node.start, typeOnly, lazy: node.type === "ImportExpression", target }]
  })

const forbidImports =
  (rule: string, forbidden: (imported: Import, file: string) => boolean): Rule =>
  (source) =>
    importsOf(source)
      .filter((imported) => forbidden(imported, source.file))
      .map(({ at, target }) => ({ at, rule: `${rule} (${target})` }))

const domainModules = new Set(["Schema", "Result", "Option", "Data", "Array"].map((name) => `effect/${name}`))
const barrels = new Set(["effect", "@effect/platform-node", "effect/http", "effect/process", "effect/observability", "effect/cli"])
const publicFaces = new Set(["src/sdk.ts", "src/effect.ts", "src/testing.ts"])
/** The folder of an adapter: src/adapters/nats. */
const adapterOf = (file: string) => file.split("/").slice(0, 3).join("/")

const importRules: ReadonlyArray<Rule> = [
  under(
    "src/domain/",
    forbidImports(
      "the domain imports the domain and pure modules of effect only",
      ({ target }) => !target.startsWith("src/domain/") && !domainModules.has(target),
    ),
  ),
  under(
    "src/ports/",
    forbidImports("a port imports the domain, ports and effect only", ({ target }) => !/^(src\/domain|src\/ports|effect)\//.test(target)),
  ),
  under(
    "src/adapters/",
    forbidImports(
      "an adapter imports the domain, ports and itself only",
      ({ target }, file) => target.startsWith("src/") && !/^src\/(domain|ports)\//.test(target) && adapterOf(target) !== adapterOf(file),
    ),
  ),
  under(
    "src/",
    forbidImports(
      "only app/layers names adapters",
      ({ target }, file) => target.startsWith("src/adapters/") && !/^src\/(adapters\/|app\/layers(\.ts$|\/)|testing\.ts$)/.test(file),
    ),
  ),
  forbidImports("import the module by its path, not the barrel", ({ target }) => barrels.has(target)),
  under(
    "src/",
    forbidImports(
      "client-node is loaded by await import",
      ({ target, typeOnly, lazy }) => target === "@kubernetes/client-node" && !typeOnly && !lazy,
    ),
  ),
]

// The domain -----------------------------------------------------------------------------------------------------------

const impureNames = new Set(["performance", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "crypto", "console", "process"])
const impureMembers = new Set(["Date.now", "Math.random", "globalThis.Date"])

const memberName = (node: Node): string => {
  const property = node["property"]
  const literal = isNode(property) && typeof property["value"] === "string" ? property["value"] : nameOf(property)
  return `${nameOf(node["object"])}.${literal}`
}

/** Identifiers that are read, not names of members, keys or types. */
const reads = ({ nodes }: Source): ReadonlySet<Node> => {
  const labels = new Set(nodes.flatMap((node) => [node["key"], node["computed"] === true ? undefined : node["property"]]))
  return new Set(nodes.filter((node) => node.type === "Identifier" && !labels.has(node)))
}

const isTaggedError = (node: Node): boolean =>
  isNode(node["superClass"]) &&
  flatten(node["superClass"]).some((node) => node.type === "MemberExpression" && memberName(node).endsWith(".TaggedError"))

const domainOnly: ReadonlyArray<Rule> = [
  (source) => {
    const read = reads(source)
    return select(source, "time and chance are arguments of the domain", (node) => {
      if (node.type === "NewExpression" || node.type === "CallExpression") return nameOf(node["callee"]) === "Date"
      if (node.type === "MemberExpression") return impureMembers.has(memberName(node))
      return read.has(node) && impureNames.has(nameOf(node))
    })
  },
  (source) =>
    select(
      source,
      "no class in the domain but a tagged error",
      (node) => (node.type === "ClassDeclaration" || node.type === "ClassExpression") && !isTaggedError(node),
    ),
]

// Shape ----------------------------------------------------------------------------------------------------------------

const lineAt = (text: string, at: number) => text.slice(0, at).split("\n").length
const matchLines = (text: string, rule: string, matches: (line: string) => boolean): ReadonlyArray<Finding> => {
  let at = 0
  return text.split("\n").flatMap((line) => {
    const start = at
    at += line.length + 1
    return matches(line) ? [{ at: start, rule }] : []
  })
}
const functionTypes = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"])
const bannedFile = /^(.*[-.])?(utils?|helpers?|common|managers?|misc)\.[cm]?ts$/i
const bannedFunction = /^(get|handle|process|data|info)[A-Z]/
// Spelt in halves, so that this file is clean.
const unfinished = new RegExp(`\\b(${["TO", "DO"].join("")}|${["FIX", "ME"].join("")})\\b`)

const named = (node: Node): string => {
  if (node.type === "FunctionDeclaration") return nameOf(node["id"])
  const init = node["init"]
  return node.type === "VariableDeclarator" && isNode(init) && functionTypes.has(init.type) ? nameOf(node["id"]) : ""
}

const topLevel = ({ nodes }: Source): ReadonlyArray<Node> => {
  const inner = new Set(nodes.filter(({ type }) => functionTypes.has(type)).flatMap(flatten))
  return nodes.filter((node) => !inner.has(node))
}

/** A text of the program may be longer than a line, a comment may not. */
const isComment = (line: string): boolean => /^\s*(?:\*|\/[/*])/.test(line)

const shapeRules: ReadonlyArray<Rule> = [
  (source) => select(source, "no any", ({ type }) => type === "TSAnyKeyword"),
  (source) =>
    source.file === "vitest.config.ts" ? [] : select(source, "no default export", ({ type }) => type === "ExportDefaultDeclaration"),
  ({ file }) => (bannedFile.test(path.posix.basename(file)) ? [{ at: 0, rule: "this file name says nothing" }] : []),
  ({ text }) => matchLines(text, "unfinished work", (line) => unfinished.test(line)),
  // A string literal of one line is the one thing that no formatter can break.
  ({ text }) =>
    matchLines(
      text,
      `line over ${lineCharactersMax} characters`,
      (line) => line.length > lineCharactersMax && (isComment(line) || !/["'`]/.test(line)),
    ),
]

const sourceShape: ReadonlyArray<Rule> = [
  ({ text }) => (text.startsWith("/**") ? [] : [{ at: 0, rule: "a file opens with what it is" }]),
  ({ text }) =>
    text.trimEnd().split("\n").length > fileLinesMax ? [{ at: text.length - 1, rule: `file over ${fileLinesMax} lines` }] : [],
  (source) =>
    select(
      source,
      `function over ${functionLinesMax} lines`,
      ({ type, start, end }) => functionTypes.has(type) && source.text.slice(start, end).split("\n").length > functionLinesMax,
    ),
  (source) => select(source, "no get, handle, process, data, info as a function's prefix", (node) => bannedFunction.test(named(node))),
  (source) => (publicFaces.has(source.file) ? [] : select(source, "no barrels", ({ type }) => type === "ExportAllDeclaration")),
  (source) => {
    const outside = new Set(topLevel(source))
    const waits = (node: Node) => node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node["await"] === true)
    return select(source, "no top-level await: the executable is CommonJS", (node) => waits(node) && outside.has(node))
  },
]

const rules = [
  ...importRules,
  ...domainOnly.map((rule) => under("src/domain/", rule)),
  ...shapeRules,
  ...sourceShape.map((rule) => under("src/", rule)),
]

const inspect = (file: string, text: string): ReadonlyArray<string> => {
  const source = parse(file, text)
  return rules.flatMap((rule) => rule(source)).map(({ at, rule }) => `${file}:${lineAt(text, at)}: ${rule}`)
}

const sources = ["src", "test", "scripts", "bench"].flatMap((folder) => {
  try {
    return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => path.posix.join(folder, name.replaceAll(path.sep, "/")))
  } catch {
    return []
  }
})

describe("every rule bites", () => {
  const opening = "/** What it is. */\n"
  const long = (lines: number) => "\n".repeat(lines)
  it.each<readonly [rule: string, file: string, code: string]>([
    ["the domain imports", "src/domain/read/a.ts", `import * as fs from "node:fs"`],
    ["the domain imports", "src/domain/read/a.ts", `import type { Sink } from "../../ports/Sink.ts"`],
    ["the domain imports", "src/domain/read/a.ts", `import * as Effect from "effect/Effect"`],
    ["the domain imports", "src/domain/read/a.ts", `export const a = () => import("yaml")`],
    ["a port imports", "src/ports/A.ts", `import { a } from "../app/run.ts"`],
    ["an adapter imports", "src/adapters/nats/a.ts", `import { a } from "../memory/a.ts"`],
    ["an adapter imports", "src/adapters/nats/a.ts", `import { a } from "../../app/config.ts"`],
    ["only app/layers", "src/app/run.ts", `export const a = () => import("../adapters/nats/a.ts")`],
    ["not the barrel", "test/a.test.ts", `import { Effect } from "effect"`],
    ["client-node", "src/adapters/kubernetes/a.ts", `import { KubeConfig } from "@kubernetes/client-node"`],
    ["time and chance", "src/domain/a.ts", `export const a = new Date(0)`],
    ["time and chance", "src/domain/a.ts", `export const a = Date.now()`],
    ["time and chance", "src/domain/a.ts", `export const a = Math["random"]()`],
    ["time and chance", "src/domain/a.ts", `export const a = performance.now()`],
    ["time and chance", "src/domain/a.ts", `export const a = () => setTimeout(a, 1)`],
    ["no class", "src/domain/a.ts", `export class A {}`],
    ["no any", "scripts/a.ts", `export const a: any = 1`],
    ["no default export", "src/app/a.ts", `export default 1`],
    ["file name", "src/domain/utils.ts", `export const a = 1`],
    ["file name", "test/string-helpers.ts", `export const a = 1`],
    ["unfinished", "src/app/a.ts", `// ${["TO", "DO"].join("")} later`],
    [`line over`, "src/app/a.ts", `// ${"x".repeat(lineCharactersMax)}`],
    [`line over`, "src/app/a.ts", `// "${"x".repeat(lineCharactersMax)}"`],
    ["file over", "src/app/a.ts", `${long(fileLinesMax)}export const a = 1`],
    ["function over", "src/app/a.ts", `export const a = () => {${long(functionLinesMax)}}`],
    ["prefix", "src/app/a.ts", `export const getPods = () => 1`],
    ["prefix", "src/app/a.ts", `function handleEvent() {}`],
    ["no barrels", "src/app/a.ts", `export * from "./b.ts"`],
    ["top-level await", "src/app/a.ts", `await Promise.resolve()`],
  ])("%s: %s: %s", (rule, file, code) => {
    expect(inspect(file, opening + code)).toEqual([expect.stringContaining(rule)])
  })

  it("wants an opening comment", () => {
    expect(inspect("src/app/a.ts", "export const a = 1")).toEqual(["src/app/a.ts:1: a file opens with what it is"])
  })

  it("names the line", () => {
    expect(inspect("src/domain/a.ts", `${opening}\n\nexport const a = Date.now()`)).toEqual([
      expect.stringMatching(/^src\/domain\/a\.ts:4: /),
    ])
  })

  it.each<readonly [file: string, code: string]>([
    [
      "src/domain/a.ts",
      `import * as Option from "effect/Option"\nexport const a = (server: { performance: number }) => [Option, server.performance, { process: 1 }, Date.parse("")]`,
    ],
    ["src/domain/a.ts", `import * as Data from "effect/Data"\nexport class A extends Data.TaggedError("A")<{}> {}`],
    ["src/app/layers.ts", `import { a } from "../adapters/nats/a.ts"`],
    [
      "src/adapters/kubernetes/a.ts",
      `import type { KubeConfig } from "@kubernetes/client-node"\nexport const a = async () => await import("@kubernetes/client-node")`,
    ],
  ])("lets pass: %s: %s", (file, code) => {
    expect(inspect(file, opening + code)).toEqual([])
  })
})

it("the sources are tidy", () => {
  expect(sources).toContain("src/domain/limit.ts")
  expect(sources.flatMap((file) => inspect(file, readFileSync(path.join(root, file), "utf8")))).toEqual([])
})
