/**
 * MeshSync and its consumer in one process, on a cluster that lives there too: no cluster and no NATS needed.
 *
 *   node -C meshsync-source examples/broker.ts
 */
import { coreSubject, decodeMessage, run } from "meshsync"
import { makeBroker, makeFakeCluster } from "meshsync/testing"

const cluster = makeFakeCluster({ demo: true })
const broker = makeBroker()
const messages = broker.subscribe(coreSubject, "example")
const end = new AbortController()
const running = run({ cluster, output: "broker", broker, select: { resources: ["deployments"] }, signal: end.signal })

let count = 0
for await (const bytes of messages) {
  const { EventType, Object } = decodeMessage(bytes)
  count += 1
  if (count <= 3) console.log(EventType, Object.kind, Object.metadata.namespace, Object.metadata.name)
  if (count === 36) break
}
console.log(`${count} messages`)
end.abort()
await running
