/** The minimum interval of a kind: what goes out at once, what waits, what takes its place, and that nothing gets lost. */
import { describe, expect, it } from "vitest"
import { heldBytesMax, heldLivesMax } from "../../../src/domain/limit.ts"
import { makeDepartures } from "../../../src/domain/sync/departures.ts"
import { digestText } from "../../../src/domain/sync/digest.ts"
import { makeOutput, type Fact } from "../../../src/domain/sync/fact.ts"
import { makeHolding, nextDueMs, noteAccepted, takeDue, type Holding, type Wanted } from "../../../src/domain/sync/holding.ts"
import { makeLane, type Lane } from "../../../src/domain/sync/lane.ts"
import { makeLedger, upsert } from "../../../src/domain/sync/ledger.ts"
import { departedOf, takeTurn } from "../../../src/domain/sync/turn.ts"
import { bookmark, errorLine, line, listed, observed, pageOf, specOf, thing, uidOf, type Thing } from "./block.ts"

const everyMs = 10_000
const [a, b] = [thing("a", "1"), thing("b", "1")]
const at = (one: Thing, version: string): Thing => ({ ...one, version })

const noRecords = pageOf([])

/** A lane with an interval, and what it says. */
const makeSpeaker = (more: Parameters<typeof specOf>[0] = {}) => {
  const lane = makeLane(specOf(more))
  const holding = makeHolding(everyMs)
  lane.holding = holding
  const departures = makeDepartures()
  const take = (fact: Fact, nowMs: number, acceptedMs = nowMs): ReadonlyArray<string> => {
    const output = makeOutput()
    takeTurn(lane, fact, nowMs, departures, output)
    noteAccepted(holding, acceptedMs)
    return output.changes.map((change) => {
      const { name, resourceVersion } = departedOf(change, "records" in fact ? fact.records : noRecords)
      return `${change.event} ${name} @${resourceVersion}`
    })
  }
  const release = (nowMs: number, wanted: Wanted = "due"): ReadonlyArray<string> => {
    const fact = takeDue(holding, lane, nowMs, wanted)
    return fact === undefined ? [] : take(fact, nowMs)
  }
  return { lane, holding, take, release }
}

/** Past its first list, at time 0. */
const makeWatching = (things: ReadonlyArray<Thing> = [a, b]) => {
  const speaker = makeSpeaker()
  speaker.take({ _tag: "Started" }, 0)
  speaker.take(listed(things, "5"), 0)
  return speaker
}

/** How much waits: by the books, in bytes, and in truth. */
const measureWaiting = ({ lives, room, waiting }: Holding): ReadonlyArray<number> => [
  waiting,
  room.waitingBytes,
  room.lives - lives.size,
  [...lives.values()].filter((life) => life.waiting !== undefined).length,
]
const nothing = [0, 0, 0, 0]

