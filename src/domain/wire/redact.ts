/**
 * What takes the values out of a Secret: the members `data`, `binaryData` and `stringData`, and the copy of them that `kubectl apply`
 * leaves in an annotation. Names stay, values become `[REDACTED]`. Whatever cannot be understood is replaced whole.
 * Does not decide what is a Secret, nor whether redaction is on.
 */
import { openBrace, quote, skipSpace } from "../read/json.ts"
import { decodeString, decodeText } from "../read/text.ts"
import { pairSize, readPairs, scanPairs } from "./pairs.ts"
import { encodeText } from "./writer.ts"

export const redacted = "[REDACTED]"

/** The annotation in which `kubectl apply` keeps the manifest. */
export const lastAppliedKey = "kubectl.kubernetes.io/last-applied-configuration"

/** Members with secret values, in lower case: kubectl keeps in its annotation what was applied, however it was spelt. */
const secretMembers: ReadonlySet<string> = new Set(["data", "binarydata", "stringdata"])

/**
 * The raw text of `data`, `binaryData` or `stringData` with its values replaced: an object with the same names, sorted. `null` becomes
 * `{}`. Any other JSON has no names to keep apart from values and is left to the caller.
 * @returns undefined where the value is to be published as it stands
 */
export const redactMember = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (bytes[start] === openBrace) {
    const pairs = readPairs(bytes, start, end)
    const names: Array<string> = []
    for (let i = 0; i < pairs.length; i += pairSize) names.push(decodeString(bytes, pairs[i] as number, pairs[i + 1] as number))
    return `{${names.map((name) => `${JSON.stringify(name.toWellFormed())}:"${redacted}"`).join(",")}}`
  }
  // The Go MeshSync looks at a string's content as if it were JSON; these are the only contents that are an object or null.
  const text = bytes[start] === quote ? decodeText(bytes, start + 1, end - 1) : decodeText(bytes, start, end)
  return /^ *(null|\{ *\}) *$/.test(text) ? "{}" : undefined
}

/** Whether a text is JSON. */
const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * A manifest with the values of its Secret members replaced in place: everything else keeps its spelling, so numbers stay exact.
 * @param manifest the decoded text of the annotation
 * @returns `[REDACTED]` when the manifest is no JSON object
 */
export const redactManifest = (manifest: string): string => {
  if (!parses(manifest)) return redacted
  const bytes = encodeText(manifest)
  const start = skipSpace(bytes, 0, bytes.length)
  if (bytes[start] !== openBrace) return redacted
  const members = scanPairs(bytes, start, bytes.length)
  let text = ""
  let at = 0
  const replace = (from: number, to: number): void => {
    text += `${decodeText(bytes, at, from)}"${redacted}"`
    at = to
  }
  for (let i = 0; i < members.length; i += pairSize) {
    const [nameStart = 0, nameEnd = 0, valueStart = 0, valueEnd = 0] = members.slice(i, i + pairSize)
    if (!secretMembers.has(decodeString(bytes, nameStart, nameEnd).toLowerCase())) continue
    if (bytes[valueStart] !== openBrace) {
      replace(valueStart, valueEnd)
      continue
    }
    const values = scanPairs(bytes, valueStart, valueEnd)
    for (let j = 0; j < values.length; j += pairSize) replace(values[j + 2] as number, values[j + 3] as number)
  }
  return text + decodeText(bytes, at, bytes.length)
}
