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

/** Runs the program against a cluster of the demonstration's. */
const withCluster = <A>(use: (snapshot: (...words: ReadonlyArray<string>) => ReturnType<typeof run>) => Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { kubeconfigText } = yield* openDemoCluster(7)
        const kubeconfig = join(folder, "kubeconfig")
        writeFileSync(kubeconfig, kubeconfigText)
        return yield* Effect.promise(() => use((...words) => run("snapshot", ...words, "--kubeconfig", kubeconfig)))
      }),
    ),
  )

interface Item {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, string>>
}

const itemsOf = (text: string): ReadonlyArray<Item> => (JSON.parse(text) as { readonly items: ReadonlyArray<Item> }).items

it("writes one List of JSON, a folder, and manifests: the same objects, whole or clean", async () => {
  await withCluster(async (snapshot) => {
    const json = await snapshot("pods,secrets", "-o", "json")
    const items = itemsOf(json.stdout)
    expect({ status: json.status, warned: json.stderr.includes("level=warning") }).toEqual({ status: 0, warned: false })
    expect(items.length).toBeGreaterThan(50)
    expect(items.every(({ apiVersion, metadata }) => apiVersion === "v1" && typeof metadata["uid"] === "string")).toBe(true)
    expect(items.some(({ metadata }) => "managedFields" in metadata)).toBe(false)
    const values = items.filter(({ kind }) => kind === "Secret").flatMap(({ data }) => Object.values(data ?? {}))
    expect(values.length).toBeGreaterThan(0)
    expect(new Set(values)).toEqual(new Set(["[REDACTED]"]))

    const files = await snapshot("pods,secrets", "--output-file", "objects/")
    expect(files.status, files.stderr).toBe(0)
    const paths = readdirSync(join(folder, "objects"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"))
    expect(paths).toHaveLength(items.length)
    const diff = (...words: ReadonlyArray<string>) => run("diff", ...words, "--kubeconfig", join(folder, "kubeconfig"))
    expect(await diff("objects/")).toMatchObject({ status: 0, stdout: "0 added, 0 removed, 0 changed\n" })
    rmSync(join(folder, "objects", paths[0] ?? ""))
    const more = await diff("live", "objects/", "--resources", "pods,secrets")
    expect({ status: more.status, sum: more.stdout.trimEnd().split("\n").at(-1) }).toEqual({
      status: 1,
      sum: "0 added, 1 removed, 0 changed",
    })

    const clean = await snapshot("pods,secrets", "--clean", "--include-owned", "-o", "json")
    expect(itemsOf(clean.stdout)).toHaveLength(items.length)
    expect(itemsOf(clean.stdout).some((item) => "uid" in item.metadata || "status" in item)).toBe(false)
    expect(clean.stderr.match(/the Secrets are redacted/g)).toHaveLength(1)
    const unowned = await snapshot("pods,secrets", "--clean", "--output-file", "-", "--show-secrets")
    expect(unowned.stderr).not.toContain("redacted")
    const kinds = unowned.stdout.match(/^kind: .*$/gm) ?? []
    expect(new Set(kinds)).toEqual(new Set(["kind: Secret"]))
    expect(unowned.stdout).not.toMatch(/REDACTED|uid:/)
  })
}, 60_000)

it.each([
  [["-o", "xml"], "none of yaml, json, ndjson, folder"],
  [["--include-owned"], "--include-owned goes with --clean"],
  [["-o", "folder"], "--format folder needs --output-file FOLDER"],
  [["-o", "json", "--output-file", "a/"], "a/ names a folder"],
  [["-o", "json", "--append"], "--append continues a file of yaml"],
])("refuses %j with status 2", async (words, text) => {
  const { status, stderr, stdout } = await run("snapshot", ...words, "--kubeconfig", "/nonexistent")
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
  expect(stderr).toContain(text)
})

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
  expect(
    readdirSync(folder)
      .filter((name) => name.startsWith("all"))
      .toSorted(),
  ).toEqual(["all.ndjson", "all.yaml"])
  const told = lines.stdout.trimEnd().split("\n")
  expect(told.length).toBeGreaterThan(50)
  expect(told.filter((line) => line.includes("[REDACTED]")).length).toBeGreaterThan(0)
  expect(await run("diff", "all.yaml", "all.ndjson")).toMatchObject({ status: 0, stdout: "0 added, 0 removed, 0 changed\n" })
  writeFileSync(join(folder, "less.ndjson"), told.slice(1).join("\n"))
  const less = await run("diff", "all.yaml", "less.ndjson")
  expect(less.status).toBe(1)
  expect(less.stdout).toMatch(/^- .*\n0 added, 1 removed, 0 changed\n$/)
}, 60_000)