describe("a state", () => {
  it("goes out at once when its object has not been sent for as long as the interval", () => {
    const { holding, take } = makeWatching()
    expect(take(observed(line("MODIFIED", at(a, "6"))), everyMs)).toEqual(["Modified a @6"])
    expect(measureWaiting(holding)).toEqual(nothing)
  })

  it("waits after one that was sent, and the latest goes out when the interval is over", () => {
    const { holding, release, take } = makeWatching()
    expect(take(observed(line("MODIFIED", at(a, "6"))), 20_000)).toEqual(["Modified a @6"])
    for (const version of ["7", "8", "9"]) expect(take(observed(line("MODIFIED", at(a, version))), 22_000)).toEqual([])
    expect(nextDueMs(holding)).toBe(30_000)
    expect(release(29_999)).toEqual([])
    expect(release(30_000)).toEqual(["Modified a @9"])
    expect(holding.superseded).toBe(2)
    expect(nextDueMs(holding)).toBeUndefined()
    expect(take(observed(line("MODIFIED", at(a, "10"))), 39_999)).toEqual([])
    expect(release(40_000)).toEqual(["Modified a @10"])
  })

  it("waits after a list that has shown its object, too", () => {
    const { release, take } = makeWatching()
    expect(take(observed(line("MODIFIED", at(a, "6"))), 3_000)).toEqual([])
    expect(release(10_000)).toEqual(["Modified a @6"])
  })

  it("of one block goes out first, and the last of the same block waits", () => {
    const { release, take } = makeWatching()
    const block = observed(...["6", "7", "8"].map((version) => line("MODIFIED", at(a, version))))
    expect(take(block, 20_000)).toEqual(["Modified a @6"])
    expect(release(30_000)).toEqual(["Modified a @8"])
  })

  it("that comes when the interval is over takes the place of what waits", () => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    expect(take(observed(line("MODIFIED", at(a, "7"))), 10_000)).toEqual(["Modified a @7"])
    expect(measureWaiting(holding)).toEqual(nothing)
    expect(release(60_000)).toEqual([])
  })

  it("of another object does not wait for this one's", () => {
    const { take } = makeWatching([a])
    expect(take(observed(line("ADDED", at(b, "6")), line("MODIFIED", at(a, "7"))), 5_000)).toEqual(["Added b @6"])
  })

  it("counts its interval from when the one before was accepted", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 20_000, 27_000)
    expect(take(observed(line("MODIFIED", at(a, "7"))), 31_000)).toEqual([])
    expect(release(36_999)).toEqual([])
    expect(release(37_000)).toEqual(["Modified a @7"])
  })

  it("does not wait longer because the clock is set back", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 3_600_000)
    take(observed(line("MODIFIED", at(a, "7"))), 3_601_000)
    expect(release(1_000)).toEqual(["Modified a @7"])
  })

  it("that is held back moves the watch on, and is a sign of life, but nothing that the ledger knows", () => {
    const { lane, take } = makeWatching()
    const before = digestText(lane.ledger)
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    expect([lane.resourceVersion, lane.heard, lane.lastHeardMs]).toEqual(["6", true, 5_000])
    expect(digestText(lane.ledger)).toBe(before)
  })

  it("that has waited does not take the watch back", () => {
    const { lane, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6")), bookmark("90")), 5_000)
    release(10_000)
    expect(lane.resourceVersion).toBe("90")
  })

  it("behind a line that ends the watch does not count", () => {
    const { holding, take } = makeWatching()
    take(observed(errorLine(410, "Expired"), line("MODIFIED", at(a, "6"))), 5_000)
    expect(measureWaiting(holding)).toEqual(nothing)
  })

  it("of a namespace that is not selected neither waits nor is known", () => {
    const { holding, take } = makeSpeaker({ namespaces: new Set(["shop"]) })
    take({ _tag: "Started" }, 0)
    take(listed([a], "5"), 0)
    take(observed(line("MODIFIED", thing("x", "6", uidOf("x"), "lab")), line("MODIFIED", thing("x", "7", uidOf("x"), "lab"))), 20_000)
    expect([holding.waiting, [...holding.lives.keys()].filter((key) => key.startsWith("lab"))]).toEqual([0, []])
  })
})

describe("a deletion", () => {
  it("goes out at once, and nothing of that life after it", () => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    expect(take(observed(line("DELETED", at(a, "7"))), 5_001)).toEqual(["Deleted a @7"])
    expect(measureWaiting(holding)).toEqual(nothing)
    expect(release(60_000, "end")).toEqual([])
  })

  it("goes out at once from the block in which its object changed", () => {
    const { release, take } = makeWatching()
    expect(take(observed(line("MODIFIED", at(a, "6")), line("DELETED", at(a, "7"))), 5_000)).toEqual(["Deleted a @7"])
    expect(release(60_000)).toEqual([])
  })

  it("and the new life of its address go out at once; only what that becomes waits", () => {
    const { release, take } = makeWatching()
    const again = thing("a", "8", uidOf("again"))
    const block = observed(
      line("MODIFIED", at(a, "6")),
      line("DELETED", at(a, "7")),
      line("ADDED", again),
      line("MODIFIED", at(again, "9")),
    )
    expect(take(block, 5_000)).toEqual(["Deleted a @7", "Added a @8"])
    expect(release(15_000)).toEqual(["Modified a @9"])
  })

  it("is no end where the same life is back in the same block, as with a label that is taken off and put on", () => {
    const { release, take } = makeWatching()
    const block = observed(line("DELETED", at(a, "6")), line("ADDED", at(a, "7")), line("MODIFIED", at(a, "8")))
    expect(take(block, 5_000)).toEqual(["Deleted a @6", "Added a @7"])
    expect(release(15_000)).toEqual(["Modified a @8"])
  })

  it("of an older life leaves what waits of the present one", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    take(observed(line("DELETED", thing("a", "7", uidOf("older")))), 5_001)
    expect(release(10_000)).toEqual(["Modified a @6"])
  })
})

