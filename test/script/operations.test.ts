import { readFileSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { errorRegistry } from "../../src/domain/error.ts"
import { renderMetrics } from "../../src/domain/sync/statusText.ts"
import { laneOf, statusOf } from "../domain/sync/statusOf.ts"

const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/operations.md"), "utf8")
const trouble = { reason: "Forbidden", text: "", sinceMs: 1_000_000, attempts: 1 }
const requests = { answers: { list: { ok: 1 } }, waitedMs: 0, listsRunning: 0, listsRunningMost: 1 }
const recollected = { kinds: 0, objects: 0, deletions: 0, owed: false }
const file = {
  path: "",
  state: "kept",
  detail: "",
  entries: 0,
  bytes: 0,
  writtenMs: 0,
  syncedMs: 0,
  recollected,
  setAside: undefined,
} as const
const status = statusOf([laneOf("pods", { lastHeardMs: 1_000_000, trouble })], { requests, stateFile: file })
const metrics = renderMetrics(status, { residentBytes: 1, cpuSeconds: 1, startedMs: 1 })

describe("docs/operations.md", () => {
  it("names no metric that is not served", () => {
    const served = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    const named = [...text.matchAll(/\b(?:meshsync|process)_[a-z_]+/g)].map(([name]) => name)
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((name) => !served.has(name))).toEqual([])
  })

  it("asks for no value of a label that is not served", () => {
    const asked = [...text.matchAll(/\{(\w+="\w+")\}/g)].map(([, label = ""]) => label).filter((label) => !label.startsWith("job="))
    expect(asked.length).toBeGreaterThan(3)
    // A counter of answers has a series only for answers that there were.
    expect(asked.filter((label) => !metrics.includes(label))).toEqual(['answer="throttled"'])
  })

  it("has rules that Prometheus can read", () => {
    const [, yaml = ""] = /```yaml\n(.*?)```/s.exec(text) ?? []
    const { groups } = parse(yaml) as {
      readonly groups: ReadonlyArray<{ readonly rules: ReadonlyArray<Readonly<Record<string, string>>> }>
    }
    const rules = groups.flatMap((group) => group.rules)
    expect(rules.length).toBeGreaterThan(5)
    for (const { alert, expr } of rules) expect([alert, expr]).toEqual([expect.stringMatching(/^MeshSync\w+$/), expect.any(String)])
  })

  it("names errors that exist", () => {
    const codes = new Set(Object.values(errorRegistry).map(({ code }) => String(code)))
    const named = [...text.matchAll(/^\| ([\d, ]+) \|/gm)].flatMap(([, cell = ""]) => cell.split(", "))
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((code) => !codes.has(code))).toEqual([])
  })
})
