import { execFile } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import * as Effect from "effect/Effect"
import { openDemoCluster } from "../../src/app/layers.ts"

let folder = ""

const run = (...words: ReadonlyArray<string>): Promise<{ status: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const main = join(import.meta.dirname, "../../src/app/main.ts")
    const child = execFile(process.execPath, [main, ...words], { cwd: folder, env: {} }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    )
  })

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "meshsync-snapshot-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it("a snapshot in either format is the cluster's: diff finds nothing between them, but for an object that is left out", async () => {
  const program = Effect.gen(function* () {
    const { kubeconfigText } = yield* openDemoCluster(7)
    const kubeconfig = join(folder, "kubeconfig")
    writeFileSync(kubeconfig, kubeconfigText)
    const at = ["--kubeconfig", kubeconfig]
    const yaml = yield* Effect.promise(() => run("snapshot", "pods,secrets", "--output-file", "all.yaml", ...at))
    const lines = yield* Effect.promise(() => run("snapshot", "pods,secrets", "-o", "ndjson", ...at))
    writeFileSync(join(folder, "all.ndjson"), lines.stdout)
    return { yaml, lines }
  }).pipe(Effect.scoped)
  const { lines, yaml } = await Effect.runPromise(program)
  expect({ yaml: yaml.status, lines: lines.status }, yaml.stderr + lines.stderr).toEqual({ yaml: 0, lines: 0 })
  expect(readdirSync(folder).toSorted()).toEqual(["all.ndjson", "all.yaml", "kubeconfig"])
  const told = lines.stdout.trimEnd().split("\n")
  expect(told.length).toBeGreaterThan(50)
  expect(told.filter((line) => line.includes("[REDACTED]")).length).toBeGreaterThan(0)
  expect(await run("diff", "all.yaml", "all.ndjson")).toMatchObject({ status: 0, stdout: "0 added, 0 removed, 0 changed\n" })
  writeFileSync(join(folder, "less.ndjson"), told.slice(1).join("\n"))
  const less = await run("diff", "all.yaml", "less.ndjson")
  expect(less.status).toBe(1)
  expect(less.stdout).toMatch(/^- .*\n0 added, 1 removed, 0 changed\n$/)
}, 60_000)
