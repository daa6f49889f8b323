import { describe, expect, it } from "vitest"
import { packStore } from "../../../src/domain/wire/reply.ts"
import { bytesOf, messageOf } from "./block.ts"

const messages = ["a", "b", "c"].map((name) => messageOf(`{"metadata":{"name":"${name}"},"spec":{"text":"${"x".repeat(300)}"}}`))
const bytes = bytesOf(messages.join(""))
const spans = messages.map((message, index) => {
  const start = messages.slice(0, index).join("").length
  return { start, end: start + message.length }
})
const payloads = messages.map((message) => (JSON.parse(message) as { Object: unknown }).Object)
const pack = (bytesMax: number) => packStore(bytes, spans, bytesMax).map((answer) => new TextDecoder().decode(answer))

describe("packStore", () => {
  it("joins the payloads of messages, unchanged and in order", () => {
    expect(pack(1 << 20).map((text) => JSON.parse(text) as unknown)).toEqual([
      { ObjectType: "", EventType: "", Request: null, Object: payloads },
    ])
  })

  it("begins another answer rather than pass the bound by a byte", () => {
    const two = pack(1 << 20)[0]?.length ?? 0
    expect(pack(two)).toHaveLength(1)
    const split = pack(two - 1)
    expect(split).toHaveLength(2)
    expect(split.flatMap((text) => (JSON.parse(text) as { Object: ReadonlyArray<unknown> }).Object)).toEqual(payloads)
    for (const text of split) expect(text.length).toBeLessThan(two)
  })

  it("sends a payload above the bound alone, and nothing for nothing", () => {
    expect(pack(10)).toHaveLength(3)
    expect(packStore(bytes, [], 10)).toEqual([])
  })
})
