/**
 * Whether a text is a label selector in kubectl's grammar, so that a mistake is found where it was made and not by a refusal of the API
 * server. Selects nothing itself.
 */

const name = String.raw`[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`
const key = String.raw`(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${name}`
const value = `(?:${name})?`
const set = String.raw`\(\s*${value}(?:\s*,\s*${value})*\s*\)`
const requirement = new RegExp(
  String.raw`^\s*(?:!?\s*${key}|${key}\s*(?:=|==|!=)\s*${value}|${key}\s*[<>]\s*-?\d+|${key}\s+(?:in|notin)\s*${set})\s*$`,
)

/** The requirements of a selector: commas within parentheses separate values. */
const splitRequirements = (text: string): ReadonlyArray<string> => text.split(/,(?![^()]*\))/)

/**
 * The first requirement that is none.
 * @param text empty: everything is selected
 * @returns undefined when the selector is sound
 */
export const faultOfSelector = (text: string): string | undefined =>
  text.trim() === "" ? undefined : splitRequirements(text).find((part) => !requirement.test(part))
