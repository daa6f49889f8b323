/**
 * Chance from a seed: the same seed gives the same draws.
 */
import { mixBits } from "./model.ts"

/** A source of draws. */
export interface Chance {
  /** An integer from 0 below the bound. */
  readonly below: (bound: number) => number
  /** One of the words; there must be at least one. */
  readonly pick: <T>(items: ReadonlyArray<T>) => T
  /** Lower-case letters and digits without vowels, as Kubernetes draws them. */
  readonly suffix: (length: number) => string
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"

export const makeChance = (seed: number): Chance => {
  let state = mixBits(seed + 1)
  const below = (bound: number): number => {
    state = (state + 0x9e3779b9) >>> 0
    return mixBits(state) % bound
  }
  return {
    below,
    pick: (items) => items[below(items.length)]!,
    suffix: (length) => Array.from({ length }, () => alphabet.charAt(below(alphabet.length))).join(""),
  }
}