describe("a list", () => {
  const gone: Fact = { _tag: "WatchFailed", failure: { _tag: "Gone", text: "" } }
  const away: Fact = { _tag: "ListFailed", failure: { _tag: "Unavailable", text: "", retryAfterMs: undefined } }

  it("takes the place of what waits, so nothing is said twice or goes back", () => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6")), line("MODIFIED", at(b, "7"))), 5_000)
    take(gone, 6_000)
    expect(take(listed([at(a, "6"), at(b, "9")], "10"), 7_000)).toEqual(["Modified a @6", "Modified b @9"])
    expect(measureWaiting(holding)).toEqual(nothing)
    expect(release(60_000)).toEqual([])
  })

  it("that shows an older state, as after a backup was restored, counts as well", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    take(gone, 6_000)
    expect(take(listed([a, b], "4"), 7_000)).toEqual([])
    expect(release(60_000)).toEqual([])
  })

  it("that does not show an object any more announces its end, and nothing behind that", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    take(gone, 6_000)
    expect(take(listed([b], "10"), 7_000)).toEqual(["Deleted a @1"])
    expect(release(60_000, "end")).toEqual([])
  })

  it("is waited for while it runs: an object that ended before its page would not be missed", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    take(gone, 6_000)
    expect(release(30_000)).toEqual([])
    expect(release(30_000, "all")).toEqual([])
  })

  it("that fails gives free what its pages have not shown", () => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6")), line("MODIFIED", at(b, "7"))), 5_000)
    take(gone, 6_000)
    expect(take(listed([at(a, "8")], "10", "token"), 7_000)).toEqual(["Modified a @8"])
    take(away, 8_000)
    expect(release(20_000)).toEqual(["Modified b @7"])
    expect(measureWaiting(holding)).toEqual(nothing)
    take({ _tag: "PauseElapsed" }, 21_000)
    expect(take(listed([at(a, "8")], "12"), 22_000)).toEqual(["Deleted b @7"])
  })

  it("that announces everything tells the latest state once", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    take({ _tag: "ResyncAsked" }, 6_000)
    expect(take(listed([at(a, "6"), b], "10"), 7_000)).toEqual(["Added a @6", "Added b @1"])
    expect(release(60_000)).toEqual([])
  })
})

describe("the end", () => {
  it("of the interval is not waited for where all is wanted", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    expect(release(5_001, "all")).toEqual(["Modified a @6"])
    expect(take(observed(line("MODIFIED", at(a, "7"))), 15_000)).toEqual([])
    expect(release(15_001)).toEqual(["Modified a @7"])
  })

  it("of a run sends all that waits", () => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6")), line("MODIFIED", at(b, "7"))), 5_000)
    expect(release(5_001, "end")).toEqual(["Modified a @6", "Modified b @7"])
    expect(measureWaiting(holding)).toEqual(nothing)
  })

  it.each<readonly [string, Fact, ReadonlyArray<string>]>([
    ["a type that vanishes", { _tag: "Vanished" }, ["Deleted a @1", "Deleted b @1"]],
    ["a type that is no longer selected", { _tag: "Deselected" }, []],
    ["a type that is selected otherwise", { _tag: "Reselected", spec: specOf({ namespace: "lab" }) }, []],
    ["a type that is read in another depth", { _tag: "Reselected", spec: specOf({ depth: "metadata" }) }, []],
  ])("of what waits is %s", (_, fact, said) => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    expect(take(fact, 6_000).toSorted()).toEqual(said)
    expect(measureWaiting(holding)).toEqual(nothing)
    expect(release(60_000, "end")).toEqual([])
  })

  it("of the interval is waited for, whatever is selected meanwhile", () => {
    const { release, take } = makeWatching()
    take({ _tag: "Reselected", spec: specOf({ namespaces: new Set(["shop"]) }) }, 1_000)
    take(listed([a], "5"), 2_000)
    expect(take(observed(line("MODIFIED", at(a, "6"))), 5_000)).toEqual([])
    expect(release(10_000)).toEqual(["Modified a @6"])
  })

  it("of nothing is another choice of events", () => {
    const { release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    take({ _tag: "Reselected", spec: specOf({ events: new Set(["MODIFIED"]) }) }, 6_000)
    expect(release(10_000)).toEqual(["Modified a @6"])
  })
})

