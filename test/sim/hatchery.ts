/**
 * Copies of the sources with one bug each: all must have sound types, and each must be caught within fifty seeds.
 */
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import type { Canary } from "./canary.ts"

/** Makes what a seed finds with the sources of a folder. */
export type Simulator = (root: string) => Promise<(seed: number) => string | undefined>

const root = path.resolve(import.meta.dirname, "../..")
const seedsMax = 50

const hatch = ({ file, from, name, to }: Canary, folder: string): void => {
  for (const part of ["domain", "ports", "app", "adapters/nats"])
    cpSync(path.join(root, "src", part), path.join(folder, part), { recursive: true })
  const text = readFileSync(path.join(root, "src", file), "utf8")
  const places = text.split(from).length - 1
  if (places !== 1) throw new Error(`"${name}" matches ${places} places of ${file}`)
  writeFileSync(
    path.join(folder, file),
    text.replace(from, () => to),
  )
}

/** The first seed that finds something, with what it found. */
const findSeed = async (simulator: Simulator, folder: string): Promise<readonly [seed: number, finding: string] | undefined> => {
  const find = await simulator(folder)
  for (let seed = 1; seed <= seedsMax; seed++) {
    const finding = find(seed)
    if (finding !== undefined) return [seed, finding]
  }
  return undefined
}

const checkTypes = (nest: string): string => {
  const config = {
    extends: "../../tsconfig.json",
    compilerOptions: { noUnusedLocals: false },
    include: ["*/domain", "*/app/run.ts", "*/adapters/nats/recreations.ts"],
  }
  writeFileSync(path.join(nest, "tsconfig.json"), JSON.stringify(config))
  try {
    execFileSync(path.join(root, "node_modules/.bin/tsc"), ["-p", nest], { encoding: "utf8", stdio: "pipe" })
    return ""
  } catch (error) {
    return String((error as { readonly stdout?: string }).stdout ?? error)
  }
}

/**
 * Hatches the canaries, checks their types, and prints the seed that caught each.
 * @param name of the folder below `build`, where packages are found
 * @returns the names of those that were not caught
 */
export const catchAll = async (name: string, canaries: ReadonlyArray<Canary>, simulator: Simulator): Promise<ReadonlyArray<string>> => {
  const nest = path.join(root, "build", name)
  rmSync(nest, { recursive: true, force: true })
  mkdirSync(nest, { recursive: true })
  const folderOf = (at: number): string => path.join(nest, String(at))
  for (const [at, canary] of canaries.entries()) hatch(canary, folderOf(at))
  const faults = checkTypes(nest)
  if (faults !== "") throw new Error(faults)
  const survivors: Array<string> = []
  for (const [at, canary] of canaries.entries()) {
    const caught = await findSeed(simulator, folderOf(at))
    if (caught === undefined) survivors.push(canary.name)
    else console.log(`seed ${String(caught[0]).padStart(2)}  ${canary.name} (${canary.shipped}): ${caught[1].slice(0, 140).split("\n")[0]}`)
  }
  return survivors
}
