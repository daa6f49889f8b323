import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { describeMessage, describeSubjects } from "../../../src/domain/wire/description.ts"
import { decodeMessageText } from "../../../src/domain/wire/envelope.ts"
import { restoreObject } from "../../../src/domain/wire/restore.ts"
import { encodeVector, vectors } from "../../golden/vector.ts"

type Members = Readonly<Record<string, unknown>>

/** What a message carries of an object. */
const members = ["spec", "status", "data", "binaryData", "stringData"]
const metadataMembers = ["name", "namespace", "uid", "labels", "annotations", "ownerReferences", "finalizers"]

/** The members that say something. Of a member that is a text, a message does not tell whether it was one. */
const pick = (object: Members, names: ReadonlyArray<string>): Members =>
  Object.fromEntries(
    names
      .map((name) => [name, object[name]] as const)
      .filter(([name, value]) => (typeof value === "object" || metadataMembers.includes(name)) && Object.keys(value ?? {}).length > 0),
  )

describe("decodeMessageText", () => {
  it("decodes every one of our messages, and what they say is all there", () => {
    expect(vectors.length).toBeGreaterThan(500)
    for (const vector of vectors) {
      const text = encodeVector(vector)
      expect(Result.getOrThrow(decodeMessageText(text)), vector.id).toEqual(JSON.parse(text))
    }
  })

  it("decodes what the Go MeshSync has published, but for objects that wrote into the envelope", () => {
    const refused = vectors.flatMap(({ id, message }) => {
      const decoded = decodeMessageText(message)
      return Result.isFailure(decoded) && !decoded.failure.detail.includes("component_metadata") ? [`${id}: ${decoded.failure.detail}`] : []
    })
    expect(refused).toEqual([])
  })

  it.each([
    ["nothing", "", "it is not JSON"],
    ["null", "null", "Expected"],
    ["another sort of message", `{"ObjectType":"log-stream","EventType":"ADDED","Request":null,"Object":{}}`, "ObjectType"],
    ["a wrong type", `{"ObjectType":"meshsync-data","EventType":"ADDED","Request":null,"Object":{"id":7}}`, "Object"],
    ["a deep nest", `{"a":`.repeat(100_000), "it is not JSON"],
  ])("refuses %s", (_name, text, reason) => {
    const decoded = decodeMessageText(text)
    expect(Result.isFailure(decoded) && decoded.failure).toMatchObject({ key: "ErrInvalidMessage" })
    expect(Result.isFailure(decoded) && decoded.failure.detail).toContain(reason)
  })

  it("repeats no value of a message that it refuses", () => {
    const decoded = decodeMessageText(`{"ObjectType":"canary","EventType":"canary","Request":"canary","Object":"canary"}`)
    expect(Result.isFailure(decoded) && decoded.failure.message).not.toContain("canary")
  })
})

describe("restoreObject", () => {
  it("gives back what the API server sent, for every recorded object", () => {
    const recorded = vectors.filter(({ env, origin }) => origin !== "synthetic" && !env.redact)
    expect(recorded.length).toBeGreaterThan(200)
    for (const vector of recorded) {
      const sent = JSON.parse(vector.raw) as Members & { readonly metadata: Members }
      const restored = restoreObject(Result.getOrThrow(decodeMessageText(encodeVector(vector))).Object)
      expect(pick(restored, members), vector.id).toEqual(pick(sent, members))
      expect(pick(restored.metadata, metadataMembers), vector.id).toEqual(pick(sent.metadata, metadataMembers))
    }
  })
})

describe("the descriptions", () => {
  it("name every member that a message may have, and those that it must", () => {
    const schema = describeMessage() as {
      readonly required: unknown
      readonly properties: { readonly Object: { readonly properties: object } }
    }
    expect(schema.required).toEqual(["ObjectType", "EventType", "Request", "Object"])
    const known = new Set(Object.keys(schema.properties.Object.properties))
    const seen = new Set(vectors.flatMap((vector) => Object.keys((JSON.parse(vector.message) as { readonly Object: object }).Object)))
    expect([...seen].filter((name) => !known.has(name))).toEqual([])
  })

  it("lead from each operation to a schema", () => {
    const document = describeSubjects("1.2.3")
    const text = JSON.stringify(document)
    const refs = [...text.matchAll(/"\$ref":"#\/([^"]*)"/g)].map(([, path = ""]) => path)
    expect(refs.length).toBe(27)
    for (const path of refs) {
      const target = path.split("/").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], document)
      expect(target, path).toBeTypeOf("object")
    }
  })
})
