/** Memory of the built program while it answers `informer-store`, and how long the answer takes. */
import { describe, expect, it } from "vitest"
import { paceMessagesPerSecond } from "../../src/domain/limit.ts"
import { residentMiB, startCluster } from "../outage/run.ts"
import { makeConsumer, requestSubject, startBroker } from "./broker.ts"
import { runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"

/** Pods; a quarter as many ConfigMaps come on top. `PODS=40000` is what the documents tell of. */
const pods = Number(process.env["PODS"] ?? "4000")

interface Answer {
  readonly Object: ReadonlyArray<{ readonly metadata: { readonly uid: string } }>
}

describe("the answer to informer-store", () => {
  it.each(["on", "off"])(
    "--pace=%s: comes whole, and costs no memory that grows with the cluster",
    async (pace) => {
      await using broker = await startBroker()
      await using cluster = await startCluster({ pods, rate: 0 })
      const consumer = makeConsumer()
      const connection = await consumer.attach(broker.address)
      await using run = await runMeshsync({
        args: ["--kubeconfig", cluster.kubeconfig, "--resources", "pods,configmaps", `--pace=${pace}`],
        environment: { BROKER_URL: broker.address },
      })
      await run.awaitStatus("everything is announced once", 120_000, ({ settled }) => settled)
      const uids = new Set<string>()
      connection.subscribe("_INBOX.store", {
        callback: (_, message) => {
          for (const { metadata } of message.json<Answer>().Object) uids.add(metadata.uid)
        },
      })
      const objects = consumer.state.size
      expect(objects).toBeGreaterThan(pods)
      const ask = async () => {
        uids.clear()
        const beforeMiB = residentMiB(run.pid)
        const beganMs = performance.now()
        let mostMiB = beforeMiB
        connection.publish(requestSubject, '{"Request":{"Entity":"informer-store","Payload":{"Reply":"_INBOX.store"}}}')
        await until("everything has come", 200_000, () => {
          mostMiB = Math.max(mostMiB, residentMiB(run.pid))
          return uids.size === objects ? true : undefined
        })
        const seconds = (performance.now() - beganMs) / 1000
        console.log(JSON.stringify({ pace, objects, seconds, beforeMiB, mostMiB }))
        return { seconds, growthMiB: mostMiB - beforeMiB }
      }
      // What the engine needs once for the work itself, the first answer finds; a cluster of any size costs no more than that.
      const first = await ask()
      const second = await ask()
      expect(first.growthMiB).toBeLessThan(32)
      expect(second.growthMiB).toBeLessThan(16)
      expect(first.seconds).toBeGreaterThan(pace === "on" ? objects / paceMessagesPerSecond : 0)
      await connection.close()
    },
    400_000,
  )
})
