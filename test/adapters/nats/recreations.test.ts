import { assert, describe, it } from "@effect/vitest"
import {
  dueRepetitions,
  isOverfull,
  makeRecreations,
  noteMessage,
  noteOversize,
  settleRepetition,
} from "../../../src/adapters/nats/recreations.ts"
import {
  recreationRepeatMs,
  recreationSettledMs,
  recreationsBytesMax,
  recreationsMax,
  recreationsWatchedMax,
  recreationWindowMs,
} from "../../../src/domain/limit.ts"
import type { ChangeEvent } from "../../../src/domain/sync/fact.ts"
import type { Message } from "../../../src/ports/Sink.ts"
import { deployments, messageOf, pods } from "../message.ts"

const message = (event: ChangeEvent, name: string, text: string, over: Partial<Message> = {}): Message => ({
  ...messageOf({ event, name }),
  payload: new TextEncoder().encode(text),
  ...over,
})

type Step = readonly [atMs: number, message: Message]

/** Plays messages in virtual time, taking what is due every 50 ms as accepted; what was repeated, as `time text`. */
const play = (untilMs: number, ...steps: ReadonlyArray<Step>): ReadonlyArray<string> => {
  const state = makeRecreations()
  const repeated: Array<string> = []
  const rest = [...steps]
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 50) {
    while (rest[0] !== undefined && rest[0][0] <= nowMs) noteMessage(state, rest.shift()![1], nowMs)
    for (const repetition of dueRepetitions(state, nowMs, 100, 1e6)) {
      repeated.push(`${nowMs} ${new TextDecoder().decode(repetition.message.payload)}`)
      settleRepetition(state, repetition, true, nowMs)
    }
  }
  return repeated
}

describe("objects created anew right after their deletion", () => {
  it("go out once more, later", () => {
    assert.deepStrictEqual(play(10_000, [0, message("Deleted", "a", "d")], [100, message("Added", "a", "new")]), [
      `${100 + recreationRepeatMs} new`,
    ])
  })

  it("in the same batch as well", () => {
    assert.deepStrictEqual(play(10_000, [0, message("Deleted", "a", "d")], [0, message("Added", "a", "new")]), [
      `${recreationRepeatMs} new`,
    ])
  })

  it.each([
    ["nothing was deleted", [[0, message("Added", "a", "x")]]],
    [
      "the deletion is long ago",
      [
        [0, message("Deleted", "a", "d")],
        [recreationWindowMs + 100, message("Added", "a", "x")],
      ],
    ],
    [
      "another name",
      [
        [0, message("Deleted", "a", "d")],
        [0, message("Added", "b", "x")],
      ],
    ],
    [
      "another namespace",
      [
        [0, message("Deleted", "a", "d")],
        [0, message("Added", "a", "x", { namespace: "other" })],
      ],
    ],
    [
      "another kind",
      [
        [0, message("Deleted", "a", "d", { type: pods })],
        [0, message("Added", "a", "x", { type: deployments })],
      ],
    ],
    [
      "another apiVersion",
      [
        [0, message("Deleted", "a", "d")],
        [0, message("Added", "a", "x", { type: { ...pods, version: "v2" } })],
      ],
    ],
    [
      "deleted again",
      [
        [0, message("Deleted", "a", "d")],
        [0, message("Added", "a", "x")],
        [500, message("Deleted", "a", "d")],
      ],
    ],
  ] satisfies ReadonlyArray<readonly [string, ReadonlyArray<Step>]>)("do not when %s", (_, steps) => {
    assert.deepStrictEqual(play(10_000, ...steps), [])
  })

  it("go out with their newest content when it came before the consumer's batch was over", () => {
    const steps: ReadonlyArray<Step> = [
      [0, message("Deleted", "a", "d")],
      [50, message("Added", "a", "old")],
      [recreationSettledMs - 50, message("Modified", "a", "newest")],
    ]
    assert.deepStrictEqual(play(10_000, ...steps), [`${50 + recreationRepeatMs} newest`])
  })

  it("are not repeated when something newer went out after that", () => {
    const steps: ReadonlyArray<Step> = [
      [0, message("Deleted", "a", "d")],
      [50, message("Added", "a", "old")],
      [recreationSettledMs, message("Modified", "a", "newest")],
    ]
    assert.deepStrictEqual(play(10_000, ...steps), [])
  })

  it("keep bytes of their own", () => {
    const state = makeRecreations()
    const added = message("Added", "a", "kept")
    noteMessage(state, message("Deleted", "a", "d"), 0)
    noteMessage(state, added, 0)
    added.payload.fill(0)
    assert.deepStrictEqual(
      dueRepetitions(state, 60_000, 10, 1000).map((one) => new TextDecoder().decode(one.message.payload)),
      ["kept"],
    )
  })

  it("are tried again when their acceptance is in doubt, unless something newer took the place", () => {
    const state = makeRecreations()
    for (const name of ["a", "b"]) {
      noteMessage(state, message("Deleted", name, "d"), 0)
      noteMessage(state, message("Added", name, "old"), 0)
    }
    const due = dueRepetitions(state, recreationRepeatMs, 10, 1000)
    assert.strictEqual(due.length, 2)
    noteMessage(state, message("Modified", "b", "newer"), recreationRepeatMs)
    for (const repetition of due) settleRepetition(state, repetition, false, recreationRepeatMs)
    assert.deepStrictEqual(
      dueRepetitions(state, 2 * recreationRepeatMs, 10, 1000).map((one) => one.message.name),
      ["a"],
    )
  })
})

