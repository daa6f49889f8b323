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
 * What is wrong with a selector, as a sentence.
 * @param text empty: everything is selected
 * @returns undefined when the selector is sound, else a text that is never empty
 */
export const faultOfSelector = (text: string): string | undefined => {
  if (text.trim() === "") return undefined
  const wrong = splitRequirements(text).find((part) => !requirement.test(part))
  if (wrong === undefined) return undefined
  return wrong.trim() === ""
    ? "a comma in the selector has nothing before or behind it"
    : `${JSON.stringify(wrong)} is no requirement such as app=web`
}
