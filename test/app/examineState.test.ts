/** What `doctor` finds of a state file: each way in which a run could, or could not, use it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { layerStateFile } from "../../src/adapters/filesystem/stateFile.ts"
import { examineState } from "../../src/app/examineState.ts"
import { gatherValues, type SettingKey } from "../../src/app/settings.ts"
import { writeEntry, type Entry } from "../../src/domain/sync/journal.ts"
import { describeContent } from "../../src/domain/wire/message.ts"
import { makeWriter } from "../../src/domain/wire/writer.ts"
import { specOf } from "../domain/sync/block.ts"

let folder: string
beforeEach(() => void (folder = mkdtempSync(path.join(tmpdir(), "meshsync-"))))
afterEach(() => rmSync(folder, { recursive: true }))

const file = (): string => path.join(folder, "state")

const secrets = specOf({ type: { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true } })
const object = (name: string) => ({ namespace: "shop", name, uid: `uid-${name}`, resourceVersion: "1" })
const entries: ReadonlyArray<Entry> = [
  { _tag: "Head", clusterId: "c1", audience: "stdout" },
  { _tag: "Type", lane: 1, spec: specOf(), content: describeContent(specOf(), true), custom: false },
  { _tag: "Said", lane: 1, object: object("a") },
  { _tag: "Said", lane: 1, object: object("b") },
  { _tag: "Accepted", lane: 1 },
  { _tag: "Ended", lane: 1, object: object("a"), atMs: 1 },
  { _tag: "Accepted", lane: 1 },
  { _tag: "Type", lane: 2, spec: secrets, content: describeContent(secrets, true), custom: false },
  { _tag: "Said", lane: 2, object: object("s") },
  { _tag: "Accepted", lane: 2 },
]

const writeFile = (content: ReadonlyArray<Entry> = entries): void => {
  const writer = makeWriter(64)
  for (const entry of content) writeEntry(writer, entry)
  writeFileSync(file(), writer.bytes.subarray(0, writer.at))
}

const examine = (flags: Partial<Record<SettingKey, string>> = {}, clusterId = "c1") => {
  const all = { output: "stdout", stateFile: file(), ...flags }
  return Effect.map(examineState(gatherValues(new Map(Object.entries(all) as Array<[SettingKey, string]>), {}), clusterId), (checks) =>
    checks.map(({ detail, outcome }) => `${outcome}: ${detail.replaceAll(folder, "")}`),
  )
}
const found = (flags: Partial<Record<SettingKey, string>> = {}, clusterId = "c1") => Effect.runPromise(examine(flags, clusterId))

const free = "ok: /state can be written, and no process holds it"

describe("a state file examined", () => {
  it("is not needed, does not go with snapshots, may not be there yet, and needs a folder", async () => {
    expect(await found({ stateFile: "" })).toStrictEqual([expect.stringContaining("skipped: none is named")])
    expect(await found({ output: "file" })).toStrictEqual([expect.stringContaining("failed: it goes with --output broker")])
    expect(await found()).toStrictEqual([free, "ok: it is empty or not there: everything is announced as in a first run"])
    expect(await found({ stateFile: path.join(folder, "none/state") })).toStrictEqual([
      "failed: /none/state: its folder does not exist; create it first (ENOENT)",
    ])
    expect(await found({ stateFile: path.join(folder, "x".repeat(120)) })).toStrictEqual([expect.stringContaining("needs a shorter path")])
  })

  it("tells what a run would know, and of what its settings make void", async () => {
    writeFile()
    const told = "it tells of 2 objects of 2 kinds and of 1 deletions, for this cluster and this output"
    expect(await found()).toStrictEqual([free, `ok: ${told}`])
    expect(await found({ showSecrets: "true" })).toStrictEqual([
      free,
      `ok: ${told}; other redaction, depth or version: all of secrets.v1. is announced again`,
    ])
    writeFile([...entries, { _tag: "Owed" }])
    expect((await found())[1]).toBe(`ok: ${told}; an announcement of everything is owed`)
  })

  it("of another cluster, another output, or damaged, is said to be set aside", async () => {
    writeFile()
    expect((await found({}, "c2"))[1]).toBe(
      "warning: it is of another cluster: it will be set aside as /state.old, and everything is announced",
    )
    expect((await found({}, ""))[1]).toContain("because this one's id cannot be read")
    expect((await found({ output: "broker", brokerUrl: "nats:4222" }))[1]).toContain("warning: it is of messages to stdout")
    writeFileSync(file(), "no line of a journal\n")
    expect((await found())[1]).toContain("warning: it is no state file of this version")
  })

  it("that another process holds is read all the same, and neither taken nor changed", async () => {
    writeFile()
    const [held, told] = await Effect.runPromise(Effect.provide(examine(), Layer.fresh(layerStateFile(file()))))
    expect(held).toBe("warning: /state is held by another process: a run beside it ends at once")
    expect(told).toContain("ok: it tells of 2 objects")
    expect((await found())[0]).toBe(free)
  })
})
