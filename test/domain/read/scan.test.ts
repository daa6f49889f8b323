import { readdirSync, readFileSync } from "node:fs"
import * as Result from "effect/Result"
import { describe, expect, it } from "@effect/vitest"
import { lineBytesMax, pageObjectsMax, pageRecordsMax } from "../../../src/domain/limit.ts"
import { Field, Flaw, makeRecords, Source, startOf, type PageHead, type Records } from "../../../src/domain/read/record.ts"
import { scanLines, scanPage, type ScanFault } from "../../../src/domain/read/scan.ts"
import { jsonOf, textOf } from "../../../src/domain/read/text.ts"
import { actualOf, bytesOf, expectedItem, expectedLine, expectedPage } from "./oracle.ts"

const golden = new URL("../../golden/", import.meta.url)
const streams = new URL("streams/", golden)
const read = (name: string): string => readFileSync(new URL(name, streams), "utf8")

const pageOf = (text: string, records = makeRecords(1)): Result.Result<PageHead, ScanFault> => scanPage(bytesOf(text), records)
const tagOf = (text: string): string => {
  const page = pageOf(text)
  return Result.isFailure(page) ? page.failure._tag : "Success"
}
const itemsOf = (...items: ReadonlyArray<string>): Records => {
  const records = makeRecords(1)
  const page = pageOf(`{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[${items.join(",")}]}`, records)
  expect(Result.isSuccess(page)).toBe(true)
  return records
}
const linesOf = (...lines: ReadonlyArray<string>): Records => {
  const records = makeRecords(1)
  scanLines(bytesOf(lines.map((line) => `${line}\n`).join("")), records)
  return records
}

describe("scanPage on answers of a real API server", () => {
  const names = readdirSync(streams).filter((name) => /^(paged-list\..*|list-rv0|partial-metadata)\.json$/.test(name))

  it("has recorded pages to read", () => expect(names.length).toBe(9))

  for (const name of names) {
    it(`finds the items and the head of ${name}`, () => {
      const text = read(name)
      const list = JSON.parse(text) as { kind: string; apiVersion: string; metadata: Record<string, unknown> }
      const records = makeRecords(1)
      expect(Result.getOrThrow(pageOf(text, records))).toEqual({
        apiVersion: list.apiVersion,
        kind: list.kind,
        resourceVersion: list.metadata["resourceVersion"],
        continue: list.metadata["continue"] ?? "",
        remaining: list.metadata["remainingItemCount"],
      })
      expect(records.count).toBeGreaterThan(0)
      expect(actualOf(records)).toEqual(expectedPage(text))
    })
  }

  it("says of every beginning of a page that it is cut off", () => {
    const bytes = bytesOf(read("paged-list.1.json").trim())
    const records = makeRecords()
    for (let end = 0; end < bytes.length; end++) {
      const page = scanPage(bytes.subarray(0, end), records)
      const fault = Result.isFailure(page) ? page.failure : undefined
      expect([fault?._tag, fault?.at, records.count]).toEqual(["Truncated", end, 0])
    }
  })

  it("takes neither a table nor a refusal for a list", () => {
    for (const name of ["table.json", "forbidden-403.json", "get-404.json"]) expect([name, tagOf(read(name))]).toEqual([name, "NotAList"])
    expect(tagOf(read("throttled-429.txt"))).toBe("NotJson")
  })
})

describe("scanPage on the recorded objects", () => {
  it("finds every member of every one", () => {
    const vectors = readFileSync(new URL("vectors.ndjson", golden), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { id: string; raw: string })
    expect(vectors.length).toBeGreaterThan(100)
    for (const { id, raw } of vectors) {
      expect([id, actualOf(itemsOf(raw))]).toEqual([id, [expectedItem(JSON.parse(raw))]])
      const line = `{"type":"MODIFIED","object":${raw.replaceAll("\n", " ")}}`
      expect([id, actualOf(linesOf(line))]).toEqual([id, [expectedLine(line)]])
    }
  })
})

