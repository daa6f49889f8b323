/**
 * What happens to the world in one run, drawn from the seed before it begins: writes, and the faults that this seed has switched on.
 * An action resolves its rolls against the world as it finds it, so a run goes on to mean something when others are taken out.
 */
import { makeChance, type Chance } from "../../src/adapters/memory/chance.ts"

export const writes = ["create", "change", "delete", "recreate", "burst"] as const
export const faults = [
  "listExpired",
  "watchExpired",
  "expiredStorm",
  "compact",
  "futureVersion",
  "listStatus",
  "watchStatus",
  "retryAfter",
  "refusal",
  "listHtml",
  "listStall",
  "listCut",
  "watchCut",
  "cutNow",
  "silence",
  "bookmarkTwice",
  "restart",
  "withdraw",
  "withdrawUnheard",
  "returnMidList",
  "slowApi",
  "errorLine",
  "define",
  "moveVersion",
  "deselect",
  "reselect",
  "reconcile",
  "resync",
  "outage",
  "consumerAway",
  "doubt",
  "slowSink",
] as const

/** What concerns the supervisor, discovery and requests alone, beside those above. */
export const engineFaults = [
  ...faults.filter((name) => !["deselect", "reselect", "reconcile"].includes(name)),
  "discoveryFails",
  "discoveryStale",
  "definitionsTrouble",
  "resyncBurst",
  "questions",
] as const

export type ActionName = (typeof writes)[number] | (typeof faults)[number] | (typeof engineFaults)[number]

export interface Action {
  readonly atMs: number
  readonly name: ActionName
  /** A whole number from 0 below 2^30, for whatever the action has to choose. */
  readonly roll: number
}

export interface Plan {
  readonly seed: number
  /** Objects a page at most, so that lists have several pages. */
  readonly pageObjects: number
  readonly actions: ReadonlyArray<Action>
}

/** Actions happen in this time; then all faults end. */
export const activeMs = 8 * 60_000

const drawName = (chance: Chance, enabled: ReadonlyArray<ActionName>): ActionName =>
  enabled.length > 0 && chance.below(100) < 45 ? chance.pick(enabled) : chance.pick(writes)

/** What meets the states that are rarest, so that 500 seeds meet each often. */
const favoured: ReadonlySet<string> = new Set([
  "deselect",
  "reselect",
  "reconcile",
  "moveVersion",
  "returnMidList",
  "withdrawUnheard",
  "futureVersion",
])

/** Each seed has a third of the faults switched on, those twice as often: with all of them at once, some would hide others. */
export const drawPlan = (seed: number, from: ReadonlyArray<ActionName> = faults): Plan => {
  const chance = makeChance(seed * 2 + 1)
  const enabled = from.flatMap((name) => (chance.below(3) <= (favoured.has(name) ? 1 : 0) ? [name] : []))
  const weighted = [...enabled, ...enabled.filter((name) => favoured.has(name))]
  const count = 30 + chance.below(50)
  const actions = Array.from({ length: count }, () => ({
    atMs: chance.below(4) === 0 ? chance.below(activeMs) : chance.below(activeMs / 4),
    name: drawName(chance, weighted),
    roll: chance.below(2 ** 30),
  }))
  return {
    seed,
    pageObjects: 1 + chance.below(5),
    actions: actions.toSorted((left, right) => left.atMs - right.atMs),
  }
}

export const actionText = ({ atMs, name, roll }: Action): string => `${(atMs / 1000).toFixed(3).padStart(8)}s ${name} #${roll}`
