import { assert, describe, it } from "vitest"
import { decodeMessage, MeshSyncError, restoreObject, watchCluster, type Change, type LogLine } from "../../src/sdk.ts"
import { makeFakeCluster } from "../../src/testing.ts"
import { collect } from "./collect.ts"

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace: "default", name },
  data,
})

const configMaps = { resources: ["configmaps"] }
const named = ({ event, name }: Change) => `${event} ${name}`

describe("watchCluster", () => {
  it("tells what is there, then what changes, and ends with the loop", async () => {
    const cluster = makeFakeCluster({ objects: [configMap("a", { colour: "blue" })] })
    const seen: Array<Change> = []
    for await (const change of watchCluster({ cluster, select: configMaps })) {
      seen.push(change)
      if (seen.length === 1) cluster.patch({ ...configMap("a", {}), namespace: "default", name: "a" }, { data: { colour: "red" } })
      if (seen.length === 2) cluster.create(configMap("b", {}))
      if (seen.length === 3) cluster.remove({ apiVersion: "v1", kind: "ConfigMap", namespace: "default", name: "a" })
      if (seen.length === 4) break
    }
    assert.deepStrictEqual(seen.map(named), ["Added a", "Modified a", "Added b", "Deleted a"])
    assert.deepStrictEqual(
      seen.slice(0, 2).map((change) => change.object()["data"]),
      [{ colour: "blue" }, { colour: "red" }],
    )
    assert.deepInclude(seen[0], { namespace: "default", uid: seen[3]?.uid ?? "" })
    assert.strictEqual(seen[0]?.resource.plural, "configmaps")
  })

  it("gives changes that are the receiver's own", async () => {
    const cluster = makeFakeCluster({ objects: Array.from({ length: 400 }, (_, at) => configMap(`m-${at}`, { at: String(at) })) })
    const seen = await collect(watchCluster({ cluster, select: configMaps, once: true }))
    assert.strictEqual(new Set(seen.map(({ bytes }) => bytes.buffer)).size, 400)
    for (const change of seen) {
      assert.strictEqual(change.bytes.buffer.byteLength, change.bytes.byteLength)
      assert.deepStrictEqual(change.object()["data"], { at: change.name.slice(2) })
      assert.strictEqual(change.object(), change.object())
    }
  })

  it("ends with once, having told that everything is there", async () => {
    const cluster = makeFakeCluster({ demo: true })
    let count = 0
    let settledAfter = -1
    const watch = watchCluster({ cluster, select: { resources: ["*"] }, once: true, onSettled: () => (settledAfter = count) })
    for await (const change of watch) {
      assert.strictEqual(change.event, "Added")
      count += 1
    }
    const objects = watch.status()?.lanes.reduce((sum, lane) => sum + lane.objects, 0)
    assert.isAbove(count, 500)
    assert.strictEqual(settledAfter, count)
    assert.strictEqual(objects, count)
  })

  it("ends in order by its signal, also one that has fired before", async () => {
    const cluster = makeFakeCluster()
    const controller = new AbortController()
    const seen: Array<string> = []
    const watch = watchCluster({
      cluster,
      select: { resources: ["namespaces"] },
      signal: controller.signal,
      onSettled: () => controller.abort(),
    })
    for await (const change of watch) seen.push(named(change))
    assert.strictEqual(seen.length, 4)
    assert.deepStrictEqual(await collect(watchCluster({ cluster, signal: controller.signal })), [])
    assert.deepStrictEqual(await watch.next(), { done: true, value: undefined })
  })

  it("ends a wait that is under way when it is disposed of", async () => {
    const cluster = makeFakeCluster()
    const watch = watchCluster({ cluster, select: configMaps })
    const waiting = watch.next()
    await watch[Symbol.asyncDispose]()
    assert.deepStrictEqual(await waiting, { done: true, value: undefined })
  })

  it("redacts Secrets unless told otherwise", async () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { namespace: "default", name: "s" }, data: { key: "Y2FuYXJ5" } }
    const cluster = makeFakeCluster({ objects: [secret] })
    const read = async (redactSecrets?: boolean) => {
      const [change] = await collect(watchCluster({ cluster, select: { resources: ["secrets"] }, once: true, redactSecrets }))
      return change?.object()["data"]
    }
    assert.deepStrictEqual(await read(), { key: "[REDACTED]" })
    assert.deepStrictEqual(await read(false), { key: "Y2FuYXJ5" })
  })

  it("selects by namespace and label", async () => {
    const cluster = makeFakeCluster({ demo: true })
    const select = { resources: ["pods"], namespaces: ["market"] }
    const pods = await collect(watchCluster({ cluster, select, once: true }))
    const app = pods[0]?.object().metadata.labels?.["app"] ?? ""
    assert.deepStrictEqual(new Set(pods.map(({ namespace }) => namespace)), new Set(["market"]))
    const labelled = await collect(watchCluster({ cluster, select: { ...select, labels: `app=${app}` }, once: true }))
    assert.isBelow(labelled.length, pods.length)
    assert.isAbove(labelled.length, 0)
  })

  it("throws what a person can act upon", async () => {
    const error = await collect(watchCluster({ kubeconfig: "apiVersion: v1\nkind: Config\n" })).catch((thrown: unknown) => thrown)
    assert.instanceOf(error, MeshSyncError)
    assert.deepInclude(error, { name: "MeshSyncError", key: "ErrKubeConfig", code: "1007" })
    assert.match((error as MeshSyncError).suggestedRemediation, /--kubeconfig/)
  })

  it("refuses labels that select nothing that can be asked for", async () => {
    const select = { resources: ["pods"], labels: "app=web,,tier" }
    const error = await collect(watchCluster({ cluster: makeFakeCluster(), select, once: true })).catch((thrown: unknown) => thrown)
    assert.deepInclude(error, { key: "ErrUsage" })
    assert.match((error as MeshSyncError).message, /a comma in the selector has nothing before or behind it/)
  })

  it("names the namespaces that do not exist in one line, and sees what comes in them later", async () => {
    const cluster = makeFakeCluster({ objects: [configMap("a", {})] })
    const lines: Array<LogLine> = []
    const select = { resources: ["configmaps"], namespaces: ["default", " shopp ", "lab", ""] }
    const seen: Array<string> = []
    for await (const change of watchCluster({ cluster, select, log: (line) => lines.push(line) })) {
      seen.push(`${change.event} ${change.namespace}/${change.name}`)
      if (seen.length === 2) break
      cluster.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "lab" } })
      cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "lab", name: "b" } })
    }
    assert.deepStrictEqual(seen, ["Added default/a", "Added lab/b"])
    assert.deepStrictEqual(
      lines.filter(({ level }) => level === "warning").map(({ message }) => message),
      ['this cluster has no namespace "shopp", "lab"; what is created there later counts'],
    )
  })

  it("says with once what could not be read, and logs it to whom it may concern", async () => {
    const cluster = makeFakeCluster()
    cluster.inject({ key: "secrets", verb: "list", trouble: { _tag: "Status", code: 403 }, times: Infinity })
    const lines: Array<LogLine> = []
    const watch = watchCluster({ cluster, select: { resources: ["secrets"] }, once: true, log: (line) => lines.push(line) })
    const error = await collect(watch).catch((thrown: unknown) => thrown)
    assert.deepInclude(error, { key: "ErrIncompleteSnapshot" })
    assert.include(
      lines.filter(({ level }) => level !== "debug").map(({ fields }) => fields["code"]),
      "1019",
    )
  })

  it("keeps several watches of one process apart", async () => {
    const [one, other] = [
      makeFakeCluster({ seed: 1, objects: [configMap("one", {})] }),
      makeFakeCluster({ seed: 2, objects: [configMap("other", {})] }),
    ]
    const read = async (cluster: typeof one) =>
      (await collect(watchCluster({ cluster, select: configMaps, once: true }))).map(({ name, uid }) => ({ name, uid }))
    const [first, second, again] = await Promise.all([read(one), read(other), read(one)])
    assert.deepStrictEqual(first, again)
    assert.deepStrictEqual(
      [first, second].map((changes) => changes.map(({ name }) => name)),
      [["one"], ["other"]],
    )
  })

  it("holds the reading up while the loop is busy, and loses nothing", async () => {
    const data = { text: "x".repeat(20_000) }
    const cluster = makeFakeCluster({ objects: Array.from({ length: 600 }, (_, at) => configMap(`m-${at}`, data)) })
    const controller = new AbortController()
    const watch = watchCluster({ cluster, select: configMaps, signal: controller.signal, onSettled: () => controller.abort() })
    const names = new Set<string>()
    let published = -1
    for await (const change of watch) {
      names.add(change.name)
      if (names.size === 1) {
        await new Promise((resolve) => setImmediate(resolve))
        published = watch.status()?.lanes[0]?.published.added ?? -1
      }
    }
    assert.strictEqual(names.size, 600)
    assert.isAtLeast(published, 0)
    assert.isBelow(published, 600)
  })
})

describe("decodeMessage", () => {
  it("takes bytes and text, and gives what a change's object is made of", async () => {
    const cluster = makeFakeCluster({ objects: [configMap("a", { text: "größer <b>" })] })
    const [change] = await collect(watchCluster({ cluster, select: configMaps, once: true }))
    const bytes = change?.bytes ?? new Uint8Array()
    assert.deepStrictEqual(restoreObject(decodeMessage(bytes).Object), change?.object())
    assert.deepStrictEqual(decodeMessage(new TextDecoder().decode(bytes)), decodeMessage(bytes))
    assert.deepStrictEqual(change?.object()["data"], { text: "größer <b>" })
  })

  it("throws what a person can act upon", () => {
    assert.throws(() => decodeMessage("[]"), MeshSyncError, /A message is malformed/)
  })
})
