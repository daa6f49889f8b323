import { describe, expect, it } from "vitest"
import { cutStream, decodeInput, encodeLog, encodeSessions, encodeTerminal } from "../../../src/domain/wire/sessionMessage.ts"
import { bytesOf } from "./block.ts"
import { forSeeds } from "./seeded.ts"

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

describe("cutStream", () => {
  it("ends pieces with lines, and keeps an unfinished line back", () => {
    const { rest, texts } = cutStream(bytesOf("one\ntwo\nthr"), 100, true)
    expect([texts, textOf(rest)]).toEqual([["one\ntwo\n"], "thr"])
  })

  it("cuts a line that is too long", () => {
    expect(cutStream(bytesOf("abcdefgh\nij"), 4, true)).toEqual({ texts: ["abcd", "efgh", "\n"], rest: bytesOf("ij") })
  })

  it("loses nothing and breaks no character, wherever the bytes are cut", () => {
    forSeeds(300, (chance) => {
      const text = Array.from({ length: 1 + chance.below(40) }, () => chance.pick(["a", "ü", "€", "😀", "\n"])).join("")
      const [bytes, lines, bytesMax] = [bytesOf(text), chance.below(2) === 0, 4 + chance.below(8)]
      const at = chance.below(bytes.length + 1)
      const first = cutStream(bytes.subarray(0, at), bytesMax, lines)
      const second = cutStream(Uint8Array.from([...first.rest, ...bytes.subarray(at)]), bytesMax, lines)
      const pieces = [...first.texts, ...second.texts]
      expect(pieces.join("") + textOf(second.rest)).toBe(text)
      for (const piece of pieces) expect(bytesOf(piece).length).toBeLessThanOrEqual(bytesMax)
    })
  })
})

describe("messages of sessions", () => {
  it("are spelt as the Go MeshSync spells them", () => {
    expect(textOf(encodeLog("c1", "x\n", "web", ""))).toBe(
      '{"ObjectType":"log-stream","EventType":"ADDED","Request":null,"Object":{"id":"c1","data":"x\\n","primary":"web"}}',
    )
    expect(textOf(encodeTerminal("exec-output", "$ "))).toBe('{"ObjectType":"exec-output","EventType":"","Request":null,"Object":"$ "}')
    expect(textOf(encodeSessions([]))).toBe('{"ObjectType":"active-exec","EventType":"","Request":null,"Object":[]}')
  })

  it.each([
    ['{"ObjectType":"exec-input","Object":"ls"}', "ls"],
    ['{"ObjectType":"exec-input","Object":""}', ""],
    ['{"ObjectType":"exec-input","Object":["ls"]}', undefined],
    ['{"ObjectType":"exec-output","Object":"ls"}', undefined],
    ["ls", undefined],
    ["null", undefined],
  ])("input %s is %j", (text, typed) => {
    expect(decodeInput(bytesOf(text))).toBe(typed)
  })
})
