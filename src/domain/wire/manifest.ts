/**
 * A payload or an object as a YAML document for snapshots. Written for JSON's own values only: objects, arrays, strings, numbers, true,
 * false, null.
 * Invariants: every document means the same to a YAML 1.1 and to a YAML 1.2 reader; a scalar is one line whatever its length, so that no
 * line of a value can be taken for the delimiter between documents; no control character is written raw.
 * Does not know files; the delimiter is the writer's.
 */
import { parseExact } from "./exact.ts"
import { compareCodePoints } from "./pairs.ts"

/** Texts that a plain scalar may hold without meaning something else: they begin with a letter or a slash and hold no indicator. */
const plain = /^[A-Za-z/][A-Za-z0-9/._-]*$/
/** Plain texts that YAML 1.1 reads as booleans or null, in any case. */
const word = /^(y|n|yes|no|on|off|true|false|null)$/i
/**
 * What must be escaped, hence needs double quotes: everything outside YAML's printable characters, line breaks, and the byte order mark.
 */
const unprintable = /[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u
const escaped = /["\\]|[^\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/gu

const escapeOf = (character: string): string => {
  switch (character) {
    case '"':
    case "\\":
      return `\\${character}`
    case "\n":
      return "\\n"
    case "\r":
      return "\\r"
    case "\t":
      return "\\t"
    default:
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  }
}

/** A string in the plainest of the three forms that keeps it a string. */
const stringOf = (text: string): string => {
  if (plain.test(text) && !word.test(text)) return text
  if (text === "" || unprintable.test(text)) return `"${text.replace(escaped, escapeOf)}"`
  return text.includes("'") && !/["\\]/.test(text) ? `"${text}"` : `'${text.replaceAll("'", "''")}'`
}

/** A number so that YAML 1.1 takes it for one: its exponents need a point and a sign. */
const numberOf = (value: number): string => String(value).replace(/^(-?\d+)e/, "$1.0e")

type Entries = ReadonlyArray<readonly [string, unknown]>

const entriesOf = (value: object): Entries => Object.entries(value).sort(([a], [b]) => compareCodePoints(a, b))

/** The lines of one value. A container's children are indented by two; a sequence stands under its key without indentation. */
const linesOf = (value: unknown, indent: string): ReadonlyArray<string> => {
  if (Array.isArray(value)) return value.length === 0 ? ["[]"] : value.flatMap((item) => itemLines(item, indent))
  if (typeof value === "object" && value !== null) {
    const entries = entriesOf(value)
    return entries.length === 0 ? ["{}"] : entries.flatMap(([name, item]) => memberLines(name, item, indent))
  }
  if (typeof value === "string") return [stringOf(value)]
  return [typeof value === "number" ? numberOf(value) : String(value)]
}

const isNested = (value: unknown): boolean => typeof value === "object" && value !== null && Object.keys(value).length > 0

/** YAML reads a key of up to 1,024 characters before its colon; a longer one is announced by a question mark. */
const keyCharactersMax = 1024

const memberLines = (name: string, value: unknown, indent: string): ReadonlyArray<string> => {
  const key = stringOf(name)
  const head = key.length < keyCharactersMax ? `${indent}${key}:` : `${indent}? ${key}\n${indent}:`
  if (!isNested(value)) return [`${head} ${linesOf(value, "").join("")}`]
  return [head, ...linesOf(value, Array.isArray(value) ? indent : `${indent}  `)]
}

/** A nested value begins on the line of the dash: its first line takes the dash in the place of its last two blanks. */
const itemLines = (value: unknown, indent: string): ReadonlyArray<string> => {
  if (!isNested(value)) return [`${indent}- ${linesOf(value, "").join("")}`]
  const inner = `${indent}  `
  const [first = "", ...rest] = linesOf(value, inner)
  return [`${indent}- ${first.slice(inner.length)}`, ...rest]
}

/**
 * The YAML document of a payload or of a whole object, keys sorted at each level, ending in a line feed and without the delimiter.
 * @param json the text of `Object` in a message
 */
export const documentOf = (json: string): string => `${linesOf(parseExact(json), "").join("\n")}\n`
