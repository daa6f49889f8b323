/**
 * From the lanes that run and the lanes that should run to what is to be done, so that only the lanes concerned notice.
 * Caution decides: a lane whose type is missing counts as gone only when two discoveries some time apart both lack it while its group
 * answers, for its end announces every object of it as deleted. Knows no clock: the time is an argument.
 */
import { vanishedAfterMs } from "../limit.ts"
import type { Discovery } from "./discovery.ts"
import { typeKey } from "./resource.ts"
import type { LaneSpec, Selection } from "./selection.ts"

export interface LanePlan {
  readonly open: ReadonlyArray<LaneSpec>
  /** The type is served but no longer selected: its objects live on. */
  readonly close: ReadonlyArray<LaneSpec>
  /** The type is served in another version, or was defined anew with another kind or scope: old and new. */
  readonly move: ReadonlyArray<readonly [LaneSpec, LaneSpec]>
  /** The type is gone and its objects with it. */
  readonly vanish: ReadonlyArray<LaneSpec>
  /** The same type with other events, namespaces, selector or depth: old and new. */
  readonly changed: ReadonlyArray<readonly [LaneSpec, LaneSpec]>
  /** Since when each missing type has been missing, by key: the argument of the next call. */
  readonly missingSinceMs: ReadonlyMap<string, number>
  /** When discovery should be asked again at the latest; undefined: nothing is in doubt. */
  readonly lookAgainInMs: number | undefined
}

const sameType = (a: LaneSpec, b: LaneSpec): boolean =>
  a.type.version === b.type.version && a.type.kind === b.type.kind && a.type.namespaced === b.type.namespaced

const sameSet = (a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): boolean =>
  a === undefined || b === undefined ? a === b : a.size === b.size && a.isSubsetOf(b)

/** Whether two lanes of a type are about the same objects. */
export const sameReach = (a: LaneSpec, b: LaneSpec): boolean =>
  a.namespace === b.namespace && a.selector === b.selector && sameSet(a.namespaces, b.namespaces)

/** Whether they read as much of each object. */
export const sameDepth = (a: LaneSpec, b: LaneSpec): boolean => (a.depth ?? "full") === (b.depth ?? "full")

const sameScope = (a: LaneSpec, b: LaneSpec): boolean =>
  sameReach(a, b) && sameDepth(a, b) && a.hidden === b.hidden && sameSet(a.events, b.events)

/** The lanes that should run: what is selected, and what runs of the types for which nothing is decided, as it is. */
export const holdRefused = (current: ReadonlyArray<LaneSpec>, { lanes, refused }: Selection): ReadonlyArray<LaneSpec> => {
  const decided = new Set(lanes.map(({ type }) => typeKey(type)))
  const held = current.flatMap((lane) => {
    const key = typeKey(lane.type)
    const type = refused.get(key)
    return type === undefined || decided.has(key) ? [] : [{ ...lane, type }]
  })
  return [...lanes, ...held]
}

/**
 * Compares what runs with what should run.
 * @param current the lanes that run, one for each type
 * @param desired what `select` made of `discovery`
 * @param discovery a successful discovery
 * @param missingSinceMs what the call before returned; empty at first
 * @param nowMs the time, on any scale that does not run backwards
 * @returns each lane of `current` in at most one of `close`, `move`, `vanish` and `changed`; lanes in none of them go on untouched
 */
export const planLanes = (
  current: ReadonlyArray<LaneSpec>,
  desired: ReadonlyArray<LaneSpec>,
  discovery: Discovery,
  missingSinceMs: ReadonlyMap<string, number>,
  nowMs: number,
): LanePlan => {
  const wanted = new Map(desired.map((lane) => [typeKey(lane.type), lane]))
  const served = new Map(discovery.types.map((type) => [typeKey(type), type]))
  const running = new Set(current.map((lane) => typeKey(lane.type)))
  const close: Array<LaneSpec> = []
  const move: Array<readonly [LaneSpec, LaneSpec]> = []
  const vanish: Array<LaneSpec> = []
  const changed: Array<readonly [LaneSpec, LaneSpec]> = []
  const missing = new Map<string, number>()
  for (const lane of current) {
    const key = typeKey(lane.type)
    const stale = discovery.staleGroups.has(lane.type.group)
    const next = wanted.get(key)
    if (next !== undefined) {
      if (!sameType(lane, next)) {
        // A group that did not answer for one of its versions seems to prefer another one.
        if (!stale) move.push([lane, next])
      } else if (!sameScope(lane, next)) changed.push([lane, next])
      continue
    }
    const type = served.get(key)
    if (type !== undefined) {
      // A type that has lost list or watch still has objects: its lane pauses when it is refused, and forgets nothing.
      if (type.watchable) close.push(lane)
      continue
    }
    // An answer that says nothing also ends a doubt: it takes two that do.
    if (stale) continue
    const sinceMs = missingSinceMs.get(key) ?? nowMs
    if (nowMs - sinceMs >= vanishedAfterMs) vanish.push(lane)
    else missing.set(key, sinceMs)
  }
  const open = desired.filter((lane) => !running.has(typeKey(lane.type)))
  const lookAgainInMs =
    missing.size === 0 ? undefined : Math.min(...[...missing.values()].map((sinceMs) => sinceMs + vanishedAfterMs - nowMs))
  return { open, close, move, vanish, changed, missingSinceMs: missing, lookAgainInMs }
}
