import { getEventListeners } from "node:events"
import { assert, it } from "vitest"
import { run, watchCluster } from "../../src/sdk.ts"
import { makeFakeCluster } from "../../src/testing.ts"

const cycles = 1_000

/** Needs the flag; without it the test could not tell what is held from what has not been collected yet. */
const collectGarbage = async (): Promise<void> => {
  const { setFlagsFromString } = await import("node:v8")
  setFlagsFromString("--expose-gc")
  const { runInNewContext } = await import("node:vm")
  ;(runInNewContext("gc") as () => void)()
}

it(`leaves nothing behind: ${cycles} starts and ends in one process`, { timeout: 120_000 }, async () => {
  const cluster = makeFakeCluster({ demo: true })
  const { signal } = new AbortController()
  const startAndEnd = async (): Promise<void> => {
    for await (const change of watchCluster({ cluster, signal, select: { resources: ["nodes", "namespaces", "storageclasses"] } })) {
      if (change.name !== "") break
    }
  }
  const measure = async () => {
    await collectGarbage()
    return { heap: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo().toSorted() }
  }
  for (let cycle = 0; cycle < 100; cycle += 1) await startAndEnd()
  const before = await measure()
  for (let cycle = 0; cycle < cycles; cycle += 1) await startAndEnd()
  const after = await measure()
  assert.deepStrictEqual(after.resources, before.resources)
  // A run that stayed would keep its tables and buffers, at least 64 KiB; what the test runner itself keeps differs by 1 or 2 MB.
  assert.isBelow(after.heap - before.heap, 6_000_000)
  assert.strictEqual(getEventListeners(signal, "abort").length, 0)
})

it("leaves no socket behind when it has ended in the middle of watches over HTTP", { timeout: 60_000 }, async () => {
  const served = await makeFakeCluster({ demo: true }).serve()
  const { kubeconfig } = served
  const count = (name: string) => process.getActiveResourcesInfo().filter((found) => found === name).length
  const timers = count("Timeout")
  for (let cycle = 0; cycle < 20; cycle += 1) {
    const controller = new AbortController()
    const common = { kubeconfig, signal: controller.signal, onSettled: () => controller.abort() }
    if (cycle % 2 === 0) for await (const { bytes } of watchCluster(common)) assert.isAbove(bytes.length, 0)
    else await run({ ...common, output: "sink", sink: { deliver: () => undefined } })
  }
  assert.isAbove(served.requests("pods").lists, 19)
  // What is closed is reported until the loop has turned once more.
  for (let turn = 0; turn < 100 && count("TCPSocketWrap") > 0; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.strictEqual(count("TCPSocketWrap"), 0)
  assert.isAtMost(count("Timeout"), timers)
  await served.close()
})
