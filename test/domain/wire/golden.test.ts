import { describe, expect, it } from "vitest"
import { differences } from "../../golden/compare.ts"
import { deviations, type Deviation } from "../../golden/deviation.ts"
import { encodeVector, vectors, type Vector } from "../../golden/vector.ts"

const keyOf = (vector: Vector): string => `${vector.id}${vector.env.redact ? " redacted" : ""}`

/** The reference's message with the members of a deviation changed. None of these messages has a number that a double cannot hold. */
const withDeviation = (message: string, deviation: Deviation): string => {
  const parsed = JSON.parse(message) as { Object: Record<string, unknown> }
  const change = (path: string, apply: (holder: Record<string, unknown>, name: string) => void): void => {
    const names = path.split(".")
    const last = names.pop() ?? ""
    apply(
      names.reduce((holder, name) => holder[name] as Record<string, unknown>, parsed.Object),
      last,
    )
  }
  for (const [path, value] of Object.entries(deviation.set)) change(path, (holder, name) => (holder[name] = value))
  for (const path of deviation.drop ?? []) change(path, (holder, name) => delete holder[name])
  return JSON.stringify(parsed)
}

describe("messages against those of the Go MeshSync", () => {
  const listed = new Map(deviations.map((deviation) => [deviation.vector, deviation]))
  const counts = new Map<string, number>()
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1)

  it("lists each deviation once, and only of vectors that exist", () => {
    expect(listed.size).toBe(deviations.length)
    const keys = new Set(vectors.map(keyOf))
    expect(deviations.filter((deviation) => !keys.has(deviation.vector))).toEqual([])
  })

  it("are equal, or differ as listed", () => {
    const unexpected: Array<unknown> = []
    for (const vector of vectors) {
      const actual = encodeVector(vector)
      const plain = differences(vector.message, actual)
      const deviation = listed.get(keyOf(vector))
      if (deviation === undefined) {
        if (plain.length > 0) unexpected.push({ vector: keyOf(vector), source: vector.source, event: vector.event, plain })
        else count("equal")
        continue
      }
      const rest = differences(withDeviation(vector.message, deviation), actual)
      if (plain.length === 0) unexpected.push({ vector: keyOf(vector), listed: "but equal" })
      else if (rest.length > 0) unexpected.push({ vector: keyOf(vector), rule: deviation.rule, rest })
      else count(`deliberate: ${deviation.rule}`)
    }
    expect(unexpected).toEqual([])
    console.log(`golden vectors: ${[...counts].map(([what, n]) => `${n} ${what}`).join(", ")}`)
    expect([...counts.values()].reduce((sum, n) => sum + n, 0)).toBe(vectors.length)
  })
})

describe("the comparison itself", () => {
  const message = (payload: string): string => `{"ObjectType":"x","Object":${payload}}`

  it.each([
    ["members in another order", '{"a":1,"b":2}', '{"b":2,"a":1}'],
    ["an all-zero fraction", '{"a":1}', '{"a":1.00}'],
    ["JSON in a string with other white space and order", '{"data":"{\\"a\\":1,\\"b\\":[]}"}', '{"data":"{ \\"b\\" : [], \\"a\\":1}"}'],
    ["duplicate members in such a string", '{"data":"{\\"a\\":2}"}', '{"data":"{\\"a\\":1,\\"a\\":2}"}'],
  ])("takes %s for equal", (_, a, b) => {
    expect(differences(message(a), message(b))).toEqual([])
  })

  it.each([
    ["a missing member", '{"a":1}', "{}"],
    ["null for absent", '{"a":null}', "{}"],
    ["big integers that are one double", '{"a":9007199254740993}', '{"a":9007199254740992}'],
    ["other elements", '{"a":[1,2,1]}', '{"a":[1,2,2]}'],
    ["a number as a string", '{"a":1}', '{"a":"1"}'],
    ["a label's value of another spelling", '{"metadata":{"labels":[{"value":"{}"}]}}', '{"metadata":{"labels":[{"value":"{ }"}]}}'],
    ["JSON against text", '{"data":"{}"}', '{"data":"{"}'],
  ])("tells %s", (_, a, b) => {
    expect(differences(message(a), message(b))).toHaveLength(1)
  })

  it("refuses what is not JSON", () => {
    expect(() => differences("{}", '{"a":01}')).toThrow(SyntaxError)
    expect(() => differences("{}", "{} {}")).toThrow(SyntaxError)
  })
})
