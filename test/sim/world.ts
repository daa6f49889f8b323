/**
 * Virtual time, the one source of chance, and the trace's hash. Nothing here knows what runs in it.
 * Two things that are due at the same moment happen in the order in which they were asked for.
 */
import { makeChance, type Chance } from "../../src/adapters/memory/chance.ts"

interface Due {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export interface World {
  nowMs: number
  readonly chance: Chance
  /** Things that have happened. */
  steps: number
  hash: number
  readonly due: Array<Due>
  asked: number
  /** The last lines of the trace; all of them where `traced`. */
  readonly trace: Array<string>
  readonly traced: boolean
  /** Called after each thing that happened: what follows from it at once. */
  settle: () => void
}

/** A run that does more than this turns in a circle. */
const stepsMax = 300_000

export const startMs = 1_770_000_000_000

/** A finding of an oracle: the run is over. */
export class Finding extends Error {}

export const makeWorld = (seed: number, traced: boolean): World => ({
  nowMs: startMs,
  chance: makeChance(seed * 2),
  steps: 0,
  hash: 0x811c9dc5,
  due: [],
  asked: 0,
  trace: [],
  traced,
  settle: () => {},
})

const isBefore = (left: Due, right: Due): boolean => left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order)

/** Asks for something to happen after a while. The due things are a binary heap. */
export const after = (world: World, delayMs: number, run: () => void): void => {
  const { due } = world
  const one: Due = { atMs: world.nowMs + Math.max(0, Math.round(delayMs)), order: world.asked++, run }
  let at = due.push(one) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(one, due[parent]!)) break
    due[at] = due[parent]!
    at = parent
  }
  due[at] = one
}

const takeFirst = ({ due }: World): Due => {
  const first = due[0]!
  const last = due.pop()!
  if (due.length === 0) return first
  let at = 0
  for (;;) {
    let child = at * 2 + 1
    if (child >= due.length) break
    if (child + 1 < due.length && isBefore(due[child + 1]!, due[child]!)) child++
    if (!isBefore(due[child]!, last)) break
    due[at] = due[child]!
    at = child
  }
  due[at] = last
  return first
}

/** Lets things happen until a time. */
export const runUntil = (world: World, untilMs: number): void => {
  while (world.due.length > 0 && world.due[0]!.atMs <= untilMs) {
    const next = takeFirst(world)
    world.nowMs = next.atMs
    if (++world.steps > stepsMax) throw new Finding(`more than ${stepsMax} steps: it turns in a circle`)
    next.run()
    world.settle()
  }
  world.nowMs = untilMs
}

/** Notes what happened: the same seed gives the same notes, so their hash is the run's fingerprint. */
export const note = (world: World, text: string): void => {
  const line = `${((world.nowMs - startMs) / 1000).toFixed(3).padStart(8)}s ${text}`
  let { hash } = world
  for (let i = 0; i < line.length; i++) hash = Math.imul(hash ^ line.charCodeAt(i), 0x01000193)
  world.hash = hash >>> 0
  world.trace.push(line)
  if (!world.traced && world.trace.length > 80) world.trace.splice(0, 40)
}
