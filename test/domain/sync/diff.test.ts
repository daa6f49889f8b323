import { assert, describe, it } from "@effect/vitest"
import { diffPaths } from "../../../src/domain/sync/diff.ts"

const paths = (before: unknown, after: unknown) => diffPaths(before, after).map(({ path }) => path)

describe("diffPaths", () => {
  const table: ReadonlyArray<readonly [string, unknown, unknown, ReadonlyArray<string>]> = [
    ["a scalar", { spec: { replicas: 2 } }, { spec: { replicas: 3 } }, ["spec.replicas"]],
    ["members by name", { spec: { b: 1, a: 1 } }, { spec: { b: 2, a: 2 } }, ["spec.a", "spec.b"]],
    ["a whole subtree that appears", { spec: {} }, { spec: { template: { a: { b: 1 } } } }, ["spec.template"]],
    ["null is not absent", { spec: { a: null } }, { spec: {} }, ["spec.a"]],
    [
      "a label with dots",
      { metadata: { labels: { "app.kubernetes.io/name": "a" } } },
      { metadata: { labels: {} } },
      ['metadata.labels["app.kubernetes.io/name"]'],
    ],
    [
      "the server's own counters",
      { metadata: { resourceVersion: "1", generation: 1, managedFields: [1] } },
      { metadata: { resourceVersion: "2", generation: 2 } },
      [],
    ],
    ["a generation that is the author's", { spec: { generation: 1 } }, { spec: { generation: 2 } }, ["spec.generation"]],
    [
      "a container put first",
      { spec: { containers: [{ name: "app", image: "a:1" }] } },
      {
        spec: {
          containers: [
            { name: "proxy", image: "p" },
            { name: "app", image: "a:2" },
          ],
        },
      },
      ["spec.containers[app].image", "spec.containers[proxy]"],
    ],
    ["a condition by type", { c: [{ type: "Ready", status: "False" }] }, { c: [{ type: "Ready", status: "True" }] }, ["c[Ready].status"]],
    ["a toleration by key", { t: [{ key: "a/b", effect: "x" }] }, { t: [{ key: "a/b", effect: "y" }] }, ['t["a/b"].effect']],
    [
      "names that repeat count by index",
      {
        p: [
          { name: "x", a: 1 },
          { name: "x", a: 2 },
        ],
      },
      {
        p: [
          { name: "x", a: 1 },
          { name: "x", a: 3 },
        ],
      },
      ["p[1].a"],
    ],
    ["scalars by index", { args: ["a", "b"] }, { args: ["a", "c", "d"] }, ["args[1]", "args[2]"]],
    ["an order alone", { i: [{ name: "a" }, { name: "b" }] }, { i: [{ name: "b" }, { name: "a" }] }, ["i"]],
    ["another shape", { a: [1] }, { a: { 0: 1 } }, ["a"]],
    ["a member named __proto__", JSON.parse('{"__proto__":{"a":1}}'), {}, ["__proto__"]],
  ]
  for (const [name, before, after, expected] of table)
    it(name, () => {
      assert.deepStrictEqual(paths(before, after), expected)
    })

  it("says an absent side as undefined and keeps the values", () => {
    assert.deepStrictEqual(diffPaths({ a: { b: 1 } }, { a: { b: null, c: "x" } }), [
      { path: "a.b", before: 1, after: null },
      { path: "a.c", before: undefined, after: "x" },
    ])
  })

  /** Small alphabets make equal, reordered and clashing values likely; the generator is seeded, a failure names its seed. */
  const draw = (seed: number) => {
    let state = seed
    const next = (below: number): number => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0
      return ((state ^ (state >>> 13)) >>> 0) % below
    }
    const value = (depth: number): unknown => {
      const kind = next(depth > 3 ? 4 : 7)
      if (kind === 0) return next(3)
      if (kind === 1) return ["a", "b", ""][next(3)]
      if (kind === 2) return null
      if (kind === 3) return next(2) === 0
      if (kind === 4) return Array.from({ length: next(4) }, () => value(depth + 1))
      if (kind === 5) return Array.from({ length: next(4) }, () => ({ name: ["a", "b", "c", "0"][next(4)], v: value(depth + 1) }))
      return Object.fromEntries(
        Array.from({ length: next(4) }, () => [["a", "b", "metadata", "x.y", "generation"][next(5)] ?? "", value(depth + 1)]),
      )
    }
    return { metadata: { resourceVersion: String(next(9)), labels: value(2) }, spec: value(0) }
  }
  const stripped = (object: ReturnType<typeof draw>): string =>
    JSON.stringify({ ...object, metadata: { labels: object.metadata.labels } }, (_key, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([first], [second]) => (first < second ? -1 : 1)))
        : value,
    )

  it("is empty exactly when the versions are equal, has no path twice, and mirrors when the sides are swapped", () => {
    let equal = 0
    for (let seed = 1; seed <= 4_000; seed++) {
      const before = draw(seed)
      const after = draw(seed % 5 === 0 ? seed : seed * 7_919)
      const found = diffPaths(before, after)
      assert.strictEqual(found.length === 0, stripped(before) === stripped(after), `seed ${seed}`)
      equal += found.length === 0 ? 1 : 0
      assert.strictEqual(new Set(found.map(({ path }) => path)).size, found.length, `seed ${seed}`)
      assert.deepStrictEqual(
        new Map(diffPaths(after, before).map(({ after, before, path }) => [path, [after, before]])),
        new Map(found.map(({ after, before, path }) => [path, [before, after]])),
        `seed ${seed}`,
      )
    }
    assert.isTrue(equal >= 800 && equal < 3_000, `${equal} of 4,000 pairs equal`)
  })
})