describe("scanPage", () => {
  const head = '"kind":"PodList","apiVersion":"v1"'

  it("tells apart why an answer is no page", () => {
    const cases: ReadonlyArray<readonly [string, string]> = [
      ["Truncated", ""],
      ["Truncated", " \n"],
      ["NotJson", "<!DOCTYPE html><html><body>Sign in</body></html>"],
      ["NotJson", "404 page not found"],
      ["NotJson", "upstream connect error"],
      ["NotJson", `{${head},"items":[]}{}`],
      ["NotJson", `{${head},"items":[]} x`],
      ["NotJson", `{${head},"items":[{},]}`],
      ["NotJson", `{${head},"items":[{}{}]}`],
      ["NotJson", `{${head},"items":[{"a":01}]}`],
      ["NotJson", `{${head},"items":[{"a":"\t"}]}`],
      ["NotJson", `{${head},"items":[{"a":"\\x41"}]}`],
      ["NotJson", `{${head},"items":[{"a":[1}]}]}`],
      ["NotJson", `{${head},"items":[{"a":nulL}]}`],
      ["NotJson", `{${head},items:[]}`],
      ["NotJson", `{${head},"items":[],}`],
      ["NotJson", `\ufeff{${head},"items":[]}`],
      ["NotAList", "[]"],
      ["NotAList", "null"],
      ["NotAList", "17"],
      ["NotAList", "{}"],
      ["NotAList", '{"error":"no healthy upstream"}'],
      ["NotAList", '{"items":[]}'],
      ["NotAList", '{"kind":"Pod","apiVersion":"v1"}'],
      ["NotAList", `{${head},"items":{}}`],
      ["NotAList", `{${head},"metadata":{"continue":17},"items":[]}`],
      ["NotAList", `{${head},"metadata":{"resourceVersion":17},"items":[]}`],
      ["Success", `{${head},"items":[]}`],
      ["Success", `{${head},"items":null}`],
      ["Success", `{${head}}`],
      ["Success", `{${head},"metadata":{"continue":null},"items":[]}`],
      ["Success", '{"kind":"Foos","apiVersion":"x/v1","items":[]}'],
    ]
    for (const [tag, text] of cases) expect([text, tagOf(text)]).toEqual([text, tag])
  })

  it("describes a fault in one line without any value of an object", () => {
    const text = `{${head},"items":[{"data":{"password":"hunter2"},}]}`
    const at = text.indexOf(",}") + 1
    const page = pageOf(text)
    expect(Result.isFailure(page) && page.failure).toEqual({
      _tag: "NotJson",
      at,
      text: `the answer is no JSON: byte ${at} cannot stand there`,
    })
    const html = pageOf("  <html>hunter2</html>")
    expect(Result.isFailure(html) && html.failure.text).toBe("the answer is HTML or XML instead of JSON")
    const other = pageOf('{"kind":"hun ter2","apiVersion":"v1"}')
    expect(Result.isFailure(other) && other.failure.text).toBe("the answer is JSON, no list")
  })

  it("reads the head wherever it stands", () => {
    const page = pageOf(
      ' { "items" : [ ] , "metadata" : { "continue" : "a\\u0062", "remainingItemCount" : 7 }, "apiVersion":"v1", "kind":"PodList" } ',
    )
    expect(Result.getOrThrow(page)).toEqual({ apiVersion: "v1", kind: "PodList", resourceVersion: "", continue: "ab", remaining: 7 })
  })

  it("goes by the last of two members", () => {
    const records = makeRecords(1)
    const text = `{${head},"items":[{"metadata":{"name":"a"}}],"metadata":{"resourceVersion":"1","continue":"x"},"metadata":{"resourceVersion":"2"},"items":[{"metadata":{"name":"b"}}]}`
    expect(Result.getOrThrow(pageOf(text, records))).toMatchObject({ resourceVersion: "2", continue: "" })
    expect(records.count).toBe(1)
    expect(textOf(records, 0, Field.name)).toBe("b")
    expect(Result.getOrThrow(pageOf(`{${head},"items":[{"metadata":{"name":"a"}}],"items":null}`, records)).kind).toBe("PodList")
    expect(records.count).toBe(0)
  })

  it("lets a second metadata replace the first one entirely", () => {
    const records = itemsOf(
      '{"metadata":{"name":"a","uid":"u","labels":{}},"metadata":{"uid":"v"}}',
      '{"metadata":{"name":"a"},"metadata":null}',
    )
    expect([textOf(records, 0, Field.name), textOf(records, 0, Field.uid), startOf(records, 0, Field.labels)]).toEqual(["", "v", -1])
    expect([...records.flaws.subarray(0, 2)]).toEqual([Flaw.none, Flaw.noName])
  })

  it("keeps the nulls that the wire shows, and no other", () => {
    const nulls = (names: ReadonlyArray<string>): string => names.map((name) => `"${name}":null`).join(",")
    const records = itemsOf(
      `{"metadata":{"uid":"u",${nulls(["name", "labels", "ownerReferences", "finalizers", "generation"])}},` +
        `${nulls(["spec", "status", "immutable", "data", "binaryData", "stringData", "type", "kind"])}}`,
    )
    const present = Object.entries(Field).filter(([, field]) => field !== Field.object && jsonOf(records, 0, field) === "null")
    expect(present.map(([name]) => name)).toEqual([
      "immutable",
      "data",
      "binaryData",
      "stringData",
      "type",
      "ownerReferences",
      "finalizers",
    ])
    expect(startOf(records, 0, Field.spec)).toBe(-1)
    expect(startOf(records, 0, Field.name)).toBe(-1)
  })

  it("matches names exactly, escaped or not", () => {
    const records = itemsOf('{"Metadata":{"name":"x"},"m\\u0065tadata":{"n\\u0061me":"y","Name":"z"},"\\u0073pec":1,"Spec":2,"spec ":3}')
    expect([textOf(records, 0, Field.name), jsonOf(records, 0, Field.spec)]).toEqual(["y", "1"])
  })

  it("does not mistake inner members for outer ones", () => {
    const records = itemsOf(
      '{"spec":{"metadata":{"name":"inner"},"spec":{}},"metadata":{"uid":"u","annotations":{"name":"n","uid":"w"},"metadata":{"name":"m"}}}',
    )
    expect([textOf(records, 0, Field.name), textOf(records, 0, Field.uid)]).toEqual(["", "u"])
  })

  it("flags what is no object, and what has neither name nor uid", () => {
    const named = '{"metadata":{"name":"a"}}'
    const records = itemsOf(
      "17",
      "null",
      "[]",
      '"x"',
      "{}",
      '{"metadata":{"name":""}}',
      '{"metadata":{"name":5}}',
      '{"metadata":{"uid":"u"}}',
      named,
    )
    const { noName, none, notAnObject } = Flaw
    expect([...records.flaws.subarray(0, 9)]).toEqual([
      notAnObject,
      notAnObject,
      notAnObject,
      notAnObject,
      noName,
      noName,
      noName,
      none,
      none,
    ])
  })

  it("flags an object longer than a watch line may be", () => {
    const [before, after] = ['{"metadata":{"name":"a"},"spec":"', '"}']
    const sized = (length: number): string => before + "x".repeat(length - before.length - after.length) + after
    const records = itemsOf(sized(lineBytesMax), sized(lineBytesMax + 1), '{"metadata":{"name":"b"}}')
    expect([...records.flaws.subarray(0, 3)]).toEqual([Flaw.none, Flaw.tooLarge, Flaw.none])
  })

  it("refuses more items than it will hold, and gives an outsize table back", () => {
    const records = makeRecords(1)
    const list = (count: number): string => `{${head},"items":[${Array.from({ length: count }, () => "{}").join(",")}]}`
    expect(Result.isSuccess(pageOf(list(pageRecordsMax), records))).toBe(true)
    expect(records.count).toBe(pageRecordsMax)
    const page = pageOf(list(pageRecordsMax + 1), records)
    expect(Result.isFailure(page) && page.failure._tag).toBe("TooMany")
    expect(records.count).toBe(0)
    expect(Result.isSuccess(pageOf(list(1), records))).toBe(true)
    expect(records.sources.length).toBeLessThanOrEqual(2 * pageObjectsMax)
  })

  it("leaves nothing of the block before in the table", () => {
    const records = itemsOf('{"metadata":{"name":"a","uid":"u"},"spec":{},"type":"x"}', "{}")
    pageOf(`{${head},"items":[{"metadata":{"uid":"v"}}]}`, records)
    expect(actualOf(records)).toEqual([expectedItem({ metadata: { uid: "v" } })])
  })
})

