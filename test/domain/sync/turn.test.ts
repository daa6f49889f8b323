/** One block through a lane: what is remembered of it, what an announcement repeats, and how its messages are cut into batches. */
import { describe, expect, it } from "vitest"
import { batchBytesMax, batchMessagesMax, departuresKeptMs } from "../../../src/domain/limit.ts"
import { makeDepartures, type Departures } from "../../../src/domain/sync/departures.ts"
import { makeOutput, type Fact, type Output } from "../../../src/domain/sync/fact.ts"
import { makeLane, type Lane } from "../../../src/domain/sync/lane.ts"
import { encodeBatch, noRecords, takeTurn } from "../../../src/domain/sync/turn.ts"
import { makeWriter } from "../../../src/domain/wire/writer.ts"
import { line, linesOf, listed, observed, pods, specOf, thing, uidOf } from "./block.ts"

const feed = (lane: Lane, departures: Departures, nowMs: number, ...facts: ReadonlyArray<Fact>): Output => {
  let output = makeOutput()
  for (const fact of facts) {
    output = makeOutput()
    takeTurn(lane, fact, nowMs, departures, output)
  }
  return output
}

const started: Fact = { _tag: "Started" }
const resync: Fact = { _tag: "ResyncAsked" }
const [a, b] = [thing("a", "1"), thing("b", "2")]

const deleted = ({ changes }: Output): ReadonlyArray<string> =>
  changes.flatMap(({ departed, event }) => (event === "Deleted" ? [`${departed?.name} ${departed?.uid}`] : []))

describe("departures", () => {
  it("are repeated after an announcement, with the life that went", () => {
    const lane = makeLane(specOf())
    const departures = makeDepartures()
    feed(lane, departures, 0, started, listed([a, b], "5"), observed(line("DELETED", { ...a, version: "6" })))
    expect(deleted(feed(lane, departures, 1_000, resync, listed([b], "7")))).toEqual([`a ${a.uid}`])
    expect(deleted(feed(lane, departures, 2_000, resync, listed([b], "8")))).toEqual([`a ${a.uid}`])
  })

  it("are not repeated by a list that announces nothing", () => {
    const lane = makeLane(specOf())
    const departures = makeDepartures()
    feed(lane, departures, 0, started, listed([a, b], "5"), observed(line("DELETED", a)))
    expect(deleted(feed(lane, departures, 1_000, { _tag: "WatchFailed", failure: { _tag: "Gone", text: "" } }, listed([b], "7")))).toEqual(
      [],
    )
  })

  it("are not repeated where something lives again, whatever its name", () => {
    for (const name of ["a", "a<b", "größe", 'say "hi"', "back\\slash"]) {
      const lane = makeLane(specOf())
      const departures = makeDepartures()
      const [first, second] = [thing(name, "1", uidOf("1")), thing(name, "9", uidOf("2"))]
      feed(lane, departures, 0, started, listed([first], "5"), observed(line("DELETED", first), line("ADDED", second)))
      expect(deleted(feed(lane, departures, 1_000, resync, listed([second], "10")))).toEqual([])
    }
  })

  it("are said once when the announcement's own sweep finds them", () => {
    const lane = makeLane(specOf())
    const departures = makeDepartures()
    feed(lane, departures, 0, started, listed([a, b], "5"))
    expect(deleted(feed(lane, departures, 1_000, resync, listed([b], "7")))).toEqual([`a ${a.uid}`])
  })

  it("are forgotten in time", () => {
    const lane = makeLane(specOf())
    const departures = makeDepartures()
    feed(lane, departures, 0, started, listed([a, b], "5"), observed(line("DELETED", a)))
    expect(deleted(feed(lane, departures, departuresKeptMs + 1, resync, listed([b], "7")))).toEqual([])
  })

  it("of another version of the type are repeated under that version, live address or not", () => {
    const departures = makeDepartures()
    const old = makeLane(specOf({ type: { ...pods, version: "v1beta1" } }))
    feed(old, departures, 0, started, listed([a], "5"), { _tag: "Vanished" })
    const lane = makeLane(specOf())
    feed(lane, departures, 1_000, started, listed([a], "6"))
    const output = feed(lane, departures, 2_000, resync, listed([a], "7"))
    expect(output.changes.at(-1)).toMatchObject({ event: "Deleted", departed: { name: "a" }, type: { version: "v1beta1" } })
  })

  it("of another version are repeated although the same life has just been swept under the present one", () => {
    const departures = makeDepartures()
    feed(makeLane(specOf({ type: { ...pods, version: "v1beta1" } })), departures, 0, started, listed([a], "5"), { _tag: "Vanished" })
    const lane = makeLane(specOf())
    feed(lane, departures, 1_000, started, listed([a], "6"))
    const { changes } = feed(lane, departures, 2_000, resync, listed([], "7"))
    expect(changes.map((change) => ("type" in change ? change.type?.version : "swept"))).toEqual(["swept", "v1beta1"])
  })

  it("of a type that is no longer selected are forgotten where something lives, and kept where nothing does", () => {
    const departures = makeDepartures()
    const lane = makeLane(specOf())
    const again = thing("a", "9", uidOf("again"))
    feed(lane, departures, 0, started, listed([a, b], "5"), observed(line("DELETED", a), line("ADDED", again), line("DELETED", b)), {
      _tag: "Deselected",
    })
    expect(departures.entries.slice(departures.start).map(({ name }) => name)).toEqual(["b"])
  })

  it("are repeated when the type vanishes while everything is announced", () => {
    const departures = makeDepartures()
    const lane = makeLane(specOf())
    feed(lane, departures, 0, started, listed([a, b], "5"), observed(line("DELETED", a)))
    expect(deleted(feed(lane, departures, 1_000, resync, { _tag: "Vanished" }))).toEqual([`b ${b.uid}`, `a ${a.uid}`])
  })

  it("are repeated when the type is deselected while everything is announced, but not where something lives", () => {
    const departures = makeDepartures()
    const lane = makeLane(specOf())
    const again = thing("a", "9", uidOf("again"))
    feed(lane, departures, 0, started, listed([a, b], "5"), observed(line("DELETED", a), line("ADDED", again), line("DELETED", b)))
    expect(deleted(feed(lane, departures, 1_000, resync, { _tag: "Deselected" }))).toEqual([`b ${b.uid}`])
  })
})

