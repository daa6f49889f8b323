import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { makeDemoCluster } from "../../src/adapters/memory/demoCluster.ts"
import { layerMemory } from "../../src/adapters/memory/clusterApi.ts"
import { stranger } from "../../src/adapters/memory/model.ts"
import { examineCluster, sampleLanes } from "../../src/app/examineCluster.ts"
import { gatherValues, type SettingKey } from "../../src/app/settings.ts"

const examine = (token: string | undefined, flags: Partial<Record<SettingKey, string>>, words: ReadonlyArray<string> = []) => {
  const cluster = makeDemoCluster({ seed: 1, nowMs: Date.now() })
  const values = gatherValues(new Map(Object.entries(flags) as Array<[SettingKey, string]>), {})
  const work = Effect.gen(function* () {
    const { checks, readable } = yield* examineCluster({ values, words, everywhere: undefined })
    return { checks, samples: yield* sampleLanes(readable) }
  })
  return Effect.runPromise(Effect.provide(work, layerMemory(cluster, token)))
}

describe("a cluster examined", () => {
  it("by somebody with every right: all is well, and everything is counted", async () => {
    const { checks, samples } = await examine(undefined, {}, ["pods", "nodes"])
    expect(checks.filter(({ outcome }) => outcome !== "ok")).toEqual([])
    expect(checks.map(({ subject }) => subject)).toEqual([
      "API server",
      "user",
      "clock",
      "cluster id",
      "discovery",
      "MeshSync resource",
      "pods",
      "nodes",
    ])
    expect(samples.map(({ key, objects, remaining }) => [key, objects, (remaining ?? NaN) > 0])).toEqual([
      ["pods", 20, true],
      ["nodes", 6, false],
    ])
  })

  it("by somebody without rights: each kind fails with what is missing, and is not sampled", async () => {
    const { checks, samples } = await examine(stranger.token, { namespaces: "shop" }, ["pods", "secrets"])
    expect(checks.filter(({ outcome }) => outcome === "failed").map(({ subject }) => subject)).toEqual(["cluster id", "pods", "secrets"])
    expect(checks.find(({ subject }) => subject === "pods")?.detail).toBe("list and watch in shop not allowed")
    expect(samples).toEqual([])
  })

  it("does not miss the id that is set", async () => {
    const { checks } = await examine(stranger.token, { clusterId: "abc" }, ["pods"])
    expect(checks.find(({ subject }) => subject === "cluster id")).toMatchObject({ outcome: "ok", detail: "abc (as set)" })
  })

  it("with credentials that do not count: nothing else is asked", async () => {
    const { checks } = await examine("nobody", {})
    expect(checks.map(({ outcome, subject }) => `${subject} ${outcome}`)).toEqual(["API server failed", "cluster skipped"])
    expect(checks[0]?.remedy).toContain("credentials")
  })

  it("names a kind that nobody serves", async () => {
    const { checks } = await examine(undefined, {}, ["podz"])
    expect(checks.find(({ outcome, subject }) => subject === "podz" && outcome === "warning")?.detail).toContain("nearest name is pods")
    expect(checks.find(({ outcome }) => outcome === "failed")?.detail).toBe("no resource of this cluster is selected")
  })
})