describe("scanLines", () => {
  for (const name of ["watch-bookmarks.ndjson", "watch-cr.ndjson", "watch-410.ndjson", "streaming-list.ndjson"]) {
    it(`reads ${name} of a real API server`, () => {
      const text = read(name)
      const records = makeRecords(1)
      scanLines(bytesOf(text), records)
      expect(actualOf(records)).toEqual(text.trim().split("\n").map(expectedLine))
      expect([...records.flaws.subarray(0, records.count)].every((flaw) => flaw === Flaw.none)).toBe(true)
    })
  }

  it("reads the members of a line in any order, the last of two counting", () => {
    const records = linesOf(
      ' { "object" : {"metadata":{"name":"a"}} , "type" : "DELETED" } \r',
      '{"type":"ADDED","object":{"metadata":{"name":"a"},"spec":1},"object":{"metadata":{"name":"b"}},"type":"\\u004dODIFIED","more":[{}]}',
    )
    expect([...records.sources.subarray(0, 2)]).toEqual([Source.deleted, Source.modified])
    expect([textOf(records, 0, Field.name), textOf(records, 1, Field.name), startOf(records, 1, Field.spec)]).toEqual(["a", "b", -1])
  })

  it("judges what is odd line by line, and goes on", () => {
    const named = '{"metadata":{"name":"a"}}'
    const cases: ReadonlyArray<readonly [string, Source, Flaw]> = [
      [`{"type":"ADDED","object":${named}}`, Source.added, Flaw.none],
      [`{"type":"ADDED","object":${named}`, Source.error, Flaw.notJson],
      [`{"type":"ADDED","object":${named}}}`, Source.error, Flaw.notJson],
      ["<html>", Source.error, Flaw.notJson],
      ["17", Source.error, Flaw.notJson],
      [`{"type":"SYNC","object":${named}}`, Source.modified, Flaw.unknownEvent],
      [`{"type":"added","object":${named}}`, Source.modified, Flaw.unknownEvent],
      [`{"type":5,"object":${named}}`, Source.modified, Flaw.unknownEvent],
      [`{"object":${named}}`, Source.modified, Flaw.unknownEvent],
      ['{"type":"ADDED"}', Source.added, Flaw.notAnObject],
      ['{"type":"ADDED","object":null}', Source.added, Flaw.notAnObject],
      ['{"type":"DELETED","object":[]}', Source.deleted, Flaw.notAnObject],
      ['{"type":"MODIFIED","object":{}}', Source.modified, Flaw.noName],
      ['{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}', Source.bookmark, Flaw.none],
      ['{"type":"ERROR","object":{"kind":"Status","code":410}}', Source.error, Flaw.none],
      [`{"type":"ADDED","object":{"metadata":{"name":"deep"},"spec":${"[".repeat(600)}${"]".repeat(600)}}}`, Source.added, Flaw.tooDeep],
      [`{"type":"ADDED","object":${named}}`, Source.added, Flaw.none],
    ]
    const records = linesOf(...cases.map(([line]) => line))
    expect(records.count).toBe(cases.length)
    for (const [i, [line, source, flaw]] of cases.entries())
      expect([line, records.sources[i], records.flaws[i]]).toEqual([line, source, flaw])
    expect(textOf(records, 15, Field.name)).toBe("deep")
    expect(startOf(records, 1, Field.name)).toBe(-1)
  })

  it("passes blank lines over and takes a last line without its line feed", () => {
    const records = makeRecords(1)
    scanLines(
      bytesOf('\n \r\n{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n\n{"type":"ADDED","object":{"metadata":{"name":"b"}}}'),
      records,
    )
    expect(records.count).toBe(2)
    scanLines(new Uint8Array(0), records)
    expect(records.count).toBe(0)
  })
})
