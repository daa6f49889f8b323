/**
 * The faults by the three patterns of Sieve (Sun et al., "Automatic Reliability Testing for Cluster Management Controllers", OSDI '22):
 * a controller sees an old state, misses a state, or is stopped between two of its own. Faults of none of them are in no pattern.
 */
import type { ActionName, Plan } from "./action.ts"

export const patterns: Readonly<Record<string, ReadonlyArray<ActionName>>> = {
  stale: ["futureVersion", "silence", "discoveryStale"],
  unobserved: ["watchExpired", "expiredStorm", "restart", "withdraw", "withdrawUnheard", "consumerAway"],
  intermediate: ["doubt", "listCut", "watchCut", "returnMidList", "moveVersion", "outage", "kill"],
}

/** Adds how often a plan has faults of each pattern. An action that finds nothing to act upon counts as well. */
export const countPatterns = (into: Map<string, number>, { actions }: Plan): void => {
  for (const [pattern, names] of Object.entries(patterns)) {
    into.set(pattern, (into.get(pattern) ?? 0) + actions.filter(({ name }) => names.includes(name)).length)
  }
}

export const patternsText = (counts: ReadonlyMap<string, number>): string =>
  `faults drawn by Sieve's patterns: ${[...counts].map(([pattern, count]) => `${pattern} ${count}`).join(", ")}`
