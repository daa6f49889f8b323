import { describe, expect, it } from "vitest"
import { makeRecords } from "../../../src/domain/read/record.ts"
import { encodeChange, encodeIdentity, payloadSpan } from "../../../src/domain/wire/message.ts"
import { integerOf } from "../../../src/domain/wire/metadata.ts"
import { designOf } from "../../../src/domain/wire/pattern.ts"
import { encodeMeta } from "../../../src/domain/wire/reply.ts"
import { makeWriter } from "../../../src/domain/wire/writer.ts"
import { messageOf, payloadOf, plainSettings, pods, recordsOf, writtenText } from "./block.ts"
import { forSeeds } from "./seeded.ts"

const head = '"apiVersion":"v1","kind":"Pod"'
const withMeta = (meta: string, rest = ""): string => `{${head},"metadata":{"name":"a","uid":"u"${meta}}${rest}}`
const metadataOf = (meta: string): Record<string, unknown> => payloadOf(withMeta(meta))["metadata"] as Record<string, unknown>
const zero = "00000000-0000-0000-0000-000000000000"

describe("encodeChange", () => {
  it("writes the members in the order of the Go MeshSync, byte for byte", () => {
    const raw =
      `{${head},"metadata":{"annotations":{"note":"a<b & \\"c\\"\\nd"},"creationTimestamp":"2026-01-02T03:04:05Z","deletionGracePeriodSeconds":0,` +
      '"finalizers":["f"],"generation":2,"labels":{"app":"web","team":""},"managedFields":[{"manager":"m"}],"name":"web","namespace":"shop",' +
      '"resourceVersion":"812","uid":"1111"},"spec":{"big":9223372036854775807,"n":1.0},"status":{},"data":{"k":"v"},"immutable":true,"type":"T"}'
    expect(messageOf(raw, "Modified")).toBe(
      '{"ObjectType":"meshsync-data","EventType":"MODIFIED","Request":null,"Object":{"id":"","apiVersion":"v1","kind":"Pod","model":"",' +
        '"metadata":{"id":"","name":"web","namespace":"shop","uid":"1111","resourceVersion":"812","generation":2,' +
        '"creationTimestamp":"2026-01-02T03:04:05Z","deletionGracePeriodSeconds":0,"labels":[{"id":"","unique_id":"","kind":"label","key":"app",' +
        '"value":"web"},{"id":"","unique_id":"","kind":"label","key":"team"}],"annotations":[{"id":"","unique_id":"","kind":"annotation",' +
        '"key":"note","value":"a\\\\u003cb \\\\u0026 \\\\\\"c\\\\\\"\\\\nd"}],"finalizers":"[\\"f\\"]","cluster_id":""},' +
        '"spec":{"id":"","attribute":"{\\"big\\":9223372036854775807,\\"n\\":1.0}"},"status":{"id":"","attribute":"{}"},"cluster_id":"cluster",' +
        '"pattern_resource":null,"component_metadata":null,"immutable":"true","data":"{\\"k\\":\\"v\\"}","type":"T"}}',
    )
  })

  it("appends, so that a block becomes one run of messages", () => {
    const writer = makeWriter(1)
    const records = recordsOf(withMeta(""))
    for (const event of ["Added", "Deleted"] as const) encodeChange(writer, { event, record: 0 }, records, pods, plainSettings)
    const [first, second] = writtenText(writer).split("}}{")
    expect(JSON.parse(`${first}}}`)).toHaveProperty("EventType", "ADDED")
    expect(JSON.parse(`{${second}`)).toHaveProperty("EventType", "DELETED")
  })

  it("takes apiVersion and kind from the type when one of them is missing", () => {
    const type = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true }
    for (const own of ["", '"kind":"X",', '"apiVersion":"x/v1",', '"apiVersion":5,"kind":"X",']) {
      const message = messageOf(`{${own}"metadata":{"name":"a"}}`, "Added", plainSettings, type)
      expect(JSON.parse(message)).toMatchObject({ Object: { apiVersion: "apps/v1", kind: "Deployment" } })
    }
  })

  it("takes them from the type too when the API server was asked for metadata alone, and has neither spec nor addresses", () => {
    const partial = '{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a","uid":"u"}}'
    const services = { group: "", version: "v1", plural: "services", kind: "Service", namespaced: true }
    const { Object: payload } = JSON.parse(messageOf(partial, "Added", plainSettings, services)) as { readonly Object: object }
    expect(payload).toMatchObject({ apiVersion: "v1", kind: "Service", metadata: { name: "a" }, component_metadata: null })
    expect(Object.keys(payload)).not.toContain("spec")
    const secrets = { ...services, plural: "secrets", kind: "Secret" }
    const applied = String.raw`{"kubectl.kubernetes.io/last-applied-configuration":"{\"kind\":\"Secret\",\"data\":{\"k\":\"aGlkZGVu\"}}"}`
    const secret = partial.replace('"uid":"u"', `"uid":"u","annotations":${applied}`)
    expect(messageOf(secret, "Added", plainSettings, secrets)).toContain("aGlkZGVu")
    expect(messageOf(secret, "Added", { ...plainSettings, redact: true }, secrets)).not.toContain("aGlkZGVu")
  })

  it("says of a departed object who it was, without reading the block", () => {
    const writer = makeWriter(64)
    const departed = { namespace: "shop", name: "web", uid: "u1", resourceVersion: "7" }
    encodeChange(writer, { event: "Deleted", record: -1, departed }, makeRecords(1), pods, plainSettings)
    expect(JSON.parse(writtenText(writer))).toEqual({
      ObjectType: "meshsync-data",
      EventType: "DELETED",
      Request: null,
      Object: {
        id: "",
        apiVersion: "v1",
        kind: "Pod",
        model: "",
        metadata: { id: "", name: "web", namespace: "shop", uid: "u1", resourceVersion: "7", cluster_id: "" },
        cluster_id: "cluster",
        pattern_resource: null,
        component_metadata: null,
      },
    })
  })

  it("reduces an oversize Deleted to its identity", () => {
    const writer = makeWriter(64)
    const raw =
      '{"apiVersion":"x/v1","kind":"Big","metadata":{"name":"b","uid":"u","resourceVersion":"9","labels":{"a":"b"}},"spec":{"long":1}}'
    encodeIdentity(writer, recordsOf(raw), 0, pods, "c")
    expect(JSON.parse(writtenText(writer)).Object).toEqual({
      id: "",
      apiVersion: "x/v1",
      kind: "Big",
      model: "",
      metadata: { id: "", name: "b", uid: "u", resourceVersion: "9", cluster_id: "" },
      cluster_id: "c",
      pattern_resource: null,
      component_metadata: null,
    })
  })
})