describe("a message that goes in pieces", () => {
  it("takes the place of an older one that waits, and is not repeated itself", () => {
    const state = makeRecreations()
    noteMessage(state, message("Deleted", "a", "d"), 0)
    noteMessage(state, message("Added", "a", "old"), 10)
    noteOversize(state, message("Modified", "a", "large"))
    noteMessage(state, message("Deleted", "b", "d"), 10)
    noteOversize(state, message("Added", "b", "large"))
    assert.deepStrictEqual(dueRepetitions(state, 60_000, 100, 1e6), [])
    assert.strictEqual(state.bytes, 0)
  })

  it("leaves the deletion before it in force for what comes next", () => {
    const state = makeRecreations()
    for (const name of ["a", "b"]) noteMessage(state, message("Deleted", name, "d"), 0)
    noteMessage(state, message("Added", "a", "old"), 10)
    for (const name of ["a", "b"]) noteOversize(state, message("Modified", name, "large"))
    for (const name of ["a", "b"]) noteMessage(state, message("Modified", name, `small ${name}`), 20)
    const due = dueRepetitions(state, 20 + recreationRepeatMs, 100, 1e6)
    assert.deepStrictEqual(
      due.map((one) => new TextDecoder().decode(one.message.payload)),
      ["small a", "small b"],
    )
  })
})

describe("the bounds of repetitions", () => {
  const recreate = (count: number, size: number) => {
    const state = makeRecreations()
    for (let index = 0; index < count; index++) {
      noteMessage(state, message("Deleted", `n${index}`, "d"), 0)
      noteMessage(state, message("Added", `n${index}`, "", { payload: new Uint8Array(size) }), 0)
    }
    return state
  }

  it("beyond the number the oldest falls due early, and none is lost", () => {
    const state = recreate(recreationsMax + 3, 1)
    assert.isTrue(isOverfull(state))
    const early = dueRepetitions(state, 0, 100, 1e6)
    assert.deepStrictEqual(
      early.map((one) => one.message.name),
      ["n0", "n1", "n2"],
    )
    for (const one of early) settleRepetition(state, one, true, 0)
    assert.isFalse(isOverfull(state))
    assert.strictEqual(state.waiting.size, recreationsMax)
  })

  it("beyond the bytes too", () => {
    const state = recreate(9, recreationsBytesMax / 8)
    assert.strictEqual(dueRepetitions(state, 0, 100, 1e9).length, 1)
    assert.strictEqual(state.bytes, (9 * recreationsBytesMax) / 8)
  })

  it("a batch of them holds no more than asked for, but at least one", () => {
    const state = recreate(10, 100)
    assert.strictEqual(dueRepetitions(state, 60_000, 3, 1e6).length, 3)
    assert.strictEqual(dueRepetitions(state, 60_000, 10, 250).length, 2)
    assert.strictEqual(dueRepetitions(state, 60_000, 10, 1).length, 1)
  })

  it("deletions are forgotten with their window, and the oldest beyond the number", () => {
    const state = makeRecreations()
    for (let index = 0; index <= recreationsWatchedMax; index++) noteMessage(state, message("Deleted", `n${index}`, "d"), 0)
    assert.strictEqual(state.departed.size, recreationsWatchedMax)
    noteMessage(state, message("Added", "other", "x"), recreationWindowMs + 1)
    assert.strictEqual(state.departed.size, 0)
  })
})
