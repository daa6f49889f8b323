/**
 * What one would write in an afternoon: an informer of @kubernetes/client-node that publishes JSON.stringify of every object.
 *   node bench/peer.ts KUBECONFIG NATS_URL
 */
import { CoreV1Api, KubeConfig, makeInformer } from "@kubernetes/client-node"
import { connect } from "nats"

const [kubeconfig = "", url = ""] = process.argv.slice(2)
const config = new KubeConfig()
config.loadFromFile(kubeconfig)
// It refuses plain HTTP otherwise; there is no TLS on the loopback that could be verified.
config.clusters = config.clusters.map((cluster) => ({ ...cluster, skipTLSVerify: true }))
const core = config.makeApiClient(CoreV1Api)
const connection = await connect({ servers: url, name: "bench-peer" })
const informer = makeInformer(config, "/api/v1/pods", () => core.listPodForAllNamespaces())
const encoder = new TextEncoder()
informer.on("add", (object) => {
  const message = { ObjectType: "meshsync-data", EventType: "ADDED", Request: null, Object: object }
  connection.publish("meshery.meshsync.core", encoder.encode(JSON.stringify(message)))
})
informer.on("error", (error) => {
  throw error
})
await informer.start()
