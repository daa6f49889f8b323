import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { oversizeBytesMax, pieceBytesMin, piecedBytesMax, piecedMessagesMax } from "../../../src/domain/limit.ts"
import {
  cutMessage,
  joinPiece,
  type Joiner,
  makeJoiner,
  type Piece,
  pieceBytesFor,
  pieceHeaders,
} from "../../../src/domain/wire/oversize.ts"
import { forSeeds } from "./seeded.ts"

const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
const bytesOf = (length: number, seed = 7): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 31 + seed) & 255)
const cut = (message: Uint8Array, id = "a", size = pieceBytesMin): ReadonlyArray<Piece> => cutMessage(message, id, hash(message), size)

type Over = Readonly<Partial<Record<keyof typeof pieceHeaders, string>>>

const take = (joiner: Joiner, { headers, payload }: Piece, over: Over = {}): Uint8Array | undefined => {
  const values = new Map(headers)
  for (const [key, value] of Object.entries(over)) values.set(pieceHeaders[key as keyof typeof pieceHeaders], value)
  return joinPiece(joiner, (name) => values.get(name) ?? "", payload, hash)
}

const wholeOf = (joiner: Joiner, pieces: ReadonlyArray<Piece>): ReadonlyArray<Uint8Array> =>
  pieces.flatMap((piece) => take(joiner, piece) ?? [])

describe("a message in pieces", () => {
  it.each([1, pieceBytesMin - 1, pieceBytesMin, pieceBytesMin + 1, 3 * pieceBytesMin, 10_000])("of %i bytes is whole again", (length) => {
    const [joiner, message] = [makeJoiner(), bytesOf(length)]
    const pieces = cut(message)
    expect(pieces).toHaveLength(Math.ceil(length / pieceBytesMin))
    for (const { payload } of pieces) expect(payload.byteLength).toBeGreaterThan(0)
    expect(wholeOf(joiner, pieces)).toEqual([message])
    expect([joiner.bytes, joiner.incomplete.size, joiner.lost]).toEqual([0, 0, 0])
  })

  it("comes out once, whatever the order, between others, and with pieces twice", () => {
    forSeeds(50, (chance) => {
      const messages = Array.from({ length: 1 + chance.below(piecedMessagesMax) }, (_, at) => bytesOf(600 + chance.below(6_000), at))
      const pieces = messages.flatMap((message, at) => cut(message, `id-${at}`))
      const mixed = pieces.map((piece) => [chance.below(1_000_000), piece] as const).toSorted(([one], [other]) => one - other)
      const joiner = makeJoiner()
      const wholes = mixed.flatMap(([, piece]) => {
        const first = take(joiner, piece)
        // The repetition of a last piece would be the first of a message that never comes.
        return first === undefined ? (take(joiner, piece) ?? []) : [first]
      })
      expect(new Set(wholes.map(hash))).toEqual(new Set(messages.map(hash)))
      expect([wholes.length, joiner.bytes, joiner.lost]).toEqual([messages.length, 0, 0])
    })
  })

  it("with a piece missing or changed does not come out", () => {
    const [joiner, message] = [makeJoiner(), bytesOf(2_000)]
    const [first, second, third, fourth] = cut(message) as readonly [Piece, Piece, Piece, Piece]
    expect(wholeOf(joiner, [first, second, fourth])).toEqual([])
    expect(joiner.bytes).toBe(2_000 - pieceBytesMin)
    expect(take(joiner, { ...third, payload: third.payload.map((byte) => byte ^ 1) })).toBeUndefined()
    expect([joiner.bytes, joiner.incomplete.size, joiner.lost]).toEqual([0, 0, 1])
    // Shorter and longer than promised.
    expect(wholeOf(joiner, [first, second, fourth, { ...third, payload: third.payload.subarray(1) }])).toEqual([])
    expect(wholeOf(joiner, [first, second, third, { ...fourth, payload: new Uint8Array(5_000) }])).toEqual([])
    expect([joiner.bytes, joiner.lost]).toEqual([0, 3])
  })

  it("does not refer to what it was given", () => {
    const [joiner, message] = [makeJoiner(), bytesOf(1_500)]
    const reused = new Uint8Array(pieceBytesMin)
    const wholes = cut(message).flatMap(({ headers, payload }) => {
      reused.fill(0)
      reused.set(payload)
      return take(joiner, { headers, payload: reused.subarray(0, payload.byteLength) }) ?? []
    })
    expect(wholes).toEqual([message])
  })

  it("that says something else of itself under the same id is another one", () => {
    const joiner = makeJoiner()
    const [first] = cut(bytesOf(2_000)) as readonly [Piece]
    const other = bytesOf(1_100, 3)
    take(joiner, first)
    expect(wholeOf(joiner, cut(other))).toEqual([other])
    expect([joiner.bytes, joiner.lost]).toEqual([0, 1])
  })
})

