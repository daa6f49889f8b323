import { describe, expect, it } from "vitest"
import { redactManifest, redacted } from "../../../src/domain/wire/redact.ts"
import { messageOf, payloadOf, plainSettings } from "./block.ts"
import { forSeeds, type Chance } from "./seeded.ts"

const settings = { ...plainSettings, redact: true }
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

const secret = (members: string, annotations = "{}", kind = "Secret"): string =>
  `{"apiVersion":"v1","kind":"${kind}","metadata":{"name":"s","uid":"u","annotations":${annotations}},${members}}`

describe("redaction of the members", () => {
  it.each([
    ["sorts the names, each once", '"data":{"b":"x","a":"y","b":"z"}', { data: '{"a":"[REDACTED]","b":"[REDACTED]"}' }],
    ["keeps an empty object", '"data":{}', { data: "{}" }],
    ["takes null for an empty object", '"stringData":null', { stringData: "{}" }],
    ["leaves what is no object", '"data":"str","binaryData":[1],"stringData":5', { data: "str", binaryData: "[1]", stringData: "5" }],
    ["leaves no nested value", '"data":{"a":{"b":["x"]}}', { data: '{"a":"[REDACTED]"}' }],
    ["keeps odd names", '"data":{"a\\"\\u0062":"x"}', { data: '{"a\\"b":"[REDACTED]"}' }],
  ])("%s", (_, members, expected) => {
    expect(payloadOf(secret(members), settings)).toMatchObject(expected)
  })

  it("touches no other kind, and nothing when it is off", () => {
    expect(payloadOf(secret('"data":{"a":"x"}', "{}", "ConfigMap"), settings)["data"]).toBe('{"a":"x"}')
    expect(payloadOf(secret('"data":{"a":"x"}', "{}", "secret"), settings)["data"]).toBe('{"a":"x"}')
    expect(payloadOf(secret('"data":{"a":"x"}'))["data"]).toBe('{"a":"x"}')
  })

  it("goes by the lane's kind for items that carry none", () => {
    const type = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true }
    expect(messageOf('{"metadata":{"name":"s"},"data":{"a":"canary"}}', "Deleted", settings, type)).not.toContain("canary")
  })
})

describe("redaction of last-applied", () => {
  it("replaces values in place and keeps everything else as it is spelt", () => {
    const manifest =
      '{ "n":12345678901234567890,\n"data":{"a":"x" , "b":{"c":1}},"data":{"a":"again"},"Data":{"q":"x"},"stringData":"whole","kind":"Secret"}\n'
    expect(redactManifest(manifest)).toBe(
      '{ "n":12345678901234567890,\n"data":{"a":"[REDACTED]" , "b":"[REDACTED]"},"data":{"a":"[REDACTED]"},"Data":{"q":"[REDACTED]"},' +
        '"stringData":"[REDACTED]","kind":"Secret"}\n',
    )
  })

  it.each(["", "{", '{"data":{"a":"x"}', "[1]", '"x"', "null", "data: {a: x}"])("replaces %j whole", (manifest) => {
    expect(redactManifest(manifest)).toBe(redacted)
  })

  it("finds the annotation by its decoded name, and leaves others", () => {
    const manifest = JSON.stringify(JSON.stringify({ data: { a: "canary" } }))
    const annotations = `{"kubectl.kubernetes.io\\/last-applied-configuration":${manifest},"other":"<kept>"}`
    const message = messageOf(secret('"type":"Opaque"', annotations), "Added", settings)
    expect(message).not.toContain("canary")
    expect(message).toContain("kept")
  })

  it("is spelt as Go spells it", () => {
    const annotations = JSON.stringify({ [lastApplied]: '{"data":{"a":"x"},"note":"<é>"}' })
    const payload = payloadOf(secret('"type":"Opaque"', annotations), settings) as {
      metadata: { annotations: ReadonlyArray<{ value: string }> }
    }
    expect(payload.metadata.annotations[0]?.value).toBe('{\\"data\\":{\\"a\\":\\"[REDACTED]\\"},\\"note\\":\\"\\u003cé\\u003e\\"}')
  })
})

/** A value that cannot occur by accident. */
const canary = (chance: Chance): string =>
  `cnry${Array.from({ length: 4 + chance.below(20) }, () => chance.pick(Array.from("abcdefghijklmnopqrstuvwxyz0123456789"))).join("")}`

describe("a redacted message", () => {
  it("holds no value of the Secret, wherever it stood and however it was spelt", () => {
    forSeeds(300, (chance) => {
      const values: Array<string> = []
      const member = (): Record<string, unknown> =>
        Object.fromEntries(
          Array.from({ length: 1 + chance.below(4) }, () => {
            const value = canary(chance)
            values.push(value)
            return [chance.text(6), chance.pick([value, `${chance.text(5)}${value}`, { nested: [value] }])]
          }),
        )
      const members = { data: member(), stringData: member(), binaryData: member() }
      const applied = JSON.stringify({ ...members, extra: { data: "kept" } }, null, chance.below(3))
      const object = {
        kind: "Secret",
        apiVersion: "v1",
        metadata: { name: "s", annotations: { [lastApplied]: applied, a: chance.text(9) } },
        ...members,
      }
      const message = messageOf(JSON.stringify(object), chance.pick(["Added", "Modified", "Deleted"]), settings)
      expect(values.filter((value) => message.includes(value))).toEqual([])
      expect(message).toContain("kept")
      const payload = (JSON.parse(message) as { Object: Record<string, string> }).Object
      expect(Object.keys(JSON.parse(payload["data"] ?? "")).sort()).toEqual(Object.keys(members.data).sort())
    })
  })
})
