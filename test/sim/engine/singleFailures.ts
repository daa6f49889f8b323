/**
 * A quiet life with one of everything, lived again and again: the first time its first call of a port fails, then its second, until
 * a life needs no fault.
 */
import type { Plan } from "../action.ts"
import { Finding } from "../world.ts"
import { simulateEngine, type EngineSubject } from "./engine.ts"
import { makeTripwire } from "./tripwire.ts"

const names = ["create", "change", "recreate", "resync", "moveVersion", "burst", "withdraw", "define", "delete", "questions"] as const

const quiet: Plan = {
  seed: 1,
  minIntervalMs: 0,
  pageObjects: 3,
  actions: names.map((name, at) => ({ atMs: 1_000 + at * 20_000, name, roll: 1_000_003 * (at + 1) + (at % 2) })),
}

/**
 * @param wayOf in which way the call with this number fails
 * @returns how many calls of each sort failed, each in a life of its own; throws where one of these lives went wrong
 */
export const failEachCall = (subject: EngineSubject, wayOf: (at: number) => number): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (let at = 1; ; at++) {
    const { finding, struck } = simulateEngine(quiet, subject, makeTripwire(at, wayOf(at)))
    if (finding !== undefined) throw new Finding(`call ${at}, ${struck}, fails in way ${wayOf(at)}: ${finding}`)
    if (struck === undefined) return counts
    const sort = struck.split(" ")[0] as string
    counts.set(sort, (counts.get(sort) ?? 0) + 1)
  }
}
