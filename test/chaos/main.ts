/**
 * `make chaos DURATION=600s SEED=n OBJECTS=5000 RATE=100`: one run, its report on stdout and in build/chaos-SEED.md, the program's log
 * beside it. The exit status is 1 if the run failed. `SORTS=kill broker,compact etcd` draws from these faults alone, and with `APART=30s`
 * each one is over before the next.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { root } from "../integration/program.ts"
import { findFaults, reportText } from "./report.ts"
import { runChaos } from "./run.ts"
import { type Sort, sorts } from "./schedule.ts"

const readNumber = (name: string, fallback: number): number => {
  const text = process.env[name] || String(fallback)
  const value = Number(text.replace(/s$/, ""))
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name}=${text} is not a positive number`)
  return value
}

const readSorts = (): ReadonlyArray<Sort> => {
  const names = (process.env["SORTS"] ?? "").split(",").filter((name) => name !== "")
  const unknown = names.filter((name) => !(sorts as ReadonlyArray<string>).includes(name))
  if (unknown.length > 0) throw new Error(`unknown faults: ${unknown.join(", ")}; known: ${sorts.join(", ")}`)
  return names.length === 0 ? sorts : (names as ReadonlyArray<Sort>)
}

const seed = readNumber("SEED", 1)
const report = await runChaos({
  seed,
  durationMs: readNumber("DURATION", 600) * 1_000,
  objects: readNumber("OBJECTS", 5_000),
  changesPerSecond: readNumber("RATE", 100),
  sorts: readSorts(),
  apartMs: process.env["APART"] ? readNumber("APART", 30) * 1_000 : undefined,
  say: console.log,
})
const text = reportText(report)
const folder = path.join(root, "build")
mkdirSync(folder, { recursive: true })
writeFileSync(path.join(folder, `chaos-${seed}.md`), `${text}\n`)
writeFileSync(path.join(folder, `chaos-${seed}.log`), report.log)
console.log(`\n${text}`)
process.exitCode = findFaults(report).length === 0 ? 0 : 1
// What the leash and idle sockets hold open is not waited for.
process.exit()
