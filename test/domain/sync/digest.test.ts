/** The digest against Node's SHA-256: every length around the borders of blocks, sums beyond 64 bits, and back. */
import { createHash } from "node:crypto"
import { expect, it } from "vitest"
import { addToDigest, type Digest, digestText } from "../../../src/domain/sync/digest.ts"

const empty = (): Digest => ({ digestHigh: 0, digestLow: 0 })
const textOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 131 + length) & 255)
const eightBytes = (bytes: Uint8Array): bigint => createHash("sha256").update(bytes).digest().readBigUInt64BE()

it("is the first eight bytes of SHA-256, for every length up to three blocks", () => {
  for (let length = 0; length <= 200; length++) {
    const digest = empty()
    addToDigest(digest, textOf(length), length, 1)
    expect(digestText(digest), `${length} bytes`).toBe(eightBytes(textOf(length)).toString(16).padStart(16, "0"))
  }
})

it("is a sum modulo 2^64 that each text leaves as it came", () => {
  const digest = empty()
  let sum = 0n
  for (let length = 0; length < 100; length++) {
    addToDigest(digest, textOf(length), length, 1)
    sum += eightBytes(textOf(length))
    expect(digestText(digest)).toBe(BigInt.asUintN(64, sum).toString(16).padStart(16, "0"))
  }
  for (let length = 0; length < 100; length++) addToDigest(digest, textOf(length), length, -1)
  expect(digestText(digest)).toBe("0000000000000000")
})

it("reads no more than the text's length", () => {
  const [one, other] = [empty(), empty()]
  addToDigest(one, new Uint8Array([1, 2, 3, 4]), 2, 1)
  addToDigest(other, new Uint8Array([1, 2, 9, 9]), 2, 1)
  expect(digestText(one)).toBe(digestText(other))
})
