/**
 * Texts in double quotes as Go writes them with `%q`: what cannot be printed is escaped, so that a foreign text neither breaks a line nor
 * moves a terminal's cursor. Log lines and usage errors have this form in the Go MeshSync.
 */

const letters: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
}

const escapeCharacter = (character: string): string => {
  const letter = letters[character]
  if (letter !== undefined) return letter
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, "0")}`
  // Half of a pair is no character of Go's.
  if (code >= 0xd800 && code <= 0xdfff) return "\\ufffd"
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`
}

/** A text as a Go string literal. Letters, marks, numbers, punctuation, symbols and the space stand for themselves. */
export const quoteText = (text: string): string => `"${text.replace(/["\\]|(?! )[\p{C}\p{Z}]/gu, escapeCharacter)}"`
