/**
 * `informer-store` the whole way: NATS, MeshSync, the API server, and back.
 */
import { afterAll, beforeAll, expect, it } from "vitest"
import { makeConsumer, requestSubject } from "./broker.ts"
import { addressOf, type Item } from "./cluster.ts"
import { runMeshsync } from "./meshsync.ts"
import { until } from "./program.ts"
import { openShop, type Shop } from "./shop.ts"
import { addressAt, configMap } from "./workload.ts"

let shop: Shop

beforeAll(async () => {
  shop = await openShop()
})

afterAll(() => shop?.[Symbol.asyncDispose]())

interface Answer {
  readonly ObjectType: string
  readonly EventType: string
  readonly Request: null
  readonly Object: ReadonlyArray<Item>
}

it("answers with everything that was announced, once, and leaves core and other requests alone", async () => {
  // More than one page of a kind: 100 objects.
  for (let i = 0; i < 120; i++) {
    await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/configmaps", configMap("shop", `one-${i}`, { number: String(i) }))
  }
  const consumer = makeConsumer()
  const connection = await consumer.attach(shop.broker.address)
  await using run = await runMeshsync({
    args: [],
    environment: { KUBECONFIG: shop.plane.kubeconfig("admin"), BROKER_URL: shop.broker.address },
  })
  await run.awaitStatus("everything is announced", 60_000, ({ settled }) => settled)
  const answers: Array<Answer> = []
  const versions: Array<string> = []
  connection.subscribe("_INBOX.store", { callback: (_, message) => answers.push(message.json<Answer>()) })
  connection.subscribe("meshsync-meta", { callback: (_, message) => versions.push(message.string()) })
  const ask = (text: string) => connection.publish(requestSubject, text)
  const before = consumer.messages.length
  ask('{"Request":{"Entity":"informer-store","Payload":{"Reply":"bad.>"}}}')
  ask('{"Request":{"Entity":"informer-store","Payload":{"Reply":"_INBOX.store"}}}')
  ask('{"Request":{"Entity":"meshsync-meta"}}')
  await until("the version is told", 5_000, () => (versions.length > 0 ? true : undefined))
  const items = () => answers.flatMap((answer) => answer.Object)
  const versionOf = ({ metadata }: Item): string => `${metadata.uid}@${metadata.resourceVersion}`
  const missing = (): ReadonlyArray<string> => {
    const have = new Map(items().map((item) => [addressOf(item), versionOf(item)]))
    return [...consumer.state].flatMap(([address, version]) => (have.get(address) === version ? [] : [address]))
  }
  await until("everything has come", 30_000, () => (missing().length === 0 ? true : undefined))
  expect(items().map(addressOf)).toContain(addressAt("v1", "ConfigMap", "shop", "one-119"))
  expect(items()).toHaveLength(consumer.state.size)
  expect(consumer.messages).toHaveLength(before)
  for (const answer of answers) {
    expect(answer).toMatchObject({ ObjectType: "", EventType: "", Request: null })
    expect(answer.Object.length).toBeGreaterThan(0)
    expect(answer.Object.length).toBeLessThanOrEqual(5)
  }
  await connection.close()
}, 120_000)
