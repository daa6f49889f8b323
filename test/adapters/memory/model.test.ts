/**
 * The model of the fake API server: what the contract cannot ask of a real one. Determinism, bounds, faults.
 */
import { assert, describe, it } from "@effect/vitest"
import { answer, type Answer } from "../../../src/adapters/memory/answer.ts"
import { churnStep, stepsPerRound } from "../../../src/adapters/memory/churn.ts"
import { corpusKinds } from "../../../src/adapters/memory/corpus.ts"
import { makeDemoCluster } from "../../../src/adapters/memory/demoCluster.ts"
import type { Trouble } from "../../../src/adapters/memory/fault.ts"
import { administrator, bodyOf, type Cluster, cutWatches, makeCluster, treeOf } from "../../../src/adapters/memory/model.ts"
import { decodeText } from "../../../src/adapters/memory/object.ts"
import { matchLabels, parseSelector } from "../../../src/adapters/memory/selector.ts"
import { readBookmark, readWatch, type Watch } from "../../../src/adapters/memory/watch.ts"
import { createObject, patchObject, removeObject } from "../../../src/adapters/memory/write.ts"
import { fakeEventsMax, fakeSnapshotsMax } from "../../../src/domain/limit.ts"

const nowMs = 1_770_000_000_000

const ask = (cluster: Cluster, path: string): Answer =>
  answer(cluster, { method: "GET", path, accept: "application/json", token: administrator.token, body: "", nowMs })

const textOf = (given: Answer): string => {
  if (given._tag !== "Reply") throw new Error(`answered with ${given._tag}`)
  return decodeText(given.body)
}

const watchFrom = (cluster: Cluster, path: string): Watch => {
  const given = ask(cluster, path)
  if (given._tag !== "Watching") throw new Error(textOf(given))
  return given.watch
}

const makeFilled = (count: number): Cluster => {
  const cluster = makeCluster(3)
  createObject(cluster, "namespaces", { metadata: { name: "shop" } }, nowMs)
  for (let at = 0; at < count; at += 1) createObject(cluster, "configmaps", { metadata: { name: `cm-${at}`, namespace: "shop" } }, nowMs)
  return cluster
}

const inject = (cluster: Cluster, verb: "list" | "watch", trouble: Trouble, times = 1) =>
  cluster.faults.push({ key: "configmaps", verb, trouble, times })

/** Everything that a client can read of a cluster. */
const readWhole = (cluster: Cluster): string =>
  [...cluster.shelves.values()]
    .filter(({ resource }) => resource.verbs.includes("list"))
    .map(({ resource }) => {
      const root = resource.group === "" ? "/api" : `/apis/${resource.group}`
      return textOf(ask(cluster, `${root}/${resource.versions[0]}/${resource.plural}`))
    })
    .join("")

describe("determinism", () => {
  it("gives the same bytes for the same seed and steps, others for another seed", () => {
    const live = (seed: number) => {
      const cluster = makeDemoCluster({ seed, nowMs })
      for (let step = 0; step < stepsPerRound; step += 1) churnStep(cluster, seed, step, nowMs + step)
      return readWhole(cluster)
    }
    assert.strictEqual(live(5), live(5))
    assert.notStrictEqual(live(5), live(6))
  })
})

