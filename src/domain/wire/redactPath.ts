/**
 * Rules of whoever runs the program that take values out of objects of any kind: `pods:spec.containers[*].env[*].value`. What a path leads
 * to becomes `[REDACTED]` as a whole, in the object and in the copy of it that `kubectl apply` leaves in an annotation; everything else
 * keeps its spelling. A member that is there twice is replaced twice.
 * Invariant: what identifies an object is no rule's to hide. Does not know Secrets, which have a rule of their own (redact.ts).
 */
import * as Result from "effect/Result"
import { redactPathStepsMax } from "../limit.ts"
import { closeBracket, makeWalk, openBrace, openBracket, quote, skipSpace, skipString, skipValue } from "../read/json.ts"
import { endOf, Field, makeRecords, startOf, type Records } from "../read/record.ts"
import { scanPage } from "../read/scan.ts"
import { decodeString, decodeText } from "../read/text.ts"
import { pairSize, scanPairs } from "./pairs.ts"
import { lastAppliedKey, redacted } from "./redact.ts"
import { encodeText } from "./writer.ts"

/** `[*]`: every item of a list, and every member of an object. */
const every = Symbol("every")
type Step = string | typeof every
type Path = ReadonlyArray<Step>

/** What is hidden of a type, by its key `plural.group`. */
export type PathRules = ReadonlyMap<string, ReadonlyArray<Path>>

