/**
 * The table of states and facts, row by row: what comes next, and what is asked for.
 */
import { describe, expect, it } from "vitest"
import type { LaneSpec } from "../../../src/domain/select/selection.ts"
import type { Command, Fact, Failure, Output } from "../../../src/domain/sync/fact.ts"
import { makeOutput } from "../../../src/domain/sync/fact.ts"
import { makeLane, type Lane, type State } from "../../../src/domain/sync/lane.ts"
import { step } from "../../../src/domain/sync/reflector.ts"
import { bookmark, errorLine, line, linesOf, listed, observed, pods, specOf, thing, type Thing } from "./block.ts"

const nowMs = 1_000

/** Feeds facts to a lane; answers what the last one led to. */
const feed = (lane: Lane, ...facts: ReadonlyArray<Fact>): Output => {
  let output = makeOutput()
  for (const fact of facts) {
    output = makeOutput()
    step(lane, fact, nowMs, output)
  }
  return output
}

const started: Fact = { _tag: "Started" }
const elapsed: Fact = { _tag: "PauseElapsed" }
const resync: Fact = { _tag: "ResyncAsked" }
const ended: Fact = { _tag: "WatchEnded" }
const due: Fact = { _tag: "ReconcileDue" }
const vanished: Fact = { _tag: "Vanished" }
const deselected: Fact = { _tag: "Deselected" }
const listFailed = (failure: Failure): Fact => ({ _tag: "ListFailed", failure })
const watchFailed = (failure: Failure): Fact => ({ _tag: "WatchFailed", failure })

const gone: Failure = { _tag: "Gone", text: "too old" }
const unavailable: Failure = { _tag: "Unavailable", text: "503", retryAfterMs: 7_000 }
const unauthorized: Failure = { _tag: "Unauthorized", text: "401" }
const tooLarge: Failure = { _tag: "TooLarge", text: "413" }
const refusals: ReadonlyArray<Failure> = [
  { _tag: "Forbidden", text: "403" },
  { _tag: "NotServed", text: "404" },
  { _tag: "Refused", text: "405" },
]

const a = thing("a", "1")
const b = thing("b", "2")

const watching = (): Lane => {
  const lane = makeLane(specOf())
  feed(lane, started, listed([a, b], "10"))
  return lane
}
/** Watching, and something has been heard. */
const hearing = (): Lane => {
  const lane = watching()
  feed(lane, observed(bookmark("11")))
  return lane
}
const listing = (): Lane => {
  const lane = watching()
  feed(lane, watchFailed(gone))
  return lane
}
const paused = (): Lane => {
  const lane = hearing()
  feed(lane, watchFailed(unavailable))
  return lane
}

const list: Command = { _tag: "List", continue: "", limit: expect.any(Number) as unknown as number }
const watch = (resourceVersion: string): Command => ({ _tag: "Watch", resourceVersion })
const pause = (slow: boolean, attempt: number, retryAfterMs?: number): Command => ({ _tag: "Pause", slow, attempt, retryAfterMs })

interface Row {
  readonly name: string
  readonly lane: () => Lane
  readonly fact: Fact
  readonly state: State
  readonly commands: ReadonlyArray<Command>
  readonly changes?: ReadonlyArray<string>
}