describe("the demo's cluster", () => {
  it("has at least 500 objects of 15 kinds, without a placeholder left, all addressable by a distinct uid", () => {
    const cluster = makeDemoCluster({ seed: 1, nowMs })
    const filled = [...cluster.shelves.values()].filter(({ items }) => items.size > 0)
    const all = filled.flatMap(({ items }) => [...items.values()])
    assert.isAtLeast(all.length, 500)
    assert.isAtLeast(filled.length, 15)
    assert.isAtLeast(corpusKinds.length, 20)
    assert.strictEqual(new Set(all.map(({ uid }) => uid)).size, all.length)
    for (const stored of all) {
      assert.notMatch(decodeText(bodyOf(stored)), /\$(NAME|NAMESPACE|HASH|POD|NODE|IP|OWNER|UID|TIME)\b/)
      const { metadata } = treeOf(stored)
      assert.strictEqual(metadata.name, stored.name)
      assert.strictEqual(metadata.namespace ?? "", stored.namespace)
    }
  })

  it("lives: a round of churn creates, changes, deletes, recreates, defines and withdraws a kind, and cuts a watch", () => {
    const cluster = makeDemoCluster({ seed: 1, nowMs })
    const pods = watchFrom(cluster, `/api/v1/pods?watch=1&resourceVersion=${cluster.version}`)
    const configMaps = watchFrom(cluster, `/api/v1/configmaps?watch=1&resourceVersion=${cluster.version}`)
    const groups = new Set<boolean>()
    let cut = false
    let podLines = ""
    for (let step = 0; step < stepsPerRound; step += 1) {
      churnStep(cluster, 1, step, nowMs + step)
      groups.add(cluster.shelves.has("ferries.harbour.example"))
      const shown = readWatch(cluster, pods)
      podLines += decodeText(shown.bytes)
      cut ||= shown.state === "cut"
    }
    const lines = decodeText(readWatch(cluster, configMaps).bytes)
    for (const type of ["ADDED", "MODIFIED", "DELETED"]) assert.include(podLines + lines, `{"type":"${type}"`)
    assert.deepStrictEqual(groups, new Set([false, true]))
    assert.isFalse(cluster.shelves.has("ferries.harbour.example"))
    assert.isTrue(cut)
    const recreated = [...lines.matchAll(/^\{"type":"DELETED".*?"name":"([^"]+)","namespace":"([^"]+)"/gm)].map(
      ([, name, namespace]) => `${namespace}/${name}`,
    )
    assert.isNotEmpty(recreated)
    for (const key of recreated) assert.isTrue(cluster.shelves.get("configmaps")?.items.has(key))
  })
})

describe("a herd", () => {
  it("is pods of 7 to 9 KB, each its own, listed whole in pages", () => {
    const cluster = makeDemoCluster({ seed: 1, nowMs, pods: 1_234 })
    const seen = new Map<string, string>()
    let token = ""
    do {
      const text = textOf(ask(cluster, `/api/v1/pods?limit=500&continue=${token}`))
      const page = JSON.parse(text) as {
        readonly metadata: { readonly continue?: string; readonly resourceVersion: string }
        readonly items: ReadonlyArray<{
          readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string; readonly resourceVersion: string }
        }>
      }
      assert.isAbove(text.length / page.items.length, 7_000)
      assert.isBelow(text.length / page.items.length, 9_000)
      for (const { metadata } of page.items) {
        seen.set(`${metadata.namespace}/${metadata.name}`, metadata.uid)
        assert.isAtMost(Number(metadata.resourceVersion), Number(page.metadata.resourceVersion))
      }
      token = page.metadata.continue ?? ""
    } while (token !== "")
    assert.strictEqual(seen.size, 1_234)
    assert.strictEqual(new Set(seen.values()).size, 1_234)
  })

  it("changes like any other object", () => {
    const cluster = makeDemoCluster({ seed: 1, nowMs, pods: 20 })
    const [stored] = cluster.shelves.get("pods")?.items.values() ?? []
    assert.isDefined(stored)
    const watch = watchFrom(cluster, `/api/v1/pods?watch=1&resourceVersion=${cluster.version}`)
    patchObject(cluster, "pods", stored.namespace, stored.name, { metadata: { labels: { tier: "front" } } })
    removeObject(cluster, "pods", stored.namespace, stored.name, nowMs)
    const lines = decodeText(readWatch(cluster, watch).bytes).trim().split("\n")
    assert.deepStrictEqual(
      lines.map((line) => (JSON.parse(line) as { readonly type: string }).type),
      ["MODIFIED", "DELETED"],
    )
    assert.include(lines[1], stored.uid)
  })
})

