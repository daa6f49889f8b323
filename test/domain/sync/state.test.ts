/** The small parts of a lane's state: packed identities, pauses, departures in number, and what a status says of it all. */
import { describe, expect, it } from "vitest"
import {
  attemptsDoublingMax,
  departuresMax,
  refusedFirstMs,
  refusedLastMs,
  retryAfterMaxMs,
  retryFirstMs,
  retryLastMs,
  settleAttempts,
} from "../../../src/domain/limit.ts"
import { pauseMs } from "../../../src/domain/sync/backoff.ts"
import { forgetDepartures, makeDepartures, recentDepartures, rememberDeparture } from "../../../src/domain/sync/departures.ts"
import { addToCounter, isSettled, makeEngine, projectStatus, unreadLanes } from "../../../src/domain/sync/engine.ts"
import { makeOutput, type Fact, type Failure } from "../../../src/domain/sync/fact.ts"
import { matchesUid, packUid, packVersion, unpackUid, unpackVersion, versionDigits } from "../../../src/domain/sync/identity.ts"
import { countPublished, makeLane } from "../../../src/domain/sync/lane.ts"
import { step } from "../../../src/domain/sync/reflector.ts"
import { bytesOf } from "../wire/block.ts"
import { listed, pods, specOf, thing, uidOf } from "./block.ts"

describe("identities in numbers", () => {
  it.each([
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "80000000-7fff-4fff-8000-0123456789ab",
    "01234567-89ab-cdef-0123-456789abcdef",
  ])("the UUID %s comes back", (uid) => {
    const words = new Int32Array(6)
    expect(packUid(bytesOf(`"${uid}"`), 1, 37, words, 1)).toBe(true)
    expect(unpackUid(words, 1)).toBe(uid)
    expect(matchesUid(words, 1, bytesOf(uid), 0, 36)).toBe(true)
    expect(matchesUid(words, 1, bytesOf(uid.replace(/.$/, uid.endsWith("0") ? "1" : "0")), 0, 36)).toBe(false)
    expect([words[0], words[5]]).toEqual([0, 0])
  })

  it.each([
    "",
    "a",
    "01234567-89AB-cdef-0123-456789abcdef",
    "01234567-89ab-cdef-0123-456789abcde",
    "01234567-89ab-cdef-0123-456789abcdef0",
    "0123456789ab-cdef-0123-456789abcdef--",
    "01234567_89ab-cdef-0123-456789abcdef",
    "01234567-89ab-cdef-0123-456789abcdeg",
  ])("%j is no UUID", (uid) => {
    expect(packUid(bytesOf(uid), 0, uid.length, new Int32Array(4), 0)).toBe(false)
  })

  it.each(["1", "9", "10", "999999999", "1000000000", "1000000001", "123456789012345678", "999999999999999999"])(
    "the version %s comes back",
    (version) => {
      const words = new Int32Array(2)
      expect(versionDigits(bytesOf(version), 0, version.length)).toBe(true)
      packVersion(bytesOf(version), 0, version.length, words, 0)
      expect(unpackVersion(words, 0)).toBe(version)
    },
  )

  it.each(["", "0", "01", "-1", "1.0", "1e3", "1234567890123456789", "12/3", "١"])("%j is kept as text", (version) => {
    const bytes = bytesOf(version)
    expect(versionDigits(bytes, 0, bytes.length)).toBe(false)
  })
})

describe("pauses", () => {
  const pause = (slow: boolean, attempt: number, retryAfterMs?: number) => ({ _tag: "Pause", slow, attempt, retryAfterMs }) as const

  it("double from the first to the last, between half and the whole", () => {
    for (const [slow, first, last] of [
      [false, retryFirstMs, retryLastMs],
      [true, refusedFirstMs, refusedLastMs],
    ] as const) {
      for (const attempt of [0, 1, 2, 5, attemptsDoublingMax, 1_000]) {
        const whole = Math.min(last, first * 2 ** Math.min(attempt, attemptsDoublingMax))
        expect(pauseMs(pause(slow, attempt), 0)).toBe(whole / 2)
        expect(pauseMs(pause(slow, attempt), 0.5)).toBe(whole * 0.75)
      }
      expect(pauseMs(pause(slow, 1_000), 0.999)).toBeLessThan(last)
    }
  })

  it("are never shorter than the server asked for, and never longer than a lane may be away", () => {
    expect(pauseMs(pause(false, 0, 20_000), 0.9)).toBe(20_000)
    expect(pauseMs(pause(false, 0, 1), 0)).toBe(retryFirstMs / 2)
    expect(pauseMs(pause(false, 0, 1e9), 0)).toBe(retryAfterMaxMs)
  })
})

describe("departures", () => {
  const gone = (at: number, name = `d${at}`, uid = `u${at}`) => ({ type: pods, namespace: "n", name, uid, resourceVersion: "1", atMs: at })

  it("are bounded in number: the oldest go first", () => {
    const departures = makeDepartures()
    for (let at = 0; at < departuresMax + 2_500; at++) rememberDeparture(departures, gone(at / 1_000_000, `d${at}`, `u${at}`))
    const recent = recentDepartures(departures, 1, () => true)
    expect(recent).toHaveLength(departuresMax)
    expect(recent[0]?.name).toBe("d2500")
    expect(departures.entries.length).toBeLessThanOrEqual(2 * departuresMax + 1_024)
  })

  it("of one life are one, and a predicate chooses", () => {
    const departures = makeDepartures()
    for (const one of [gone(1, "a", "u"), gone(2, "a", "u"), gone(3, "a", "v"), gone(4, "b", "w")]) rememberDeparture(departures, one)
    expect(recentDepartures(departures, 5, ({ name }) => name === "a").map(({ uid }) => uid)).toEqual(["u", "v"])
    forgetDepartures(departures, ({ name }) => name === "a")
    expect(recentDepartures(departures, 5, () => true).map(({ uid }) => uid)).toEqual(["w"])
  })
})

