import { describe, expect, it } from "vitest"
import { describeVerdict } from "../../../src/domain/select/verdict.ts"

const ready = { type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }
const valid = { type: "ConfigValid", status: "True", reason: "WatchListUsable", message: "The watch-list is in force." }
const resourceWith = (...conditions: ReadonlyArray<object>) => ({
  apiVersion: "meshery.io/v1alpha1",
  kind: "MeshSync",
  metadata: { name: "m", namespace: "n", resourceVersion: "7", generation: 3, managedFields: [] },
  spec: {},
  status: { conditions, "publishing-to": "nats" },
})
const now = "2026-02-02T00:00:00Z"

describe("a verdict on the custom resource", () => {
  it("is a condition beside those of others, bound to the version that was judged", () => {
    expect(describeVerdict(resourceWith(ready), "no JSON", now)).toEqual({
      apiVersion: "meshery.io/v1alpha1",
      kind: "MeshSync",
      metadata: { name: "m", namespace: "n", resourceVersion: "7" },
      status: {
        conditions: [
          ready,
          {
            type: "ConfigValid",
            status: "False",
            reason: "WatchListUnusable",
            message: "no JSON",
            lastTransitionTime: now,
            observedGeneration: 3,
          },
        ],
      },
    })
  })

  it("is not given where all is well and always was, nor twice", () => {
    expect(describeVerdict(resourceWith(ready), undefined, now)).toBeUndefined()
    expect(describeVerdict(resourceWith(valid), undefined, now)).toBeUndefined()
    expect(describeVerdict(resourceWith({ ...valid, status: "False", message: "no JSON" }), "no JSON", now)).toBeUndefined()
    expect(describeVerdict({ metadata: {} }, undefined, now)).toBeUndefined()
  })

  it("is taken back after a good edit, and keeps its time when only the reason is another", () => {
    const broken = { ...valid, status: "False", message: "no JSON", lastTransitionTime: "2026-01-01T00:00:00Z" }
    expect(describeVerdict(resourceWith(broken), undefined, now)).toMatchObject({
      status: { conditions: [{ type: "ConfigValid", status: "True", lastTransitionTime: now }] },
    })
    expect(describeVerdict(resourceWith(broken), "no list", now)).toMatchObject({
      status: { conditions: [{ status: "False", message: "no list", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
    })
  })
})
