import { describe, expect, it } from "vitest"
import { compareMessages, diffNodes, type Difference } from "../../../src/domain/wire/comparison.ts"
import { parseNode, type Node } from "../../../src/domain/wire/node.ts"

const nodeOf = (text: string): Node => {
  const node = parseNode(text)
  if (node === undefined) throw new Error(`no JSON: ${text}`)
  return node
}

/** `path decision` of each difference. */
const told = (differences: ReadonlyArray<Difference>): ReadonlyArray<string> =>
  differences.map(({ decision, path }) => `${path} ${decision ?? "-"}`)

const compare = (theirs: object, ours: object, source?: object): ReadonlyArray<string> =>
  told(
    compareMessages(
      nodeOf(JSON.stringify(theirs)),
      nodeOf(JSON.stringify(ours)),
      source === undefined ? undefined : nodeOf(JSON.stringify(source)),
    ),
  )

describe("whether two messages say the same", () => {
  const message = (payload: string): Node => nodeOf(`{"ObjectType":"x","Object":${payload}}`)

  it.each([
    ["members in another order", '{"a":1,"b":2}', '{"b":2,"a":1}'],
    ["an all-zero fraction", '{"a":1}', '{"a":1.00}'],
    ["JSON in a string with other white space and order", '{"data":"{\\"a\\":1,\\"b\\":[]}"}', '{"data":"{ \\"b\\" : [], \\"a\\":1}"}'],
    ["duplicate members in such a string", '{"data":"{\\"a\\":2}"}', '{"data":"{\\"a\\":1,\\"a\\":2}"}'],
  ])("%s: yes", (_, a, b) => {
    expect(diffNodes(message(a), message(b))).toEqual([])
  })

  it.each([
    ["a missing member", '{"a":1}', "{}", "a"],
    ["null for absent", '{"a":null}', "{}", "a"],
    ["big integers that are one double", '{"a":9007199254740993}', '{"a":9007199254740992}', "a"],
    ["other elements", '{"a":[1,2,1]}', '{"a":[1,2,2]}', "a[2]"],
    ["a number as a string", '{"a":1}', '{"a":"1"}', "a"],
    [
      "a label's value of another spelling",
      '{"metadata":{"labels":[{"value":"{}"}]}}',
      '{"metadata":{"labels":[{"value":"{ }"}]}}',
      "metadata.labels[0].value",
    ],
    ["JSON against text", '{"data":"{}"}', '{"data":"{"}', "data"],
    ["a member inside JSON", '{"data":"{\\"a\\":[1]}"}', '{"data":"{\\"a\\":[2]}"}', "data!.a[0]"],
  ])("%s: no, and where", (_, a, b, path) => {
    expect(told(compareMessages(message(a), message(b)))).toEqual([`Object.${path} -`])
  })
})