describe("the engine", () => {
  const sink = { name: "nats", state: "connected", detail: "" } as const
  const forbidden: Failure = { _tag: "Forbidden", text: "403" }
  const away: Failure = { _tag: "Unavailable", text: "503", retryAfterMs: undefined }

  const feed = (lane: ReturnType<typeof makeLane>, ...facts: ReadonlyArray<Fact>) => {
    for (const fact of facts) {
      step(lane, fact, 500, makeOutput())
      // As the lane's loop does when a turn is out.
      lane.delivered ||= lane.synced
    }
    return lane
  }
  const started: Fact = { _tag: "Started" }
  const failed = (failure: Failure): Fact => ({ _tag: "ListFailed", failure })

  const engineOf = (...lanes: ReadonlyArray<ReturnType<typeof makeLane>>) => {
    const engine = makeEngine("1", "https://c", 0)
    engine.surveyed = true
    for (const [at, lane] of lanes.entries()) engine.lanes.set(`${lane.key}-${at}`, lane)
    return engine
  }

  it("has settled when every lane was listed once or cannot be without help", () => {
    const elapsed: Fact = { _tag: "PauseElapsed" }
    const trying = feed(makeLane(specOf()), started)
    expect(isSettled(engineOf(trying))).toBe(false)
    expect(isSettled(engineOf(feed(makeLane(specOf()), started, listed([], "1"))))).toBe(true)
    expect(isSettled(engineOf(feed(makeLane(specOf()), started, failed(forbidden))))).toBe(true)
    for (let attempt = 1; attempt <= settleAttempts; attempt++) {
      feed(trying, failed(away), elapsed)
      expect(isSettled(engineOf(trying))).toBe(attempt === settleAttempts)
    }
    const blind = engineOf()
    expect(isSettled(blind)).toBe(true)
    blind.surveyed = false
    expect(isSettled(blind)).toBe(false)
  })

  it("has not settled while the last page of a list is still on its way out", () => {
    const lane = feed(makeLane(specOf()), started)
    step(lane, listed([thing("a")], "1"), 500, makeOutput())
    expect([lane.synced, isSettled(engineOf(lane))]).toEqual([true, false])
  })

  it("names the lanes that could not be read, hidden ones aside", () => {
    const refused = feed(makeLane(specOf()), started, failed(forbidden))
    const hidden = feed(makeLane(specOf({ hidden: true })), started, failed(forbidden))
    const read = feed(makeLane(specOf()), started, listed([], "1"))
    expect(unreadLanes(engineOf(refused, hidden, read))).toEqual([refused])
  })

  it("projects what is, and what it shows does not change afterwards", () => {
    const lane = feed(makeLane(specOf()), started, listed([thing("a", "1"), thing("b", "2")], "5"))
    countPublished(lane, [{ event: "Added" }, { event: "Added" }, { event: "Modified" }, { event: "Deleted" }])
    const engine = engineOf(lane, makeLane(specOf({ hidden: true })))
    addToCounter(engine, "discoveries")
    addToCounter(engine, "discoveries", 2)
    const status = projectStatus(engine, 900, sink)
    expect(status).toMatchObject({ nowMs: 900, settled: false, sink, counters: { discoveries: 3 } })
    expect(status.lanes).toHaveLength(1)
    expect(status.lanes[0]).toMatchObject({
      key: "pods",
      name: "pods.v1.",
      kind: "Pod",
      state: "watching",
      objects: 2,
      synced: true,
      published: { added: 2, modified: 1, deleted: 1 },
      lists: 1,
      lastHeardMs: 500,
      trouble: undefined,
    })
    feed(lane, { _tag: "WatchFailed", failure: forbidden }, { _tag: "PauseElapsed" })
    addToCounter(engine, "discoveries")
    expect(status.lanes[0]).toMatchObject({ state: "watching", trouble: undefined })
    expect(status.counters["discoveries"]).toBe(3)
    expect(projectStatus(engine, 901, sink).lanes[0]?.trouble).toEqual({ reason: "Forbidden", text: "403", sinceMs: 500, attempts: 1 })
  })

  it("shows one digest for the same objects, however they came", () => {
    const things = [thing("a", "1", uidOf("a")), thing("b", "2", uidOf("b"))]
    const whole = feed(makeLane(specOf()), started, listed(things, "5"))
    const paged = feed(makeLane(specOf()), started, listed(things.slice(1), "5", "t"), listed(things.slice(0, 1), "5"))
    const [one, other] = projectStatus(engineOf(whole, paged), 0, sink).lanes
    expect(one?.digest).toBe(other?.digest)
    expect(one?.digest).toMatch(/^[0-9a-f]{16}$/)
  })
})
