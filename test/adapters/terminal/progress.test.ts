import { assert, describe, it } from "@effect/vitest"
import { progressText } from "../../../src/adapters/terminal/progress.ts"
import { cutText, printable, renderBytes, renderCount } from "../../../src/adapters/terminal/text.ts"
import { laneOf, statusOf } from "../../domain/sync/statusOf.ts"

const trouble = { reason: "Forbidden", text: "no", sinceMs: 0, attempts: 1 }

describe("progress", () => {
  it("counts kinds, objects and bytes, and names what it waits for", () => {
    const lanes = [
      laneOf("pods", { objects: 4_000, bytesRead: 38_200_000 }),
      laneOf("nodes", { objects: 213, synced: false }),
      laneOf("secrets", { synced: false, trouble }),
      laneOf("gone", { state: "closed", bytesRead: 1_000 }),
    ]
    assert.strictEqual(
      progressText(statusOf(lanes), Infinity),
      "1 of 3 kinds · 4,213 objects · 38.2 MB read · waiting: secrets (Forbidden)",
    )
    assert.strictEqual(
      progressText(statusOf([...lanes, laneOf("leases", { trouble })]), Infinity)
        .split(" · ")
        .at(-1),
      "waiting: secrets (Forbidden) and 1 more",
    )
    assert.strictEqual(progressText(statusOf(lanes), 20), "1 of 3 kinds · 4,21…")
  })
})

describe("text on a terminal", () => {
  it("never moves the cursor, and keeps what is only foreign", () => {
    assert.strictEqual(
      printable("a\u001b[2J\r\n\u0007\u009b\u202e\u200fé漢😀\ud800"),
      "a\ufffd[2J\ufffd\ufffd\ufffd\ufffd\ufffd\ufffdé漢😀\ufffd",
    )
  })
  it("is cut between characters", () => {
    const table = [
      ["abc", 3, "abc"],
      ["abcd", 3, "ab…"],
      ["😀😀", 2, "😀😀"],
      ["😀😀😀", 2, "😀…"],
      ["abc", 0, ""],
    ] as const
    for (const [text, width, expected] of table) assert.strictEqual(cutText(text, width), expected)
  })
  it("counts as people do", () => {
    assert.deepStrictEqual([0, 999, 1_000, 999_949, 999_950, 5e15].map(renderBytes), [
      "0 B",
      "999 B",
      "1.0 KB",
      "999.9 KB",
      "1.0 MB",
      "5000.0 TB",
    ])
    assert.deepStrictEqual([0, 999, 1_000, 1_234_567].map(renderCount), ["0", "999", "1,000", "1,234,567"])
  })
})
