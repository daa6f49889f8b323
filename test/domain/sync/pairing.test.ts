import { describe, expect, it } from "vitest"
import { compareEventsMax, compareGraceMs, compareQuietMs, compareTextCharsMax } from "../../../src/domain/limit.ts"
import { listDecisions, sumCounts } from "../../../src/domain/sync/comparisonReport.ts"
import {
  abandonWaiting,
  closePairing,
  isJudged,
  judgeDue,
  loseHearing,
  makePairing,
  markReady,
  type Pairing,
  regainHearing,
  resolveDoubt,
  type Side,
  takeMessage,
} from "../../../src/domain/sync/pairing.ts"
import { parseNode } from "../../../src/domain/wire/node.ts"

type Events = "ADDED" | "MODIFIED" | "DELETED"

interface Thing {
  readonly event?: Events
  readonly uid?: string
  readonly version?: string
  readonly kind?: string
  readonly apiVersion?: string
  readonly more?: object
}

const textOf = ({ apiVersion = "v1", event = "ADDED", kind = "Pod", more = {}, uid = "u", version = "1" }: Thing): string =>
  JSON.stringify({
    ObjectType: "meshsync-data",
    EventType: event,
    Object: { id: "", apiVersion, kind, metadata: { name: uid, namespace: "shop", uid, resourceVersion: version }, ...more },
  })

const endless = 1_000_000

/** A pairing and the strings it hangs on. Time is counted from 0. */
const makeScene = (options: { readonly announces?: boolean; readonly covers?: (kind: string) => boolean } = {}) => {
  const { announces = true, covers = () => true } = options
  const pairing: Pairing = makePairing({ graceMs: compareGraceMs, announces, covers: ({ kind }) => covers(kind) }, 0)
  const tell = (side: Side, thing: Thing = {}, nowMs = 0, listed = false) => takeMessage(pairing, side, textOf(thing), listed, nowMs)
  const end = () => {
    closePairing(pairing, 0)
    judgeDue(pairing, endless)
    return counted()
  }
  const counted = () => Object.fromEntries(Object.entries(sumCounts(pairing.report)).filter(([, count]) => count > 0))
  const paths = () => pairing.report.findings.map(({ outcome, paths: places, uid }) => [outcome, uid, ...places])
  return { pairing, tell, end, counted, paths }
}