const typeForm = /\s*([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?):/y
const stepForm = /\.?([\w-]+)|\[(\*)\]|\[("(?:[^"\\\p{Cc}]|\\["\\])*")\]/uy

/** Matches at a place, or answers undefined. */
const matchAt = (form: RegExp, text: string, at: number): RegExpExecArray | undefined => {
  form.lastIndex = at
  return form.exec(text) ?? undefined
}

/** Members by which consumers know an object; of metadata labels and annotations alone may be hidden, and each as a whole value. */
const isIdentity = ([first, second, third]: Path): boolean =>
  first === every ||
  first === "apiVersion" ||
  first === "kind" ||
  (first === "metadata" && ((second !== "labels" && second !== "annotations") || third === undefined))

/**
 * Reads rules, separated by commas: a type as `plural` or `plural.group`, a colon, and a path of names; a name with other characters than
 * letters, digits, `-` and `_` is written `["like.this"]`, and `[*]` stands for all.
 * @returns a failure says what is wrong and where
 */
export const parsePathRules = (text: string): Result.Result<PathRules, string> => {
  const rules = new Map<string, Array<Path>>()
  for (let at = 0; at < text.trimEnd().length; at++) {
    const type = matchAt(typeForm, text, at)
    if (type === undefined) return Result.fail(`at character ${at + 1} a type and a colon are needed, such as widgets.example.com:`)
    at += type[0].length
    const path: Array<Step> = []
    for (let step = matchAt(stepForm, text, at); step !== undefined; step = matchAt(stepForm, text, at)) {
      // A name has a dot before it, but for the first one.
      if (path.length === 0 ? step[0].startsWith(".") : step[1] !== undefined && !step[0].startsWith(".")) break
      path.push(step[2] === undefined ? (step[1] ?? (JSON.parse(step[3] ?? '""') as string)) : every)
      at += step[0].length
    }
    const rest = text.slice(at).trimStart()
    if (path.length === 0 || (rest !== "" && !rest.startsWith(","))) return Result.fail(`at character ${at + 1} no name of a path begins`)
    if (path.length > redactPathStepsMax) return Result.fail(`a path has more than ${redactPathStepsMax} steps`)
    if (isIdentity(path)) return Result.fail(`${type[1]}: what identifies an object cannot be hidden`)
    at = text.length - rest.length
    rules.set(type[1] ?? "", [...(rules.get(type[1] ?? "") ?? []), path])
  }
  return Result.succeed(rules)
}

/** Rules of a type as a text that is the same for the same rules; empty without any. */
export const describePaths = (paths: ReadonlyArray<Path> = []): string =>
  paths.map((path) => JSON.stringify(path.map((step) => (step === every ? 0 : step)))).join(" ")

type Span = readonly [start: number, end: number, text: string]

/** The items of a list, first byte and first byte behind each. */
const scanItems = (bytes: Uint8Array, start: number, end: number): ReadonlyArray<readonly [number, number]> => {
  const items: Array<readonly [number, number]> = []
  let at = skipSpace(bytes, start + 1, end)
  while (at < end && bytes[at] !== closeBracket) {
    const behind = bytes[at] === quote ? skipString(bytes, at + 1, end) : skipValue(makeWalk(bytes), at, 0)
    if (behind < 0) return items
    items.push([at, behind])
    const next = skipSpace(bytes, behind, end)
    at = bytes[next] === closeBracket ? next : skipSpace(bytes, next + 1, end)
  }
  return items
}

/** Finds what a path leads to, from its step `at` on. */
const follow = (bytes: Uint8Array, start: number, end: number, path: Path, found: Array<readonly [number, number]>, at = 0): void => {
  const step = path[at]
  if (step === undefined) {
    found.push([start, end])
    return
  }
  if (bytes[start] === openBrace) {
    const pairs = scanPairs(bytes, start, end)
    for (let i = 0; i < pairs.length; i += pairSize) {
      const [nameStart = 0, nameEnd = 0, valueStart = 0, valueEnd = 0] = pairs.slice(i, i + pairSize)
      const isMeant = step === every || decodeString(bytes, nameStart, nameEnd) === step
      if (isMeant) follow(bytes, valueStart, valueEnd, path, found, at + 1)
    }
  } else if (bytes[start] === openBracket && step === every) {
    for (const [itemStart, itemEnd] of scanItems(bytes, start, end)) follow(bytes, itemStart, itemEnd, path, found, at + 1)
  }
}

/** The manifest that `kubectl apply` has left, without what the paths hide; one that cannot be read is hidden whole. */
const hideApplied = (bytes: Uint8Array, [start, end]: readonly [number, number], paths: ReadonlyArray<Path>): Span | undefined => {
  const manifest = bytes[start] === quote ? decodeString(bytes, start + 1, end - 1) : decodeText(bytes, start, end)
  try {
    JSON.parse(manifest)
  } catch {
    return [start, end, redacted]
  }
  const inner = encodeText(manifest)
  const hidden = hideText(inner, skipSpace(inner, 0, inner.length), inner.length, paths)
  return hidden === undefined ? undefined : [start, end, hidden]
}

/** The text of an object without what the paths lead to; undefined where they lead nowhere. */
const hideText = (bytes: Uint8Array, start: number, end: number, paths: ReadonlyArray<Path>): string | undefined => {
  const values: Array<readonly [number, number]> = []
  for (const path of paths) follow(bytes, start, end, path, values)
  const applied: Array<readonly [number, number]> = []
  follow(bytes, start, end, ["metadata", "annotations", lastAppliedKey], applied)
  const spans: Array<Span> = [
    ...values.map(([from, to]): Span => [from, to, redacted]),
    ...applied.map((span) => hideApplied(bytes, span, paths)).filter((span) => span !== undefined),
  ].sort(([a, aEnd], [b, bEnd]) => a - b || bEnd - aEnd)
  if (spans.length === 0) return undefined
  let text = ""
  let at = start
  for (const [from, to, instead] of spans) {
    // What lies in a value that is hidden already is hidden.
    if (from < at) continue
    text += decodeText(bytes, at, from) + JSON.stringify(instead.toWellFormed())
    at = to
  }
  return text + decodeText(bytes, at, end)
}

/**
 * A record's object without what the paths hide, as the only record of a block of its own.
 * @returns undefined where nothing of it is to be hidden
 */
export const hidePaths = (records: Records, record: number, paths: ReadonlyArray<Path>): Records | undefined => {
  const start = startOf(records, record, Field.object)
  const text = start < 0 ? undefined : hideText(records.bytes, start, endOf(records, record, Field.object), paths)
  if (text === undefined) return undefined
  const hidden = makeRecords(1)
  // As a page, not as a watch line: white space between members may be a line feed.
  Result.getOrThrow(scanPage(encodeText(`{"kind":"List","apiVersion":"v1","items":[${text}]}`), hidden))
  return hidden
}
