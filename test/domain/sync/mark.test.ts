/** Which turns owe a mark, and what it says: a consumer prunes by it, so one too many deletes what lives. */
import { describe, expect, it } from "vitest"
import { omittedMax } from "../../../src/domain/limit.ts"
import { makeDepartures } from "../../../src/domain/sync/departures.ts"
import { digestText } from "../../../src/domain/sync/digest.ts"
import { makeEngine, projectStatus } from "../../../src/domain/sync/engine.ts"
import { makeOutput, type Fact, type Mark } from "../../../src/domain/sync/fact.ts"
import { makeLane, type Lane } from "../../../src/domain/sync/lane.ts"
import { describeMark, describeTypes } from "../../../src/domain/sync/mark.ts"
import { encodeBatch, takeTurn } from "../../../src/domain/sync/turn.ts"
import { makeWriter } from "../../../src/domain/wire/writer.ts"
import { bookmark, line, listed, observed, pods, specOf, thing, type Thing } from "./block.ts"

const settings = { clusterId: "c1", redact: false, reachable: new Set<string>() }

const engine = makeEngine("test", "stage", 0)
engine.run = "r"
engine.clusterId = "c1"

/** What each fact's turn says, as the shell does it: its messages first, with room for so many bytes each. */
const feed = (lane: Lane, facts: ReadonlyArray<Fact>, bytesMax = 1 << 20): ReadonlyArray<ReadonlyArray<Mark>> =>
  facts.map((fact) => {
    const output = makeOutput()
    takeTurn(lane, fact, 0, makeDepartures(), output)
    const records = "records" in fact ? fact.records : { ...listedNothing, count: 0 }
    for (let from = 0; from < output.changes.length;) {
      from = encodeBatch(lane, records, output, from, makeWriter(64), { ...settings, bytesMax }).next
    }
    return output.marks.filter((mark) => describeMark(engine, lane, mark) !== undefined)
  })

const listedNothing = (listed([], "1") as Extract<Fact, { _tag: "PageListed" }>).records

const started: Fact = { _tag: "Started" }
const resync: Fact = { _tag: "ResyncAsked" }
const elapsed: Fact = { _tag: "PauseElapsed" }
const due: Fact = { _tag: "DigestDue" }
const tooOld: Fact = { _tag: "WatchFailed", failure: { _tag: "Gone", text: "" } }
const away: Fact = { _tag: "ListFailed", failure: { _tag: "Unavailable", text: "", retryAfterMs: undefined } }
const [a, b, c] = [thing("a", "1"), thing("b", "2"), thing("c", "3")]

describe("an epoch", () => {
  it("spans the first list, from before its first page to behind its last", () => {
    const lane = makeLane(specOf())
    expect(feed(lane, [started, listed([a], "5", "more"), listed([b], "5")])).toEqual([["begin"], [], ["end"]])
  })

  it("spans failed lists until one is complete", () => {
    const lane = makeLane(specOf())
    const facts = [started, listed([a], "5", "more"), away, elapsed, listed([a, b], "6")]
    expect(feed(lane, facts)).toEqual([["begin"], [], [], [], ["end"]])
  })

  it("begins anew for whoever asks while failed lists have left one open", () => {
    const lane = makeLane(specOf())
    const facts = [started, listed([a], "5", "more"), away, resync, listed([a, b], "6")]
    expect(feed(lane, facts)).toEqual([["begin"], [], [], ["begin"], ["end"]])
  })

  it("does not come of a list that only compares", () => {
    const lane = makeLane(specOf())
    feed(lane, [started, listed([a, b], "5")])
    expect(feed(lane, [tooOld, listed([a], "7"), observed(bookmark("8")), tooOld, listed([a, c], "9")]).flat()).toEqual([])
    const empty = makeLane(specOf())
    feed(empty, [started, listed([], "5")])
    expect(feed(empty, [tooOld, listed([a], "7")]).flat()).toEqual([])
  })

  it("does not come of a first list that only says what has changed since an earlier run", () => {
    const earlier = makeLane(specOf())
    feed(earlier, [started, listed([a, b], "5")])
    const lane: Lane = { ...makeLane(specOf()), ledger: earlier.ledger }
    expect(feed(lane, [started, listed([a], "7")])).toEqual([[], []])
    expect(feed(lane, [resync, listed([a], "8")])).toEqual([["begin"], ["end"]])
  })

  it("asked for in the middle of a comparing list begins with the list after it", () => {
    const lane = makeLane(specOf())
    feed(lane, [started, listed([a, b], "5"), tooOld, listed([a], "6", "more")])
    expect(feed(lane, [resync, listed([b], "6"), listed([a, b], "7")])).toEqual([[], ["begin"], ["end"]])
  })

  it("asked for in the middle of another one follows it", () => {
    const lane = makeLane(specOf())
    feed(lane, [started, listed([a], "5", "more")])
    expect(feed(lane, [resync, listed([b], "5"), listed([a, b], "7")])).toEqual([[], ["end", "begin"], ["end"]])
  })

  it("has no end where the lane closes before", () => {
    for (const [fact, cause] of [
      [{ _tag: "Vanished" }, "vanished"],
      [{ _tag: "Deselected" }, "deselected"],
    ] as const) {
      const lane = makeLane(specOf())
      expect(feed(lane, [started, listed([a], "5", "more"), fact, due]), cause).toEqual([["begin"], [], [cause], []])
    }
  })
})