describe("a decision explains a difference only where our side is what it demands", () => {
  const secret = (value: string) => ({
    Object: {
      kind: "Secret",
      metadata: { annotations: [{ key: "kubectl.kubernetes.io/last-applied-configuration", value }] },
    },
  })
  const raw = (text: string): string => JSON.stringify(text).slice(1, -1)

  it("the design's id", () => {
    const id = "9a1c4f6e-7b2d-4e1a-8c3f-0d5e6f7a8b9c"
    const at = (pattern: string | null, label?: string) => ({
      Object: {
        metadata: label === undefined ? {} : { labels: [{ key: "design.meshery.io/id", value: label }] },
        pattern_resource: pattern,
      },
    })
    expect(compare(at("x", id), at(id, id))).toEqual(["Object.pattern_resource design"])
    expect(compare(at("x", "no id"), at("00000000-0000-0000-0000-000000000000", "no id"))).toEqual(["Object.pattern_resource design"])
    expect(compare(at("x"), at(null))).toEqual(["Object.pattern_resource design"])
    expect(compare(at("x"), at(id))).toEqual(["Object.pattern_resource -"])
    expect(compare(at(id, id), at(null, id))).toEqual(["Object.pattern_resource -"])
  })

  it("the envelope's own members", () => {
    expect(compare({ Object: { id: "x", spec: { id: "y" } } }, { Object: { id: "", spec: { id: "" } } })).toEqual([
      "Object.id envelope",
      "Object.spec.id envelope",
    ])
    expect(compare({ Object: { id: "" } }, { Object: { id: "x" } })).toEqual(["Object.id -"])
    expect(compare({ Object: { kind: "W", component_metadata: {} } }, { Object: { kind: "W", component_metadata: null } })).toEqual([
      "Object.component_metadata envelope",
    ])
  })

  it("a member in other letters, which only the object itself can tell", () => {
    const [theirs, ours] = [{ Object: { spec: { id: "" } } }, { Object: {} }]
    expect(compare(theirs, ours)).toEqual(["Object.spec -"])
    expect(compare(theirs, ours, { Spec: {} })).toEqual(["Object.spec envelope"])
    expect(compare(theirs, ours, { spec: {} })).toEqual(["Object.spec -"])
    expect(compare(theirs, ours, { spec: {}, Spec: {} })).toEqual(["Object.spec -"])
  })

  it("a Secret's applied manifest", () => {
    const theirs = secret(raw('{"data":{"a":"MQ=="}}\n'))
    expect(compare(theirs, secret(raw('{"data":{"a":"[REDACTED]"}}\n')))).toEqual(["Object.metadata.annotations[0].value redaction"])
    expect(compare(theirs, secret(raw('{"data":{"b":"[REDACTED]"}}\n')))).toEqual(["Object.metadata.annotations[0].value -"])
  })

  it.each([
    ["1000", "1e3", ["numbers"]],
    ["9223372036854775807", "9223372036854775807.0", []],
    ["9007199254740992", "9007199254740993", [undefined]],
    ["9223372036854776000", "9223372036854775808", ["numbers"]],
    ["9223372036854775800", "9223372036854775807", [undefined]],
    ["1001", "1e3", [undefined]],
  ])("numbers: %s there, %s here", (theirs, ours, decided) => {
    const at = (text: string): Node => nodeOf(`{"Object":{"spec":{"attribute":"{\\"n\\":${text}}"}}}`)
    expect(compareMessages(at(theirs), at(ours)).map(({ decision }) => decision)).toEqual(decided)
  })

  it("an empty spec", () => {
    expect(compare({ Object: { spec: { id: "" } } }, { Object: { spec: { id: "", attribute: "" } } })).toEqual([
      "Object.spec.attribute emptyText",
    ])
    expect(compare({ Object: { spec: { id: "", attribute: "{}" } } }, { Object: { spec: { id: "", attribute: "" } } })).toEqual([
      "Object.spec.attribute -",
    ])
  })

  it("a deletion that a list found carries the identity alone", () => {
    const object = { kind: "Pod", metadata: { name: "a", uid: "u" }, pattern_resource: null }
    const theirs = { EventType: "DELETED", Object: { ...object, spec: { attribute: "{}" } } }
    expect(compare(theirs, { EventType: "DELETED", Object: object })).toEqual(["Object.spec deletions"])
    expect(compare({ ...theirs, EventType: "MODIFIED" }, { EventType: "MODIFIED", Object: object })).toEqual(["Object.spec -"])
    expect(compare(theirs, { EventType: "DELETED", Object: { ...object, metadata: { uid: "u" } } })).toEqual([
      "Object.metadata.name -",
      "Object.spec deletions",
    ])
  })

  it("an id that the other side never learned", () => {
    expect(compare({ Object: { cluster_id: "" } }, { Object: { cluster_id: "c" } })).toEqual(["Object.cluster_id clusterId"])
    expect(compare({ Object: { cluster_id: "d" } }, { Object: { cluster_id: "c" } })).toEqual(["Object.cluster_id -"])
  })

  describe("whether a load balancer answers", () => {
    const where = "Object.component_metadata"
    const urls = ["http://192.0.2.1:80", "http://10.0.0.1:80"]
    const message = (metadata: object | null, more: object = {}) => ({
      EventType: "ADDED",
      Object: {
        kind: "Service",
        spec: { attribute: '{"clusterIP":"10.0.0.1","ports":[{"port":80,"nodePort":30080}]}' },
        status: { attribute: '{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}' },
        component_metadata: metadata,
        ...more,
      },
    })
    const answered = { capabilities: { connection: true, urls } }

    it("on one side and not on the other", () => {
      expect(compare(message(answered), message(null))).toEqual([`${where} services`])
      expect(compare(message(null), message(answered))).toEqual([`${where} services`])
    })

    it.each([
      ["other addresses", answered, { capabilities: { connection: true, urls: urls.slice(0, 1) } }, {}, `${where}.capabilities.urls[1] -`],
      ["another connection", answered, { capabilities: { connection: false, urls } }, {}, `${where}.capabilities.connection -`],
      ["addresses that are not this Service's", { capabilities: { connection: true, urls: ["http://other:80"] } }, null, {}, `${where} -`],
      ["ours are not this Service's", null, { capabilities: { connection: true, urls: [] } }, {}, `${where} -`],
      ["no load balancer, so nothing is dialled", answered, null, { status: { attribute: '{"loadBalancer":{}}' } }, `${where} -`],
      ["a status that cannot be read", answered, null, { status: { attribute: "{" } }, `${where} -`],
      ["another kind", null, answered, { kind: "Pod" }, `${where} -`],
    ])("explains nothing else: %s", (_, theirs, ours, more, difference) => {
      const [first] = compare(message(theirs, more), message(ours, more))
      expect(first).toBe(difference)
    })

    it("is not asked for what is gone", () => {
      const gone = (metadata: object | null) => ({ ...message(metadata), EventType: "DELETED" })
      expect(compare(gone(answered), gone(null))).toEqual([`${where} -`])
    })
  })
})
