/** Chance for properties: the same seed draws the same values, so a failing one is a bug report. */

export interface Chance {
  /** A whole number from 0 to below `n`. */
  readonly below: (n: number) => number
  readonly pick: <A>(items: ReadonlyArray<A>) => A
  /** Text of up to `n` characters, with quotes, escapes, control characters and characters of every UTF-8 length. */
  readonly text: (n: number) => string
  /** Any JSON value, containers nested up to `depth`. */
  readonly json: (depth: number) => unknown
}

const characters = Array.from("abcXYZ019 _-./:#'\"\\<>&{}[],\n\r\t\b\f\u0000\u001f\u007f\u0085é\u2028\u2029\ufeff\uffee😀漢")

const words = [
  "",
  "---",
  "- a",
  "a: b",
  "true",
  "no",
  "null",
  "~",
  "1.0",
  "0x1f",
  "1e3",
  "12:30",
  "2026-01-02",
  "line\n---\nline",
  "=",
  "<<",
  "@",
  "%a",
]

export const makeChance = (seed: number): Chance => {
  let state = seed | 0
  const below = (n: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
  const pick = <A>(items: ReadonlyArray<A>): A => items[below(items.length)] as A
  const text = (n: number): string => Array.from({ length: below(n + 1) }, () => pick(characters)).join("")
  const scalar = (): unknown =>
    pick([null, true, false, below(1000), -1 - below(9), below(100) / 8, 1e21, 1e-7, text(12), text(60), pick(words)])
  const json = (depth: number): unknown => {
    const kind = depth === 0 ? 0 : below(4)
    if (kind === 1) return Array.from({ length: below(4) }, () => json(depth - 1))
    if (kind === 2) return Object.fromEntries(Array.from({ length: below(5) }, () => [pick([text(8), pick(words)]), json(depth - 1)]))
    return scalar()
  }
  return { below, pick, text, json }
}

/** Runs a property for the seeds 1 to `n`; a failure names its seed. */
export const forSeeds = (n: number, property: (chance: Chance) => void): void => {
  for (let seed = 1; seed <= n; seed++) {
    try {
      property(makeChance(seed))
    } catch (cause) {
      throw new Error(`fails with seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }
}

/** Overwrites, deletes, inserts or repeats a few bytes; those that steer the grammar are the likeliest. */
export const mutate = (bytes: Uint8Array, chance: Chance): Uint8Array => {
  const list = [...bytes]
  for (let n = 1 + chance.below(3); n > 0; n--) {
    const at = chance.below(list.length)
    const byte =
      chance.below(3) === 0 ? chance.below(256) : chance.pick(Array.from('{}[]",:\\ \n\t0-.eEnutf1').map((letter) => letter.charCodeAt(0)))
    const kind = chance.below(4)
    if (kind === 0) list[at] = byte
    else if (kind === 1) list.splice(at, 1 + chance.below(4))
    else if (kind === 2) list.splice(at, 0, byte)
    else list.splice(at, 0, ...list.slice(at, at + chance.below(30)))
    if (list.length === 0) list.push(byte)
  }
  return Uint8Array.from(list)
}
