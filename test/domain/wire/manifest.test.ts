import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { documentOf } from "../../../src/domain/wire/manifest.ts"
import { encodeVector, vectors } from "../../golden/vector.ts"
import { messageOf } from "./block.ts"
import { forSeeds } from "./seeded.ts"

/** What a reader of YAML 1.2 and one of YAML 1.1, as Go's is, make of the document. */
const readBack = (json: string): ReadonlyArray<unknown> => {
  const text = documentOf(json)
  return [parse(text), parse(text, { version: "1.1", uniqueKeys: true })]
}

const twice = (json: string): ReadonlyArray<unknown> => [JSON.parse(json), JSON.parse(json)]

const payloadTextOf = (raw: string): string => JSON.stringify((JSON.parse(messageOf(raw)) as { readonly Object: unknown }).Object)

describe("documentOf", () => {
  it("writes a payload as the snapshots show it", () => {
    const raw =
      String.raw`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop","resourceVersion":"291","generation":2,
      "creationTimestamp":"2026-01-02T03:04:05Z","labels":{"app":"web"},"annotations":{"a":"it's <b>\n"}},"spec":{"n":1},"immutable":true}`.replace(
        /\n\s*/,
        "",
      )
    expect(documentOf(payloadTextOf(raw))).toBe(String.raw`apiVersion: v1
cluster_id: cluster
component_metadata: null
id: ""
immutable: 'true'
kind: Pod
metadata:
  annotations:
  - id: ""
    key: a
    kind: annotation
    unique_id: ""
    value: 'it''s \u003cb\u003e\n'
  cluster_id: ""
  creationTimestamp: '2026-01-02T03:04:05Z'
  generation: 2
  id: ""
  labels:
  - id: ""
    key: app
    kind: label
    unique_id: ""
    value: web
  name: web
  namespace: shop
  resourceVersion: '291'
  uid: ""
model: ""
pattern_resource: null
spec:
  attribute: '{"n":1}'
  id: ""
`)
  })

  it("comes back the same for every golden vector, without a line that could be a delimiter", () => {
    for (const vector of vectors) {
      const payload = JSON.stringify((JSON.parse(encodeVector(vector)) as { readonly Object: unknown }).Object)
      expect(readBack(payload)).toEqual(twice(payload))
      expect(documentOf(payload)).not.toMatch(/^---/m)
    }
  })

  it("comes back the same for any JSON, on one line a scalar", () => {
    forSeeds(1500, (chance) => {
      const json = JSON.stringify({ a: chance.json(4), [chance.text(9)]: chance.json(2) })
      expect(readBack(json)).toEqual(twice(json))
      const text = documentOf(json)
      expect(text).not.toMatch(/^(---|\.\.\.)/m)
      expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u2028\u2029\ufeff]/u)
    })
  })

  it.each([
    "y",
    "N",
    "yes",
    "No",
    "ON",
    "off",
    "True",
    "FALSE",
    "Null",
    "~",
    "",
    " ",
    "a ",
    "0",
    "010",
    "1_000",
    "0b1",
    "1.5",
    "1e3",
    ".inf",
    ".NaN",
    "1:30",
    "2026-01-02",
    "<<",
    "=",
    "- a",
    "? a",
    "a: b",
    "a #b",
    "#",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%",
    "@",
    "`",
    "---",
    "...",
    "[a",
    "{a",
    "it's",
    '"',
  ])("keeps %j a string, as a value and as a name", (text) => {
    expect(readBack(JSON.stringify({ [text]: text, list: [text, [text]] }))).toEqual(
      twice(JSON.stringify({ [text]: text, list: [text, [text]] })),
    )
  })

  it("escapes control characters and U+007F", () => {
    expect(documentOf('{"a":"\\u0000\\u007f\\u0085\\ufeff\\n"}')).toBe('a: "\\u0000\\u007f\\u0085\\ufeff\\n"\n')
  })

  it("sorts names by code points and takes long ones", () => {
    expect(documentOf('{"\\uffee":1,"\\ud83d\\ude00":2,"b":3,"a":4}').replace(/: \d\n/g, "")).toBe("ab'\uffee''😀'")
    expect(readBack(JSON.stringify({ ["k".repeat(2000)]: 1, ["l".repeat(2000)]: { m: [] } }))).toEqual(
      twice(JSON.stringify({ ["k".repeat(2000)]: 1, ["l".repeat(2000)]: { m: [] } })),
    )
  })

  it.each(["1", "null", '"---"', "[]", "{}", "[[1,[2]],{},[]]"])("takes %s as a whole document", (json) => {
    expect(readBack(json)).toEqual(twice(json))
  })
})
