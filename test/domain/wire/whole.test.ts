import { describe, expect, it } from "vitest"
import { makeWriter } from "../../../src/domain/wire/writer.ts"
import { encodeWhole, payloadSpan } from "../../../src/domain/wire/message.ts"
import type { WholeForm } from "../../../src/domain/wire/whole.ts"
import { plainSettings, pods, recordsOf, writtenText } from "./block.ts"

const wholeOf = (json: string, whole: WholeForm, redact = false): string | undefined => {
  const writer = makeWriter(64)
  const wrote = encodeWhole(writer, { event: "Modified", record: 0 }, recordsOf(json), pods, { ...plainSettings, redact, whole })
  if (!wrote) {
    expect(writer.at).toBe(0)
    return undefined
  }
  const bytes = writer.bytes.subarray(0, writer.at)
  expect(writtenText(writer)).toMatch(/^\{"ObjectType":"meshsync-data","EventType":"MODIFIED"/)
  return new TextDecoder().decode(bytes.subarray(...payloadSpan(bytes)))
}

const object: WholeForm = { _tag: "Object" }
const manifest: WholeForm = { _tag: "Manifest", derived: false }

describe("encodeWhole", () => {
  it("writes all members but managedFields, with integers of 64 bits, and a header that an item of a list lacks", () => {
    const json = '{"metadata":{"name":"a","uid":"u","managedFields":[{}]},"rules":[{"n":9223372036854775807}],"status":{"x":"é😀\\u0000"}}'
    expect(wholeOf(json, object)).toBe(
      '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","uid":"u"},"rules":[{"n":9223372036854775807}],"status":{"x":"é😀\\u0000"}}',
    )
  })

  it("as a manifest leaves out what is filled in, and objects that a controller owns", () => {
    const json = (owners: string) => `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","uid":"u"${owners}},"status":{}}`
    const owned = json(',"ownerReferences":[{"uid":"o","controller":true}]')
    const written = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}'
    expect(wholeOf(json(""), manifest)).toBe(written)
    expect(wholeOf(owned, manifest)).toBeUndefined()
    expect(wholeOf(owned, { ...manifest, derived: true })).toBe(written)
    expect(wholeOf(owned, object)).toContain('"ownerReferences"')
  })

  it.each([object, manifest])("redacts a Secret, the annotation of kubectl too: %j", (form) => {
    const applied = JSON.stringify(JSON.stringify({ kind: "Secret", data: { pin: "Y2FuYXJ5" } }))
    const json =
      `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":${applied}}},
      "data":{"pin":"Y2FuYXJ5"},"stringData":{"pin":"canary"}}`.replace(/\n\s*/, "")
    const text = wholeOf(json, form, true)
    expect(text).toContain('"data":{"pin":"[REDACTED]"},"stringData":{"pin":"[REDACTED]"}')
    expect(text).not.toMatch(/canary|Y2FuYXJ5/)
    expect(wholeOf(json, form, false)).toContain("Y2FuYXJ5")
  })
})
