import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { encodeFrame, Opcode, splitFrames } from "../../../src/domain/read/webSocket.ts"
import { forSeeds } from "../wire/seeded.ts"

/** As a server sends it: without a mask. */
const unmask = (frame: Uint8Array, payload: Uint8Array): Uint8Array => {
  const head = frame.length - payload.length - 4
  return Uint8Array.from([frame[0] as number, (frame[1] as number) & 0x7f, ...frame.subarray(2, head), ...payload])
}

const mask = Uint8Array.of(0x37, 0xfa, 0x21, 0x3d)

describe("frames", () => {
  it("are masked as in the example of RFC 6455, 5.7", () => {
    const hello = new TextEncoder().encode("Hello")
    expect([...encodeFrame(Opcode.text, hello, mask)]).toEqual([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
  })

  it.each([0, 1, 125, 126, 65_535, 65_536])("of %i bytes are found again, whole ones only", (length) => {
    const payload = Uint8Array.from({ length }, (_, i) => i % 251)
    const bytes = unmask(encodeFrame(Opcode.binary, payload, mask), payload)
    const twice = Uint8Array.from([...bytes, ...bytes.subarray(0, bytes.length - 1)])
    const { frames, rest } = Result.getOrThrow(splitFrames(twice, 100_000))
    expect(frames.map((frame) => [frame.opcode, frame.final, frame.payload.length])).toEqual([[Opcode.binary, true, length]])
    expect(Buffer.compare(frames[0]?.payload ?? new Uint8Array(1), payload)).toBe(0)
    expect(rest.length).toBe(bytes.length - 1)
  })

  it.each([
    ["too large", [0x82, 126, 0x01, 0x00], "a frame is larger than 200 bytes"],
    ["masked", [0x82, 0x80, 1, 2, 3, 4], "a frame of the server is masked"],
    ["extended", [0xc2, 0], "a frame has an extension that was not asked for"],
  ])("are refused when %s", (_name, bytes, reason) => {
    const split = splitFrames(Uint8Array.from(bytes), 200)
    expect(Result.isFailure(split) && split.failure).toBe(reason)
  })

  it("are the same however the bytes are cut, and garbage is refused or waits, and nothing else", () => {
    forSeeds(2_000, (chance) => {
      const noise = chance.below(3) === 0
      const bytes = Buffer.concat(
        Array.from({ length: 1 + chance.below(5) }, () => {
          const payload = Uint8Array.from({ length: chance.pick([0, 1, 125, 126, 300]) }, () => chance.below(256))
          return noise ? payload : unmask(encodeFrame(chance.pick(Object.values(Opcode)), payload, mask), payload)
        }),
      )
      const whole = splitFrames(bytes, 1_000)
      let rest: Uint8Array = new Uint8Array(0)
      const frames: Array<string> = []
      let refusal: string | undefined
      for (let at = 0; at < bytes.length && refusal === undefined;) {
        const next = at + 1 + chance.below(200)
        const split = splitFrames(Buffer.concat([rest, bytes.subarray(at, next)]), 1_000)
        at = next
        if (Result.isFailure(split)) refusal = split.failure
        else {
          rest = split.success.rest.slice()
          frames.push(
            ...split.success.frames.map(({ final, opcode, payload }) => `${opcode} ${final} ${Buffer.from(payload).toString("hex")}`),
          )
        }
      }
      expect(refusal).toBe(Result.isFailure(whole) ? whole.failure : undefined)
      if (Result.isFailure(whole)) return
      expect(frames).toEqual(
        whole.success.frames.map(({ final, opcode, payload }) => `${opcode} ${final} ${Buffer.from(payload).toString("hex")}`),
      )
      expect(noise || rest.length === 0).toBe(true)
    })
  })
})
