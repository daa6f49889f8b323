import * as Result from "effect/Result"
import { describe, expect, it } from "@effect/vitest"
import { depthMax } from "../../../src/domain/limit.ts"
import { Flaw, makeRecords } from "../../../src/domain/read/record.ts"
import { scanLines, scanPage } from "../../../src/domain/read/scan.ts"
import { forSeeds, makeChance, mutate } from "../wire/seeded.ts"
import { actualOf, bytesOf, expectedLine, expectedPage, writeJson, writeLine, writePage } from "./oracle.ts"

const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The scan of a page against the oracle, whatever the page is. Answers with the tag of the fault, or `Success`. */
const checkPage = (bytes: Uint8Array): string => {
  const records = makeRecords(1)
  const text = decode(bytes)
  const page = scanPage(bytes, records)
  const expected = expectedPage(text)
  if (expected !== undefined) {
    expect(Result.isSuccess(page)).toBe(true)
    expect(actualOf(records)).toEqual(expected)
    return "Success"
  } else {
    const tag = Result.isFailure(page) ? page.failure._tag : "Success"
    expect([tag, text]).toEqual([isJson(text) ? "NotAList" : tag === "Truncated" ? "Truncated" : "NotJson", text])
    expect(records.count).toBe(0)
    return tag
  }
}

/** The same for watch lines. Answers with the flaws. */
const checkLines = (bytes: Uint8Array): ReadonlyArray<number> => {
  const records = makeRecords(1)
  scanLines(bytes, records)
  const lines = decode(bytes)
    .split("\n")
    .filter((line) => /[^ \t\r]/.test(line))
  expect(actualOf(records)).toEqual(lines.map(expectedLine))
  return [...records.flaws.subarray(0, records.count)]
}

describe("the scanner against JSON.parse", () => {
  it("finds the members of random pages", () => {
    const tags = new Set<string>()
    forSeeds(2000, (chance) => tags.add(checkPage(bytesOf(writePage(chance)))))
    expect(tags).toEqual(new Set(["Success", "NotAList"]))
  })

  it("finds the members of random watch lines", () => {
    const flaws = new Set<number>()
    forSeeds(2000, (chance) => {
      const lines = Array.from({ length: 1 + chance.below(4) }, () => writeLine(chance)).join(chance.pick(["\n", "\n\n", "\r\n"]))
      for (const flaw of checkLines(bytesOf(lines))) flaws.add(flaw)
    })
    expect(flaws).toEqual(new Set([Flaw.none, Flaw.notAnObject, Flaw.noName, Flaw.unknownEvent]))
  })

  it("says of every beginning of a page that it is cut off", () => {
    const records = makeRecords(1)
    forSeeds(10, (chance) => {
      const bytes = bytesOf(writePage(chance).trim())
      const wrong: Array<number> = []
      for (let end = 0; end < bytes.length; end++) {
        const page = scanPage(bytes.subarray(0, end), records)
        const fault = Result.isFailure(page) ? page.failure : undefined
        if (fault?._tag !== "Truncated" || fault.at !== end || records.count !== 0) wrong.push(end)
      }
      expect(wrong).toEqual([])
    })
  })

  it("judges 20,000 mutated pages and lines as JSON.parse does", () => {
    const chance = makeChance(20_261_125)
    const tags = new Map<string, number>()
    for (let round = 0; round < 500; round++) {
      const page = bytesOf(writePage(chance))
      const lines = bytesOf(Array.from({ length: 2 }, () => writeLine(chance)).join("\n"))
      for (let i = 0; i < 20; i++) {
        const tag = checkPage(mutate(page, chance))
        tags.set(tag, (tags.get(tag) ?? 0) + 1)
        checkLines(mutate(lines, chance))
      }
    }
    // The mutants reach every outcome often.
    for (const tag of ["Success", "NotAList", "NotJson", "Truncated"]) expect(tags.get(tag)).toBeGreaterThan(50)
  })

  it("passes values of every nesting, and flags those beyond the bound", () => {
    const records = makeRecords(1)
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
      ['[{"a":[', "]}]"],
    ] as const) {
      const width = open.length === 1 || open.length === 5 ? 1 : 3
      for (let nesting = depthMax - 8; nesting <= depthMax + 8; nesting++) {
        const count = Math.ceil(nesting / width)
        const item = `{"metadata":{"name":"a"},"spec":${open.repeat(count)}${writeJson(makeChance(nesting), 0)}${close.repeat(count)}}`
        const page = scanPage(bytesOf(`{"kind":"XList","apiVersion":"v1","items":[${item},{"metadata":{"name":"b"}}]}`), records)
        expect(Result.isSuccess(page)).toBe(true)
        // The object itself is the first container.
        expect([...records.flaws.subarray(0, records.count)]).toEqual([1 + count * width > depthMax ? 1 : 0, 0])
      }
    }
  })
})
