/**
 * Writes the reference of the library from its declarations and their docstrings, and the descriptions of the messages for machines:
 * docs/API.md, docs/message.schema.json, docs/asyncapi.json. Run by `make docs`; a test compares.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { describeMessage, describeSubjects } from "../src/domain/wire/description.ts"

const root = path.dirname(import.meta.dirname)

const faces = [
  { file: "sdk", title: "meshsync", says: "plain TypeScript" },
  { file: "effect", title: "meshsync/effect", says: "programs on Effect 4; `effect` is a peer dependency" },
  { file: "testing", title: "meshsync/testing", says: "a cluster and a broker in this process" },
] as const

/** Longer declarations are tables, and are shown by their first line. */
const declarationLinesMax = 120

/** One export with where it is declared. */
interface Export {
  readonly name: string
  readonly declaredAs: string
  readonly file: string
}

const exportsOf = (file: string, text: string): ReadonlyArray<Export> => {
  const own = [...text.matchAll(/^export (?:declare )?(?:const|interface|type|class) (\w+)/gm)].map(([, name = ""]) => ({
    name,
    declaredAs: name,
    file,
  }))
  const passedOn = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from "([^"]*)\.ts";/gm)].flatMap(([, names = "", from = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .map((name) => {
        const [declaredAs = "", alias = declaredAs] = name.split(" as ")
        return { name: alias, declaredAs, file: path.join(path.dirname(file), `${from}.d.ts`) }
      }),
  )
  return [...own, ...passedOn]
}

/** Where a declaration that starts at `from` ends: at the first semicolon outside of all brackets, or at its closing brace. */
const endOfDeclaration = (text: string, from: number): number => {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    const character = text[at] as string
    if ("{([".includes(character)) depth++
    else if ("})]".includes(character)) depth--
    if (depth === 0 && (character === ";" || (character === "}" && text[at + 1] === "\n"))) return at + 1
  }
  return text.length
}

interface Declared {
  readonly doc: string
  readonly declaration: string
}

/** The declaration of a name with its docstring. Throws where either is missing: nothing is exported without a word. */
const findDeclared = (text: string, name: string): Declared => {
  const found = new RegExp(`(/\\*\\*(?:(?!\\*/)[^])*\\*/\\n)export (?:declare )?(?:const|interface|type|class) ${name}\\b`).exec(text)
  if (found === null) throw new Error(`${name} is exported without a docstring`)
  const [, comment = ""] = found
  const from = found.index + comment.length
  const own = text.slice(from, endOfDeclaration(text, from)).replace(/^export (declare )?/, "")
  // A service's shape stands in a constant that its class extends.
  const base = text.indexOf(`declare const ${name}_base: Context.ServiceClass`)
  const declaration = base < 0 ? own : `${own}\n${text.slice(base, endOfDeclaration(text, base))}`
  const lines = declaration.split("\n")
  const doc = comment.replace(/^\/\*\*\s?|\s*\*\/\n$/g, "").replace(/^[ \t]*\* ?/gm, "")
  return { doc: doc.trim(), declaration: lines.length > declarationLinesMax ? `${lines[0]} ... }` : declaration }
}

/** Tags as prose: an example becomes a block of code. */
const formatDoc = (doc: string): string => {
  const [text = "", ...tags] = doc.split(/^@/m)
  const parts = tags.map((tag) => {
    const [word = ""] = /^\w+/.exec(tag) ?? []
    const rest = tag.slice(word.length).trim()
    if (word === "example") return ["```ts", rest, "```"].join("\n")
    const [parameter = ""] = rest.split(" ")
    return word === "param" ? `- \`${parameter}\`: ${rest.slice(parameter.length + 1)}` : `- ${word}: ${rest}`
  })
  return [text.trim(), ...parts].filter((part) => part !== "").join("\n\n")
}

const formatFace = (folder: string, { file, says, title }: (typeof faces)[number]): string => {
  const entry = path.join(folder, `${file}.d.ts`)
  const sections = exportsOf(entry, fs.readFileSync(entry, "utf8")).map(({ declaredAs, file: from, name }) => {
    const { declaration, doc } = findDeclared(fs.readFileSync(from, "utf8"), declaredAs)
    const shown = name === declaredAs ? declaration : declaration.replace(declaredAs, name)
    return [`### ${name}`, formatDoc(doc), ["```ts", shown, "```"].join("\n")].join("\n\n")
  })
  return [`## \`${title}\``, `For ${says}.`, ...sections].join("\n\n")
}

/** The documents by file name, as they should be. */
export const makeDocuments = (): ReadonlyMap<string, string> => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), "meshsync-docs-"))
  const compiler = path.join(root, "node_modules/typescript/bin/tsc")
  const options = ["-p", path.join(root, "tsconfig.build.json"), "--emitDeclarationOnly", "--outDir", folder]
  execFileSync(process.execPath, [compiler, ...options])
  const head = "# Reference\n\nMade from the docstrings by `make docs`; do not edit. Times are milliseconds where a name ends in `Ms`."
  const reference = [head, ...faces.map((face) => formatFace(folder, face))].join("\n\n")
  fs.rmSync(folder, { recursive: true })
  const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { readonly version: string }
  return new Map([
    ["docs/API.md", `${reference}\n`],
    ["docs/message.schema.json", `${JSON.stringify(describeMessage(), null, 2)}\n`],
    ["docs/asyncapi.json", `${JSON.stringify(describeSubjects(version), null, 2)}\n`],
  ])
}

if (import.meta.main) {
  for (const [name, text] of makeDocuments()) {
    fs.writeFileSync(path.join(root, name), text)
    console.log(`written: ${name}`)
  }
}
