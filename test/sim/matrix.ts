/**
 * Which facts meet which states. Every legal pair must be met often, or the simulation proves less than it seems to.
 */

const legal: Readonly<Record<string, ReadonlyArray<string>>> = {
  idle: ["Started"],
  listing: ["PageListed", "ListFailed", "ResyncAsked", "ReconcileDue", "Reselected", "Vanished", "Deselected", "DigestDue"],
  watching: [
    "Observed",
    "Released",
    "WatchFailed",
    "WatchEnded",
    "ResyncAsked",
    "ReconcileDue",
    "Reselected",
    "Vanished",
    "Deselected",
    "DigestDue",
  ],
  paused: ["PauseElapsed", "Released", "ResyncAsked", "ReconcileDue", "Reselected", "Vanished", "Deselected", "DigestDue"],
}

export const legalPairs: ReadonlyArray<string> = Object.entries(legal).flatMap(([state, facts]) =>
  facts.map((fact) => `${state} × ${fact}`),
)

export const mergeMatrix = (into: Map<string, number>, from: ReadonlyMap<string, number>): void => {
  for (const [pair, count] of from) into.set(pair, (into.get(pair) ?? 0) + count)
}

export const matrixText = (matrix: ReadonlyMap<string, number>): string =>
  [...new Set([...legalPairs, ...matrix.keys()])]
    .map((pair) => `  ${pair.padEnd(24)} ${String(matrix.get(pair) ?? 0).padStart(8)}`)
    .join("\n")