describe("what is no piece", () => {
  const [piece] = cut(bytesOf(2_000)) as readonly [Piece]
  const wrong: ReadonlyArray<readonly [string, Over]> = [
    ["no id", { id: "" }],
    ["a long id", { id: "i".repeat(65) }],
    ["an index that is no number", { index: "x" }],
    ["a negative index", { index: "-1" }],
    ["an index beyond the count", { index: "4" }],
    ["no count", { count: "" }],
    ["more pieces than there can be", { count: "1000" }],
    ["no length", { bytes: "0" }],
    ["a length beyond all bounds", { bytes: String(oversizeBytesMax + 1), count: "2" }],
    ["a number in other digits", { bytes: "1e3" }],
    ["no hash", { sha256: "" }],
    ["a hash in capitals", { sha256: "A".repeat(64) }],
  ]

  it.each(wrong)("%s: is counted and forgotten", (_, over) => {
    const joiner = makeJoiner()
    expect(take(joiner, piece, over)).toBeUndefined()
    expect([joiner.bytes, joiner.incomplete.size, joiner.lost]).toEqual([0, 0, 1])
  })

  it("an empty payload, and a message without headers", () => {
    const joiner = makeJoiner()
    take(joiner, { ...piece, payload: new Uint8Array(0) })
    joinPiece(joiner, () => "", piece.payload, hash)
    expect([joiner.bytes, joiner.lost]).toEqual([0, 2])
  })
})

describe("half-received messages", () => {
  it("are forgotten in the order in which they have waited, beyond so many", () => {
    const joiner = makeJoiner()
    const messages = Array.from({ length: piecedMessagesMax + 1 }, (_, at) => bytesOf(1_000, at))
    const halves = messages.map((message, at) => cut(message, `id-${at}`) as readonly [Piece, Piece])
    for (const [first] of halves.slice(0, piecedMessagesMax)) take(joiner, first)
    // The first one is heard of again, so it is the second that goes.
    take(joiner, halves[0]![0])
    take(joiner, halves[piecedMessagesMax]![0])
    expect(joiner.lost).toBe(1)
    expect(take(joiner, halves[0]![1])).toEqual(messages[0])
    expect(take(joiner, halves[1]![1])).toBeUndefined()
    expect(take(joiner, halves[2]![1])).toEqual(messages[2])
  })

  it("are forgotten beyond so many bytes", () => {
    const joiner = makeJoiner()
    const half = new Uint8Array(oversizeBytesMax / 2)
    for (let at = 0; at < 6; at++) {
      const id = `id-${at}`
      const [first] = cutMessage(new Uint8Array(oversizeBytesMax), id, "0".repeat(64), half.byteLength)
      take(joiner, first as Piece)
      expect(joiner.bytes).toBeLessThanOrEqual(piecedBytesMax)
    }
    expect([joiner.incomplete.size, joiner.bytes, joiner.lost]).toEqual([4, piecedBytesMax, 2])
  })
})

it("a broker with too little room gets no pieces", () => {
  expect([pieceBytesFor(0), pieceBytesFor(1_023), pieceBytesFor(1_024), pieceBytesFor(1 << 20)]).toEqual([0, 0, 512, (1 << 20) - 512])
})

it("the headers of the largest message fit into the room that is left for them", () => {
  const [piece] = cutMessage(new Uint8Array(oversizeBytesMax), "i".repeat(22), "f".repeat(64), pieceBytesMin)
  const text = `NATS/1.0\r\n${piece!.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`
  expect(text.length).toBeLessThan(512)
})
