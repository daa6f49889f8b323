import { assert, describe, it } from "@effect/vitest"
import {
  type Announcer,
  type AnnouncerFact,
  dueAnnouncement,
  idleAnnouncer,
  mustAsk,
  observeFact,
} from "../../../src/adapters/nats/announcer.ts"
import { announceAfterReconnectMs, announceEveryMs, audienceEveryMs, audienceGatherMs, probeEveryMs } from "../../../src/domain/limit.ts"

type Step = readonly [atMs: number, fact: AnnouncerFact["_tag"]]

/** Runs a script of facts in virtual time, looking every 100 ms; returns what was announced, as `time origin`. */
const play = (untilMs: number, ...steps: ReadonlyArray<Step>): ReadonlyArray<string> => {
  let state = idleAnnouncer
  const announced: Array<string> = []
  const rest = [...steps]
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    while (rest[0] !== undefined && rest[0][0] <= nowMs) state = observeFact(state, { _tag: rest.shift()![1] }, nowMs)
    const origin = dueAnnouncement(state, nowMs)
    if (origin === undefined) continue
    announced.push(`${nowMs} ${origin}`)
    state = observeFact(state, { _tag: "Announced" }, nowMs)
  }
  return announced
}

const reconnected: ReadonlyArray<Step> = [
  [0, "Connected"],
  [1000, "Disconnected"],
  [3000, "Connected"],
]

describe("when everything is announced again", () => {
  it("not after the first connection, whoever listens", () => {
    assert.deepStrictEqual(play(300_000, [0, "Connected"], [500, "Heard"]), [])
  })

  it("after a reconnect, when subscribers have had their time to come back, even if one of them already has", () => {
    const expected = [`${3000 + announceAfterReconnectMs} reconnect`]
    assert.deepStrictEqual(play(300_000, ...reconnected), expected)
    assert.deepStrictEqual(play(300_000, ...reconnected, [3500, "Heard"]), expected)
  })

  it("after a reconnect a moment after the first subscriber, if that one comes late", () => {
    const late = 3000 + announceAfterReconnectMs - 100
    assert.deepStrictEqual(play(300_000, ...reconnected, [late, "Heard"]), [`${late + audienceGatherMs} reconnect`])
  })

  it("after a reconnect not before somebody is there, if it is known that nobody is", () => {
    assert.deepStrictEqual(play(300_000, ...reconnected, [4000, "Unheard"], [90_000, "Heard"]), [`${90_000 + audienceGatherMs} reconnect`])
    assert.deepStrictEqual(play(300_000, ...reconnected, [4000, "Unheard"]), [])
  })

  it("when the first subscriber appears, once for each time that nobody was there", () => {
    const quiet: ReadonlyArray<Step> = [
      [0, "Connected"],
      [200, "Unheard"],
      [5000, "Heard"],
      [6000, "Heard"],
    ]
    const first = `${5000 + audienceGatherMs} subscriber`
    assert.deepStrictEqual(play(300_000, ...quiet), [first])
    assert.deepStrictEqual(play(300_000, ...quiet, [100_000, "Unheard"], [110_000, "Heard"]), [
      first,
      `${110_000 + audienceGatherMs} subscriber`,
    ])
  })

  it("at most once in a while: what comes in between is gathered into one", () => {
    const flapping: ReadonlyArray<Step> = [5000, 16_000, 17_000, 18_000].flatMap((at): ReadonlyArray<Step> => [
      [at, "Disconnected"],
      [at + 500, "Connected"],
      [at + 1000, "Heard"],
    ])
    const firstMs = 5500 + announceAfterReconnectMs
    assert.deepStrictEqual(play(300_000, [0, "Connected"], ...flapping), [`${firstMs} reconnect`, `${firstMs + announceEveryMs} reconnect`])
  })

  it("soon enough that a consumer is whole within 30 s of the broker's return, whatever was announced before", () => {
    for (const at of [15_600, 20_000, 25_000, 30_000]) {
      const again: ReadonlyArray<Step> = [
        [at, "Disconnected"],
        [at + 500, "Connected"],
        [at + 600, "Heard"],
      ]
      const [, second = ""] = play(300_000, [0, "Connected"], [5000, "Disconnected"], [5500, "Connected"], ...again)
      const afterMs = Number(second.split(" ")[0]) - at
      assert.isAtMost(afterMs, 20_000, `disconnected at ${at}`)
    }
  })

  it("never without a connection", () => {
    assert.deepStrictEqual(play(300_000, ...reconnected, [3500, "Disconnected"]), [])
    assert.deepStrictEqual(play(300_000, ...reconnected, [3500, "Disconnected"], [60_000, "Connected"], [60_100, "Heard"]), [
      `${60_000 + announceAfterReconnectMs} reconnect`,
    ])
  })

  it("stays due until it is on its way", () => {
    const due = observeFact(
      reconnected.reduce((state: Announcer, [at, tag]) => observeFact(state, { _tag: tag }, at), idleAnnouncer),
      { _tag: "Heard" },
      4000,
    )
    assert.strictEqual(dueAnnouncement(due, 20_000), "reconnect")
    assert.strictEqual(dueAnnouncement(due, 90_000), "reconnect")
    assert.strictEqual(dueAnnouncement(observeFact(due, { _tag: "Announced" }, 90_000), 90_000), undefined)
  })
})

describe("whether the monitoring port is asked", () => {
  /** Times of questions whose answers never come. */
  const questions = (untilMs: number, ...steps: ReadonlyArray<Step>): ReadonlyArray<number> => {
    let state = idleAnnouncer
    const asked: Array<number> = []
    const rest = [...steps]
    for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
      while (rest[0] !== undefined && rest[0][0] <= nowMs) state = observeFact(state, { _tag: rest.shift()![1] }, nowMs)
      if (!mustAsk(state, nowMs)) continue
      asked.push(nowMs)
      state = observeFact(state, { _tag: "Asked" }, nowMs)
    }
    return asked
  }

  it("every second while an announcement is owed", () => {
    assert.deepStrictEqual(
      questions(6000, ...reconnected).filter((at) => at >= 3000),
      [3000, 3000 + probeEveryMs, 3000 + 2 * probeEveryMs, 3000 + 3 * probeEveryMs],
    )
  })

  it("rarely while nobody is known to listen, and not at all when somebody does or nothing is connected", () => {
    assert.deepStrictEqual(questions(25_000, [0, "Connected"]), [0, audienceEveryMs, 2 * audienceEveryMs])
    assert.deepStrictEqual(questions(60_000, [0, "Connected"], [0, "Heard"]), [])
    assert.deepStrictEqual(questions(60_000), [])
  })
})
