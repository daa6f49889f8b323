/** The contract of requests on the cluster and the broker in this process, through the library. */
import { run, type Status } from "../../src/sdk.ts"
import { makeBroker, makeFakeCluster } from "../../src/testing.ts"
import { freePort } from "../integration/program.ts"
import { describeRequestContract } from "./requests.contract.ts"

const container = { namespace: "shop", pod: "web", container: "nginx" }

describeRequestContract("in this process", async () => {
  const cluster = makeFakeCluster({
    objects: [
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
      { apiVersion: "v1", kind: "Pod", metadata: { namespace: "shop", name: "web" }, spec: { containers: [{ name: "nginx" }] } },
      ...Array.from({ length: 7 }, (_, i) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "shop", name: `m-${i}` } })),
    ],
  })
  const broker = makeBroker()
  const healthPort = await freePort()
  const controller = new AbortController()
  const lines: Array<string> = []
  const settled = Promise.withResolvers<void>()
  const running = run({
    cluster,
    output: "broker",
    broker,
    interactive: "on",
    version: "1.2.3",
    healthPort,
    signal: controller.signal,
    log: ({ message }) => lines.push(message),
    onSettled: settled.resolve,
  })
  await Promise.race([settled.promise, running])
  const decoder = new TextDecoder()
  return {
    pod: "web",
    version: "1.2.3",
    publish: (subject, payload) => broker.publish(subject, new TextEncoder().encode(payload)),
    subscribe: async (subject, take) => {
      const subscription = broker.subscribe(subject, "platform")
      controller.signal.addEventListener("abort", () => void subscription.unsubscribe())
      void (async () => {
        for await (const payload of subscription) take(decoder.decode(payload))
      })()
    },
    writeLog: (line) => cluster.writeLog(container, line),
    log: () => lines.join("\n"),
    status: async () => {
      const answer = await fetch(`http://127.0.0.1:${healthPort}/status`, { signal: AbortSignal.timeout(5_000) })
      return (await answer.json()) as Status
    },
    [Symbol.asyncDispose]: async () => {
      controller.abort()
      await running
    },
  }
})
