import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { framerBytesKept } from "../../../src/domain/limit.ts"
import { frame, makeFramer, type Framer } from "../../../src/domain/read/frame.ts"

const stream = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`../../golden/streams/${name}`, import.meta.url)))
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : new TextDecoder().decode(bytes))

/** All that comes out of a stream cut at these places. */
const frameCut = (framer: Framer, bytes: Uint8Array, cuts: ReadonlyArray<number>): string => {
  let text = ""
  let start = 0
  for (const cut of [...cuts, bytes.length]) {
    // A chunk of its own, wiped afterwards: a block must not depend on it any longer than until the next call.
    const chunk = bytes.slice(start, cut)
    const block = frame(framer, chunk)
    expect(block === undefined || block.at(-1) === 0x0a).toBe(true)
    text += textOf(block)
    chunk.fill(0)
    start = cut
  }
  return text
}

describe("frame", () => {
  for (const name of ["watch-bookmarks.ndjson", "watch-cr.ndjson", "watch-410.ndjson"]) {
    it(`gives the same lines of ${name} whichever byte it is cut at`, () => {
      const bytes = stream(name)
      const whole = textOf(bytes)
      expect(whole.endsWith("\n")).toBe(true)
      for (let cut = 0; cut <= bytes.length; cut++) {
        const framer = makeFramer(1 << 20)
        if (frameCut(framer, bytes, [cut]) !== whole || framer.pending !== 0 || framer.oversize !== 0) throw new Error(`cut at ${cut}`)
      }
    })

    it(`gives the same lines of ${name} in chunks of 1 to 99 bytes`, () => {
      const bytes = stream(name)
      for (const size of [1, 2, 3, 7, 64, 99]) {
        const cuts = Array.from({ length: Math.floor((bytes.length - 1) / size) }, (_, i) => (i + 1) * size)
        expect(frameCut(makeFramer(1 << 20), bytes, cuts)).toBe(textOf(bytes))
      }
    })
  }

  it("drops oversize lines alone, wherever any two cuts are", () => {
    const bytes = bytesOf("ab\nabcde\n\nabcd\nabcdefghijk\nabcd\nabcdef\nx\nabcdefgh")
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const framer = makeFramer(4)
        const text = frameCut(framer, bytes, [first, second])
        expect([first, second, text, framer.oversize, framer.pending]).toEqual([first, second, "ab\n\nabcd\nabcd\nx\n", 4, 0])
      }
    }
  })

  it("keeps a cut line as pending bytes", () => {
    const framer = makeFramer(100)
    expect(textOf(frame(framer, bytesOf('{"a":1}\n{"b"')))).toBe('{"a":1}\n')
    expect(framer.pending).toBe(4)
    expect(textOf(frame(framer, bytesOf(":2}\n")))).toBe('{"b":2}\n')
    expect(framer.pending).toBe(0)
  })

  it("does not copy a chunk of whole lines", () => {
    const chunk = bytesOf("one\ntwo\n")
    const block = frame(makeFramer(100), chunk)
    expect(block?.buffer).toBe(chunk.buffer)
  })

  it("leaves a joined block alone until the next call, although the chunk's tail is kept", () => {
    const framer = makeFramer(100)
    frame(framer, bytesOf("first "))
    const block = frame(framer, bytesOf("line\nsecond line, longer than the first "))
    expect(textOf(block)).toBe("first line\n")
    expect(textOf(frame(framer, bytesOf("one\n")))).toBe("second line, longer than the first one\n")
  })

  it("has nothing to give for an empty chunk", () => {
    const framer = makeFramer(100)
    expect(frame(framer, new Uint8Array(0))).toBeUndefined()
    frame(framer, bytesOf("x"))
    expect(frame(framer, new Uint8Array(0))).toBeUndefined()
    expect(framer.pending).toBe(1)
  })

  it("lets the room of a long line go", () => {
    const framer = makeFramer(8 * framerBytesKept)
    const long = new Uint8Array(3 * framerBytesKept).fill(0x61)
    frame(framer, long)
    expect(frame(framer, bytesOf("\nrest"))?.length).toBe(long.length + 1)
    expect(textOf(frame(framer, bytesOf("\n")))).toBe("rest\n")
    expect(framer.buffer.length).toBeLessThanOrEqual(framerBytesKept)
  })
})
