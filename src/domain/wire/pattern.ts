/**
 * `pattern_resource`: the Meshery design that an object belongs to, told by a label. The Go MeshSync publishes zeros for every design; here
 * the label's text counts when it is a UUID, so that the consumer's filter by design works.
 */

/** The label that names the design. */
export const designLabel = "design.meshery.io/id"

const zero = "00000000-0000-0000-0000-000000000000"

const plain = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const undashed = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/

/**
 * The UUID that a text spells: as usual, in braces, with `urn:uuid:` before it, or without dashes; in upper or lower case.
 * @returns the usual lower-case spelling, or the all-zero UUID where the text is none
 */
export const designOf = (text: string): string => {
  const lower = text.toLowerCase()
  const bare = lower.startsWith("urn:uuid:") ? lower.slice(9) : lower.startsWith("{") && lower.endsWith("}") ? lower.slice(1, -1) : lower
  if (plain.test(bare)) return bare
  return undashed.test(lower) ? lower.replace(undashed, "$1-$2-$3-$4-$5") : zero
}