describe("bounds", () => {
  it("forgets the older events of a full log, and refuses a watch from before them", () => {
    const cluster = makeFilled(1)
    const from = cluster.version
    const slow = watchFrom(cluster, `/api/v1/configmaps?watch=1&resourceVersion=${from}`)
    for (let at = 0; at <= fakeEventsMax; at += 1) patchObject(cluster, "configmaps", "shop", "cm-0", { data: { at: String(at) } })
    assert.isAtMost(cluster.shelves.get("configmaps")?.log.length ?? 0, fakeEventsMax)
    const late = readWatch(cluster, watchFrom(cluster, `/api/v1/configmaps?watch=1&resourceVersion=${from}`))
    assert.include(decodeText(late.bytes), `"reason":"Expired","code":410`)
    assert.strictEqual(late.state, "ended")
    assert.strictEqual(readWatch(cluster, slow).state, "ended")
  })

  it("forgets the oldest snapshot, whose token then answers 410", () => {
    const cluster = makeFilled(4)
    const tokens = Array.from({ length: fakeSnapshotsMax + 1 }, (_, at) => {
      patchObject(cluster, "configmaps", "shop", "cm-0", { data: { at: String(at) } })
      return /"continue":"([^"]+)"/.exec(textOf(ask(cluster, "/api/v1/configmaps?limit=1")))?.[1] ?? ""
    })
    const codes = tokens.map((token) => {
      const given = ask(cluster, `/api/v1/configmaps?limit=9&continue=${token}`)
      return given._tag === "Reply" ? given.status : 0
    })
    assert.deepStrictEqual(codes, [410, ...Array.from({ length: fakeSnapshotsMax }, () => 200)])
  })
})

