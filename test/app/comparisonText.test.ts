/** What a comparison says to a person: its line while it goes on, and its table at the end, to the letter. */
import { describe, expect, it } from "vitest"
import { comparisonLine, comparisonTable } from "../../src/app/comparisonText.ts"
import { makeReport, noteVerdict, type EventName, type Report, type Verdict } from "../../src/domain/sync/comparisonReport.ts"

const pod: EventName = { event: "ADDED", apiVersion: "v1", kind: "Pod", namespace: "shop", name: "web", uid: "u", resourceVersion: "8" }
const node: EventName = { ...pod, event: "MODIFIED", kind: "Node", namespace: "", name: "n1" }

const reportOf = (...verdicts: ReadonlyArray<readonly [EventName, Verdict]>): Report => {
  const report = makeReport()
  for (const [about, verdict] of verdicts) noteVerdict(report, about, verdict)
  return report
}

describe("a comparison's line", () => {
  it("counts what was told at another moment as equal, and both sorts of missing together", () => {
    const report = reportOf(
      [pod, { outcome: "equal" }],
      [pod, { outcome: "timing" }],
      [pod, { outcome: "explained", decisions: ["numbers"] }],
      [pod, { outcome: "missingHere" }],
      [node, { outcome: "missingThere" }],
      [node, { outcome: "different", paths: ["Object.a"] }],
    )
    expect(comparisonLine(report, 7)).toBe("2 equal, 1 explained, 1 different, 2 missing; 7 wait for their counterpart")
  })
})

describe("a comparison's table", () => {
  it("is short where all is well", () => {
    expect(comparisonTable(reportOf([pod, { outcome: "equal" }], [node, { outcome: "equal" }], [node, { outcome: "equal" }]))).toBe(
      [
        "KIND     EQUAL  EXPLAINED  DIFFERENT  MISSING HERE  MISSING THERE",
        "Node.v1      2          0          0             0              0",
        "Pod.v1       1          0          0             0              0",
        "all          3          0          0             0              0",
        "",
        "All 3 events that were compared are equal or explained, and none is missing.",
        "",
      ].join("\n"),
    )
  })

  it("names decisions, findings and where they differ, and explains its columns", () => {
    const paths = ["a", "b", "c", "d", "e", "f", "g"].map((name) => `Object.${name}`)
    const report = reportOf(
      [pod, { outcome: "explained", decisions: ["numbers", "design", "numbers"] }],
      [pod, { outcome: "undecided" }],
      [pod, { outcome: "different", paths }],
      [node, { outcome: "missingThere" }],
    )
    report.outside = 4
    expect(comparisonTable(report)).toBe(
      [
        "KIND     EQUAL  EXPLAINED  DIFFERENT  MISSING HERE  MISSING THERE  UNDECIDED",
        "Node.v1      0          0          0             0              1          0",
        "Pod.v1       0          1          1             0              0          1",
        "all          0          1          1             0              1          1",
        "UNDECIDED: the end, a lost connection or a bound came before the counterpart.",
        "",
        "DECISION  EVENTS  DIFFERENCES FROM THE GO MESHSYNC (README)",
        "      15       1  `pattern_resource`",
        "      26       1  numbers",
        "",
        "FINDING        EVENT     OBJECT             WHERE",
        "different      ADDED     Pod.v1 shop/web@8  Object.a, Object.b, Object.c, Object.d, Object.e, and 2 more",
        "missing there  MODIFIED  Node.v1 n1@8",
        "",
        "2 of 3 events are neither equal nor explained. 4 messages were outside of what is compared.",
        "",
      ].join("\n"),
    )
  })

  it("shows 50 findings and counts the rest", () => {
    const report = reportOf(...Array.from({ length: 60 }, () => [pod, { outcome: "missingHere" }] as const))
    const lines = comparisonTable(report).split("\n")
    expect(lines.filter((line) => line.startsWith("missing here "))).toHaveLength(50)
    expect(lines).toContain("and 10 more")
  })
})
