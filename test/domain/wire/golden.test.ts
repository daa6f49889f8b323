import { describe, expect, it } from "vitest"
import { compareMessages } from "../../../src/domain/wire/comparison.ts"
import { parseNode, type Node } from "../../../src/domain/wire/node.ts"
import { deviations } from "../../golden/deviation.ts"
import { encodeVector, vectors, type Vector } from "../../golden/vector.ts"

const keyOf = (vector: Vector): string => `${vector.id}${vector.env.redact ? " redacted" : ""}`

const nodeOf = (text: string): Node => {
  const node = parseNode(text)
  if (node === undefined) throw new Error(`no JSON: ${text.slice(0, 100)}`)
  return node
}

describe("messages against those of the Go MeshSync", () => {
  it("are equal, or differ by a decision where it is listed", () => {
    const unexplained: Array<unknown> = []
    const found = new Map<string, Set<string>>()
    let equal = 0
    for (const vector of vectors) {
      const differences = compareMessages(nodeOf(vector.message), nodeOf(encodeVector(vector)), nodeOf(vector.raw))
      if (differences.length === 0) equal++
      for (const { decision, ours, path, theirs } of differences) {
        if (decision === undefined) unexplained.push({ vector: keyOf(vector), path, theirs, ours })
        else found.set(decision, (found.get(decision) ?? new Set()).add(keyOf(vector)))
      }
    }
    expect(unexplained).toEqual([])
    const sorted = (lists: ReadonlyMap<string, Iterable<string>>) =>
      Object.fromEntries([...lists].map(([decision, keys]) => [decision, [...keys].toSorted()]))
    expect(sorted(found)).toEqual(sorted(deviations))
    console.log(`golden vectors: ${equal} equal, ${[...found].map(([decision, keys]) => `${keys.size} ${decision}`).join(", ")}`)
  })
})
