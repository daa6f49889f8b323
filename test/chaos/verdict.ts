/**
 * Compares what consumers hold with what the cluster holds, object by object. Knows nothing of how either came about.
 */

/** Objects by address, each as `uid@resourceVersion`. */
export type View = ReadonlyMap<string, string>

export interface Difference {
  /** In the cluster and not with the consumer. */
  readonly missing: ReadonlyArray<string>
  /** With the consumer in another version or another life. */
  readonly stale: ReadonlyArray<string>
  /** With the consumer and not in the cluster. */
  readonly ghosts: ReadonlyArray<string>
}

export const compareViews = (truth: View, view: View): Difference => {
  const addresses = [...truth.keys()]
  return {
    missing: addresses.filter((address) => !view.has(address)),
    stale: addresses.filter((address) => view.has(address) && view.get(address) !== truth.get(address)),
    ghosts: [...view.keys()].filter((address) => !truth.has(address)),
  }
}

export const isEmpty = ({ ghosts, missing, stale }: Difference): boolean => ghosts.length + missing.length + stale.length === 0

/** @param shown addresses of each sort that are named */
export const differenceText = ({ ghosts, missing, stale }: Difference, shown = 5): string =>
  Object.entries({ missing, stale, ghosts })
    .map(([name, addresses]) => `${addresses.length} ${name}${addresses.length === 0 ? "" : ` (${addresses.slice(0, shown).join(", ")})`}`)
    .join(", ")
