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
      "logs",
      "terminals",
    ])
    expect(checks.slice(-2).map(({ detail }) => detail)).toEqual([
      "get pods/log in all namespaces allowed",
      "list pods, get pods/exec, create pods/exec in all namespaces allowed",
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

  it("by somebody without rights: what requests may open in pods is missing, as far as the policy asks for it", async () => {
    const rowsOf = async (flags: Partial<Record<SettingKey, string>>) => {
      const { checks } = await examine(stranger.token, { namespaces: "shop", ...flags }, ["pods"])
      return checks.flatMap(({ detail, outcome, subject }) =>
        /logs|terminals|interactive/.test(subject) ? [`${outcome} ${subject}: ${detail}`] : [],
      )
    }
    const logs = "warning logs: get pods/log in shop not allowed: requests for logs are refused there"
    const terminals = "list pods, get pods/exec, create pods/exec in shop not allowed: requests for terminals are refused there"
    expect(await rowsOf({})).toEqual([logs, `warning terminals: ${terminals}`])
    expect(await rowsOf({ interactive: "logs" })).toEqual([logs])
    expect(await rowsOf({ interactive: "off" })).toEqual(["ok logs, terminals: off: requests open nothing in pods"])
    expect(await rowsOf({ interactive: "maybe" })).toEqual(['failed interactive: "maybe" is none of on, logs, off'])
    expect(await rowsOf({ output: "file" })).toEqual([])
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