describe("events of two sides", () => {
  it("with the same content are equal, whoever comes first, and repetitions are no news", () => {
    const { counted, tell } = makeScene()
    tell("ours", { uid: "a" })
    tell("theirs", { uid: "a" })
    tell("theirs", { uid: "b" })
    tell("theirs", { uid: "b" })
    tell("ours", { uid: "b" })
    tell("theirs", { uid: "a" })
    expect(counted()).toEqual({ equal: 2, repeated: 2 })
  })

  it("differ at a path, or by a decision", () => {
    const { counted, pairing, paths, tell } = makeScene()
    tell("ours", { uid: "a", more: { type: "x", spec: { attribute: '{"a":[1,2]}' } } })
    tell("theirs", { uid: "a", more: { type: "y", spec: { attribute: '{"a":[1,3]}' } } })
    tell("ours", { uid: "b", more: { pattern_resource: null } })
    tell("theirs", { uid: "b", more: { pattern_resource: "zz" } })
    expect(counted()).toEqual({ different: 1, explained: 1 })
    expect(paths()).toEqual([["different", "a", "Object.type", "Object.spec.attribute!.a[1]"]])
    expect(listDecisions(pairing.report)).toEqual([{ number: 15, name: "`pattern_resource`", count: 1 }])
  })

  it("are missing only after the grace, counted from when the side that lacks them is ready", () => {
    const { counted, pairing, paths, tell } = makeScene()
    tell("ours", { uid: "a" })
    tell("theirs", { uid: "b" }, 500)
    judgeDue(pairing, 400)
    markReady(pairing, "ours", 0)
    markReady(pairing, "theirs", 1_000)
    judgeDue(pairing, compareGraceMs + 499)
    expect(counted()).toEqual({})
    judgeDue(pairing, compareGraceMs + 999)
    expect(counted()).toEqual({ missingHere: 1 })
    judgeDue(pairing, compareGraceMs + 1_000)
    expect(counted()).toEqual({ missingThere: 1, missingHere: 1 })
    expect(paths()).toEqual([
      ["missingHere", "b"],
      ["missingThere", "a"],
    ])
    expect(isJudged(pairing)).toBe(true)
  })

  it("of an announcing side are waited for until it is quiet", () => {
    const { counted, pairing, tell } = makeScene()
    tell("ours", { uid: "late" })
    for (let nowMs = 0; nowMs <= 60_000; nowMs += 5_000) {
      tell("theirs", { uid: `n${nowMs}` }, nowMs)
      tell("ours", { uid: `n${nowMs}` }, nowMs)
      judgeDue(pairing, nowMs)
    }
    judgeDue(pairing, 60_000 + compareQuietMs)
    judgeDue(pairing, 60_000 + compareQuietMs + compareGraceMs - 1)
    tell("theirs", { uid: "late" }, 60_000 + compareQuietMs + compareGraceMs - 1)
    expect(counted()).toEqual({ equal: 14 })
  })

  it("begun after the end are not judged", () => {
    const { counted, pairing, tell } = makeScene()
    tell("ours", { uid: "a" })
    closePairing(pairing, 0)
    tell("theirs", { uid: "b" })
    tell("theirs", { uid: "a" })
    judgeDue(pairing, endless)
    expect(counted()).toEqual({ equal: 1 })
  })

  it("told while the other side was not heard are undecided or nothing", () => {
    const { counted, pairing, tell } = makeScene()
    tell("ours", { uid: "before" })
    loseHearing(pairing)
    tell("ours", { uid: "meanwhile" })
    regainHearing(pairing)
    tell("ours", { uid: "after" })
    tell("theirs", { uid: "meanwhile" })
    tell("theirs", { uid: "after" })
    closePairing(pairing, 0)
    judgeDue(pairing, endless)
    expect(counted()).toEqual({ undecided: 1, equal: 1 })
  })

  it("that are abandoned are undecided", () => {
    const { counted, pairing, tell } = makeScene()
    tell("ours", { uid: "a" })
    abandonWaiting(pairing)
    expect(counted()).toEqual({ undecided: 1 })
    expect(pairing.textChars).toBe(0)
  })
})

describe("what one side lists and the other watches", () => {
  it("the same version under another event is timing, and still compared", () => {
    const { end, paths, tell } = makeScene()
    tell("ours", { uid: "a", version: "2" }, 0, true)
    tell("theirs", { uid: "a", version: "2", event: "MODIFIED" })
    tell("ours", { uid: "b", version: "2", more: { type: "x" } }, 0, true)
    tell("theirs", { uid: "b", version: "2", event: "MODIFIED", more: { type: "y" } })
    expect(end()).toEqual({ timing: 1, different: 1 })
    expect(paths()).toEqual([["different", "b", "Object.type"]])
  })

  it("versions before the listed one are passed over, those after it are missed", () => {
    const { end, paths, tell } = makeScene()
    for (const version of ["1", "2", "3", "4"]) tell("theirs", { version, event: version === "1" ? "ADDED" : "MODIFIED" })
    tell("ours", { version: "3" }, 0, true)
    expect(end()).toEqual({ timing: 3, missingHere: 1 })
    expect(paths()).toEqual([["missingHere", "u"]])
  })

  it("a life that ended before the other side was ready is timing, one that began later is missed", () => {
    const { counted, pairing, tell } = makeScene()
    tell("theirs", { uid: "a" })
    tell("theirs", { uid: "a", event: "DELETED", version: "2" })
    markReady(pairing, "ours", 0)
    tell("theirs", { uid: "b" }, compareQuietMs + 1)
    tell("theirs", { uid: "b", event: "DELETED", version: "3" }, compareQuietMs + 1)
    judgeDue(pairing, endless)
    expect(counted()).toEqual({ timing: 2, missingHere: 2 })
  })

  it("a deletion that both tell with different versions is timing", () => {
    const { end, tell } = makeScene()
    for (const side of ["ours", "theirs"] as const) tell(side, {})
    tell("ours", { event: "DELETED", version: "1" })
    tell("theirs", { event: "DELETED", version: "2" })
    expect(end()).toEqual({ equal: 1, timing: 2 })
  })

  it("what we list was announced before by a peer that has been running", () => {
    const { counted, pairing, tell } = makeScene({ announces: false })
    tell("ours", { uid: "a" }, 0, true)
    markReady(pairing, "ours", 1_000)
    tell("ours", { uid: "b" }, 2_000)
    tell("ours", { uid: "a", event: "MODIFIED", version: "5" }, 2_000)
    judgeDue(pairing, endless)
    expect(counted()).toEqual({ before: 1, missingThere: 2 })
  })
})

