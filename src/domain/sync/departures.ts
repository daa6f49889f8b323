/**
 * The deletions of the last while, to be repeated after an announcement: a consumer that was away missed them, and no list shows what
 * is gone. Bounded in time and number; the oldest go first.
 */
import { departuresKeptMs, departuresMax } from "../limit.ts"
import { typeName, type ResourceType } from "../select/resource.ts"
import type { Departed } from "./fact.ts"

export interface Departure extends Departed {
  readonly type: ResourceType
  readonly atMs: number
}

export interface Departures {
  /** In order of time; the first `start` are forgotten already. */
  entries: Array<Departure>
  start: number
}

export const makeDepartures = (): Departures => ({ entries: [], start: 0 })

/** Remembers a deletion; the oldest ones go where there are too many or they are too old. */
export const rememberDeparture = (departures: Departures, departure: Departure): void => {
  departures.entries.push(departure)
  if (departures.entries.length - departures.start > departuresMax) departures.start++
  forgetBefore(departures, departure.atMs - departuresKeptMs)
}

/** The remembered deletions that a predicate admits, oldest first, each life once. */
export const recentDepartures = (
  departures: Departures,
  nowMs: number,
  admits: (departure: Departure) => boolean,
): ReadonlyArray<Departure> => {
  forgetBefore(departures, nowMs - departuresKeptMs)
  const byLife = new Map<string, Departure>()
  for (let i = departures.start; i < departures.entries.length; i++) {
    const departure = departures.entries[i] as Departure
    if (admits(departure)) byLife.set(`${typeName(departure.type)}/${departure.namespace}/${departure.name}/${departure.uid}`, departure)
  }
  return [...byLife.values()]
}

/** Forgets what a predicate admits: its deletion must not be repeated, or need not be. */
export const forgetDepartures = (departures: Departures, admits: (departure: Departure) => boolean): void => {
  departures.entries = departures.entries.slice(departures.start).filter((departure) => !admits(departure))
  departures.start = 0
}

const forgetBefore = (departures: Departures, thenMs: number): void => {
  const { entries } = departures
  while (departures.start < entries.length && (entries[departures.start] as Departure).atMs < thenMs) departures.start++
  // Moving the array at every step would cost its length each time; half of it at once costs nothing on average.
  if (departures.start > 1024 && departures.start * 2 > entries.length) {
    departures.entries = entries.slice(departures.start)
    departures.start = 0
  }
}
