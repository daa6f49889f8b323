/**
 * Journals: what is read back is what was written; wherever a write ends, and whatever byte changes, nothing is believed that was not
 * written; and whenever the process dies, what consumers know lies between what is held for sure and what is held in doubt.
 */
import { describe, expect, it } from "vitest"
import { makeOutput, type Departed } from "../../../src/domain/sync/fact.ts"
import { writeEntry, type Entry } from "../../../src/domain/sync/journal.ts"
import { makeLane } from "../../../src/domain/sync/lane.ts"
import { entriesOf } from "../../../src/domain/sync/ledger.ts"
import {
  absorbEntry,
  adoptMemories,
  endReading,
  makeReading,
  readChunk,
  settleDoubts,
  writeJournal,
  type Recollection,
  type Verdict,
} from "../../../src/domain/sync/recollection.ts"
import { step } from "../../../src/domain/sync/reflector.ts"
import { makeWriter } from "../../../src/domain/wire/writer.ts"
import { forSeeds, type Chance } from "../wire/seeded.ts"
import { listed, specOf, thing, uidOf } from "./block.ts"

const head: Entry = { _tag: "Head", clusterId: "c1", audience: "broker nats:4222" }
const pods: Entry = { _tag: "Type", lane: 1, spec: specOf(), content: "1", custom: false }
const object = (name: string, version = "1", uid = uidOf(name)): Departed => ({ namespace: "shop", name, uid, resourceVersion: version })
const said = (name: string, version?: string, uid?: string): Entry => ({ _tag: "Said", lane: 1, object: object(name, version, uid) })
const ended = (name: string, version?: string, uid?: string): Entry => ({
  _tag: "Ended",
  lane: 1,
  object: object(name, version, uid),
  atMs: 5_000,
})
const accepted: Entry = { _tag: "Accepted", lane: 1 }

const bytesOf = (entries: ReadonlyArray<Entry>): Uint8Array => {
  const writer = makeWriter(64)
  for (const entry of entries) writeEntry(writer, entry)
  return writer.bytes.slice(0, writer.at)
}

const readAll = (bytes: Uint8Array, pieces = 1): { readonly recollection: Recollection; readonly verdict: Verdict } => {
  const reading = makeReading()
  const length = Math.max(1, Math.ceil(bytes.length / pieces))
  for (let at = 0; at < bytes.length; at += length) readChunk(reading, bytes.slice(at, at + length))
  return { recollection: reading.recollection, verdict: endReading(reading) }
}

/** All that a recollection knows, in words. */
const words = ({ departures, memories }: Recollection): ReadonlyArray<string> => [
  ...[...memories.values()].flatMap(({ ledger, left, spec }) => [
    ...[...entriesOf(ledger)].map(
      ([{ name, namespace, resourceVersion, uid }, inDoubt]) =>
        `${inDoubt ? "perhaps" : "holds"} ${spec.type.plural} ${namespace}/${name} ${uid} ${resourceVersion}`,
    ),
    ...left.map(({ name, uid }) => `left ${name} ${uid}`),
  ]),
  ...departures.entries.map(({ atMs, name, type, uid }) => `gone ${type.plural} ${name} ${uid} ${atMs}`),
]

const sortedWords = (recollection: Recollection): ReadonlyArray<string> => words(recollection).toSorted()

const settle = (recollection: Recollection): Recollection => {
  settleDoubts(recollection)
  return recollection
}

