import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { snapshotReadBytesMax } from "../../src/domain/limit.ts"
import { payloadSpan } from "../../src/domain/wire/message.ts"
import { documentOf } from "../../src/domain/wire/manifest.ts"
import { deployments, messageOf, pods, secrets, type Given } from "../adapters/message.ts"

let folder = ""

const lineOf = (given: Given): string => Buffer.from(messageOf(given).payload).toString("utf8")

const documentText = (given: Given): string => {
  const { payload } = messageOf(given)
  return `${documentOf(Buffer.from(payload.subarray(...payloadSpan(payload))).toString("utf8"))}---\n`
}

const write = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const diff = (...words: ReadonlyArray<string>) => {
  const main = join(import.meta.dirname, "../../src/app/main.ts")
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, "diff", ...words], { encoding: "utf8", env: {} })
  return { status, stdout, stderr }
}

const scaled = (replicas: number): Given => ({ type: deployments, name: "web", spec: { replicas } })
const secret = (token: string): Given => ({ type: secrets, name: "login", data: { token } })

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "meshsync-diff-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("meshsync diff", () => {
  it("prints what differs, without a Secret's value, and exits 1", () => {
    const before = write("before.yaml", [scaled(2), secret("Y2FuYXJ5LW9sZA=="), { name: "gone" }].map(documentText).join(""))
    const after = write("after.yaml", [scaled(3), secret("Y2FuYXJ5LW5ldw=="), { name: "fresh" }].map(documentText).join(""))
    const { status, stdout } = diff(before, after)
    expect(stdout.split("\n")).toEqual([
      "~ Deployment.apps/v1 shop/web",
      "    spec.replicas 2 -> 3",
      "+ Pod.v1 shop/fresh",
      "- Pod.v1 shop/gone",
      "~ Secret.v1 shop/login",
      "    data.token changed",
      "1 added, 1 removed, 2 changed",
      "",
    ])
    expect(status).toBe(1)
  })

  it("reads the lines of stdout, the last state of each object, and exits 0 where it is the snapshot's", () => {
    const file = write("same.yaml", documentText(scaled(3)))
    const events: ReadonlyArray<Given> = [scaled(2), { type: pods }, { ...scaled(3), event: "Modified" }, { type: pods, event: "Deleted" }]
    expect(diff(file, write("same.ndjson", events.map(lineOf).join("\n")))).toMatchObject({
      status: 0,
      stdout: "0 added, 0 removed, 0 changed\n",
    })
  })

  it.each([
    ["no such file", undefined, "ENOENT"],
    ["no snapshot", "a: 1\n", "document 1 is no object of a snapshot"],
    ["broken YAML", "a: [1\n", "Flow sequence"],
    ["broken line", "{\n", "JSON"],
    ["the history", `# ADDED\nkind: Pod\n---\n`, "-extended file"],
  ])("exits 2 on %s", (name, text, reason) => {
    const good = write("good.yaml", documentText(scaled(1)))
    const other = text === undefined ? join(folder, "absent") : write(name, text)
    const { status, stderr, stdout } = diff(good, other)
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toMatch(new RegExp(reason))
  })

  it.each([[[]], [["one", "two", "three"]], [["live", "live"]], [["one", "-l", "a=b"]]])("exits 2 for %j", (words) => {
    const { status, stderr } = diff(...words)
    expect(status).toBe(2)
    expect(stderr).toContain("code=1033")
  })

  it("exits 2 on more than it compares, without reading it", () => {
    const large = write("large.yaml", "")
    truncateSync(large, snapshotReadBytesMax + 1)
    const { status, stderr } = diff(large, write("small.yaml", documentText(scaled(1))))
    expect(status).toBe(2)
    expect(stderr).toContain(`more than the ${snapshotReadBytesMax} that are compared`)
  })

  it("reads a List of kubectl, and a change of an integer of 64 bits", () => {
    const list = (n: string) => `{"kind":"List","apiVersion":"v1","items":[
      {"apiVersion":"a.example/v1","kind":"A","metadata":{"name":"a","uid":"u"},"spec":{"n":${n}}}]}`
    const before = write("before.json", list("9223372036854775806"))
    const yaml = write("same.yaml", "apiVersion: a.example/v1\nkind: A\nmetadata: {name: a, uid: u}\nspec: {n: 9223372036854775806}\n")
    expect(diff(before, yaml)).toMatchObject({ status: 0 })
    expect(diff(before, write("after.json", list("9223372036854775807"))).stdout).toContain("    spec.n ")
  })

  it("compares only the namespaces that are named", () => {
    const objects = [scaled(2), { name: "other", namespace: "bank" }]
    const before = write("shop.yaml", objects.map(documentText).join(""))
    const after = write("bank.yaml", objects.slice(0, 1).map(documentText).join(""))
    expect(diff(before, after)).toMatchObject({ status: 1, stdout: "- Pod.v1 bank/other\n0 added, 1 removed, 0 changed\n" })
    expect(diff(before, after, "-n", "shop").status).toBe(0)
  })
})