describe("objects that kill the Go MeshSync", () => {
  it.each([
    ["spec null", withMeta("", ',"spec":null'), {}],
    ["status null", withMeta("", ',"status":null,"spec":{}'), { spec: { id: "", attribute: "{}" } }],
    ["a bad pattern_resource next to a spec", withMeta("", ',"pattern_resource":"bad","spec":1'), { spec: { id: "", attribute: "1" } }],
    ["metadata missing", `{${head}}`, {}],
    ["metadata null", `{${head},"metadata":null}`, {}],
    ["metadata a text", `{${head},"metadata":"x"}`, {}],
    ["nothing at all", "{}", {}],
  ])("%s: published", (_, raw, expected) => {
    const payload = payloadOf(raw)
    expect(payload).toMatchObject({ kind: "Pod", pattern_resource: null, component_metadata: null })
    expect(payload["spec"]).toEqual((expected as { spec?: unknown }).spec)
    expect(payload["status"]).toBeUndefined()
  })
})

describe("the envelope", () => {
  it("takes nothing from the object but by exact name", () => {
    const raw = withMeta(
      ',"id":"m","cluster_id":"m","Name":"m","managedFields":"m"',
      ',"id":"x","model":"x","cluster_id":"x","component_metadata":{"x":1},"pattern_resource":"9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c",' +
        '"spec":{"id":"x"},"Status":{"id":"x"},"Type":"x","Data":{}',
    )
    expect(payloadOf(raw)).toEqual({
      id: "",
      apiVersion: "v1",
      kind: "Pod",
      model: "",
      metadata: { id: "", name: "a", uid: "u", cluster_id: "" },
      spec: { id: "", attribute: '{"id":"x"}' },
      cluster_id: "cluster",
      pattern_resource: null,
      component_metadata: null,
    })
  })

  it("keeps an empty text as spec", () => {
    expect(payloadOf(withMeta("", ',"spec":""'))["spec"]).toEqual({ id: "", attribute: "" })
  })

  it.each([
    ['"data":null', { data: "null" }],
    ['"data":""', {}],
    ['"data":"a<b"', { data: "a\\u003cb" }],
    ['"type":"a\\"b"', { type: 'a\\"b' }],
    ['"immutable":false', { immutable: "false" }],
    ['"stringData":{"a":"\\u0041"}', { stringData: '{"a":"\\u0041"}' }],
  ])("keeps %s as text", (member, expected) => {
    const { binaryData, data, immutable, stringData, type } = payloadOf(withMeta("", `,${member}`))
    expect(JSON.parse(JSON.stringify({ binaryData, data, immutable, stringData, type }))).toEqual(expected)
  })

  it.each([
    ['"generation":0', {}],
    ['"generation":"1"', {}],
    ['"generation":2.5', {}],
    ['"deletionGracePeriodSeconds":null', {}],
    ['"deletionGracePeriodSeconds":0', { deletionGracePeriodSeconds: 0 }],
    ['"deletionGracePeriodSeconds":"30"', { deletionGracePeriodSeconds: 0 }],
    ['"ownerReferences":null,"finalizers":null', { ownerReferences: "null", finalizers: "null" }],
    ['"labels":null,"annotations":{}', {}],
    ['"labels":["a"],"annotations":"b"', {}],
    ['"selfLink":"","clusterName":5,"generateName":"g-"', { generateName: "g-" }],
  ])("knows metadata with %s", (member, expected) => {
    const { cluster_id, id, name, uid, ...rest } = metadataOf(`,${member}`)
    expect({ cluster_id, id, name, uid }).toEqual({ cluster_id: "", id: "", name: "a", uid: "u" })
    expect(rest).toEqual(expected)
  })

  it("always has a uid", () => {
    expect(payloadOf(`{${head},"metadata":{"name":"a","uid":7}}`)["metadata"]).toEqual({ id: "", name: "a", uid: "", cluster_id: "" })
  })

  it("orders labels by the bytes of their names and lets the last of a name count", () => {
    const labels = metadataOf(',"labels":{"b":"1","\\ud83d\\ude00":"astral","\\uffee":"bmp","a":"x","\\u0062":"2","":"e","a":"y"}')[
      "labels"
    ]
    expect(labels).toEqual([
      { id: "", unique_id: "", kind: "label", value: "e" },
      { id: "", unique_id: "", kind: "label", key: "a", value: "y" },
      { id: "", unique_id: "", kind: "label", key: "b", value: "2" },
      { id: "", unique_id: "", kind: "label", key: "\uffee", value: "bmp" },
      { id: "", unique_id: "", kind: "label", key: "😀", value: "astral" },
    ])
  })

  it("is JSON in UTF-8 whatever the texts hold", () => {
    forSeeds(200, (chance) => {
      const text = chance.text(30)
      const object = {
        metadata: { name: text, uid: text, labels: { [text]: text, b: 1 }, annotations: { x: text } },
        spec: [chance.json(3)],
        type: text,
      }
      const payload = payloadOf(JSON.stringify(object)) as { metadata: Record<string, unknown>; spec?: { attribute: string } }
      expect(payload.metadata["name"] ?? "").toBe(text)
      expect(JSON.parse(payload.spec?.attribute ?? "")).toEqual(object.spec)
    })
  })
})