describe("bounds", () => {
  it("what finds no room, because other kinds have it, goes out at once and takes the place of what waits", () => {
    const { holding, release, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    holding.room.waitingBytes += heldBytesMax
    expect(take(observed(line("MODIFIED", at(a, "7"))), 5_001)).toEqual(["Modified a @7"])
    holding.room.waitingBytes -= heldBytesMax
    expect(measureWaiting(holding)).toEqual(nothing)
    expect(release(60_000)).toEqual([])
  })

  it("what is on its way out takes room until it has been accepted, and nothing is kept of it afterwards", () => {
    const { holding, lane, take } = makeWatching()
    take(observed(line("MODIFIED", at(a, "6"))), 5_000)
    const { waitingBytes } = holding.room
    expect(takeDue(holding, lane, 10_000)).toBeDefined()
    expect(measureWaiting(holding)).toEqual([0, waitingBytes, 0, 0])
    noteAccepted(holding, 10_001)
    expect(measureWaiting(holding)).toEqual(nothing)
    expect(Object.values(holding).filter((part) => typeof part === "object" && "bytes" in part)).toEqual([])
  })

  it("beyond so many lives the one sent longest ago is forgotten, and goes out at once again", () => {
    const { holding, take } = makeWatching([a])
    holding.room.lives += heldLivesMax - 2
    take(observed(line("ADDED", b)), 1_000)
    take(observed(line("ADDED", thing("c", "6"))), 1_000)
    expect(holding.lives.size).toBe(2)
    expect(take(observed(line("MODIFIED", at(a, "7"))), 2_000)).toEqual(["Modified a @7"])
    expect(holding.lives.size).toBe(2)
    expect(take(observed(line("MODIFIED", at(a, "8"))), 2_500)).toEqual([])
    holding.room.lives -= heldLivesMax - 2
    expect(holding.room.lives).toBe(holding.lives.size)
  })

  it("a life of which something waits is not forgotten for another", () => {
    const { holding, release, take } = makeWatching([a])
    holding.room.lives += heldLivesMax - 1
    take(observed(line("MODIFIED", at(a, "6"))), 1_000)
    expect(take(observed(line("ADDED", b), line("MODIFIED", at(b, "7"))), 2_000)).toEqual(["Added b @1", "Modified b @7"])
    expect(release(10_000)).toEqual(["Modified a @6"])
  })

  it("lives are forgotten when their interval is over", () => {
    const { holding, take } = makeWatching()
    take(observed(bookmark("9")), 10_000)
    expect(holding.lives.size).toBe(0)
  })
})

// Any churn --------------------------------------------------------------------------------------------------------------

const makeChance = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % below
  }
}

interface Told {
  readonly event: string
  readonly version: string
  readonly uid: string
}

