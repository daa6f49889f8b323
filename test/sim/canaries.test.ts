/**
 * The simulation's own test: copies of the sources with one bug each. All copies have sound types, and each is caught within fifty seeds.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"
import { canaries, type Canary } from "./canary.ts"
import { simulate } from "./simulate.ts"
import { loadSubject } from "./subject.ts"

const root = path.resolve(import.meta.dirname, "../..")
/** Below the root, so that packages are found. */
const nest = path.join(root, "build/canaries")
const seedsMax = 50

const nestOf = (at: number): string => path.join(nest, String(at))

const hatch = ({ file, from, name, to }: Canary, at: number): void => {
  const folder = nestOf(at)
  for (const part of ["domain", "ports", "adapters/nats"])
    cpSync(path.join(root, "src", part), path.join(folder, part), { recursive: true })
  const text = readFileSync(path.join(root, "src", file), "utf8")
  expect(text.split(from).length - 1, `"${name}" matches one place of ${file}`).toBe(1)
  writeFileSync(
    path.join(folder, file),
    text.replace(from, () => to),
  )
}

/** The first seed that finds something, with what it found. */
const findSeed = async (at: number): Promise<readonly [seed: number, finding: string] | undefined> => {
  const subject = await loadSubject(nestOf(at))
  for (let seed = 1; seed <= seedsMax; seed++) {
    const { finding } = simulate(seed, subject)
    if (finding !== undefined) return [seed, finding]
  }
  return undefined
}

const checkTypes = (): string => {
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: { noUnusedLocals: false },
    include: ["*/domain", "*/adapters/nats/recreations.ts"],
  }
  writeFileSync(path.join(nest, "tsconfig.json"), JSON.stringify(config))
  try {
    execFileSync(path.join(root, "node_modules/.bin/tsc"), ["-p", nest], { encoding: "utf8", stdio: "pipe" })
    return ""
  } catch (error) {
    return String((error as { readonly stdout?: string }).stdout ?? error)
  }
}

it("catches every bug within fifty seeds", { timeout: 120_000 }, async () => {
  rmSync(nest, { recursive: true, force: true })
  mkdirSync(nest, { recursive: true })
  canaries.forEach(hatch)
  expect(checkTypes()).toBe("")
  const survivors: Array<string> = []
  for (const [at, { name, shipped }] of canaries.entries()) {
    const caught = await findSeed(at)
    if (caught === undefined) survivors.push(name)
    else console.log(`seed ${String(caught[0]).padStart(2)}  ${name} (${shipped}): ${caught[1].slice(0, 140).split("\n")[0]}`)
  }
  expect(survivors).toEqual([])
})