const settings = { clusterId: "c", redact: false, reachable: new Set<string>(), bytesMax: 1 << 20 }

interface Envelope {
  readonly EventType: string
  readonly Object: { readonly metadata: { readonly name: string; readonly uid: string }; readonly spec?: unknown }
}

const decode = (bytes: Uint8Array): Envelope => JSON.parse(new TextDecoder().decode(bytes)) as Envelope

describe("batches", () => {
  const added = (count: number, padding = 0): readonly [Lane, Output, ReturnType<typeof linesOf>] => {
    const lane = makeLane(specOf())
    const lines = Array.from({ length: count }, (_, at) =>
      JSON.stringify({
        type: "ADDED",
        object: { metadata: { name: `p${at}`, uid: uidOf(`${at}`), resourceVersion: "1" }, spec: { pad: "x".repeat(padding) } },
      }),
    )
    const records = linesOf(...lines)
    const output = feed(lane, makeDepartures(), 0, started, listed([], "0"), { _tag: "Observed", records })
    return [lane, output, records]
  }

  const cut = (lane: Lane, output: Output, records: ReturnType<typeof linesOf>, bytesMax = 1 << 20) => {
    const batches: Array<{ readonly count: number; readonly bytes: number; readonly names: ReadonlyArray<string> }> = []
    for (let from = 0; from < output.changes.length;) {
      const writer = makeWriter(64)
      const { messages, next } = encodeBatch(lane, records, output, from, writer, { ...settings, bytesMax })
      expect(next).toBeGreaterThan(from)
      for (const { end, name, start } of messages) expect(decode(writer.bytes.subarray(start, end)).Object.metadata.name).toBe(name)
      batches.push({ count: messages.length, bytes: writer.at, names: messages.map(({ name }) => name) })
      from = next
    }
    return batches
  }

  it("hold at most so many messages, in order, each once", () => {
    const [lane, output, records] = added(batchMessagesMax * 2 + 7)
    const batches = cut(lane, output, records)
    expect(batches.map(({ count }) => count)).toEqual([batchMessagesMax, batchMessagesMax, 7])
    expect(batches.flatMap(({ names }) => names)).toEqual(Array.from({ length: batchMessagesMax * 2 + 7 }, (_, at) => `p${at}`))
  })

  it("exceed their bytes by one message at most", () => {
    const size = 100_000
    const [lane, output, records] = added(30, size)
    const batches = cut(lane, output, records)
    expect(batches.length).toBeGreaterThan(2)
    for (const { bytes } of batches) expect(bytes).toBeLessThan(batchBytesMax + size + 1_000)
  })

  it("leave out what the sink cannot take, and say so", () => {
    const [lane, output, records] = added(3, 5_000)
    expect(cut(lane, output, records, 2_000).map(({ count }) => count)).toEqual([0])
    expect(lane.counts.tooLarge).toBe(3)
    expect(output.notices).toHaveLength(3)
    expect(output.notices[0]).toMatchObject({ error: "ErrMessageTooLarge", subject: "pods", level: "error" })
    expect(output.notices[0]?.detail).toContain("Pod p0")
    expect(output.notices[0]?.detail).not.toContain("xxx")
  })

  it("hold what the sink takes in another way alone, in order with the others", () => {
    const lane = makeLane(specOf())
    const sizes = [10, 5_000, 10, 10, 6_000, 7_000, 50_000, 10]
    const lines = sizes.map((size, at) =>
      JSON.stringify({
        type: "ADDED",
        object: { metadata: { name: `p${at}`, uid: uidOf(`${at}`), resourceVersion: "1" }, spec: { pad: "x".repeat(size) } },
      }),
    )
    const records = linesOf(...lines)
    const output = feed(lane, makeDepartures(), 0, started, listed([], "0"), { _tag: "Observed", records })
    const batches: Array<ReadonlyArray<string>> = []
    for (let from = 0; from < output.changes.length;) {
      const writer = makeWriter(64)
      const batch = encodeBatch(lane, records, output, from, writer, { ...settings, bytesMax: 2_000, oversizeBytesMax: 20_000 })
      for (const { end, name, start } of batch.messages) expect(decode(writer.bytes.subarray(start, end)).Object.metadata.name).toBe(name)
      expect(writer.at).toBe(batch.messages.at(-1)?.end ?? 0)
      batches.push(batch.messages.map(({ name }) => name))
      from = batch.next
    }
    expect(batches).toEqual([["p0"], ["p1"], ["p2", "p3"], ["p4"], ["p5"], ["p7"]])
    expect([lane.counts.tooLarge, output.notices.length, [...lane.omitted.keys()]]).toEqual([1, 1, ["/p6"]])
  })

  it("carry an outsize Deleted with its identity alone, also where large objects have another way", () => {
    const [lane] = added(1)
    const records = linesOf(
      JSON.stringify({
        type: "DELETED",
        object: { metadata: { name: "p0", uid: uidOf("0"), resourceVersion: "2" }, spec: { pad: "x".repeat(5_000) } },
      }),
    )
    const output = feed(lane, makeDepartures(), 0, { _tag: "Observed", records })
    const writer = makeWriter(64)
    const { messages } = encodeBatch(lane, records, output, 0, writer, { ...settings, bytesMax: 2_000, oversizeBytesMax: 20_000 })
    expect(messages).toMatchObject([{ event: "Deleted", name: "p0", uid: uidOf("0") }])
    const message = decode(writer.bytes.subarray(messages[0]?.start, messages[0]?.end))
    expect(message).toMatchObject({ EventType: "DELETED", Object: { metadata: { name: "p0", uid: uidOf("0") } } })
    expect(message.Object.spec).toBeUndefined()
    expect(writer.at).toBeLessThan(2_000)
    expect(output.notices).toEqual([])
  })

  it("name what has departed as the API server does", () => {
    const departures = makeDepartures()
    const lane = makeLane(specOf())
    feed(lane, departures, 0, started, listed([thing("a<b", "1")], "5"))
    const output = feed(lane, departures, 0, { _tag: "Vanished" })
    const writer = makeWriter(64)
    const { messages } = encodeBatch(lane, noRecords, output, 0, writer, settings)
    expect(decode(writer.bytes.subarray(0, messages[0]?.end)).Object.metadata).toMatchObject({
      name: "a<b",
      uid: uidOf("a<b"),
      namespace: "shop",
    })
  })
})