/** Objects that change at random under a watch that is now and then lost, and all that is said of them. */
const churn = (seed: number) => {
  const chance = makeChance(seed)
  const cluster = new Map<string, Thing>()
  const view = new Map<string, Told>()
  const upsertMs = new Map<string, number>()
  const findings: Array<string> = []
  const { holding, lane, ...speaker } = makeSpeaker()
  let [nowMs, version] = [0, 10]
  const hear = (lines: ReadonlyArray<string>, fromList: boolean): void => {
    for (const text of lines) {
      const [event = "", name = "", said = ""] = text.split(" ")
      const before = view.get(name)
      if (event === "Deleted") view.delete(name)
      else {
        const waitedMs = nowMs - (upsertMs.get(name) ?? -everyMs)
        if (!fromList && event === "Modified" && waitedMs < everyMs) findings.push(`${text} after ${waitedMs} ms`)
        if (event === "Modified" && before === undefined) findings.push(`${text}: nothing of it lives`)
        if (before !== undefined && Number(said.slice(1)) <= Number(before.version)) findings.push(`${text} after @${before.version}`)
        view.set(name, { event, version: said.slice(1), uid: "" })
        upsertMs.set(name, nowMs)
      }
    }
  }
  const list = (): void => {
    const things = [...cluster.values()]
    const cut = chance(things.length + 1)
    hear(speaker.take(listed(things.slice(0, cut), `${version}`, "token"), nowMs), true)
    if (chance(2) === 0) {
      hear(speaker.take({ _tag: "ListFailed", failure: { _tag: "Gone", text: "" } }, nowMs), true)
      if (lane.state._tag === "paused") {
        nowMs += chance(20_000)
        hear(speaker.release(nowMs), false)
        hear(speaker.take({ _tag: "PauseElapsed" }, nowMs), true)
      }
      return list()
    }
    hear(speaker.take(listed(things.slice(cut), `${version}`), nowMs), true)
  }
  const write = (): string => {
    const name = `p${chance(5)}`
    const known = cluster.get(name)
    version++
    if (known === undefined) {
      const made = thing(name, `${version}`, uidOf(`${version}`))
      cluster.set(name, made)
      return line("ADDED", made)
    }
    if (chance(6) === 0) {
      cluster.delete(name)
      return line("DELETED", at(known, `${version}`))
    }
    const changed = at(known, `${version}`)
    cluster.set(name, changed)
    return line("MODIFIED", changed)
  }
  speaker.take({ _tag: "Started" }, nowMs)
  hear(speaker.take(listed([], "10"), nowMs), true)
  for (let step = 0; step < 300; step++) {
    nowMs += chance(2_500)
    hear(speaker.release(nowMs), false)
    const lines = Array.from({ length: chance(4) }, write)
    if (chance(25) === 0) {
      // What was written meanwhile is never seen by a watch.
      hear(speaker.take({ _tag: "WatchFailed", failure: { _tag: "Gone", text: "" } }, nowMs), true)
      if (lane.state._tag === "listing") list()
      else hear(speaker.take({ _tag: "PauseElapsed" }, nowMs), true)
      if (lane.state._tag === "listing") list()
    } else {
      const deleted = lines.filter((text) => text.includes('"DELETED"')).length
      const said = speaker.take(observed(...lines), nowMs)
      const told = said.filter((text) => text.startsWith("Deleted")).length
      if (told !== deleted) findings.push(`${told} of ${deleted} deletions went out at once`)
      hear(said, false)
    }
  }
  nowMs += everyMs
  hear(speaker.release(nowMs), false)
  const views = (entries: Iterable<readonly [string, { readonly version: string }]>) =>
    [...entries].map(([name, one]) => `${name} @${one.version}`).toSorted()
  return { findings, holding, lane, seen: views(view), server: views(cluster), things: [...cluster.values()] }
}

const digestOf = (things: ReadonlyArray<Thing>): string => {
  const ledger = makeLedger()
  const records = pageOf(things)
  for (let record = 0; record < records.count; record++) upsert(ledger, records, record)
  return digestText(ledger)
}

it("whatever changes: states no sooner than the interval, deletions at once, and in the end exactly what is there", () => {
  let superseded = 0
  for (let seed = 1; seed <= 200; seed++) {
    const { findings, holding, lane, seen, server, things } = churn(seed)
    expect(findings, `seed ${seed}`).toEqual([])
    expect(seen, `seed ${seed}`).toEqual(server)
    expect(digestText((lane satisfies Lane).ledger), `seed ${seed}`).toBe(digestOf(things))
    expect(measureWaiting(holding)).toEqual(nothing)
    superseded += holding.superseded
  }
  expect(superseded).toBeGreaterThan(1_000)
})
