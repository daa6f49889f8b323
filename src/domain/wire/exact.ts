/**
 * JSON as trees without loss: integers beyond 2^53 are bigints, so that an object that is taken apart and written again is still the
 * API server's. Slower than slices: for snapshots of whole objects, never for messages.
 */

/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>

/** Whether a value is a JSON object: neither an array nor null. */
export const isMembers = (value: unknown): value is Members => typeof value === "object" && value !== null && !Array.isArray(value)

/** ECMAScript 2026 tells a reviver how a number was spelt; the types of 2025 do not say so yet. */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown
const parseWith = JSON.parse as (text: string, revive?: Reviver) => unknown

const reviveInteger: Reviver = (_key, value, context) => {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value
  const source = context?.source ?? ""
  return /^-?\d+$/.test(source) ? BigInt(source) : value
}

/** Without so many digits in a row no integer of a text is beyond 2^53. */
const digitsOfUnsafe = /\d{16}/

/** Parses JSON. Throws a SyntaxError as `JSON.parse` does. */
export const parseExact = (text: string): unknown => parseWith(text, digitsOfUnsafe.test(text) ? reviveInteger : undefined)

/** Writes what `parseExact` has read, without white space and in the order of the members. */
export const spellExact = (value: unknown): string => {
  if (typeof value === "bigint") return String(value)
  if (Array.isArray(value)) return `[${value.map(spellExact).join(",")}]`
  if (!isMembers(value)) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${spellExact(member)}`)
    .join(",")}}`
}
