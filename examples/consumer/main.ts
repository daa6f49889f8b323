/**
 * Says every ten seconds what is in the cluster, as far as its messages tell.
 *
 *   BROKER_URL=nats://localhost:4222 node -C meshsync-source examples/consumer/main.ts
 */
import { makeOversizeDecoder } from "meshsync"
import { followCluster } from "./consumer.ts"

const decoder = makeOversizeDecoder()
const { copy } = await followCluster({ servers: process.env["BROKER_URL"] ?? "nats://localhost:4222", decoder })

setInterval(() => {
  const { messages, differed, pruned, resyncs } = copy.counts
  for (const [type, { objects }] of copy.types) console.log(`${type.padEnd(60)} ${objects.size}`)
  console.log(`${messages} messages, ${pruned} pruned, ${differed} digests differed, ${resyncs} times asked for everything`)
}, 10_000)
