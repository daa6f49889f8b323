import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { assert, describe, it } from "vitest"
import { parseAllDocuments } from "yaml"
import { coreSubject, decodeMessage, requestSubject, run, watchCluster, type Change, type MeshSyncError } from "../../src/sdk.ts"
import { makeBroker, makeFakeCluster } from "../../src/testing.ts"
import { collect } from "./collect.ts"

const namespaces = { resources: ["namespaces"] }
const failureOf = (running: Promise<unknown>) =>
  running.then(
    () => undefined,
    (error: unknown) => error as MeshSyncError,
  )

describe("run", () => {
  it("writes a snapshot of a namespace", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "meshsync-"))
    const file = path.join(folder, "market.yaml")
    await run({
      cluster: makeFakeCluster({ demo: true }),
      output: "file",
      file,
      once: true,
      select: { namespaces: ["market"], resources: ["pods"] },
    })
    const documents = parseAllDocuments(readFileSync(file, "utf8")).flatMap((document) => {
      const object = document.toJS() as { kind: string; metadata: { namespace: string } } | null
      return object === null ? [] : [`${object.kind} in ${object.metadata.namespace}`]
    })
    rmSync(folder, { recursive: true })
    assert.isAbove(documents.length, 3)
    assert.deepStrictEqual(new Set(documents), new Set(["Pod in market"]))
  })

  it("publishes to a broker of this process and answers requests that come through it", async () => {
    const broker = makeBroker()
    const changes = broker.subscribe(coreSubject, "mine")
    const versions = broker.subscribe("meshsync-meta", "mine")
    const controller = new AbortController()
    const running = run({
      cluster: makeFakeCluster(),
      output: "broker",
      broker,
      select: namespaces,
      version: "9.8.7",
      signal: controller.signal,
    })
    const names: Array<string> = []
    for await (const bytes of changes) {
      names.push(decodeMessage(bytes).Object.metadata.name ?? "")
      if (names.length === 4) break
    }
    await broker.publish(requestSubject, new TextEncoder().encode('{"Request":{"Entity":"meshsync-meta"}}'))
    let answer: unknown
    for await (const bytes of versions) {
      answer = JSON.parse(new TextDecoder().decode(bytes))
      break
    }
    controller.abort()
    await running
    assert.deepStrictEqual(names.toSorted(), ["default", "kube-node-lease", "kube-public", "kube-system"])
    assert.deepStrictEqual(answer, { ObjectType: "", EventType: "", Request: null, Object: "9.8.7" })
    assert.deepStrictEqual([coreSubject, requestSubject, "meshsync-meta"].flatMap(broker.queues), [])
  })

  it("publishes a batch again that a broker has refused", async () => {
    const published: Array<string> = []
    let refusals = 1
    const broker = {
      publish: async (subject: string, payload: Uint8Array) => {
        if (subject !== coreSubject) return
        if (published.length === 2 && refusals-- > 0) throw new Error("away")
        published.push(decodeMessage(payload).Object.metadata.name ?? "")
      },
      subscribe: () => makeBroker().subscribe("nothing", "mine"),
    }
    await run({ cluster: makeFakeCluster(), output: "broker", broker, select: namespaces, once: true })
    assert.strictEqual(published.length, 6)
    assert.deepStrictEqual(published.slice(0, 2), published.slice(2, 4))
  })

  it("with a state file says what changed and went since the run before, and refuses a second run with it", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "meshsync-"))
    const stateFile = path.join(folder, "state")
    const cluster = makeFakeCluster()
    const address = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace: "default", name })
    for (const name of ["a", "b", "c"]) cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name } })
    let said: Array<string> = []
    const sink = {
      deliver: ({ changes }: { readonly changes: ReadonlyArray<Change> }) => {
        for (const { event, name } of changes) said.push(`${event} ${name}`)
      },
    }
    const options = { cluster, output: "sink", sink, stateFile, select: { resources: ["configmaps"] } } as const
    const tell = async (): Promise<ReadonlyArray<string>> => {
      said = []
      await run({ ...options, once: true })
      return said.toSorted()
    }
    assert.deepStrictEqual(await tell(), ["Added a", "Added b", "Added c"])
    cluster.remove(address("a"))
    cluster.patch(address("b"), { data: { colour: "red" } })
    assert.deepStrictEqual(await tell(), ["Deleted a", "Modified b"])
    assert.deepStrictEqual(await tell(), [])
    const controller = new AbortController()
    await new Promise<void>((resolve) => {
      void run({ ...options, signal: controller.signal, onSettled: resolve })
    })
    const second = await failureOf(run({ ...options, once: true }))
    controller.abort()
    rmSync(folder, { recursive: true })
    assert.strictEqual(second?.key, "ErrStateFileHeld")
  })

  it("hides what its rules name, also from a watch, and refuses a rule that is none", async () => {
    const cluster = makeFakeCluster()
    const data = { password: "canary-value", colour: "blue" }
    cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "a" }, data })
    const select = { resources: ["configmaps"] }
    const redactPaths = ["configmaps:data.password", "pods:spec.nodeName"]
    const texts: Array<string> = []
    const take = ({ bytes }: Change): void => void texts.push(new TextDecoder().decode(bytes))
    const sink = { deliver: ({ changes }: { readonly changes: ReadonlyArray<Change> }) => changes.forEach(take) }
    await run({ cluster, output: "sink", sink, select, redactPaths, once: true })
    for await (const change of watchCluster({ cluster, select, redactPaths, once: true })) take(change)
    assert.strictEqual(texts.length, 2)
    for (const text of texts) {
      assert.include(text, "[REDACTED]")
      assert.include(text, "blue")
      assert.notInclude(text, "canary-value")
    }
    const refused = await failureOf(run({ cluster, output: "sink", sink, redactPaths: ["configmaps"], once: true }))
    assert.strictEqual(refused?.key, "ErrUsage")
    assert.include(refused?.message, "redactPaths: at character 1")
    const watching = await failureOf(watchCluster({ cluster, select, redactPaths: ["pods:metadata.name"], once: true }).next())
    assert.strictEqual(watching?.key, "ErrUsage")
  })

  it("gives a sink copies, the same batch again on doubt, and closes it once", async () => {
    const batches: Array<ReadonlyArray<Change>> = []
    let closed = 0
    const sink = {
      deliver: ({ changes }: { readonly changes: ReadonlyArray<Change> }) => {
        batches.push(changes)
        return batches.length === 1 ? { doubtful: "not sure" } : undefined
      },
      close: () => void (closed += 1),
    }
    await run({ cluster: makeFakeCluster(), output: "sink", sink, select: namespaces, once: true })
    const [first = [], second = []] = batches.map((changes) => changes.map(({ bytes }) => new TextDecoder().decode(bytes)))
    assert.strictEqual(batches.length, 2)
    assert.strictEqual(first.length, 4)
    assert.deepStrictEqual(first, second)
    assert.notStrictEqual(batches[0]?.[0]?.bytes.buffer, batches[1]?.[0]?.bytes.buffer)
    assert.strictEqual(closed, 1)
  })

  it("ends with the error that a sink throws", async () => {
    const cause = new Error("the disk is on fire")
    const sink = { deliver: () => Promise.reject(cause) }
    const error = await failureOf(run({ cluster: makeFakeCluster(), output: "sink", sink, select: namespaces }))
    assert.deepInclude(error, { key: "ErrWriteOutput", code: "1015", cause })
    assert.include(error?.message, "the disk is on fire")
  })

  it("ends when its time is up, also at once", async () => {
    let closed = 0
    const sink = { deliver: () => undefined, close: () => void (closed += 1) }
    for (const stopAfterMs of [0, 20]) await run({ cluster: makeFakeCluster(), output: "sink", sink, stopAfterMs })
    assert.strictEqual(closed, 2)
  })

  it("ends by a signal that is given while everything is told to be there", async () => {
    const controller = new AbortController()
    const sink = { deliver: () => undefined }
    await run({ cluster: makeFakeCluster(), output: "sink", sink, signal: controller.signal, onSettled: () => controller.abort() })
    await run({ cluster: makeFakeCluster(), output: "sink", sink, signal: controller.signal })
    assert.isTrue(controller.signal.aborted)
  })

  it("reads a cluster over HTTP as over any other", async () => {
    await using served = await makeFakeCluster({ demo: true }).serve()
    const changes: Array<Change> = []
    const sink = { deliver: (batch: { readonly changes: ReadonlyArray<Change> }) => void changes.push(...batch.changes) }
    await run({ kubeconfig: new TextEncoder().encode(served.kubeconfig), output: "sink", sink, select: namespaces, once: true })
    assert.strictEqual(changes.length, 16)
    assert.deepStrictEqual(served.requests("namespaces"), { lists: 1, watches: 1 })
  })
})

describe("the broker in this process", () => {
  it("gives nothing to a consumer that has gone while it waited", async () => {
    const broker = makeBroker()
    const [gone, stays] = [broker.subscribe("s", "q"), broker.subscribe("s", "q")]
    const waiting = gone[Symbol.asyncIterator]().next()
    await gone.unsubscribe()
    await gone.unsubscribe()
    await broker.publish("s", new Uint8Array([7]))
    assert.deepStrictEqual(await waiting, { done: true, value: undefined })
    assert.deepStrictEqual(await stays[Symbol.asyncIterator]().next(), { done: false, value: new Uint8Array([7]) })
    await stays.unsubscribe()
    assert.deepStrictEqual(await collect(stays), [])
    assert.deepStrictEqual(broker.queues("s"), [])
  })
})
