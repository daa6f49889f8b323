import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { redactPathStepsMax } from "../../../src/domain/limit.ts"
import { makeRecords } from "../../../src/domain/read/record.ts"
import { scanPage } from "../../../src/domain/read/scan.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"
import { describeContent, encodeChange, encodeWhole } from "../../../src/domain/wire/message.ts"
import { parsePathRules, type PathRules } from "../../../src/domain/wire/redactPath.ts"
import { encodeText, makeWriter } from "../../../src/domain/wire/writer.ts"

const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true }
const widgets: ResourceType = { group: "example.com", version: "v1", plural: "widgets", kind: "Widget", namespaced: true }
const rulesOf = (text: string): PathRules => Result.getOrThrow(parsePathRules(text))
const canary = "canary-90ab"

/** The message, and the whole object, of the one item of a list. */
const encode = (item: string, rules: string, type: ResourceType = pods): readonly [message: string, whole: string] => {
  const records = makeRecords(1)
  Result.getOrThrow(scanPage(encodeText(`{"kind":"XList","apiVersion":"v1","metadata":{},"items":[${item}]}`), records))
  const change = { event: "Added", record: 0 } as const
  const settings = { clusterId: "c", redact: false, reachable: new Set<string>(), redactPaths: rulesOf(rules) }
  const writers = [makeWriter(64), makeWriter(64)] as const
  encodeChange(writers[0], change, records, type, settings)
  encodeWhole(writers[1], change, records, type, { ...settings, whole: { _tag: "Object" } })
  const [message, whole] = writers.map(({ at, bytes }) => new TextDecoder().decode(bytes.subarray(0, at)))
  return [message ?? "", whole ?? ""]
}

const specOf = (item: string, rules: string): string => {
  const { Object } = JSON.parse(encode(item, rules)[0]) as { readonly Object: { readonly spec: { readonly attribute: string } } }
  return Object.spec.attribute
}

const podWith = (spec: string): string => `{"metadata":{"name":"web","namespace":"shop","uid":"u1","resourceVersion":"7"},"spec":${spec}}`

describe("a path", () => {
  it.each([
    ["pods:spec.a", '{"a":"x","b":"x"}', '{"a":"[REDACTED]","b":"x"}'],
    [
      "pods:spec.c[*].env[*].value",
      '{"c":[{"env":[{"name":"n","value":"x"},{"name":"m"}]},{}]}',
      '{"c":[{"env":[{"name":"n","value":"[REDACTED]"},{"name":"m"}]},{}]}',
    ],
    ["pods:spec[*]", '{"a":{"b":1},"c":null}', '{"a":"[REDACTED]","c":"[REDACTED]"}'],
    ['pods:spec["a.b/\\"c"]', '{"a.b/\\"c":1}', '{"a.b/\\"c":"[REDACTED]"}'],
    [
      "pods:spec.a",
      '{"\\u0061":"x","a":"y","n":1e3,"i":9007199254740993}',
      '{"\\u0061":"[REDACTED]","a":"[REDACTED]","n":1e3,"i":9007199254740993}',
    ],
    ["pods:spec.a.b, pods:spec.a", '{"a":{"b":"x"}}', '{"a":"[REDACTED]"}'],
    ["pods:spec.a.b", '{"a":[{"b":"x"}],"b":"x"}', '{"a":[{"b":"x"}],"b":"x"}'],
    ["pods:spec.a", '{\n  "a": "x",\n  "b": 1\n}', '{\n  "a": "[REDACTED]",\n  "b": 1\n}'],
    ["pods.example.com:spec.a", '{"a":"x"}', '{"a":"x"}'],
  ])("%s hides in %s what it leads to, and nothing else", (rules, spec, expected) => {
    expect(specOf(podWith(spec), rules)).toBe(expected)
  })

  it("leaves what identifies the object, and the object's own spelling, as they were", () => {
    const item = podWith(`{"a":"${canary}"}`)
    const [message, whole] = encode(item, "pods:spec.a")
    expect(JSON.parse(message)).toMatchObject({ Object: { metadata: { name: "web", namespace: "shop", uid: "u1", resourceVersion: "7" } } })
    expect(whole).toContain('"spec":{"a":"[REDACTED]"}')
    expect(encode(item, "pods:spec.b")[0]).toBe(encode(item, "")[0])
  })

  it("hides the same in the manifest that kubectl apply has left, and all of one that cannot be read", () => {
    const applied = (manifest: string): string =>
      `{"metadata":{"name":"w","annotations":{"kubectl.kubernetes.io/last-applied-configuration":${JSON.stringify(manifest)}}},"spec":{}}`
    const [message, whole] = encode(applied(`{"spec":{"password":"${canary}","size":3}}`), "widgets.example.com:spec.password", widgets)
    for (const text of [message, whole]) {
      expect(text).not.toContain(canary)
      expect(text).toMatch(/size\\+":3/)
    }
    for (const text of encode(applied(`{"spec":{"password":"${canary}"`), "widgets.example.com:spec.password", widgets)) {
      expect(text).not.toContain(canary)
      expect(text).toContain("[REDACTED]")
    }
  })

  it("is part of what decides a type's content", () => {
    const content = (rules: string): string => describeContent({ type: pods }, false, rulesOf(rules))
    expect(content("widgets.example.com:spec.a")).toBe(content(""))
    expect(new Set([content(""), content("pods:spec.a"), content("pods:spec[*]"), content('pods:spec["[*]"]')]).size).toBe(4)
  })
})

describe("the grammar", () => {
  it.each([
    ["spec.a", "at character 1 a type and a colon are needed, such as widgets.example.com:"],
    ["Pods:spec.a", "at character 1 a type and a colon are needed, such as widgets.example.com:"],
    ["pods:", "at character 6 no name of a path begins"],
    ["pods:.spec", "at character 6 no name of a path begins"],
    ["pods:spec.", "at character 10 no name of a path begins"],
    ['pods:spec["a\nb"]', "at character 10 no name of a path begins"],
    ["pods:spec[0]", "at character 10 no name of a path begins"],
    ["pods:spec a", "at character 10 no name of a path begins"],
    ["pods:spec.a;pods:spec.b", "at character 12 no name of a path begins"],
    ["pods:kind", "pods: what identifies an object cannot be hidden"],
    ["pods:[*]", "pods: what identifies an object cannot be hidden"],
    ["pods:metadata.name", "pods: what identifies an object cannot be hidden"],
    ["pods:metadata[*]", "pods: what identifies an object cannot be hidden"],
    ["pods:metadata.labels", "pods: what identifies an object cannot be hidden"],
    [`pods:a${".b".repeat(redactPathStepsMax)}`, `a path has more than ${redactPathStepsMax} steps`],
  ])("refuses %s", (text, fault) => {
    expect(parsePathRules(text)).toMatchObject(Result.fail(fault))
  })

  it.each(["", " ", "pods:spec.a", "pods:spec.a, pods:spec.b", 'pods:metadata.annotations["a,b"]', "pods:data[*]"])("takes %j", (text) => {
    expect(Result.isSuccess(parsePathRules(text))).toBe(true)
  })
})
