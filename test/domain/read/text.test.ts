import { describe, expect, it } from "@effect/vitest"
import { Field, makeRecords } from "../../../src/domain/read/record.ts"
import { scanLines } from "../../../src/domain/read/scan.ts"
import { decodeString, decodeText, digestOf, jsonOf, sameBytes, textOf } from "../../../src/domain/read/text.ts"
import { forSeeds, makeChance } from "../wire/seeded.ts"
import { bytesOf, writeString } from "./oracle.ts"

const hostDecode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
const digestText = (bytes: Uint8Array, start = 0, end = bytes.length): string => {
  const words = new Uint32Array([7, 9])
  digestOf(bytes, start, end, words)
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("")
}

describe("decodeText", () => {
  it("decodes every byte, pair and border of UTF-8 as the host does", () => {
    const borders = [
      0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3,
      0xf4, 0xf5, 0xff,
    ]
    const wrong: Array<string> = []
    const check = (...list: ReadonlyArray<number>): void => {
      const bytes = Uint8Array.from(list)
      if (decodeText(bytes, 0, bytes.length) !== hostDecode(bytes)) wrong.push(list.join(" "))
    }
    for (let a = 0; a < 256; a++) for (let b = 0; b < 256; b++) check(a, b)
    for (const a of borders) for (const b of borders) for (const c of borders) for (const d of borders) check(a, b, c, d)
    expect(wrong).toEqual([])
  })

  it("decodes random bytes as the host does, at any place", () => {
    forSeeds(300, (chance) => {
      const bytes = Uint8Array.from({ length: chance.below(200) }, () => chance.below(256))
      const start = chance.below(bytes.length + 1)
      const end = start + chance.below(bytes.length - start + 1)
      expect(decodeText(bytes, start, end)).toBe(hostDecode(bytes.subarray(start, end)))
    })
  })

  it("decodes texts longer than one call of the host takes", () => {
    for (const text of ["a".repeat(4096), "a".repeat(4097), "é😀".repeat(5000), `${"b".repeat(100_000)}é`]) {
      const bytes = bytesOf(text)
      expect(decodeText(bytes, 0, bytes.length) === text).toBe(true)
    }
  })

  it("leaves backslashes alone", () => expect(decodeText(bytesOf("a\\n"), 0, 3)).toBe("a\\n"))
})

describe("decodeString", () => {
  it("undoes escapes as JSON.parse does", () => {
    for (const json of [
      '""',
      '"\\""',
      '"\\\\\\/\\b\\f\\n\\r\\t"',
      '"\\u0041\\u00e9\\uD83D\\uDE00"',
      '"\\ud800"',
      '"\\udc00x"',
      '"é\\u00E9"',
      '"\\uABCD\\uabcd"',
    ]) {
      const bytes = bytesOf(json)
      expect([json, decodeString(bytes, 1, bytes.length - 1)]).toEqual([json, JSON.parse(json)])
    }
    forSeeds(500, (chance) => {
      const text = chance.text(80)
      const bytes = bytesOf(writeString(text, chance))
      expect(decodeString(bytes, 1, bytes.length - 1)).toBe(text)
    })
  })
})

describe("textOf and jsonOf", () => {
  const records = makeRecords()
  scanLines(
    bytesOf('{"type":"ADDED","object":{"metadata":{"name":"a\\u0062","uid":17,"namespace":null,"labels":{"k":"\\n"}},"immutable":true}}'),
    records,
  )

  it("gives the text of a string, and nothing for what is none", () => {
    const fields = [Field.name, Field.uid, Field.namespace, Field.labels, Field.immutable, Field.spec]
    expect(fields.map((field) => textOf(records, 0, field))).toEqual(["ab", "", "", "", "", ""])
  })

  it("gives the JSON as it stands", () => {
    const fields = [Field.name, Field.uid, Field.namespace, Field.labels, Field.immutable, Field.spec]
    expect(fields.map((field) => jsonOf(records, 0, field))).toEqual(['"a\\u0062"', "17", "", '{"k":"\\n"}', "true", ""])
  })
})

describe("sameBytes", () => {
  it("compares stretches", () => {
    const a = bytesOf("xabcy")
    const b = bytesOf("abcabd")
    expect(sameBytes(a, 1, 4, b, 0, 3)).toBe(true)
    expect(sameBytes(a, 1, 4, b, 3, 6)).toBe(false)
    expect(sameBytes(a, 1, 4, b, 0, 4)).toBe(false)
    expect(sameBytes(a, 2, 2, b, 5, 5)).toBe(true)
  })
})

describe("digestOf", () => {
  it("depends on nothing but the bytes", () => {
    const bytes = bytesOf("..some content of eighteen..")
    expect(digestText(bytes, 2, bytes.length - 2)).toBe(digestText(bytesOf("some content of eighteen")))
    expect(digestText(bytes, 2, bytes.length - 2)).toBe(digestText(bytes, 2, bytes.length - 2))
  })

  it("differs for contents that are close to each other", () => {
    const seen = new Set<string>()
    let inputs = 0
    const add = (bytes: Uint8Array): void => {
      inputs++
      seen.add(digestText(bytes))
    }
    for (let length = 0; length <= 40; length++) add(new Uint8Array(length))
    for (let n = 0; n < 300_000; n++) add(bytesOf(`{"resourceVersion":"${n}"}`))
    const base = makeChance(1)
    const noise = Uint8Array.from({ length: 61 }, () => base.below(256))
    for (let bit = 0; bit < noise.length * 8; bit++) {
      const flipped = noise.slice()
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7))
      add(flipped)
    }
    expect(seen.size).toBe(inputs)
  })

  it("moves each of its 64 bits with about half of all changes of one bit", () => {
    const moved = Array.from({ length: 64 }, () => 0)
    const chance = makeChance(2)
    const words = new Uint32Array(2)
    const others = new Uint32Array(2)
    const rounds = 4000
    for (let round = 0; round < rounds; round++) {
      const bytes = Uint8Array.from({ length: 1 + chance.below(40) }, () => chance.below(256))
      digestOf(bytes, 0, bytes.length, words)
      const at = chance.below(bytes.length)
      bytes[at] = bytes[at]! ^ (1 << chance.below(8))
      digestOf(bytes, 0, bytes.length, others)
      for (let bit = 0; bit < 64; bit++) moved[bit]! += ((words[bit >> 5]! ^ others[bit >> 5]!) >>> (bit & 31)) & 1
    }
    // Six standard deviations of a fair coin.
    const slack = 6 * Math.sqrt(rounds / 4)
    expect(moved.filter((count) => Math.abs(count - rounds / 2) > slack)).toEqual([])
  })
})
