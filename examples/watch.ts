/**
 * Pods of a namespace that do not run, as they come and go.
 *
 *   node -C meshsync-source examples/watch.ts shop
 */
import { watchCluster } from "meshsync"

const namespace = process.argv[2] ?? "default"
const interrupt = new AbortController()
process.once("SIGINT", () => interrupt.abort())

const phaseOf = (object: { readonly [member: string]: unknown }): string =>
  (object["status"] as { readonly phase?: string } | undefined)?.phase ?? "Unknown"

for await (const change of watchCluster({ select: { resources: ["pods"], namespaces: [namespace] }, signal: interrupt.signal })) {
  if (change.event === "Deleted") console.log(`${change.name} is gone`)
  else if (phaseOf(change.object()) !== "Running") console.log(`${change.name} is ${phaseOf(change.object())}`)
}
