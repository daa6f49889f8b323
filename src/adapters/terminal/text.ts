/**
 * What may be printed of text that others wrote, and how long it may be. Nothing printed moves the cursor or colours the terminal by
 * itself.
 */

/** Control and formatting characters (escape sequences, line ends, changes of writing direction) become a visible mark. */
export const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029\ud800-\udfff]/gu, "\ufffd")

/** At most `widthMax` characters, the last one an ellipsis where something is missing. */
export const cutText = (text: string, widthMax: number): string => {
  if (text.length <= widthMax) return text
  const characters = Array.from(text)
  return characters.length <= widthMax ? text : `${characters.slice(0, Math.max(0, widthMax - 1)).join("")}${widthMax > 0 ? "…" : ""}`
}

/** Bytes as a person counts them: `512 B`, `1.5 KB`, `38.2 MB`, in powers of 1,000. */
export const renderBytes = (bytes: number): string => {
  const units = ["B", "KB", "MB", "GB", "TB"]
  let value = bytes
  let unit = 0
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ""}`
}

/** `4,213`. */
export const renderCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ",")