describe("faults", () => {
  it("are used up by the requests that meet them", () => {
    const cluster = makeFilled(1)
    inject(cluster, "list", { _tag: "Status", code: 429, retryAfterSeconds: 7 }, 2)
    const met = [1, 2, 3].map(() => {
      const given = ask(cluster, "/api/v1/configmaps")
      return given._tag === "Reply" ? [given.status, given.retryAfterSeconds] : []
    })
    assert.deepStrictEqual(met, [
      [429, 7],
      [429, 7],
      [200, undefined],
    ])
    assert.strictEqual(cluster.faults.length, 0)
  })

  it("concern one type and one verb", () => {
    const cluster = makeFilled(1)
    inject(cluster, "list", { _tag: "Stall" }, Number.POSITIVE_INFINITY)
    assert.strictEqual(ask(cluster, "/api/v1/configmaps")._tag, "Stalled")
    assert.strictEqual(ask(cluster, "/api/v1/secrets")._tag, "Reply")
    assert.strictEqual(ask(cluster, "/api/v1/configmaps?watch=1")._tag, "Watching")
  })

  it("cut a watch in the middle of a line, and a new one goes on from where the client was", () => {
    const cluster = makeFilled(0)
    const from = cluster.version
    inject(cluster, "watch", { _tag: "Cut", afterBytes: 40 })
    const watch = watchFrom(cluster, `/api/v1/configmaps?watch=1&resourceVersion=${from}`)
    createObject(cluster, "configmaps", { metadata: { name: "a", namespace: "shop" } }, nowMs)
    const shown = readWatch(cluster, watch)
    assert.deepStrictEqual([shown.state, shown.bytes.length], ["cut", 40])
    const again = readWatch(cluster, watchFrom(cluster, `/api/v1/configmaps?watch=1&resourceVersion=${from}`))
    assert.match(decodeText(again.bytes), /^\{"type":"ADDED".*\n$/)
  })

  it("break the watches of one type", () => {
    const cluster = makeFilled(1)
    const path = (plural: string) => `/api/v1/${plural}?watch=1&resourceVersion=${cluster.version}`
    const [mine, other] = [watchFrom(cluster, path("configmaps")), watchFrom(cluster, path("secrets"))]
    cutWatches(cluster, "configmaps")
    assert.deepStrictEqual([readWatch(cluster, mine).state, readWatch(cluster, other).state], ["cut", "open"])
  })

  it("keep a watch silent as long as they last, and lose nothing", () => {
    const cluster = makeFilled(0)
    const watch = watchFrom(cluster, `/api/v1/configmaps?watch=1&allowWatchBookmarks=true&resourceVersion=${cluster.version}`)
    inject(cluster, "watch", { _tag: "Silence" }, Number.POSITIVE_INFINITY)
    createObject(cluster, "configmaps", { metadata: { name: "a", namespace: "shop" } }, nowMs)
    assert.strictEqual(readWatch(cluster, watch).bytes.length, 0)
    assert.strictEqual(readBookmark(cluster, watch).bytes.length, 0)
    cluster.faults.length = 0
    assert.include(decodeText(readWatch(cluster, watch).bytes), `"name":"a"`)
  })

  it("send a bookmark twice", () => {
    const cluster = makeFilled(0)
    const watch = watchFrom(cluster, `/api/v1/configmaps?watch=1&allowWatchBookmarks=true&resourceVersion=${cluster.version}`)
    createObject(cluster, "secrets", { metadata: { name: "a", namespace: "shop" } }, nowMs)
    inject(cluster, "watch", { _tag: "BookmarkTwice" })
    const [first, second, rest] = decodeText(readBookmark(cluster, watch).bytes).split("\n")
    assert.strictEqual(
      first,
      `{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"${cluster.version}"}}}`,
    )
    assert.deepStrictEqual([second, rest], [first, ""])
  })

  it("tell of only some deletions when a definition goes", () => {
    const cluster = makeDemoCluster({ seed: 1, nowMs })
    for (let step = 0; step <= 12; step += 1) churnStep(cluster, 1, step, nowMs)
    cluster.deletionsTold = 2
    const watch = watchFrom(cluster, `/apis/harbour.example/v1/ferries?watch=1&resourceVersion=${cluster.version}`)
    removeObject(cluster, "customresourcedefinitions.apiextensions.k8s.io", "", "ferries.harbour.example", nowMs)
    const shown = readWatch(cluster, watch)
    assert.strictEqual(decodeText(shown.bytes).match(/"type":"DELETED"/g)?.length, 2)
    assert.strictEqual(shown.state, "ended")
  })
})

describe("a definition's change", () => {
  it("lets its watches tell what came before, nothing of what comes after, and end", () => {
    const cluster = makeDemoCluster({ seed: 1, nowMs })
    for (let step = 0; step <= 12; step += 1) churnStep(cluster, 1, step, nowMs)
    const watch = watchFrom(cluster, `/apis/harbour.example/v1/ferries?watch=1&resourceVersion=${cluster.version}`)
    const key = "ferries.harbour.example"
    patchObject(cluster, key, "harbour", "puffin", { spec: { berth: 40 } })
    patchObject(cluster, "customresourcedefinitions.apiextensions.k8s.io", "", key, { spec: { names: { shortNames: ["fy"] } } })
    patchObject(cluster, key, "harbour", "puffin", { spec: { berth: 41 } })
    const shown = readWatch(cluster, watch)
    assert.match(decodeText(shown.bytes), /^\{"type":"MODIFIED".*"berth":40.*\n$/)
    assert.strictEqual(shown.state, "ended")
  })
})

describe("numbers", () => {
  it("keep their spelling through a patch", () => {
    const cluster = makeFilled(0)
    const body = `{"metadata":{"name":"big"},"data":{"n":9007199254740993,"f":1.50}}`
    answer(cluster, { method: "POST", path: "/api/v1/namespaces/shop/configmaps", accept: "", token: administrator.token, body, nowMs })
    patchObject(cluster, "configmaps", "shop", "big", { metadata: { labels: { a: "b" } } })
    assert.include(textOf(ask(cluster, "/api/v1/namespaces/shop/configmaps/big")), `"data":{"n":9007199254740993,"f":1.50}`)
  })
})

describe("label selectors", () => {
  it.each([
    ["a=1", true],
    ["a!=1", false],
    ["b!=1", true],
    ["a in (0, 1),c", true],
    ["a notin (1)", false],
    ["!c", false],
    ["!d,a", true],
    ["", true],
  ])("%s", (text, expected) => {
    const selector = parseSelector(text)
    assert.isDefined(selector)
    assert.strictEqual(matchLabels(selector, { a: "1", c: "" }), expected)
  })

  it.each(["a=1,,b", "((", "a in 1", "=1", "a~b"])("refuses %s", (text) => {
    assert.isUndefined(parseSelector(text))
  })
})
