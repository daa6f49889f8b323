import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { describeRefusals, parseWatchList } from "../../../src/domain/select/watchList.ts"

const parse = (data: unknown) => parseWatchList({ kind: "MeshSync", spec: { "watch-list": { data } } })
const whitelist = (value: unknown) => parse({ whitelist: JSON.stringify(value) })

describe("a watch-list", () => {
  it("is a whitelist with events as written", () => {
    const found = whitelist([
      { Resource: "pods.v1.", Events: ["ADDED", "DELETE"] },
      { Resource: "services.v1.", Events: [] },
    ])
    expect(Result.getOrThrow(found)).toEqual({
      whitelist: [
        { resource: "pods.v1.", events: ["ADDED", "DELETE"] },
        { resource: "services.v1.", events: [] },
      ],
    })
  })

  it("is a blacklist of names", () => {
    expect(Result.getOrThrow(parse({ blacklist: '["pods.v1.","secrets.v1."]', whitelist: "" }))).toEqual({
      blacklist: ["pods.v1.", "secrets.v1."],
    })
  })

  it("may be both, and limit an entry to namespaces, labels and metadata", () => {
    const entry = { Resource: "pods", Events: ["ADDED"], Namespaces: [" shop "], selector: "app=web", depth: "metadata" }
    expect(Result.getOrThrow(parse({ whitelist: JSON.stringify([entry]), blacklist: '["secrets"]' }))).toEqual({
      whitelist: [{ resource: "pods", events: ["ADDED"], namespaces: ["shop"], selector: "app=web", depth: "metadata" }],
      blacklist: ["secrets"],
    })
    const plain = whitelist([{ Resource: "pods", namespaces: null, selector: "", depth: "full" }])
    expect(Result.getOrThrow(plain)).toEqual({ whitelist: [{ resource: "pods", events: [] }] })
  })

  it("has members in any case, and takes null for nothing", () => {
    const found = parse({
      whitelist: '[{"resource":"a","EVENTS":["ADDED"],"Extra":1},{"RESOURCE":"b"},{"Resource":"c","Events":null},null]',
      blacklist: null,
    })
    expect(Result.getOrThrow(found)).toEqual({
      whitelist: [
        { resource: "a", events: ["ADDED"] },
        { resource: "b", events: [] },
        { resource: "c", events: [] },
        { resource: "", events: [] },
      ],
    })
    expect(Result.getOrThrow(parse({ blacklist: '["a",null]', whitelist: "null" }))).toEqual({ blacklist: ["a", ""] })
  })

  it.each([
    ["no resource", parseWatchList(undefined), /resource is no object/],
    ["no spec", parseWatchList({ kind: "MeshSync" }), /spec is missing/],
    ["a spec that is no object", parseWatchList({ spec: "watch-list" }), /spec is missing or no object/],
    ["a spec that is a list", parseWatchList({ spec: [] }), /spec/],
    ["no watch-list", parseWatchList({ spec: {} }), /watch-list is missing/],
    ["a null watch-list", parseWatchList({ spec: { "watch-list": null } }), /watch-list is missing/],
    ["a watch-list that is a text", parseWatchList({ spec: { "watch-list": "[]" } }), /watch-list is no object/],
    ["a value that is no text", parse({ whitelist: ["pods"] }), /does not consist of texts/],
    ["an unrelated value that is no text", parse({ blacklist: '["a"]', note: 1 }), /does not consist of texts/],
    ["a blacklist that is no JSON", parse({ blacklist: "pods.v1." }), /blacklist is no JSON array/],
    ["a blacklist of objects", parse({ blacklist: '[{"Resource":"pods.v1."}]' }), /blacklist is no JSON array/],
    ["a whitelist that is no JSON", parse({ whitelist: "[{" }), /whitelist is no JSON array/],
    ["a whitelist of names", parse({ whitelist: '["pods.v1."]' }), /whitelist is no JSON array/],
    ["events that are no list", whitelist([{ Resource: "pods.v1." }, { Resource: "a", Events: "ADDED" }]), /entry 2/],
    ["a resource that is no text", whitelist([{ Resource: 1 }]), /entry 1/],
    ["nothing", parse({}), /neither/],
    ["no data", parse(undefined), /neither/],
    ["empty lists", parse({ whitelist: "[]", blacklist: "[]" }), /neither/],
    ["namespaces that are no list", whitelist([{ Resource: "a", namespaces: "shop" }]), /entry 1 \(a\)/],
    ["a broken blacklist beside a good whitelist", parse({ whitelist: '[{"Resource":"a"}]', blacklist: "{" }), /blacklist/],
  ])("cannot be used: %s", (_, found, cause) => {
    if (Result.isSuccess(found)) throw new Error(`accepted: ${JSON.stringify(found.success)}`)
    expect(found.failure.key).toBe("ErrInitConfig")
    expect(found.failure.code).toBe("1000")
    expect(found.failure.detail).toMatch(cause)
  })
})

describe("an entry that does not count", () => {
  it.each([
    ["a depth that is none", { depth: "metadat" }, /^depth "metadat".*nearest is metadata/],
    ["a depth far from any", { Depth: "x" }, /^depth "x".*one of full, metadata/],
    ["a misspelt member", { namespace: ["x"] }, /"namespace".*nearest is namespaces/],
    ["a namespace that cannot be one", { namespaces: ["Shop"] }, /"Shop" cannot be a namespace/],
    ["a selector that is none", { selector: "app=web,tier in (" }, /in its selector: "tier in \("/],
    ["a selector with a hole", { selector: "a=b,,c" }, /in its selector: a comma .* nothing before or behind it/],
  ])("is kept with its fault, beside the others: %s", (_, member, cause) => {
    const found = Result.getOrThrow(
      whitelist([
        { Resource: "a", depth: "metadata" },
        { Resource: "pods", Events: ["ADDED"], ...member },
      ]),
    )
    expect(found.whitelist).toEqual([
      { resource: "a", events: [], depth: "metadata" },
      { resource: "pods", events: ["ADDED"], fault: expect.stringMatching(cause) as string },
    ])
    expect(describeRefusals(found)).toMatch(/^spec\.watch-list\.data\.whitelist cannot be used as a whole: entry 2 \(pods\): /)
    expect(describeRefusals(Result.getOrThrow(whitelist([{ Resource: "a" }])))).toBeUndefined()
  })
})