describe("pattern_resource", () => {
  const uuid = "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c"

  it.each([uuid, uuid.toUpperCase(), `{${uuid}}`, `urn:uuid:${uuid}`, `URN:UUID:${uuid}`, uuid.replaceAll("-", "")])(
    "understands %s",
    (text) => {
      expect(designOf(text)).toBe(uuid)
      expect(payloadOf(withMeta(`,"labels":{"design.meshery.io/id":"${text}"}`))["pattern_resource"]).toBe(uuid)
    },
  )

  it.each(["", "abcdefghijklmnop", `${uuid}0`, `{${uuid}`, uuid.replace("9", "g"), uuid.replace("-", "_")])(
    "gives zeros for %j",
    (text) => {
      expect(payloadOf(withMeta(`,"labels":{"design.meshery.io/id":"${text}"}`))["pattern_resource"]).toBe(zero)
    },
  )

  it("looks at the label only, by its decoded name", () => {
    expect(payloadOf(withMeta(`,"annotations":{"design.meshery.io/id":"${uuid}"}`))["pattern_resource"]).toBeNull()
    expect(payloadOf(withMeta(`,"labels":{"design.meshery.io/ide":"${uuid}"}`))["pattern_resource"]).toBeNull()
    expect(payloadOf(withMeta(`,"labels":{"design\\u002emeshery.io/id":"${uuid}"}`))["pattern_resource"]).toBe(uuid)
    expect(payloadOf(withMeta(',"labels":{"design.meshery.io/id":null}'))["pattern_resource"]).toBe(zero)
  })
})

describe("integerOf", () => {
  it.each([
    ["7", "7"],
    ["-3", "-3"],
    ["-0", "0"],
    ["2.0", "2"],
    ["1e3", "1000"],
    ["9223372036854775807", "9223372036854775807"],
    ["-9223372036854775808", "-9223372036854775808"],
    ["9007199254740993.0", "9007199254740992"],
    ["9223372036854775808", undefined],
    ["9223372036854775807.0", undefined],
    ["1e21", undefined],
    ["2.5", undefined],
    ['"1"', undefined],
    ["true", undefined],
    ["", undefined],
  ])("reads %s as %s", (json, expected) => {
    expect(integerOf(json)).toBe(expected)
  })
})

describe("payloadSpan", () => {
  it.each(["Added", "Modified", "Deleted"] as const)("finds the payload of %s", (event) => {
    const bytes = new TextEncoder().encode(messageOf(withMeta(',"labels":{"{":"}"}'), event))
    const [start, end] = payloadSpan(bytes)
    const whole = JSON.parse(new TextDecoder().decode(bytes)) as { readonly Object: unknown }
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))).toEqual(whole.Object)
  })
})

describe("encodeMeta", () => {
  it("answers with the version", () => {
    const text = (version: string): string => new TextDecoder().decode(encodeMeta(version))
    expect(text("v1.0.3")).toBe('{"ObjectType":"","EventType":"","Request":null,"Object":"v1.0.3"}')
    expect(JSON.parse(text('a"\n😀'))).toHaveProperty("Object", 'a"\n😀')
  })
})