/** Changes as text: of a record by its number, of the ledger's memory by name. */
const told = ({ changes }: Output): ReadonlyArray<string> =>
  changes.map(({ departed, event, record }) => `${event} ${departed === undefined ? `#${record}` : departed.name}`)

const rows: ReadonlyArray<Row> = [
  { name: "watching, ReconcileDue", lane: watching, fact: due, state: { _tag: "listing" }, commands: [list], changes: [] },
  { name: "listing, ReconcileDue: this list compares already", lane: listing, fact: due, state: { _tag: "listing" }, commands: [] },
  {
    name: "paused after a failure that followed another one, ReconcileDue: the server's last wish counts",
    lane: () => {
      const lane = watching()
      feed(lane, watchFailed({ _tag: "Unavailable", text: "reset", retryAfterMs: undefined }), elapsed, watchFailed(unavailable))
      return lane
    },
    fact: due,
    state: { _tag: "paused", resume: "watch" },
    commands: [pause(false, 1, 7_000)],
  },
  {
    name: "paused after a failure, ReconcileDue: the pause begins anew, and its scale stays",
    lane: paused,
    fact: due,
    state: { _tag: "paused", resume: "watch" },
    commands: [pause(false, 0, 7_000)],
  },
  { name: "idle, Started", lane: () => makeLane(specOf()), fact: started, state: { _tag: "listing" }, commands: [list] },
  {
    name: "listing, a page with more behind it",
    lane: listing,
    fact: listed([a], "12", "token"),
    state: { _tag: "listing" },
    commands: [{ ...list, continue: "token" } as Command],
    changes: [],
  },
  {
    name: "listing, the last page: what it lacks is swept",
    lane: listing,
    fact: listed([{ ...a, version: "3" }], "12"),
    state: { _tag: "watching" },
    commands: [watch("12")],
    changes: ["Modified #0", "Deleted b"],
  },
  {
    name: "listing, 503",
    lane: listing,
    fact: listFailed(unavailable),
    state: { _tag: "paused", resume: "list" },
    commands: [pause(false, 0, 7_000)],
    changes: [],
  },
  {
    name: "listing, 413",
    lane: listing,
    fact: listFailed(tooLarge),
    state: { _tag: "paused", resume: "list" },
    commands: [pause(false, 0)],
    changes: [],
  },
  {
    name: "listing, 401",
    lane: listing,
    fact: listFailed(unauthorized),
    state: { _tag: "paused", resume: "list" },
    commands: [{ _tag: "RenewCredentials" }, pause(false, 0)],
  },
  ...refusals.map((failure): Row => ({
    name: `listing, ${failure.text}`,
    lane: listing,
    fact: listFailed(failure),
    state: { _tag: "paused", resume: "list" },
    commands: [pause(true, 0)],
    changes: [],
  })),
  {
    name: "listing a first time, 410 on a page",
    lane: () => {
      const lane = makeLane(specOf())
      feed(lane, started, listed([a], "9", "token"))
      return lane
    },
    fact: listFailed(gone),
    state: { _tag: "listing" },
    commands: [list],
    changes: [],
  },
  { name: "listing, asked for all", lane: listing, fact: resync, state: { _tag: "listing" }, commands: [], changes: [] },
  {
    name: "listing, vanished",
    lane: listing,
    fact: vanished,
    state: { _tag: "closed" },
    commands: [{ _tag: "Close" }],
    changes: ["Deleted a", "Deleted b"],
  },
  { name: "listing, deselected", lane: listing, fact: deselected, state: { _tag: "closed" }, commands: [{ _tag: "Close" }], changes: [] },
  {
    name: "watching, changes",
    lane: watching,
    fact: observed(line("MODIFIED", { ...a, version: "12" }), line("ADDED", thing("c", "13")), line("DELETED", { ...b, version: "14" })),
    state: { _tag: "watching" },
    commands: [],
    changes: ["Modified #0", "Added #1", "Deleted #2"],
  },
  {
    name: "watching, changes and then 410",
    lane: watching,
    fact: observed(line("ADDED", thing("c", "13")), errorLine(410, "Expired"), line("ADDED", thing("d", "14"))),
    state: { _tag: "listing" },
    commands: [list],
    changes: ["Added #0"],
  },
  {
    name: "watching, 500 in the stream",
    lane: hearing,
    fact: observed(errorLine(500, "InternalError")),
    state: { _tag: "paused", resume: "watch" },
    commands: [pause(false, 0)],
  },
  {
    name: "watching, a torn line",
    lane: hearing,
    fact: observed('{"type":"ADD'),
    state: { _tag: "paused", resume: "list" },
    commands: [pause(false, 0)],
  },
  { name: "watching, 410", lane: watching, fact: watchFailed(gone), state: { _tag: "listing" }, commands: [list] },
  {
    name: "watching, cut",
    lane: hearing,
    fact: watchFailed(unavailable),
    state: { _tag: "paused", resume: "watch" },
    commands: [pause(false, 0, 7_000)],
  },
  {
    name: "watching, 403",
    lane: hearing,
    fact: watchFailed(refusals[0]!),
    state: { _tag: "paused", resume: "watch" },
    commands: [pause(true, 0)],
  },
  {
    name: "watching, ended after a word",
    lane: hearing,
    fact: ended,
    state: { _tag: "paused", resume: "watch" },
    commands: [pause(false, 0)],
  },
  { name: "watching, ended without a word", lane: watching, fact: ended, state: { _tag: "listing" }, commands: [list] },
  { name: "watching, asked for all", lane: hearing, fact: resync, state: { _tag: "listing" }, commands: [list], changes: [] },
  {
    name: "watching, vanished",
    lane: watching,
    fact: vanished,
    state: { _tag: "closed" },
    commands: [{ _tag: "Close" }],
    changes: ["Deleted a", "Deleted b"],
  },
  { name: "watching, deselected", lane: watching, fact: deselected, state: { _tag: "closed" }, commands: [{ _tag: "Close" }], changes: [] },
  { name: "paused for a watch", lane: paused, fact: elapsed, state: { _tag: "watching" }, commands: [watch("11")] },
  {
    name: "paused for a list",
    lane: () => {
      const lane = listing()
      feed(lane, listFailed(unavailable))
      return lane
    },
    fact: elapsed,
    state: { _tag: "listing" },
    commands: [list],
  },
  { name: "paused, asked for all", lane: paused, fact: resync, state: { _tag: "listing" }, commands: [list] },
  {
    name: "paused, vanished",
    lane: paused,
    fact: vanished,
    state: { _tag: "closed" },
    commands: [{ _tag: "Close" }],
    changes: ["Deleted a", "Deleted b"],
  },
  { name: "paused, deselected", lane: paused, fact: deselected, state: { _tag: "closed" }, commands: [{ _tag: "Close" }], changes: [] },
]

describe("the table", () => {
  it.each(rows)("$name", ({ changes, commands, fact, lane, state }) => {
    const one = lane()
    const output = feed(one, fact)
    expect(one.state).toEqual(state)
    expect(output.commands).toEqual(commands)
    expect([...told(output)].toSorted()).toEqual([...(changes ?? [])].toSorted())
  })

  it("a closed lane does nothing, whatever happens", () => {
    for (const fact of [
      started,
      elapsed,
      resync,
      ended,
      vanished,
      deselected,
      listed([a], "1"),
      observed(line("ADDED", a)),
      watchFailed(gone),
    ]) {
      const lane = watching()
      feed(lane, vanished)
      expect(feed(lane, fact)).toEqual(makeOutput())
    }
  })

  it("a lane that has not begun does not take a resync for a beginning", () => {
    const lane = makeLane(specOf())
    expect(feed(lane, resync)).toEqual(makeOutput())
    expect(lane.state._tag).toBe("idle")
  })
})

describe("versions", () => {
  it("a watch goes on from the newest event or bookmark", () => {
    const lane = watching()
    feed(lane, observed(line("ADDED", thing("c", "12")), bookmark("15")))
    expect(feed(lane, ended, elapsed).commands).toEqual([watch("15")])
  })

  it("a line without a version does not take it back to the block before", () => {
    const lane = watching()
    feed(lane, observed(line("ADDED", thing("c", "12")), '{"type":"STRANGE","object":{"metadata":{"name":"x"}}}'))
    expect(feed(lane, ended, elapsed).commands).toEqual([watch("12")])
  })

  it("an ERROR line changes none", () => {
    const lane = watching()
    feed(lane, observed(line("ADDED", thing("c", "12")), errorLine(500, "InternalError")))
    expect(feed(lane, elapsed).commands).toEqual([watch("12")])
  })
})

describe("what fails again and again", () => {
  it("is listed at once when a version is too old, but only once in a row", () => {
    const lane = watching()
    expect(feed(lane, watchFailed(gone)).commands).toEqual([list])
    expect(feed(lane, listed([a], "20"), watchFailed(gone)).commands).toEqual([pause(false, 0)])
    expect(feed(lane, elapsed, listed([a], "21"), watchFailed(gone)).commands).toEqual([pause(false, 1)])
    feed(lane, elapsed, listed([a], "22"), observed(bookmark("23")))
    expect(feed(lane, watchFailed(gone)).commands).toEqual([list])
  })

  it("pauses longer and longer, and lists after two watches that did not open", () => {
    const lane = hearing()
    expect(feed(lane, watchFailed(unavailable)).commands).toEqual([pause(false, 0, 7_000)])
    expect(feed(lane, elapsed, watchFailed(unavailable)).commands).toEqual([pause(false, 1, 7_000)])
    expect(lane.state).toEqual({ _tag: "paused", resume: "watch" })
    feed(lane, elapsed, watchFailed(unavailable))
    expect(lane.state).toEqual({ _tag: "paused", resume: "list" })
  })

  it("asks less than once in 30 s where the server answers for this kind, and answers wrongly again and again", () => {
    const lane = listing()
    const wrong: Failure = { _tag: "Unavailable", text: "500", retryAfterMs: undefined, answered: true }
    const pauses = Array.from({ length: 9 }, (_, i) => feed(lane, ...(i === 0 ? [] : [elapsed]), listFailed(wrong)).commands)
    expect(pauses.slice(0, 6)).toEqual(Array.from({ length: 6 }, (_, i) => [pause(false, i)]))
    expect(pauses.slice(6)).toEqual([6, 7, 8].map((attempt) => [pause(false, attempt, 35_000)]))
    const silent = listing()
    for (let i = 0; i < 20; i++) feed(silent, listFailed({ _tag: "Unavailable", text: "refused", retryAfterMs: undefined }), elapsed)
    expect(feed(silent, listFailed({ _tag: "Unavailable", text: "refused", retryAfterMs: undefined })).commands).toEqual([pause(false, 20)])
  })

  it("tells of it once, and again when it is something else", () => {
    const lane = listing()
    expect(feed(lane, listFailed(refusals[0]!)).notices).toMatchObject([{ error: "ErrForbidden", subject: "pods", level: "warning" }])
    expect(feed(lane, elapsed, listFailed(refusals[0]!)).notices).toEqual([])
    expect(feed(lane, elapsed, listFailed(unavailable)).notices).toMatchObject([{ error: "ErrApiUnavailable", level: "info" }])
    feed(lane, elapsed, listed([a], "30"))
    expect(lane.trouble).toBeUndefined()
  })
})

describe("the size of pages", () => {
  const limitOf = (output: Output): number => (output.commands[0] as Extract<Command, { _tag: "List" }>).limit

  it("grows with small objects, at most doubling", () => {
    const lane = makeLane(specOf())
    const first = limitOf(feed(lane, started))
    expect(limitOf(feed(lane, listed([a, b], "9", "t1")))).toBe(first * 2)
    expect(limitOf(feed(lane, listed([a, b], "9", "t2")))).toBe(first * 4)
  })

  it("does not grow back to what failed before the list is complete", () => {
    const lane = makeLane(specOf())
    const first = limitOf(feed(lane, started))
    feed(lane, listed([a], "9", "t1"))
    expect(limitOf(feed(lane, listFailed(unavailable), elapsed))).toBe(first)
    for (const token of ["t1", "t2", "t3"]) expect(limitOf(feed(lane, listed([a], "9", token)))).toBe(first)
    feed(lane, listed([b], "9"), watchFailed(gone))
    expect(limitOf(feed(lane, listed([a], "10", "t1")))).toBeGreaterThan(first)
  })

  it("recovers from an outage that let no page through", () => {
    const lane = makeLane(specOf())
    const first = limitOf(feed(lane, started))
    for (let failures = 0; failures < 12; failures++) feed(lane, listFailed(unavailable), elapsed)
    let limit = 1
    for (let pages = 0; pages < 8; pages++) limit = limitOf(feed(lane, listed([a], "9", "t")))
    expect(limit).toBeGreaterThan(first)
  })
})

describe("announcing everything again", () => {
  it("says Added of what has not changed, and repeats nothing afterwards", () => {
    const lane = hearing()
    feed(lane, resync)
    const output = feed(lane, listed([a, { ...b, version: "3" }], "20"))
    expect(told(output)).toEqual(["Added #0", "Added #1"])
    expect(output.announced).toBe(true)
    expect(told(feed(lane, watchFailed(gone), listed([a, { ...b, version: "3" }], "21")))).toEqual([])
  })

  it("asked for in the middle of a list, takes one more round", () => {
    const lane = hearing()
    feed(lane, watchFailed(gone), listed([a], "20", "token"), resync)
    const rest = feed(lane, listed([b], "20"))
    expect(told(rest)).toEqual(["Added #0"])
    expect(rest.commands).toEqual([list])
    const whole = feed(lane, listed([a, b], "21"))
    expect(told(whole)).toEqual(["Added #0", "Added #1"])
    expect(whole.commands).toEqual([watch("21")])
  })

  it("survives a list that fails", () => {
    const lane = hearing()
    feed(lane, resync, listed([a], "20", "token"), listFailed(unavailable), elapsed)
    expect(told(feed(lane, listed([a, b], "21")))).toEqual(["Added #0", "Added #1"])
  })

  it("is complete when the type vanishes, if it was asked for by then: each deletion is told once otherwise", () => {
    expect(feed(hearing(), resync, vanished).announced).toBe(true)
    expect(feed(hearing(), vanished).announced).toBe(false)
    expect(feed(hearing(), deselected).announced).toBe(false)
  })
})

describe("what the selection admits", () => {
  it("objects of other namespaces are nobody's business", () => {
    const lane = makeLane(specOf({ namespaces: new Set(["shop"]) }))
    expect(told(feed(lane, started, listed([a, thing("x", "1", "u", "lab")], "5")))).toEqual(["Added #0"])
    expect(lane.ledger.size).toBe(1)
    expect(told(feed(lane, observed(line("DELETED", thing("x", "6", "u", "lab")))))).toEqual([])
  })

  it("events that are not wanted are followed and not told", () => {
    const lane = makeLane(specOf({ events: new Set(["DELETED"] as const) }))
    expect(told(feed(lane, started, listed([a, b], "5")))).toEqual([])
    expect(told(feed(lane, observed(line("DELETED", { ...a, version: "6" }))))).toEqual(["Deleted #0"])
  })

  it("a hidden type is read and never told", () => {
    const lane = makeLane(specOf({ hidden: true }))
    expect(told(feed(lane, started, listed([a], "5"), vanished))).toEqual([])
  })
})

describe("two snapshots", () => {
  /** What must be told between two states of a type: the definition, over plain maps. */
  const differ = (before: ReadonlyArray<Thing>, after: ReadonlyArray<Thing>): ReadonlyArray<string> => {
    const old = new Map(before.map((one) => [one.name, one]))
    const now = new Map(after.map((one) => [one.name, one]))
    const changes: Array<string> = []
    for (const one of after) {
      const known = old.get(one.name)
      if (known === undefined) changes.push(`Added ${one.name}`)
      else if (known.uid !== one.uid) changes.push(`Deleted ${one.name}`, `Added ${one.name}`)
      else if (known.version !== one.version) changes.push(`Modified ${one.name}`)
    }
    for (const one of before) if (!now.has(one.name)) changes.push(`Deleted ${one.name}`)
    return changes.toSorted()
  }

  const variants: ReadonlyArray<Thing | undefined> = [undefined, thing("x", "1", "u1"), thing("x", "2", "u1"), thing("x", "1", "u2")]
  const states = variants.flatMap((first) =>
    variants.map((second) => [first, second && { ...second, name: "y" }].filter((one) => one !== undefined)),
  )

  it("every pair of states of two objects gives the difference, in one page or in two", () => {
    for (const before of states) {
      for (const after of states) {
        for (const isCut of [false, true]) {
          const lane = makeLane(specOf())
          feed(lane, started, listed(before, "5"), watchFailed(gone))
          const pages = isCut ? [listed(after.slice(0, 1), "6", "t"), listed(after.slice(1), "6")] : [listed(after, "6")]
          const changes = pages.flatMap((page) =>
            feed(lane, page).changes.map(({ departed, event, record }) => {
              const shown = isCut && page === pages[1] ? after.slice(1) : after
              return `${event} ${departed?.name ?? shown[record]?.name}`
            }),
          )
          expect(changes.toSorted()).toEqual(differ(before, after))
        }
      }
    }
  })
})

it("an object that cannot be read is kept, skipped and told of", () => {
  const lane = watching()
  feed(lane, watchFailed(gone))
  const deep = `${'{"a":'.repeat(600)}1${"}".repeat(600)}`
  const records = linesOf(
    `{"type":"MODIFIED","object":{"metadata":{"name":"a","namespace":"shop","uid":"${a.uid}","resourceVersion":"9"},"spec":${deep}}}`,
  )
  const output = feed(lane, { _tag: "PageListed", records, resourceVersion: "20", continue: "" })
  expect(told(output)).toEqual(["Deleted b"])
  expect(output.notices).toMatchObject([{ error: "ErrSkippedObject", subject: pods.plural, level: "warning" }])
  expect(lane.counts.flawed).toBe(1)
  expect(lane.ledger.size).toBe(1)
})

describe("a comparison", () => {
  it("publishes and counts what differs, over all pages, and nothing when nothing does", () => {
    const lane = hearing()
    feed(lane, due, listed([{ ...a, version: "3" }], "12", "token"))
    expect(lane.comparison).toEqual({ done: false, listed: 1, added: 0, modified: 1, deleted: 0 })
    expect(told(feed(lane, listed([thing("c", "4")], "12")))).toEqual(["Added #0", "Deleted b"])
    expect(lane.comparison).toEqual({ done: true, listed: 2, added: 1, modified: 1, deleted: 1 })
    expect(told(feed(lane, due, listed([{ ...a, version: "3" }, thing("c", "4")], "13")))).toEqual([])
    expect(lane.comparison).toEqual({ done: true, listed: 2, added: 0, modified: 0, deleted: 0 })
  })

  it("that fails half-way counts for nothing and deletes nothing", () => {
    const lane = hearing()
    feed(lane, due, listed([a], "12", "token"))
    expect(told(feed(lane, listFailed(unavailable)))).toEqual([])
    expect(lane.comparison).toBeUndefined()
    expect(lane.ledger.size).toBe(2)
  })

  it("that an announcement overtakes is none: what is said again is no drift", () => {
    const lane = hearing()
    feed(lane, due, resync, listed([a, b], "12"))
    expect(lane.comparison).toBeUndefined()
  })
})

describe("a lane that is selected differently", () => {
  const other = (more: Partial<LaneSpec>): Fact => ({ _tag: "Reselected", spec: specOf(more) })

  it.each([
    ["watching", watching],
    ["listing", listing],
    ["paused", paused],
  ])("lists anew where it stands: %s", (_, make) => {
    const lane = make()
    const { round } = lane.ledger
    const output = feed(lane, other({ selector: "app=a" }))
    expect(output.commands).toEqual([list])
    expect(output.changes).toEqual([])
    expect(lane).toMatchObject({ state: { _tag: "listing" }, attempts: 0, ledger: { round: round + 1, size: 2 } })
  })

  it("keeps its ledger: what stays says nothing, what no longer belongs is Deleted, what comes is Added", () => {
    const lane = watching()
    feed(lane, other({ selector: "app=a" }))
    expect(told(feed(lane, listed([a, thing("c", "3")], "12")))).toEqual(["Added #1", "Deleted b"])
    expect(told(feed(lane, other({}), listed([a, b, thing("c", "3")], "13")))).toEqual(["Added #1"])
  })

  it("drops the objects of namespaces that are no longer selected, though the list shows them", () => {
    const lane = makeLane(specOf())
    const elsewhere = { ...thing("x", "1"), namespace: "elsewhere" }
    feed(lane, started, listed([a, elsewhere], "10"))
    expect(told(feed(lane, other({ namespaces: new Set([a.namespace, "more"]) }), listed([a, elsewhere], "11")))).toEqual(["Deleted x"])
  })

  it("says everything once more when it is read in another depth", () => {
    const lane = watching()
    expect(told(feed(lane, other({ depth: "metadata" }), listed([a, b], "12")))).toEqual(["Added #0", "Added #1"])
    expect(told(feed(lane, other({ depth: "metadata" }), observed(line("MODIFIED", thing("a", "13")))))).toEqual(["Modified #0"])
  })

  it("compares nothing any more: what no longer belongs is no drift", () => {
    const lane = hearing()
    feed(lane, due, other({ selector: "app=a" }), listed([a], "12"))
    expect(lane.comparison).toBeUndefined()
  })

  it("says everything once more when events count that did not, deletions of the time before among them", () => {
    const lane = makeLane(specOf({ events: new Set(["MODIFIED"]) }))
    expect(told(feed(lane, started, listed([a, b], "10")))).toEqual([])
    expect(feed(lane, other({})).commands).toEqual([list])
    expect(told(feed(lane, listed([a], "12")))).toEqual(["Added #0", "Deleted b"])
    expect(feed(lane, other({ events: new Set(["ADDED", "DELETED"]) })).commands).toEqual([watch("12")])
    // As many events, but others.
    expect(feed(lane, other({ events: new Set(["ADDED", "MODIFIED"]) })).commands).toEqual([list])
    expect(told(feed(lane, listed([a], "13")))).toEqual(["Added #0"])
  })

  it("makes an epoch of it, also in the middle of a list", () => {
    const lane = listing()
    expect(feed(lane, other({ events: new Set(["MODIFIED"]) })).marks).toEqual([])
    expect(feed(lane, other({})).marks).toEqual(["begin"])
    expect(feed(lane, listed([a, b], "12")).marks).toEqual(["end"])
  })

  it("lists nothing when only fewer events count", () => {
    const lane = watching()
    expect(feed(lane, other({ events: new Set(["MODIFIED"]) })).commands).toEqual([watch("10")])
    expect(told(feed(lane, observed(line("ADDED", thing("c", "11"))), observed(line("MODIFIED", thing("c", "12")))))).toEqual([
      "Modified #0",
    ])
    const busy = listing()
    expect(feed(busy, other({ events: new Set(["MODIFIED"]) })).commands).toEqual([])
    expect(feed(paused(), other({ events: new Set(["MODIFIED"]) })).commands).toEqual([watch("11")])
  })

  it("that has not begun begins with what is selected last", () => {
    const lane = makeLane(specOf())
    expect(feed(lane, other({ selector: "app=a" })).commands).toEqual([])
    expect(feed(lane, started).commands).toEqual([list])
    expect(lane.spec.selector).toBe("app=a")
  })

  it("announces its objects as deleted when it is closed so", () => {
    const lane = watching()
    const output = feed(lane, { _tag: "Deselected", deleting: true })
    expect(told(output)).toEqual(["Deleted a", "Deleted b"])
    expect(output.commands).toEqual([{ _tag: "Close" }])
    expect(lane.ledger.size).toBe(0)
  })
})
