import { describe, expect, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { vanishedAfterMs } from "../../../src/domain/limit.ts"
import { planLanes } from "../../../src/domain/select/plan.ts"
import { typeKey } from "../../../src/domain/select/resource.ts"
import { allEvents, type LaneSpec } from "../../../src/domain/select/selection.ts"
import { makeDiscovery, makeType } from "./recorded.ts"

const lane = (key: string, spec: Partial<LaneSpec> = {}): LaneSpec => ({
  type: makeType(key),
  events: allEvents,
  namespace: undefined,
  namespaces: undefined,
  selector: "",
  hidden: false,
  ...spec,
})
const pods = lane("pods")
const widgets = lane("widgets.x.io")
const nobody = new Map<string, number>()
const served = (...lanes: ReadonlyArray<LaneSpec>) => makeDiscovery(lanes.map(({ type }) => makeType(typeKey(type), type)))
const quiet = { open: [], close: [], move: [], vanish: [], changed: [], missingSinceMs: nobody, lookAgainInMs: undefined }

describe("planLanes", () => {
  it("opens what is desired and does not run", () => {
    expect(planLanes([], [pods, widgets], served(pods, widgets), nobody, 0)).toEqual({ ...quiet, open: [pods, widgets] })
    expect(planLanes([pods], [pods, widgets], served(pods, widgets), nobody, 0)).toEqual({ ...quiet, open: [widgets] })
  })

  it("does nothing for lanes that are as desired, even if made anew", () => {
    const again = lane("pods", { events: new Set(["DELETED", "ADDED", "MODIFIED"]), namespaces: new Set(["b", "a"]) })
    expect(planLanes([{ ...pods, namespaces: new Set(["a", "b"]) }], [again], served(pods), nobody, 0)).toEqual(quiet)
  })

  it("closes what is served but not desired", () => {
    expect(planLanes([pods, widgets], [pods], served(pods, widgets), nobody, 0)).toEqual({ ...quiet, close: [widgets] })
  })

  it("leaves alone what has lost list or watch: its objects live on", () => {
    const discovery = makeDiscovery([makeType("widgets.x.io", { watchable: false })])
    expect(planLanes([widgets], [], discovery, nobody, 0)).toEqual(quiet)
  })

  it.each<[string, Partial<LaneSpec>]>([
    ["events", { events: new Set(["ADDED"]) }],
    ["the namespace", { namespace: "shop" }],
    ["the namespaces", { namespaces: new Set(["shop"]) }],
    ["the selector", { selector: "app=x" }],
    ["being hidden", { hidden: true }],
  ])("tells a change of %s", (_, spec) => {
    const next = { ...pods, ...spec }
    expect(planLanes([pods], [next], served(pods), nobody, 0)).toEqual({ ...quiet, changed: [[pods, next]] })
    expect(planLanes([next], [pods], served(pods), nobody, 0)).toEqual({ ...quiet, changed: [[next, pods]] })
  })

  it.each([
    ["version", { version: "v2" }],
    ["kind", { kind: "Gadget" }],
    ["scope", { namespaced: false }],
  ])("moves a type of another %s", (_, spec) => {
    const next = lane("widgets.x.io", { type: makeType("widgets.x.io", spec) })
    expect(planLanes([pods, widgets], [pods, next], served(pods, next), nobody, 0)).toEqual({ ...quiet, move: [[widgets, next]] })
  })

  it("does not move a type while its group answers in part", () => {
    const next = lane("widgets.x.io", { type: makeType("widgets.x.io", { version: "v1beta1" }) })
    const discovery = { ...served(next), staleGroups: new Set(["x.io"]) }
    expect(planLanes([widgets], [next], discovery, nobody, 0)).toEqual(quiet)
  })
})

describe("a missing type", () => {
  const without = served(pods)
  const plan = (missingSinceMs: ReadonlyMap<string, number>, nowMs: number, discovery = without) =>
    planLanes([pods, widgets], [pods], discovery, missingSinceMs, nowMs)

  it("is looked for again, and gone when it is still missing", () => {
    const first = plan(nobody, 1_000)
    expect(first).toEqual({ ...quiet, missingSinceMs: new Map([["widgets.x.io", 1_000]]), lookAgainInMs: vanishedAfterMs })
    const early = plan(first.missingSinceMs, 1_001)
    expect(early).toEqual({ ...quiet, missingSinceMs: first.missingSinceMs, lookAgainInMs: vanishedAfterMs - 1 })
    const last = plan(early.missingSinceMs, 1_000 + vanishedAfterMs)
    expect(last).toEqual({ ...quiet, vanish: [widgets] })
  })

  it("that comes back starts anew", () => {
    const first = plan(nobody, 0)
    const back = planLanes([pods, widgets], [pods, widgets], served(pods, widgets), first.missingSinceMs, 1)
    expect(back).toEqual(quiet)
    expect(plan(back.missingSinceMs, vanishedAfterMs).vanish).toEqual([])
  })

  it("is in no doubt while its group does not answer", () => {
    const silent = { ...without, staleGroups: new Set(["x.io"]) }
    expect(plan(nobody, 0, silent)).toEqual(quiet)
    const first = plan(nobody, 0)
    const between = plan(first.missingSinceMs, 1, silent)
    expect(between).toEqual(quiet)
    expect(plan(between.missingSinceMs, vanishedAfterMs).vanish).toEqual([])
  })

  it("of another group does not wait for the silent one", () => {
    const silent = { ...without, staleGroups: new Set(["other.io"]) }
    expect(plan(new Map([["widgets.x.io", 0]]), vanishedAfterMs, silent).vanish).toEqual([widgets])
  })

  it("asks for the earliest of several looks", () => {
    const gadgets = lane("gadgets.y.io")
    const since = new Map([["widgets.x.io", 0]])
    expect(planLanes([gadgets, widgets], [], served(), since, 2_000)).toEqual({
      ...quiet,
      missingSinceMs: new Map([
        ["gadgets.y.io", 2_000],
        ["widgets.x.io", 0],
      ]),
      lookAgainInMs: vanishedAfterMs - 2_000,
    })
  })
})

/**
 * What may be true of one type at a time of discovery: absent from the server, served in a version, selected, its group silent, its
 * selector.
 */
const Moment = Schema.Struct({
  served: Schema.Boolean,
  version: Schema.Literals(["v1", "v2"]),
  selected: Schema.Boolean,
  stale: Schema.Boolean,
  selector: Schema.Literals(["", "app=x"]),
  pauseMs: Schema.Literals([1_000, 4_000, 6_000]),
})

/**
 * Plays a history and checks after each moment that no lane is in two places, that the plan leads to what is desired, and that `pods` goes
 * on.
 */
const followHistory = (history: ReadonlyArray<typeof Moment.Type>): void => {
  let current: ReadonlyArray<LaneSpec> = []
  let missing: ReadonlyMap<string, number> = nobody
  let nowMs = 0
  let lackedSinceMs: number | undefined
  for (const moment of history) {
    nowMs += moment.pauseMs
    const type = makeType("widgets.x.io", { version: moment.version })
    const desired = [pods, ...(moment.served && moment.selected ? [lane("widgets.x.io", { type, selector: moment.selector })] : [])]
    const discovery = makeDiscovery([makeType("pods"), ...(moment.served ? [type] : [])], moment.stale ? ["x.io"] : [])
    const plan = planLanes(current, desired, discovery, missing, nowMs)
    const moved = new Map([...plan.move, ...plan.changed])
    const touched = [...plan.close, ...plan.vanish, ...moved.keys()]
    expect(new Set(touched).size).toBe(touched.length)
    expect(touched.filter((spec) => !current.includes(spec) || spec.type.plural === "pods")).toEqual([])
    expect(plan.move.length).toBe(
      !moment.stale &&
        current.some((spec) => desired.some((next) => typeKey(next.type) === typeKey(spec.type) && next.type.version !== spec.type.version))
        ? 1
        : 0,
    )
    expect(plan.lookAgainInMs === undefined).toBe(plan.missingSinceMs.size === 0)

    const after = [
      ...current.filter((spec) => !plan.close.includes(spec) && !plan.vanish.includes(spec)).map((spec) => moved.get(spec) ?? spec),
      ...plan.open,
    ]
    expect(new Set(after.map((spec) => typeKey(spec.type))).size).toBe(after.length)
    const running = current.some((spec) => spec.type.plural === "widgets")
    lackedSinceMs = moment.served || moment.stale || !running ? undefined : (lackedSinceMs ?? nowMs)
    const gone = lackedSinceMs !== undefined && nowMs - lackedSinceMs >= vanishedAfterMs
    expect(plan.vanish.length).toBe(gone ? 1 : 0)
    if (!moment.stale && (moment.served || gone)) expect(after).toEqual(desired)
    else expect(after.filter((spec) => spec.type.plural === "pods")).toEqual([pods])
    current = after
    missing = plan.missingSinceMs
  }
}

describe("over any history of one type among others", () => {
  it.prop("the plan leads to what is desired, and nothing else is touched", { history: Schema.Array(Moment) }, ({ history }) => {
    followHistory(history)
  })
})