describe("entries", () => {
  it("are read back as they were written, however they are cut", () => {
    const things = [said("web", "811"), said('na"me\\\u2028\u0000😀', "x"), said("", ""), ended("web", "811"), accepted]
    const custom: Entry = {
      _tag: "Type",
      lane: 2,
      spec: specOf({
        type: { group: "g.io", version: "v2", plural: "ts", kind: "T", namespaced: false },
        depth: "metadata",
        selector: "a=b",
      }),
      content: "2",
      custom: true,
    }
    const bytes = bytesOf([head, pods, ...things, custom, { _tag: "Held", lane: 2, object: object("x"), inDoubt: true }])
    const whole = readAll(bytes)
    expect(whole.verdict).toBe("sound")
    expect(whole.recollection.clusterId).toBe("c1")
    expect(whole.recollection.memories.get(2)).toMatchObject({ spec: custom.spec, content: "2", custom: true })
    expect(words(whole.recollection)).toStrictEqual([
      'holds pods shop/na"me\\\u2028\u0000😀 ' + `${uidOf('na"me\\\u2028\u0000😀')} x`,
      `holds pods shop/ ${uidOf("")} `,
      `perhaps ts shop/x ${uidOf("x")} 1`,
      `gone pods web ${uidOf("web")} 5000`,
    ])
    for (const pieces of [2, 7, bytes.length]) expect(words(readAll(bytes, pieces).recollection)).toStrictEqual(words(whole.recollection))
  })

  it("count once they are confirmed; until then a life is held in doubt, and so is one whose deletion may have happened", () => {
    const open = settle(readAll(bytesOf([head, pods, said("a"), said("b"), accepted, said("b", "2"), said("c"), ended("a")])).recollection)
    expect(sortedWords(open)).toStrictEqual([
      `perhaps pods shop/a ${uidOf("a")} 1`,
      `perhaps pods shop/b ${uidOf("b")} 2`,
      `perhaps pods shop/c ${uidOf("c")} 1`,
    ])
  })

  it("an earlier life of an address is left behind when another one was about to be announced", () => {
    const entries = [head, pods, said("a", "1", uidOf("old")), accepted, ended("a", "1", uidOf("old")), said("a", "2", uidOf("new"))]
    const { recollection } = readAll(bytesOf(entries))
    expect(sortedWords(settle(recollection))).toStrictEqual([`left a ${uidOf("old")}`, `perhaps pods shop/a ${uidOf("new")} 2`])
    const [memory] = adoptMemories(recollection, () => "1")
    const lane = makeLane(specOf(), memory?.ledger, memory?.left)
    const output = makeOutput()
    step(lane, { _tag: "Started" }, 0, output)
    step(lane, listed([thing("a", "2", uidOf("new"))], "5"), 0, output)
    expect(output.changes.map(({ departed, event }) => `${event} ${departed?.uid ?? "listed"}`)).toStrictEqual([
      `Deleted ${uidOf("old")}`,
      "Added listed",
    ])
  })

  it("a type that is declared anew is empty, under its own number it is only selected differently", () => {
    const content = (lane: number, text: string): Entry => ({ ...pods, lane, content: text }) as Entry
    expect(words(readAll(bytesOf([head, pods, said("a"), accepted, content(2, "1")])).recollection)).toStrictEqual([])
    expect(words(readAll(bytesOf([head, pods, said("a"), accepted, content(1, "1")])).recollection)[0]).toMatch(/^holds pods shop\/a/)
    expect(words(readAll(bytesOf([head, pods, said("a"), accepted, content(1, "2")])).recollection)[0]).toMatch(/^perhaps pods shop\/a/)
  })

  it("of a type that is no longer selected nothing is known, nor of deletions at addresses that live", () => {
    const entries = [head, pods, said("a"), said("b"), accepted, ended("a"), ended("b"), said("a", "9", uidOf("again")), accepted]
    const before = readAll(bytesOf(entries)).recollection
    expect(before.departures.entries.length).toBe(2)
    const { recollection } = readAll(bytesOf([...entries, { _tag: "Forgotten", lane: 1 }]))
    expect(words(recollection)).toStrictEqual([`gone pods b ${uidOf("b")} 5000`])
  })

  it("another receiver is owed all that is known by then, the same one nothing, and what is written anew names it", () => {
    const receiver = (name: string): Entry => ({ _tag: "Receiver", name })
    const [one, two] = [receiver("one"), receiver("two")]
    const debtOf = (entries: ReadonlyArray<Entry>) => {
      const { recollection, verdict } = readAll(bytesOf([head, ...entries]))
      const again = readAll(Uint8Array.from([...writeJournal(recollection, 0)].flatMap((piece) => [...piece]))).recollection
      return [verdict, recollection.memories.get(1)?.owed, again.memories.get(1)?.owed, again.receiver]
    }
    expect(debtOf([one, pods, said("a"), accepted, one])).toStrictEqual(["sound", false, false, "one"])
    expect(debtOf([one, pods, said("a"), accepted, two])).toStrictEqual(["sound", true, true, "two"])
    expect(debtOf([pods, said("a"), accepted, two])).toStrictEqual(["sound", true, true, "two"])
    expect(debtOf([one, pods, said("a"), accepted, two, { _tag: "Announced", lane: 1 }])).toStrictEqual(["sound", false, false, "two"])
  })

  it("where the messages would say something else now, all counts as new", () => {
    const { recollection } = readAll(bytesOf([head, pods, said("a"), accepted]))
    adoptMemories(recollection, () => "with other redaction")
    expect(words(recollection)[0]).toMatch(/^perhaps pods shop\/a/)
  })
})

// Damage -----------------------------------------------------------------------------------------------------------------

const names = ["a", "b", "c", "d", "ö"]

const drawEntries = (chance: Chance): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = [head, pods]
  for (let i = chance.below(12); i >= 0; i--) {
    const name = chance.pick(names)
    const uid = uidOf(`${name}${chance.below(2)}`)
    entries.push(chance.pick([said(name, String(1 + chance.below(3)), uid), ended(name, "1", uid), accepted, accepted]))
  }
  return entries
}

