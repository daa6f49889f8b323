/**
 * Label selectors in kubectl's grammar: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
 */

interface Requirement {
  readonly key: string
  readonly operator: "in" | "notin" | "exists" | "absent"
  readonly values: ReadonlyArray<string>
}

export type Selector = ReadonlyArray<Requirement>

const name = String.raw`[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?`
const value = String.raw`(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?`
const equality = new RegExp(String.raw`^(${name})\s*(==|=|!=)\s*(${value})$`)
const membership = new RegExp(String.raw`^(${name})\s+(in|notin)\s*\(([^()]*)\)$`)
const presence = new RegExp(String.raw`^(!?)\s*(${name})$`)

const parseRequirement = (text: string): Requirement | undefined => {
  const equal = equality.exec(text)
  if (equal !== null) return { key: equal[1] ?? "", operator: equal[2] === "!=" ? "notin" : "in", values: [equal[3] ?? ""] }
  const member = membership.exec(text)
  if (member !== null) {
    const values = (member[3] ?? "").split(",").map((word) => word.trim())
    return { key: member[1] ?? "", operator: member[2] === "in" ? "in" : "notin", values }
  }
  const present = presence.exec(text)
  return present === null ? undefined : { key: present[2] ?? "", operator: present[1] === "!" ? "absent" : "exists", values: [] }
}

/** The requirements of a selector; undefined when the text is none. */
export const parseSelector = (text: string): Selector | undefined => {
  if (text.trim() === "") return []
  const parts = text.split(/,(?![^(]*\))/).map((part) => parseRequirement(part.trim()))
  return parts.every((part) => part !== undefined) ? parts : undefined
}

/** Whether labels meet every requirement. `!=` and `notin` are met by objects without the label, as in Kubernetes. */
export const matchLabels = (selector: Selector, labels: Readonly<Record<string, string>>): boolean =>
  selector.every(({ key, operator, values }) => {
    const label = labels[key]
    switch (operator) {
      case "exists":
        return label !== undefined
      case "absent":
        return label === undefined
      case "in":
        return label !== undefined && values.includes(label)
      case "notin":
        return label === undefined || !values.includes(label)
    }
  })
