/** `JSON.parse` as the oracle of the scanner, and random JSON text as odd as the grammar allows. */
import { Field, endOf, Flaw, Source, startOf, type Records } from "../../../src/domain/read/record.ts"
import { decodeText } from "../../../src/domain/read/text.ts"
import type { Chance } from "../wire/seeded.ts"

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const topFields = ["apiVersion", "kind", "spec", "status", "immutable", "data", "binaryData", "stringData", "type"] as const
const keepsNull: ReadonlyArray<string> = ["immutable", "data", "binaryData", "stringData", "type", "ownerReferences", "finalizers"]

type Members = Readonly<Record<string, unknown>>

const membersOf = (value: unknown): Members =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : {}

/** Own members only: `toString` is no member of a parsed `{}`. */
const memberOf = (members: Members, name: string): unknown => (Object.hasOwn(members, name) ? members[name] : undefined)

/** What the columns of an object must hold; absent ones are left out. */
const expectedColumns = (object: unknown): Members => {
  const members = membersOf(object)
  const metadata = membersOf(memberOf(members, "metadata"))
  const names = Object.keys(Field).filter((name) => name !== "object")
  const values = names.map(
    (name) => [name, memberOf((topFields as ReadonlyArray<string>).includes(name) ? members : metadata, name)] as const,
  )
  return Object.fromEntries(values.filter(([name, value]) => value !== undefined && (value !== null || keepsNull.includes(name))))
}

/** What the columns of a record hold, parsed. */
const columnsOf = (records: Records, record: number): Members => {
  const columns: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(Field)) {
    const start = startOf(records, record, field)
    if (start >= 0 && name !== "object") columns[name] = JSON.parse(decodeText(records.bytes, start, endOf(records, record, field)))
  }
  return columns
}

/** The record's whole object, parsed. */
const objectOf = (records: Records, record: number): unknown => {
  const start = startOf(records, record, Field.object)
  return start < 0 ? undefined : JSON.parse(decodeText(records.bytes, start, endOf(records, record, Field.object)))
}

const isFilled = (value: unknown): boolean => typeof value === "string" && value !== ""

/** The flaw that an object of a list or of a change must have. Nesting is checked by tests of its own. */
const expectedFlaw = (object: unknown): Flaw => {
  if (typeof object !== "object" || object === null || Array.isArray(object)) return Flaw.notAnObject
  const { name, uid } = expectedColumns(object)
  return isFilled(name) || isFilled(uid) ? Flaw.none : Flaw.noName
}

export interface Expected {
  readonly object: unknown
  readonly columns: Members
  readonly source: Source
  readonly flaw: Flaw
}

export const actualOf = (records: Records): ReadonlyArray<Expected> =>
  Array.from({ length: records.count }, (_, record) => ({
    object: objectOf(records, record),
    columns: columnsOf(records, record),
    source: records.sources[record] as Source,
    flaw: records.flaws[record] as Flaw,
  }))

export const expectedItem = (object: unknown): Expected => ({
  object: object ?? undefined,
  columns: expectedColumns(object),
  source: Source.listed,
  flaw: expectedFlaw(object),
})

const sourceOf: Readonly<Record<string, Source>> = {
  ADDED: Source.added,
  MODIFIED: Source.modified,
  DELETED: Source.deleted,
  BOOKMARK: Source.bookmark,
  ERROR: Source.error,
}

const notJson: Expected = { object: undefined, columns: {}, source: Source.error, flaw: Flaw.notJson }

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** What the record of one watch line must be. */
export const expectedLine = (line: string): Expected => {
  const event = parse(line)
  if (typeof event !== "object" || event === null || Array.isArray(event)) return notJson
  const object = memberOf(event as Members, "object")
  const type = memberOf(event as Members, "type")
  const source = typeof type === "string" && Object.hasOwn(sourceOf, type) ? sourceOf[type] : undefined
  const shape = expectedFlaw(object)
  const exempt = source === Source.bookmark || source === Source.error
  return {
    object: object ?? undefined,
    columns: expectedColumns(object),
    source: source ?? Source.modified,
    flaw: source === undefined ? Flaw.unknownEvent : exempt && shape === Flaw.noName ? Flaw.none : shape,
  }
}

/** What a page's scan must say, or undefined where it must be a fault. */
export const expectedPage = (json: string): ReadonlyArray<Expected> | undefined => {
  const list = parse(json)
  const { apiVersion, items, kind, metadata } = membersOf(list)
  const head = [apiVersion, kind, membersOf(metadata)["resourceVersion"], membersOf(metadata)["continue"]].map((value) => value ?? "")
  if (head.some((value) => typeof value !== "string") || head[0] === "" || head[1] === "") return undefined
  if (Array.isArray(items)) return items.map(expectedItem)
  return (items ?? undefined) === undefined && String(kind).endsWith("List") ? [] : undefined
}

const space = (chance: Chance): string =>
  chance.below(4) === 0 ? Array.from({ length: chance.below(3) }, () => chance.pick([" ", "\t", "\r", "  "])).join("") : ""

