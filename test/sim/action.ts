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
  "kill",
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
  /** The minimum interval of all kinds; 0: none. */
  readonly minIntervalMs: number
  readonly actions: ReadonlyArray<Action>
}

/** Actions happen in this time; then all faults end. */
export const activeMs = 8 * 60_000

/** An object changes, its watch is lost, and while a slow list is on its way it changes again or goes. */
const loseMidList = (chance: Chance, roll: number): ReadonlyArray<Action> => {
  const atMs = chance.below(activeMs / 3)
  const later = (delayMs: number, name: ActionName): Action => ({ atMs: atMs + delayMs, name, roll })
  const last = chance.pick(["change", "delete", "recreate"] as const)
  return [
    later(0, "slowApi"),
    later(500, "change"),
    later(800, "change"),
    later(1_100, "watchExpired"),
    later(1_200 + chance.below(6_000), last),
  ]
}

/** Whether a plan has an interval, and a few objects that change all the time: `drawn`: half of the seeds do. */
export type Churn = "drawn" | "never" | "always"

/** Drawn apart: the other actions of a seed stay what they were. */
const drawChurn = (seed: number, churn: Churn): Pick<Plan, "actions" | "minIntervalMs"> => {
  const chance = makeChance(seed ^ 0x5bd1e995)
  const isDrawn = chance.below(2) !== 0
  if (churn === "never" || (churn === "drawn" && !isDrawn)) return { minIntervalMs: 0, actions: [] }
  const rolls = Array.from({ length: 4 }, () => chance.below(2 ** 30))
  const drawRoll = (): number => rolls[chance.below(rolls.length)] as number
  const changes = Array.from({ length: 100 }, (): Action => {
    const name = chance.below(12) === 0 ? chance.pick(["delete", "recreate"] as const) : "change"
    return { atMs: chance.below(activeMs / 3), name, roll: drawRoll() }
  })
  const losses = Array.from({ length: 4 }, () => loseMidList(chance, drawRoll()))
  return { minIntervalMs: 500 + chance.below(chance.below(2) === 0 ? 4_000 : 30_000), actions: [...changes, ...losses.flat()] }
}

const drawName = (chance: Chance, enabled: ReadonlyArray<ActionName>): ActionName =>
  enabled.length > 0 && chance.below(100) < 45 ? chance.pick(enabled) : chance.pick(writes)

/** What meets the states that are rarest, so that 500 seeds meet each often. */
const favoured: ReadonlySet<string> = new Set([
  "kill",
  "deselect",
  "reselect",
  "reconcile",
  "moveVersion",
  "returnMidList",
  "withdrawUnheard",
  "futureVersion",
])

/** Each seed has a third of the faults switched on, those twice as often: with all of them at once, some would hide others. */
export const drawPlan = (seed: number, from: ReadonlyArray<ActionName> = faults, churns: Churn = "drawn"): Plan => {
  const chance = makeChance(seed * 2 + 1)
  const enabled = from.flatMap((name) => (chance.below(3) <= (favoured.has(name) ? 1 : 0) ? [name] : []))
  const weighted = [...enabled, ...enabled.filter((name) => favoured.has(name))]
  const count = 30 + chance.below(50)
  const churn = drawChurn(seed, churns)
  const actions = Array.from({ length: count }, () => ({
    atMs: chance.below(4) === 0 ? chance.below(activeMs) : chance.below(activeMs / 4),
    name: drawName(chance, weighted),
    roll: chance.below(2 ** 30),
  }))
  return {
    seed,
    pageObjects: 1 + chance.below(5),
    minIntervalMs: churn.minIntervalMs,
    actions: [...actions, ...churn.actions].toSorted((left, right) => left.atMs - right.atMs),
  }
}

export const actionText = ({ atMs, name, roll }: Action): string => `${(atMs / 1000).toFixed(3).padStart(8)}s ${name} #${roll}`
