/**
 * The ledger against a Map: random interleavings from seeds, with every sort of name, uid and version that is legal or that somebody may
 * send.
 */
import { createHash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { digestText } from "../../../src/domain/sync/digest.ts"
import { beginRound, clear, holds, keep, makeLedger, Outcome, remove, sweep, upsert, type Ledger } from "../../../src/domain/sync/ledger.ts"
import { forSeeds, type Chance } from "../wire/seeded.ts"
import { pageOf, thing, uidOf, type Thing } from "./block.ts"

interface Known extends Thing {
  readonly round: number
}

const names = ["web", "web-0", "größe", "漢字", "a<b", "x&y", 'say "hi"', "back\\slash", "\u2028", "n".repeat(253), "😀", "a", "b"]
const namespaces = ["", "shop", "lab", "ns-ü"]

/** The digest as a consumer computes it. */
const digestOf = (things: Iterable<Thing>): string => {
  let sum = 0n
  for (const { name, namespace, uid, version } of things) {
    sum += createHash("sha256")
      .update(`${uid || `${namespace}/${name}`}@${version}`)
      .digest()
      .readBigUInt64BE()
  }
  return BigInt.asUintN(64, sum).toString(16).padStart(16, "0")
}

const addressOf = ({ name, namespace }: Thing): string => `${namespace}/${name}`

const drawUid = (chance: Chance): string =>
  chance.pick([
    () => uidOf(String(chance.below(40))),
    () => uidOf(String(chance.below(40))).toUpperCase(),
    () => `odd-${chance.below(5)}`,
    () => "",
    () => `${uidOf("1")}0`,
    () => uidOf("1").replaceAll("-", "_"),
    () => 'u"id\\',
  ])()

const drawVersion = (chance: Chance): string =>
  chance.pick([
    () => String(1 + chance.below(50)),
    () => `0${chance.below(9)}`,
    () => "0",
    () => "",
    () => "123456789012345678",
    () => "1234567890123456789",
    () => "000000000000000000",
    () => `${1 + chance.below(3)}00000000${chance.below(9)}`,
    () => `12/${chance.below(3)}`,
  ])()

const drawThing = (chance: Chance): Thing => ({
  name: chance.below(2) === 0 ? chance.pick(names) : `pod-${chance.below(60)}`,
  namespace: chance.pick(namespaces),
  uid: drawUid(chance),
  version: drawVersion(chance),
})

/** A ledger that has seen nothing but what there is. */
const fresh = (model: ReadonlyMap<string, Thing>): Ledger => {
  const ledger = makeLedger()
  const records = pageOf([...model.values()])
  for (let record = 0; record < records.count; record++) upsert(ledger, records, record)
  return ledger
}

const plain = ({ name, namespace, uid, version }: Thing) => ({ name, namespace, uid, resourceVersion: version })
const sortedPlain = (things: Iterable<Thing>) => [...things].map(plain).toSorted((a, b) => (addressKey(a) < addressKey(b) ? -1 : 1))
const addressKey = (of: { readonly namespace: string; readonly name: string }) => `${of.namespace}/${of.name}`

const expectOutcome = (known: Known | undefined, next: Thing): Outcome => {
  if (known === undefined) return Outcome.added
  if (known.uid !== next.uid) return Outcome.recreated
  return known.version === next.version ? Outcome.same : Outcome.modified
}

describe("any interleaving", () => {
  const run = (chance: Chance): void => {
    const ledger = makeLedger()
    const model = new Map<string, Known>()
    let round = 0
    for (let step = 0; step < 300; step++) {
      const next = drawThing(chance)
      const known = model.get(addressOf(next))
      const records = pageOf([next])
      switch (chance.below(step % 100 > 70 ? 12 : 8)) {
        case 0: {
          const isKnown = known?.uid === next.uid
          expect(remove(ledger, records, 0)).toBe(isKnown)
          if (isKnown) model.delete(addressOf(next))
          break
        }
        case 1:
          keep(ledger, records, 0)
          if (known !== undefined) model.set(addressOf(next), { ...known, round })
          break
        case 2:
          expect(holds(ledger, next.namespace, next.name)).toBe(known !== undefined)
          break
        case 3: {
          const one = [...model.values()][chance.below(Math.max(1, model.size))]
          if (one === undefined) break
          expect(remove(ledger, pageOf([{ ...one, version: drawVersion(chance) }]), 0)).toBe(true)
          model.delete(addressOf(one))
          break
        }
        case 8:
          beginRound(ledger)
          round++
          break
        case 9: {
          const gone = [...model.values()].filter((one) => one.round !== round)
          expect(sweep(ledger).toSorted((a, b) => (addressKey(a) < addressKey(b) ? -1 : 1))).toEqual(sortedPlain(gone))
          for (const one of gone) model.delete(addressOf(one))
          break
        }
        case 10:
          if (chance.below(6) !== 0) break
          expect(clear(ledger).toSorted((a, b) => (addressKey(a) < addressKey(b) ? -1 : 1))).toEqual(sortedPlain(model.values()))
          model.clear()
          break
        default: {
          const outcome = upsert(ledger, records, 0)
          expect(outcome).toBe(expectOutcome(known, next))
          if (outcome === Outcome.recreated && known !== undefined) expect(ledger.replaced).toEqual(plain(known))
          model.set(addressOf(next), { ...next, round })
        }
      }
      expect(ledger.size).toBe(model.size)
    }
    for (const one of model.values()) expect(holds(ledger, one.namespace, one.name)).toBe(true)
    expect(digestText(ledger)).toBe(digestOf(model.values()))
    expect(clear(ledger).toSorted((a, b) => (addressKey(a) < addressKey(b) ? -1 : 1))).toEqual(sortedPlain(model.values()))
    expect(digestText(ledger)).toBe("0000000000000000")
  }

  it("agrees with a Map: outcomes, sizes, what is swept, the digest", () => {
    expect(() => forSeeds(60, run)).not.toThrow()
  })
})

/** Names as a cluster has them. */
const podNames = (count: number): ReadonlyArray<Thing> =>
  Array.from({ length: count }, (_, at) => {
    const app = ["checkout", "payments-api", "inventory-sync", "frontend", "kube-state-metrics", "node-exporter"][at % 6] as string
    const hash = uidOf(`rs${at >> 3}`).slice(0, 8)
    return {
      namespace: `team-${at % 40}`,
      name: `${app}-${hash}${hash.slice(0, 2)}-${uidOf(`p${at}`).slice(0, 5)}${at % 97}`,
      uid: `${((at * 2654435761) % 2 ** 32).toString(16).padStart(8, "0")}-0000-4000-8000-${at.toString(16).padStart(12, "0")}`,
      version: String(100_000_000 + at),
    }
  })

const bytesOf = ({ arena, slots }: Ledger): number => slots.byteLength + arena.bytes.byteLength

describe("memory", () => {
  it("takes at most 110 bytes an object at 100,000", () => {
    const things = podNames(100_000)
    const ledger = makeLedger()
    let worst = 0
    for (let start = 0; start < things.length; start += 5_000) {
      const records = pageOf(things.slice(start, start + 5_000))
      for (let record = 0; record < records.count; record++) upsert(ledger, records, record)
      // The arithmetic holds from where a table is large; small ones double.
      if (ledger.size >= 25_000) worst = Math.max(worst, bytesOf(ledger) / ledger.size)
    }
    const each = bytesOf(ledger) / ledger.size
    console.log(
      `ledger: ${each.toFixed(1)} bytes an object at ${ledger.size} pods with names of ${(things.reduce((sum, { name }) => sum + name.length, 0) / things.length).toFixed(1)} characters`,
    )
    expect(ledger.size).toBe(100_000)
    expect(each).toBeLessThanOrEqual(110)
    expect(worst).toBeLessThanOrEqual(120)
  })

  it("shrinks when objects go one by one, and keeps the rest findable", () => {
    const things = podNames(20_000)
    const ledger = makeLedger()
    const records = pageOf(things)
    for (let record = 0; record < records.count; record++) upsert(ledger, records, record)
    const full = bytesOf(ledger)
    for (let record = 0; record < records.count; record++) {
      if (record % 50 !== 0 && !remove(ledger, records, record)) throw new Error(`${record} was not known`)
    }
    expect(ledger.size).toBe(400)
    expect(bytesOf(ledger)).toBeLessThan(full / 8)
    for (let at = 0; at < things.length; at++) {
      const { name, namespace } = things[at] as Thing
      expect(holds(ledger, namespace, name)).toBe(at % 50 === 0)
    }
  })

  it("does not grow when versions that are no decimals change for ever", () => {
    const ledger = makeLedger()
    for (let at = 0; at < 20_000; at++) upsert(ledger, pageOf([thing("calico", `${at}/etcd-revision`)]), 0)
    expect(ledger.size).toBe(1)
    expect(bytesOf(ledger)).toBeLessThan(256 * 1024)
  })

  it("forgets namespaces that nothing is in", () => {
    const ledger = makeLedger()
    for (let at = 0; at < 3_000; at++) upsert(ledger, pageOf([thing("x", "1", uidOf(`${at}`), `preview-${at}`)]), 0)
    beginRound(ledger)
    upsert(ledger, pageOf([thing("x", "1", uidOf("1"), "preview-1")]), 0)
    expect(sweep(ledger)).toHaveLength(2_999)
    expect(ledger.namespaces).toEqual(["preview-1"])
    expect(holds(ledger, "preview-1", "x")).toBe(true)
    expect(holds(ledger, "preview-2", "x")).toBe(false)
  })
})

describe("the digest", () => {
  it("depends on uid and version, not on order or history", () => {
    const [a, b, c] = [thing("a", "1"), thing("b", "2"), thing("c", "3")]
    const one = fresh(new Map([a, b, c].map((of) => [of.name, of])))
    const other = fresh(new Map([c, a, b].map((of) => [of.name, of])))
    expect(digestText(one)).toBe(digestText(other))
    expect(digestText(fresh(new Map([a, b].map((of) => [of.name, of]))))).not.toBe(digestText(one))
    upsert(other, pageOf([{ ...b, version: "4" }]), 0)
    expect(digestText(other)).not.toBe(digestText(one))
    upsert(other, pageOf([b]), 0)
    expect(digestText(other)).toBe(digestText(one))
  })
})

it("an address is what the API server means, however JSON spells it", () => {
  const ledger = makeLedger()
  upsert(ledger, pageOf([thing("a<b & c", "1")]), 0)
  expect(holds(ledger, "shop", "a<b & c")).toBe(true)
  beginRound(ledger)
  expect(sweep(ledger)).toEqual([plain(thing("a<b & c", "1"))])
})
