import { assert, describe, it } from "@effect/vitest"
import { makePageMemory, type PageMemory } from "../../../src/adapters/kubernetes/pageMemory.ts"
import { pageKeptBytesMax } from "../../../src/domain/limit.ts"

const fill = (memory: PageMemory, bytes: number, value: number, expected = 0): Uint8Array => {
  const gathering = memory.gather(expected, 64 * 1024 * 1024)
  for (let left = bytes; left > 0; left -= 10_000) assert.isTrue(gathering.add(new Uint8Array(Math.min(left, 10_000)).fill(value)))
  return gathering.take()
}

const isFilled = (bytes: Uint8Array, value: number) => bytes.every((byte) => byte === value)

describe("the memory of pages", () => {
  it("serves the next page from the one that came back", () => {
    const memory = makePageMemory()
    const first = fill(memory, 100_000, 1)
    memory.recycle(first)
    const second = fill(memory, 90_000, 2, 100_000)
    assert.strictEqual(second.buffer, first.buffer)
    assert.strictEqual(second.length, 90_000)
    assert.isTrue(isFilled(second, 2))
  })

  it("never shares memory between pages that are out", () => {
    const memory = makePageMemory()
    const pages = [1, 2, 3, 4].map((value) => fill(memory, 50_000 * value, value))
    assert.isTrue(pages.every((page, index) => isFilled(page, index + 1)))
    assert.strictEqual(new Set(pages.map((page) => page.buffer)).size, 4)
  })

  it("ignores what came back before, and what is not its own", () => {
    const memory = makePageMemory()
    const page = fill(memory, 100_000, 1)
    const other = new Uint8Array(100_000)
    for (const bytes of [page, page, other, page.subarray(1)]) memory.recycle(bytes)
    const buffers = [fill(memory, 100_000, 2, 100_000), fill(memory, 100_000, 3, 100_000)].map(({ buffer }) => buffer)
    assert.strictEqual(buffers[0], page.buffer)
    assert.notStrictEqual(buffers[1], page.buffer)
    assert.notInclude(buffers, other.buffer)
  })

  it("copies a short body out of much room, and keeps no giants", () => {
    const memory = makePageMemory()
    const long = fill(memory, 200_000, 1)
    memory.recycle(long)
    const short = fill(memory, 300, 2, 200_000)
    assert.strictEqual(short.buffer.byteLength, 300)
    const giant = fill(memory, pageKeptBytesMax + 1, 3, pageKeptBytesMax + 1)
    memory.recycle(giant)
    assert.notStrictEqual(fill(memory, 20_000_000, 4, 1).buffer, giant.buffer)
  })

  it("refuses what exceeds the bound and goes on as before", () => {
    const gathering = makePageMemory().gather(0, 5)
    assert.isTrue(gathering.add(new Uint8Array([1, 2, 3])))
    assert.isFalse(gathering.add(new Uint8Array([4, 5, 6])))
    assert.isTrue(gathering.add(new Uint8Array([7, 8])))
    assert.deepStrictEqual(gathering.take(), new Uint8Array([1, 2, 3, 7, 8]))
  })
})
