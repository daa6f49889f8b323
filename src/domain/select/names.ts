/**
 * From the names that people write to the types that the cluster serves.
 * A name is a plural, singular, short name or kind in any case, alone or followed by `.group` or `.version.group`; `*` stands for every
 * plural. `*.istio.io` means every group below istio.io too. A version is read and then ignored: a type is watched in the version that the
 * server prefers.
 */
import { tableNames } from "./builtin.ts"
import type { Discovery, ServedType } from "./discovery.ts"
import { typeKey } from "./resource.ts"

export type Resolution =
  /** At least one type, all of them watchable. */
  | { readonly _tag: "Found"; readonly types: ReadonlyArray<ServedType> }
  /** Served, but without `list` or `watch`. */
  | { readonly _tag: "Unwatchable"; readonly type: ServedType }
  /** `nearest` is a name that would be found; `old`: the Go MeshSync knows the name, so it is no misspelling and has none. */
  | { readonly _tag: "Unknown"; readonly nearest: string | undefined; readonly old: boolean }

/** One way to read a name. */
interface Reading {
  readonly word: string
  /** Undefined: any. */
  readonly group: string | undefined
  readonly version: string | undefined
}

const oldNames: ReadonlySet<string> = new Set(tableNames)

/** Versions look like this by convention (`v1`, `v2beta1`); others count as one only where they are served. */
const versionPattern = /^(v\d+((alpha|beta)\d+)?)?$/

/** The readings of a name, the most literal one first: `a.b.c` is `a` of group `b.c`, or else `a` in version `b` of group `c`. */
const readName = (name: string): ReadonlyArray<Reading> => {
  const dot = name.indexOf(".")
  if (dot < 0) return [{ word: name, group: undefined, version: undefined }]
  const word = name.slice(0, dot)
  const rest = name.slice(dot + 1)
  const next = rest.indexOf(".")
  return [
    { word, group: rest, version: undefined },
    next < 0 ? { word, group: "", version: rest } : { word, group: rest.slice(next + 1), version: rest.slice(0, next) },
  ]
}

/**
 * The spellings that the Go MeshSync derives from an element of `--outputResources`: lower case, and with its own idea of a plural.
 * @param word one element, already trimmed
 */
export const pluralSpellings = (word: string): ReadonlyArray<string> => {
  const lower = word.toLowerCase()
  return [lower, /(s|x|z|ch|sh)$/.test(lower) ? `${lower}es` : `${lower}s`]
}

/** How well a word, or one of its spellings, names a type: 0 best, undefined not at all. */
const rankWord = (word: string, spellings: ReadonlyArray<string>, type: ServedType): number | undefined => {
  if (word === "*" || word === type.plural) return 0
  if (word === type.singular) return 1
  if (word === type.kind.toLowerCase()) return 2
  if (type.shortNames.includes(word)) return 3
  return spellings.includes(type.plural) ? 4 : undefined
}

const isBelow = (group: string, parent: string): boolean => parent !== "" && group.endsWith(`.${parent}`)

const admitsReading = (reading: Reading, type: ServedType): boolean =>
  (reading.group === undefined || reading.group === type.group || (reading.word === "*" && isBelow(type.group, reading.group))) &&
  (reading.version === undefined || versionPattern.test(reading.version) || reading.version === type.version)

/** The types that a reading names best. */
const findBest = (reading: Reading, types: ReadonlyArray<ServedType>): ReadonlyArray<ServedType> => {
  if (reading.word === "") return []
  const spellings = pluralSpellings(reading.word)
  let bestRank = Infinity
  let best: Array<ServedType> = []
  for (const type of types) {
    const rank = admitsReading(reading, type) ? rankWord(reading.word, spellings, type) : undefined
    if (rank === undefined || rank > bestRank) continue
    if (rank < bestRank) best = []
    bestRank = rank
    best.push(type)
  }
  return best
}

/** Without a group the core group wins (`events`, `pods`); a name that only other groups know means all of them. */
const preferCore = (reading: Reading, types: ReadonlyArray<ServedType>): ReadonlyArray<ServedType> => {
  if (reading.group !== undefined || reading.word === "*") return types
  const core = types.filter((type) => type.group === "")
  return core.length === 0 ? types : core
}

/** Longer texts than a plural with its group (63 + 253 characters) are nobody's misspelling. */
const nameLengthMax = 320

/**
 * How many insertions, deletions, replacements and swaps of neighbours turn one text into the other.
 * @param most beyond this the exact number is of no interest: any larger one may come back
 */
export const measureDistance = (a: string, b: string, most = Infinity): number => {
  if (Math.abs(a.length - b.length) > most) return Infinity
  let before: Array<number> = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  let leastAbove = 0
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    let leastHere = row
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let steps = Math.min((above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (above[column - 1] ?? 0) + (same ? 0 : 1))
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        steps = Math.min(steps, (before[column - 2] ?? 0) + 1)
      }
      current.push(steps)
      leastHere = Math.min(leastHere, steps)
    }
    // A later row builds on this one or, by a swap, on the one above.
    if (leastHere > most && leastAbove > most) return Infinity
    leastAbove = leastHere
    before = above
    above = current
  }
  return above[b.length] ?? 0
}

/** The name that was probably meant: at most a third of its letters is wrong. */
const findNearest = (readings: ReadonlyArray<Reading>, discovery: Discovery): string | undefined => {
  let nearest: string | undefined
  let least = Infinity
  const compare = (written: string, spelling: string, name: string): void => {
    const allowed = Math.min(Math.max(1, Math.floor(written.length / 3)), least - 1)
    const distance = measureDistance(written, spelling, allowed)
    if (distance > allowed) return
    least = distance
    nearest = name
  }
  // With a version in its place there is no doubt about the group.
  const reading = readings.find(({ version }) => version !== undefined && versionPattern.test(version)) ?? readings[0]
  if (reading === undefined) return undefined
  const { group, word } = reading
  const written = group === undefined || group === "" ? word : `${word}.${group}`
  if (written.length > nameLengthMax) return undefined
  for (const type of discovery.types) {
    if (!type.watchable) continue
    if (word === "*") {
      compare(written, `*.${type.group}`, `*.${type.group}`)
      continue
    }
    const suffix = group === undefined || type.group === "" ? "" : `.${type.group}`
    for (const spelling of new Set([type.plural, type.singular, type.kind.toLowerCase()])) {
      if (spelling !== "") compare(written, `${spelling}${suffix}`, typeKey(type))
    }
  }
  if (nearest !== undefined || word === "*") return nearest
  // Right name, wrong group.
  const namesake = findBest({ word, group: undefined, version: undefined }, discovery.types).find((type) => type.watchable)
  return namesake === undefined ? undefined : typeKey(namesake)
}

/**
 * Finds the types that a name means.
 * @param name as written in a watch-list or on the command line; white space around it does not count
 * @param discovery what the cluster serves
 */
export const resolveName = (name: string, discovery: Discovery): Resolution => {
  const written = name.trim().toLowerCase()
  const readings = readName(written)
  for (const reading of readings) {
    const types = findBest(reading, discovery.types)
    const first = types[0]
    if (first === undefined) continue
    const watchable = types.filter((type) => type.watchable)
    return watchable.length === 0 ? { _tag: "Unwatchable", type: first } : { _tag: "Found", types: preferCore(reading, watchable) }
  }
  const old = oldNames.has(written)
  return { _tag: "Unknown", nearest: old ? undefined : findNearest(readings, discovery), old }
}