describe("a digest", () => {
  it("is said of a lane that is watching or waits, not in the middle of a list", () => {
    const lane = makeLane(specOf())
    expect(feed(lane, [due, started, due, listed([a], "5"), due])).toEqual([[], ["begin"], [], ["end"], ["digest"]])
    expect(feed(lane, [observed(bookmark("6")), { _tag: "WatchEnded" }, due])).toEqual([[], [], ["digest"]])
    expect(feed(lane, [elapsed, tooOld, due])).toEqual([[], [], []])
  })

  it("asks for nothing else", () => {
    const lane = makeLane(specOf())
    feed(lane, [started, listed([a], "5")])
    const output = makeOutput()
    takeTurn(lane, due, 0, makeDepartures(), output)
    expect(output).toEqual({ ...makeOutput(), marks: ["digest"] })
    expect(lane.state).toEqual({ _tag: "watching" })
  })
})

it("nothing is said of the content of lanes that hold events back, and nothing at all of hidden ones", () => {
  const deaf = makeLane(specOf({ events: new Set(["ADDED", "MODIFIED"]) }))
  expect(feed(deaf, [started, listed([a], "5"), due, { _tag: "Deselected" }]).flat()).toEqual(["deselected"])
  const hidden = makeLane(specOf({ hidden: true }))
  expect(feed(hidden, [started, listed([a], "5"), due, { _tag: "Vanished" }]).flat()).toEqual([])
})

describe("what a mark says", () => {
  const about = { run: "r", cluster: "c1", apiVersion: "v1", kind: "Pod" }

  it("an epoch is named once in a run, the same at both ends", () => {
    const [one, other] = [makeLane(specOf()), makeLane(specOf())]
    feed(one, [started, listed([a, b], "5")])
    engine.epochs = 0
    expect(describeMark(engine, one, "begin")).toEqual({ mark: "begin", ...about, epoch: "r.1" })
    expect(describeMark(engine, other, "begin")).toMatchObject({ epoch: "r.2" })
    expect(describeMark(engine, one, "end")).toEqual({
      mark: "end",
      ...about,
      epoch: "r.1",
      count: 2,
      digest: digestText(one.ledger),
      omitted: [],
    })
    expect(describeMark(engine, one, "deselected")).toEqual({ mark: "closed", ...about, cause: "deselected" })
  })

  it("all types that are followed, hidden ones aside", () => {
    engine.lanes.set("pods", makeLane(specOf()))
    engine.lanes.set("hidden", makeLane(specOf({ type: { ...pods, kind: "Hidden" }, hidden: true })))
    const types = [{ apiVersion: "v1", kind: "Pod" }]
    expect(describeTypes(engine)).toEqual({ mark: "types", run: "r", cluster: "c1", types })
  })
})

describe("objects that are too large to be sent", () => {
  const large = thing("l".repeat(200), "4", "")
  const names = (lane: Lane) => {
    const said = describeMark(engine, lane, "digest")
    return said?.mark === "digest" ? [said.count, said.digest, said.omitted.map(({ name }) => name)] : []
  }
  const digestOf = (things: ReadonlyArray<Thing>): string => {
    const lane = makeLane(specOf())
    feed(lane, [started, listed(things, "9")])
    return digestText(lane.ledger)
  }

  it("are named, and count nowhere else, until they fit or are gone", () => {
    const lane = makeLane(specOf())
    expect(feed(lane, [started, listed([a, large], "5")], 500)).toEqual([["begin"], ["end"]])
    expect(names(lane)).toEqual([1, digestOf([a]), [large.name]])
    engine.lanes.set(lane.key, lane)
    const { lanes } = projectStatus(engine, 0, { name: "nats", state: "connected", detail: "" })
    expect(lanes.map(({ omitted }) => omitted.map(({ name }) => name))).toEqual([[large.name]])
    engine.lanes.delete(lane.key)
    feed(lane, [observed(line("MODIFIED", { ...large, version: "6" }))], 500)
    expect(names(lane)).toEqual([1, digestOf([a]), [large.name]])
    feed(lane, [observed(line("MODIFIED", { ...large, version: "7" }))])
    expect(names(lane)).toEqual([2, digestOf([a, { ...large, version: "7" }]), []])
    feed(lane, [observed(line("MODIFIED", { ...large, version: "8" }))], 500)
    feed(lane, [observed(line("DELETED", { ...large, version: "9" }))], 500)
    expect(names(lane)).toEqual([1, digestOf([a]), []])
  })

  it("beyond the bound nothing is said of the content, until an epoch in which they fit", () => {
    const lane = makeLane(specOf())
    const many = Array.from({ length: omittedMax + 5 }, (_, i) => thing(`${"l".repeat(200)}${i}`))
    expect(feed(lane, [started, listed(many, "5"), due], 500)).toEqual([["begin"], [], []])
    expect(lane.omitted.size).toBe(omittedMax + 1)
    expect(feed(lane, [observed(line("DELETED", many[0]!)), due])).toEqual([[], []])
    expect(feed(lane, [resync, listed(many.slice(1), "7"), due])).toEqual([["begin"], ["end"], ["digest"]])
    expect(names(lane)).toEqual([omittedMax + 4, digestOf(many.slice(1)), []])
  })
})
