/**
 * Prints a CycloneDX bill of materials of the executable, from what `npm sbom` says of node_modules: `node scripts/sbom.ts`.
 *
 * It names each package that a program installed without its tools would have, Node among them. The bundler leaves some of them out of the
 * executable, so the list is complete but not least. `npm sbom --omit dev` cannot be asked: it also omits what a tool needs as well,
 * `effect` for one. No time of day and no random number is in it, so that the same packages give the same text.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

interface Component {
  readonly "bom-ref": string
  readonly name: string
  readonly properties?: ReadonlyArray<{ readonly name: string; readonly value: string }>
}

interface Bill {
  readonly metadata: { readonly component: Component }
  readonly components: ReadonlyArray<Component>
  readonly dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: ReadonlyArray<string> }>
}

const isTool = ({ properties = [] }: Component): boolean =>
  properties.some(({ name, value }) => name === "cdx:npm:package:development" && value === "true")

const { name, dependencies: needed } = JSON.parse(readFileSync("package.json", "utf8")) as {
  readonly name: string
  readonly dependencies: Readonly<Record<string, string>>
}
const text = execFileSync("npm", ["sbom", "--sbom-format", "cyclonedx"], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
const { serialNumber: _, ...bill } = JSON.parse(text) as Bill & { readonly serialNumber: string }
const { component } = bill.metadata
const components = bill.components.filter((each) => !isTool(each))
const kept = new Set([component["bom-ref"], ...components.map((each) => each["bom-ref"])])
const missing = Object.keys(needed).filter((each) => !components.some((known) => known.name === each))
if (missing.length > 0) throw new Error(`npm sbom does not name ${missing.join(", ")}: run make again after npm ci`)

const version = process.env["GIT_VERSION"] || undefined
const result = {
  ...bill,
  metadata: { component: { ...component, name, ...(version === undefined ? {} : { version }) } },
  components,
  dependencies: bill.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ dependsOn, ref }) => ({ ref, dependsOn: dependsOn.filter((each) => kept.has(each)) })),
}
console.log(JSON.stringify(result, undefined, 2))
