/**
 * Makes dist/, the package that is published: `npm pack ./dist`. Its manifest is made here, because the root's belongs to this repository:
 * the root brings Node itself along and is private.
 *
 *   src/{sdk,effect,testing}.ts --tsc--> JavaScript and declarations     root package.json --> dist/package.json
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { describeMessage, describeSubjects } from "../src/domain/wire/description.ts"

const root = path.dirname(import.meta.dirname)
const dist = path.join(root, "dist")

interface Manifest {
  readonly version: string
  readonly description: string
  readonly license: string
  readonly dependencies: Readonly<Record<string, string>>
}

/** What the library needs at run time; the executable's own needs are not among them. */
const libraryDependencies = ["@kubernetes/client-node", "nats", "yaml"]

const entry = (name: string) => ({ types: `./${name}.d.ts`, default: `./${name}.js` })

/** The manifest of the published package. Effect is a peer, so that `meshsync/effect` and its user share one. */
const manifestOf = ({ dependencies, description, license, version }: Manifest) => {
  const range = (name: string) => [name, `^${dependencies[name]}`] as const
  return {
    name: "meshsync",
    version,
    description,
    license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=22" },
    exports: {
      ".": entry("sdk"),
      "./effect": entry("effect"),
      "./testing": entry("testing"),
      "./message.schema.json": "./message.schema.json",
      "./asyncapi.json": "./asyncapi.json",
      "./package.json": "./package.json",
    },
    dependencies: Object.fromEntries(libraryDependencies.map(range)),
    peerDependencies: Object.fromEntries([range("effect")]),
  }
}

/** The compiler rewrites import paths in JavaScript only. */
const rewriteDeclarations = (): void => {
  for (const name of fs.readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".d.ts")) continue
    const file = path.join(dist, name)
    fs.writeFileSync(file, fs.readFileSync(file, "utf8").replaceAll(/((?:from|import\() ?"\.[^"]*)\.ts"/g, '$1.js"'))
  }
}

const compile = (): void => {
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc")
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", path.join(root, "tsconfig.build.json")], { encoding: "utf8" })
  if (status !== 0) throw new Error(`the library does not compile:\n${stdout}`)
}

const writeJson = (name: string, document: object): void =>
  fs.writeFileSync(path.join(dist, name), `${JSON.stringify(document, null, 2)}\n`)

fs.rmSync(dist, { recursive: true, force: true })
compile()
rewriteDeclarations()
const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as Manifest
writeJson("package.json", manifestOf(manifest))
writeJson("message.schema.json", describeMessage())
writeJson("asyncapi.json", describeSubjects(manifest.version))
for (const name of ["README.md", "LICENSE"]) fs.copyFileSync(path.join(root, name), path.join(dist, name))
// The README refers to them.
fs.cpSync(path.join(root, "docs"), path.join(dist, "docs"), { recursive: true, filter: (name) => !name.endsWith(".json") })
console.log(`written: ${path.relative(process.cwd(), dist)}, version ${manifest.version}`)