const escapeUnit = (unit: string, chance: Chance): string => {
  const hex = unit.charCodeAt(0).toString(16).padStart(4, "0")
  return `\\u${chance.below(2) === 0 ? hex : hex.toUpperCase()}`
}

/** A string as JSON, now and then with escapes where none are needed. */
export const writeString = (text: string, chance: Chance): string => {
  const plain = JSON.stringify(text)
  if (chance.below(5) !== 0) return plain
  return `"${Array.from({ length: text.length }, (_, i) =>
    chance.below(3) === 0 ? escapeUnit(text[i] ?? "", chance) : JSON.stringify(text[i]).slice(1, -1),
  ).join("")}"`
}

const numbers = ["0", "-0", "1", "-17", "0.5", "1e3", "1E+3", "-1.25e-7", "18446744073709551616", "9007199254740993", "1e400"]
const strings = ["", "\\/", "\\\\", '\\"', "}", "]{", ",", "\\b\\f\\n\\r\\t", "\\ud83d\\ude00", "\\ud800", "é漢😀", "\u2028", "\u007f"]

const join = (open: string, parts: ReadonlyArray<string>, close: string, chance: Chance): string =>
  open + space(chance) + parts.map((part) => part + space(chance)).join(`,${space(chance)}`) + close

const writeMember = (name: string, json: string, chance: Chance): string =>
  `${writeString(name, chance)}${space(chance)}:${space(chance)}${json}`

/** Any JSON text. */
export const writeJson = (chance: Chance, depth: number): string => {
  const kind = chance.below(depth > 0 ? 6 : 4)
  if (kind === 0) return chance.pick(["true", "false", "null"])
  if (kind === 1) return chance.pick(numbers)
  if (kind === 2) return `"${chance.pick(strings)}"`
  if (kind === 3) return writeString(chance.text(20), chance)
  const parts = Array.from({ length: chance.below(4) }, () => writeJson(chance, depth - 1))
  return kind === 4
    ? join("[", parts, "]", chance)
    : join(
        "{",
        parts.map((part) => writeMember(chance.pick([chance.text(6), "metadata", "name", "items", "spec", "__proto__"]), part, chance)),
        "}",
        chance,
      )
}

/** Text of an object with members of these names in any order, some twice, some missing, some misspelt. */
const writeObject = (names: ReadonlyArray<string>, value: (name: string) => string, chance: Chance): string => {
  const drawn = Array.from({ length: chance.below(names.length * 2) }, () => chance.pick(names))
  const misspelt = (name: string) =>
    chance.below(12) === 0 ? chance.pick([name.toUpperCase(), `${name} `, name.slice(1), `${name}\\`, "constructor"]) : name
  return join(
    "{",
    drawn.map((name) => writeMember(misspelt(name), value(name), chance)),
    "}",
    chance,
  )
}

const metadataNames = Object.keys(Field).filter((name) => name !== "object" && !(topFields as ReadonlyArray<string>).includes(name))

/** Text of something like a Kubernetes object; now and then of anything else. */
const writeKubernetesObject = (chance: Chance): string => {
  if (chance.below(20) === 0) return writeJson(chance, 2)
  return writeObject(
    [...topFields, "metadata", "metadata", "rules"],
    (name) =>
      name === "metadata" && chance.below(6) > 0
        ? writeObject([...metadataNames, "managedFields"], () => writeJson(chance, 2), chance)
        : writeJson(chance, 3),
    chance,
  )
}

/** Text of something like a list page. */
export const writePage = (chance: Chance): string => {
  const value = (name: string): string => {
    if (chance.below(25) === 0) return writeJson(chance, 2)
    if (name === "kind") return '"PodList"'
    if (name === "apiVersion") return '"v1"'
    if (name === "items")
      return join(
        "[",
        Array.from({ length: chance.below(5) }, () => writeKubernetesObject(chance)),
        "]",
        chance,
      )
    return name === "metadata"
      ? writeObject(["resourceVersion", "continue", "remainingItemCount"], () => `"${chance.below(99)}"`, chance)
      : writeJson(chance, 2)
  }
  const head = [writeMember("kind", value("kind"), chance), writeMember("apiVersion", value("apiVersion"), chance)]
  const body = writeObject(["kind", "apiVersion", "metadata", "items", "items", "note"], value, chance)
  const inner = body.slice(1, -1).trim()
  return `${space(chance)}{${[...head, ...(inner === "" ? [] : [inner])].join(",")}}${space(chance)}`
}

/** Text of something like a watch line, without its line feed. */
export const writeLine = (chance: Chance): string => {
  const type = chance.pick(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "added", "SYNC", ""])
  const event = writeObject(
    ["type", "object", "note"],
    (name) =>
      name === "type" && chance.below(10) > 0
        ? writeString(type, chance)
        : name === "object"
          ? writeKubernetesObject(chance)
          : writeJson(chance, 2),
    chance,
  )
  return space(chance) + event + space(chance)
}
