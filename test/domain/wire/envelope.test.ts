import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { describeMessage, describeSubjects } from "../../../src/domain/wire/description.ts"
import { decodeMessage } from "../../../src/domain/wire/envelope.ts"
import { restoreObject } from "../../../src/domain/wire/restore.ts"
import { encodeVector, vectors } from "../../golden/vector.ts"

const encode = (text: string) => new TextEncoder().encode(text)

/** What a message carries of an object. */
const carried = new Set(["apiVersion", "kind", "spec", "status", "data", "binaryData", "stringData"])

describe("decodeMessage", () => {
  it("decodes every one of our messages, and what they say is all there", () => {
    expect(vectors.length).toBeGreaterThan(500)
    for (const vector of vectors) {
      const text = encodeVector(vector)
      expect(Result.getOrThrow(decodeMessage(encode(text))), vector.id).toEqual(JSON.parse(text))
    }
  })

  it("decodes what the Go MeshSync has published, but for objects that wrote into the envelope", () => {
    const refused = vectors.flatMap(({ id, message }) => {
      const decoded = decodeMessage(encode(message))
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
    const decoded = decodeMessage(encode(text))
    expect(Result.isFailure(decoded) && decoded.failure).toMatchObject({ key: "ErrInvalidMessage" })
    expect(Result.isFailure(decoded) && decoded.failure.detail).toContain(reason)
  })

  it("repeats no value of a message that it refuses", () => {
    const decoded = decodeMessage(encode(`{"ObjectType":"canary","EventType":"canary","Request":"canary","Object":"canary"}`))
    expect(Result.isFailure(decoded) && decoded.failure.message).not.toContain("canary")
  })
})

describe("restoreObject", () => {
  it("gives back what the API server sent, for every recorded object", () => {
    let compared = 0
    for (const vector of vectors) {
      if (vector.origin === "synthetic" || vector.env.redact) continue
      const raw = JSON.parse(vector.raw) as Record<string, unknown> & { readonly metadata: Record<string, unknown> }
      const restored = restoreObject(Result.getOrThrow(decodeMessage(encode(encodeVector(vector)))).Object)
      const { clusterName: _clusterName, managedFields: _managedFields, ...metadata } = raw.metadata
      for (const [name, value] of Object.entries(raw)) {
        if (carried.has(name) && typeof value === "object" && value !== null) expect(restored[name], `${vector.id} ${name}`).toEqual(value)
      }
      for (const name of ["name", "namespace", "uid", "labels", "annotations", "ownerReferences", "finalizers"]) {
        const value = metadata[name]
        const isEmpty = value === undefined || value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0)
        if (!isEmpty) expect(restored.metadata[name], `${vector.id} ${name}`).toEqual(value)
      }
      compared += 1
    }
    expect(compared).toBeGreaterThan(200)
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
    expect(refs.length).toBe(9)
    for (const path of refs) {
      const target = path.split("/").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], document)
      expect(target, path).toBeTypeOf("object")
    }
  })
})