describe("decisions about messages without a counterpart", () => {
  it("a kind that the other side knows by an unserved name only", () => {
    const { end, pairing, tell } = makeScene()
    tell("ours", { kind: "Job", apiVersion: "batch/v1" })
    tell("ours", { kind: "Job", apiVersion: "example.com/v1", uid: "v" })
    expect(end()).toEqual({ explained: 1, missingThere: 1 })
    expect(listDecisions(pairing.report).map(({ number }) => number)).toEqual([2])
  })

  it("another version of a custom resource", () => {
    const { end, pairing, tell } = makeScene()
    tell("ours", { kind: "Widget", apiVersion: "example.com/v2" })
    tell("theirs", { kind: "Widget", apiVersion: "example.com/v1" })
    expect(end()).toEqual({ explained: 2 })
    expect(listDecisions(pairing.report)).toMatchObject([{ number: 6, count: 2 }])
  })

  it("a deletion that only our list has found", () => {
    const { end, tell } = makeScene()
    for (const side of ["ours", "theirs"] as const) tell(side, {})
    tell("ours", { event: "DELETED" })
    expect(end()).toEqual({ equal: 1, explained: 1 })
  })

  it("what is not compared is outside", () => {
    const { end, pairing, tell } = makeScene({ covers: (kind) => kind !== "Node" })
    tell("theirs", { kind: "Node" })
    takeMessage(pairing, "theirs", '{"Entity":"x"}', false, 0)
    takeMessage(pairing, "theirs", "nonsense", false, 0)
    expect(end()).toEqual({})
    expect(pairing.report).toMatchObject({ outside: 1, foreign: 2 })
  })
})

describe("a look at the object", () => {
  const begin = () => {
    const scene = makeScene()
    scene.tell("ours", { kind: "Widget" })
    scene.tell("theirs", { kind: "Widget", more: { spec: { id: "" } } })
    const [doubt] = scene.pairing.doubts.splice(0)
    if (doubt === undefined) throw new Error("no doubt")
    return { ...scene, doubt }
  }
  const source = (version: string, member: string) => parseNode(JSON.stringify({ metadata: { resourceVersion: version }, [member]: {} }))

  it.each([
    ["the member in other letters", source("1", "Spec"), { explained: 1 }],
    ["the member itself", source("1", "spec"), { different: 1 }],
    ["a later version", source("2", "Spec"), { different: 1 }],
    ["nothing", undefined, { different: 1 }],
  ])("finds %s", (_, found, expected) => {
    const { counted, doubt, pairing } = begin()
    expect(counted()).toEqual({})
    resolveDoubt(pairing, doubt, found)
    expect(counted()).toEqual(expected)
  })
})

describe("bounds", () => {
  it("texts beyond the room become digests, which tell equal from the rest", () => {
    const { counted, pairing, tell } = makeScene()
    const more = (tail: string) => ({ data: JSON.stringify({ a: "x".repeat(1_000_000), tail }) })
    const count = Math.ceil(compareTextCharsMax / 1_000_000) + 2
    for (let i = 0; i < count; i++) tell("ours", { uid: `u${i}`, more: more("") })
    expect(pairing.textChars).toBeLessThanOrEqual(compareTextCharsMax)
    tell("theirs", { uid: "u0", more: more("") })
    tell("theirs", { uid: "u1", more: more("y") })
    tell("theirs", { uid: `u${count - 1}`, more: more("") })
    expect(counted()).toEqual({ equal: 2, undecided: 1 })
  }, 60_000)

  it("the oldest events are forgotten", () => {
    const { counted, pairing, tell } = makeScene()
    for (let i = 0; i < compareEventsMax + 10; i++) tell("ours", { uid: `u${i}` })
    expect(pairing.entries.size).toBe(compareEventsMax)
    expect(pairing.lives.size).toBeLessThanOrEqual(compareEventsMax)
    expect(counted()).toEqual({ undecided: 10 })
  }, 60_000)
})
