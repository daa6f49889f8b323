import { describe, expect, it } from "vitest"
import { escapeCanonical } from "../../../src/domain/wire/canonical.ts"
import {
  copyRaw,
  escapeInto,
  makeWriter,
  reserve,
  writeAscii,
  writeQuoted,
  writeString,
  writeText,
} from "../../../src/domain/wire/writer.ts"
import { bytesOf, writtenText } from "./block.ts"
import { forSeeds, type Chance } from "./seeded.ts"

const escape = (bytes: Uint8Array): string => {
  const writer = makeWriter(1)
  escapeInto(writer, bytes, 0, bytes.length)
  return writtenText(writer)
}

/** Random bytes: ASCII, UTF-8 fragments, continuation bytes, quotes, control characters. */
const randomBytes = (chance: Chance): Uint8Array =>
  Uint8Array.from({ length: chance.below(200) }, () =>
    chance.pick([chance.below(256), 0x22, 0x5c, 0x41, 0xe2, 0x80, 0xa8, 0xf0, 0x9f, 0xed]),
  )

describe("writer", () => {
  it("keeps what was written when it grows", () => {
    const writer = makeWriter(0)
    for (let i = 0; i < 1000; i++) writeAscii(writer, `${i},`)
    expect(writtenText(writer)).toBe(Array.from({ length: 1000 }, (_, i) => `${i},`).join(""))
  })

  it("reserves without writing", () => {
    const writer = makeWriter(64)
    writeAscii(writer, "ab")
    reserve(writer, 10_000)
    expect(writer.bytes.length).toBeGreaterThanOrEqual(10_002)
    expect(writtenText(writer)).toBe("ab")
  })

  it("copies a stretch of bytes", () => {
    const writer = makeWriter(64)
    copyRaw(writer, bytesOf("-12345-"), 1, 6)
    expect(writtenText(writer)).toBe("12345")
  })

  it("writes any text as UTF-8", () => {
    forSeeds(200, (chance) => {
      const text = `${chance.text(40)}\ud800${chance.text(5)}`
      const writer = makeWriter(1)
      writeText(writer, text)
      expect(writtenText(writer)).toBe(text.toWellFormed())
      writer.at = 0
      writeQuoted(writer, text)
      expect(JSON.parse(writtenText(writer))).toBe(text.toWellFormed())
    })
  })
})

describe("escapeInto", () => {
  it("gives JSON that reads as the bytes' text", () => {
    forSeeds(300, (chance) => {
      const bytes = randomBytes(chance)
      // The WHATWG decoder replaces a maximal run of a sequence once, this one each byte: the number of U+FFFD may differ, nothing else.
      const once = (text: string): string => text.replace(/\ufffd+/g, "\ufffd")
      const read = JSON.parse(`"${escape(bytes)}"`) as string
      expect(once(read)).toBe(once(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)))
    })
  })

  it("escapes quotes, backslashes and control characters, and nothing else", () => {
    expect(escape(bytesOf('a"b\\c\n\u0001/<>&\u2028é😀\u007f'))).toBe('a\\"b\\\\c\\n\\u0001/<>&\u2028é😀\u007f')
  })

  it("goes on behind a run that needs six times the room", () => {
    expect(escape(bytesOf(`${"\u0001".repeat(500)}"end`))).toBe(`${"\\u0001".repeat(500)}\\"end`)
  })

  it.each([
    ["an overlong form", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
    ["a point above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["a sequence cut by the end", [0xe2, 0x82]],
    ["a lone continuation byte", [0x80]],
  ])("replaces %s", (_, bytes) => {
    expect(escape(Uint8Array.from([0x61, ...bytes]))).toMatch(/^a\ufffd+$/)
  })

  it("does not read beyond its stretch", () => {
    const writer = makeWriter(1)
    escapeInto(writer, bytesOf("aéb"), 0, 2)
    expect(writtenText(writer)).toBe("a\ufffd")
  })
})

describe("writeString", () => {
  it.each([
    ["plain", "plain"],
    ["", ""],
    ["\\u0041\\/é", "A/é"],
    ["\\ud83d\\ude00", "😀"],
    ["\\ud83d", "\ufffd"],
    ["a\\\\b", "a\\b"],
  ])("writes %j again", (content, text) => {
    const bytes = bytesOf(`"${content}"`)
    const writer = makeWriter(1)
    writeString(writer, bytes, 1, bytes.length - 1)
    expect(JSON.parse(writtenText(writer))).toBe(text)
  })
})

/** Go's encoder, as far as strings go. */
const goText = (text: string): string =>
  JSON.stringify(text.toWellFormed())
    .slice(1, -1)
    .replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** The same text with every character escaped in one of the ways that JSON allows. */
const respell = (text: string, chance: Chance): string =>
  Array.from({ length: text.length }, (_, i) => {
    const unit = text.charCodeAt(i)
    if (chance.below(3) === 0) return `\\u${unit.toString(16).padStart(4, "0").toUpperCase()}`
    if (text[i] === "/") return "\\/"
    // Halves of a pair stay together: half of one is no UTF-8.
    return unit >= 0xd800 && unit < 0xe000 ? `\\u${unit.toString(16)}` : JSON.stringify(text[i]).slice(1, -1)
  }).join("")

describe("escapeCanonical", () => {
  const canonical = (content: string): string => {
    const bytes = bytesOf(`"${content}"`)
    const writer = makeWriter(1)
    escapeCanonical(writer, bytes, 1, bytes.length - 1)
    return JSON.parse(`"${writtenText(writer)}"`) as string
  }

  it("gives Go's spelling, whatever the server's was", () => {
    forSeeds(300, (chance) => {
      const text = chance.text(60)
      expect(canonical(respell(text, chance))).toBe(goText(text))
      expect(canonical(JSON.stringify(text).slice(1, -1))).toBe(goText(text))
    })
  })

  it("replaces lone surrogates", () => {
    expect(canonical("a\\ud800b\\udc00\\ud800\\u0041")).toBe("a\ufffdb\ufffd\ufffdA")
    expect(canonical("\\udc00\\udc00\\ud83d\\ud83d\\ude00")).toBe("\ufffd\ufffd\ufffd😀")
  })
})