/** What each prefix of whole entries says. */
const prefixes = (entries: ReadonlyArray<Entry>): ReadonlyArray<string> =>
  entries.map((_, at) => {
    const { recollection } = makeReading()
    for (const entry of entries.slice(0, at + 1)) absorbEntry(recollection, entry)
    return words(settle(recollection)).join("\n")
  })

/** What a reader makes of bytes: nothing is said of a journal that must not be used. */
const judge = (bytes: Uint8Array): string => {
  const { recollection, verdict } = readAll(bytes)
  const usable = verdict === "sound" || verdict === "torn"
  return usable ? `${verdict}\n${words(settle(recollection)).join("\n")}` : verdict
}

const countLines = (bytes: Uint8Array): number => bytes.filter((byte) => byte === lineFeed).length
const lineFeed = 0x0a

describe("damage", () => {
  it("a journal that ends anywhere counts up to its last whole entry", () => {
    forSeeds(40, (chance) => {
      const entries = drawEntries(chance)
      const sound = prefixes(entries)
      const bytes = bytesOf(entries)
      const expected = (end: number): string => {
        const whole = countLines(bytes.subarray(0, end))
        if (whole === 0) return end === 0 ? "empty" : "foreign"
        return `${bytes[end - 1] === lineFeed ? "sound" : "torn"}\n${sound[whole - 1]}`
      }
      for (let end = 0; end <= bytes.length; end++) expect(judge(bytes.subarray(0, end))).toBe(expected(end))
    })
  })

  it("with any byte changed it is set aside, or counts up to before the change", () => {
    forSeeds(12, (chance) => {
      const entries = drawEntries(chance)
      const sound = prefixes(entries)
      const bytes = bytesOf(entries)
      const expected = (at: number): string => {
        const before = countLines(bytes.subarray(0, at))
        // Without its line feed an entry and the next one are one broken line.
        const after = entries.length - before - (bytes[at] === lineFeed ? 2 : 1)
        if (before === 0) return "foreign"
        return after > 0 ? "damaged" : `torn\n${sound[before - 1]}`
      }
      for (let at = 0; at < bytes.length; at++) {
        const flipped = bytes.slice()
        flipped[at] = (flipped[at] as number) ^ (1 + chance.below(255))
        expect(judge(flipped)).toBe(expected(at))
      }
    })
  })

  it("another program's file, and one of another version, are foreign", () => {
    const encoder = new TextEncoder()
    expect(readAll(encoder.encode("hello\n")).verdict).toBe("foreign")
    expect(readAll(bytesOf([pods, said("a")])).verdict).toBe("foreign")
    expect(readAll(new Uint8Array(3 * 1024 * 1024)).verdict).not.toBe("sound")
  })
})

// Writing anew -----------------------------------------------------------------------------------------------------------

const rewrite = (recollection: Recollection): Uint8Array => {
  const pieces = [...writeJournal(recollection, 6_000)].map((piece) => [...piece])
  return Uint8Array.from(pieces.flat())
}

/** An earlier life whose address is free by now ends with the next list, as one that is held in doubt does. */
const toEnd = (word: string): string => word.replace(/^(?:left (\S+)|perhaps pods shop\/(\S+)) (\S+).*/, "undone $1$2 $3")

describe("written anew", () => {
  it("a journal says the same, what was in flight included, and goes on to", () => {
    forSeeds(300, (chance) => {
      const [entries, more] = [drawEntries(chance), drawEntries(chance).slice(2)]
      const first = readAll(bytesOf(entries)).recollection
      const second = readAll(rewrite(first))
      expect(second.verdict).toBe("sound")
      for (const entry of more) {
        absorbEntry(first, entry)
        absorbEntry(second.recollection, entry)
      }
      const [one, other] = [settle(first), settle(second.recollection)].map((each) => new Set(sortedWords(each).map(toEnd)))
      expect(other).toStrictEqual(one)
    })
  })

  it("a type of which deletions alone are known comes back with all its events, where something is owed", () => {
    const { recollection } = readAll(bytesOf([head, pods, said("a"), ended("a"), accepted]))
    expect(adoptMemories(recollection, () => "1")).toStrictEqual([])
    const later = readAll(Uint8Array.from([...rewrite(recollection), ...bytesOf([{ _tag: "Owed" }])])).recollection
    expect(adoptMemories(later, () => "1").map(({ owed, spec }) => [owed, [...spec.events]])).toStrictEqual([[true, [...specOf().events]]])
  })

  it("takes at most 130 bytes an object with a name of 40 characters", () => {
    const many = Array.from({ length: 1_000 }, (_, i) => said(`${"n".repeat(35)}${10_000 + i}`, "123456"))
    const { recollection } = readAll(bytesOf([head, pods, ...many, accepted]))
    expect(rewrite(recollection).length / 1_000).toBeLessThan(130)
  })
})
