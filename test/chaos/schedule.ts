/**
 * Which fault strikes when: a pure function of the seed.
 *
 * Invariants: a fault at least every `gapMaxMs`, unless they are wanted apart; every sort comes once before any comes again, as far as what
 * it strikes is free; the last one is over before the end. Knows nothing of how a fault is done.
 */
import { makeChance, type Chance } from "../../src/adapters/memory/chance.ts"

/** What a fault strikes. It bears one fault at a time. */
export type Target = "meshsync" | "broker" | "API server" | "API link" | "broker link" | "etcd" | "token" | "configuration" | "consumers"

interface Nature {
  readonly target: Target
  /** How long it lasts at least and at most. */
  readonly holdMs: readonly [number, number]
  /** What its target needs afterwards to be itself again, on a slow machine. */
  readonly healMs: number
}

const natures = {
  "kill meshsync": { target: "meshsync", holdMs: [0, 6_000], healMs: 3_000 },
  "pause meshsync": { target: "meshsync", holdMs: [3_000, 20_000], healMs: 1_000 },
  "cut a half-read list": { target: "meshsync", holdMs: [0, 0], healMs: 5_000 },
  "kill broker": { target: "broker", holdMs: [0, 8_000], healMs: 2_000 },
  "pause broker": { target: "broker", holdMs: [3_000, 20_000], healMs: 1_000 },
  "kill API server": { target: "API server", holdMs: [0, 5_000], healMs: 12_000 },
  "pause API server": { target: "API server", holdMs: [3_000, 20_000], healMs: 2_000 },
  "cut API link": { target: "API link", holdMs: [0, 4_000], healMs: 500 },
  "stall API link": { target: "API link", holdMs: [3_000, 20_000], healMs: 500 },
  "slow API link": { target: "API link", holdMs: [5_000, 12_000], healMs: 500 },
  "truncate API link": { target: "API link", holdMs: [0, 1_000], healMs: 500 },
  "cut broker link": { target: "broker link", holdMs: [0, 4_000], healMs: 500 },
  "stall broker link": { target: "broker link", holdMs: [3_000, 20_000], healMs: 500 },
  "slow broker link": { target: "broker link", holdMs: [5_000, 12_000], healMs: 500 },
  "truncate broker link": { target: "broker link", holdMs: [0, 1_000], healMs: 500 },
  "compact etcd": { target: "etcd", holdMs: [0, 0], healMs: 500 },
  "edit configuration": { target: "configuration", holdMs: [1_000, 8_000], healMs: 2_000 },
  "rotate token": { target: "token", holdMs: [0, 6_000], healMs: 500 },
  "send consumers away": { target: "consumers", holdMs: [1_000, 15_000], healMs: 3_000 },
} as const satisfies Readonly<Record<string, Nature>>

export type Sort = keyof typeof natures

export const sorts = Object.keys(natures) as ReadonlyArray<Sort>

export const targetOf = (sort: Sort): Target => natures[sort].target

export interface Fault {
  readonly atMs: number
  readonly sort: Sort
  readonly holdMs: number
  /** A number of its own, for what a sort leaves to chance. */
  readonly draw: number
}

export const gapMinMs = 2_000
export const gapMaxMs = 4_500

const shuffle = <A>(chance: Chance, items: ReadonlyArray<A>): Array<A> => {
  const rest = [...items]
  return Array.from(items, () => rest.splice(chance.below(rest.length), 1)[0]!)
}

const between = (chance: Chance, [least, most]: readonly [number, number]): number => least + chance.below(most - least + 1)

/**
 * The faults of a run, in their order.
 * @param durationMs from the first change to the last
 * @param chosen the sorts to draw from; at least one
 * @param apartMs from one fault to the next; drawn where it is not given
 */
export const drawSchedule = (
  seed: number,
  durationMs: number,
  chosen: ReadonlyArray<Sort> = sorts,
  apartMs?: number,
): ReadonlyArray<Fault> => {
  const gap: readonly [number, number] = apartMs === undefined ? [gapMinMs, gapMaxMs] : [apartMs, apartMs]
  const chance = makeChance(seed)
  const freeAtMs = new Map<Target, number>()
  const faults: Array<Fault> = []
  let waiting: Array<Sort> = []
  for (let atMs = gap[0]; ; atMs += between(chance, gap)) {
    const canStrike = (sort: Sort): boolean =>
      (freeAtMs.get(targetOf(sort)) ?? 0) <= atMs && atMs + natures[sort].holdMs[0] + natures[sort].healMs <= durationMs
    if (!waiting.some(canStrike)) waiting = [...waiting, ...shuffle(chance, chosen)]
    const index = waiting.findIndex(canStrike)
    if (index < 0 && atMs >= durationMs) return faults
    if (index < 0) continue
    const [sort] = waiting.splice(index, 1) as [Sort]
    const { healMs, holdMs: span, target } = natures[sort]
    const holdMs = between(chance, [span[0], Math.min(span[1], durationMs - healMs - atMs)])
    freeAtMs.set(target, atMs + holdMs + healMs)
    faults.push({ atMs, sort, holdMs, draw: chance.below(1_000) })
  }
}
