/**
 * A broker that is away while the cluster changes: how much the built program's memory grows meanwhile, and whether a consumer has exactly
 * the cluster's state afterwards. API server, program and nats-server are processes of their own; only the API server is not a real one.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { connect } from "nats"
import { startBroker } from "../integration/broker.ts"
import { runMeshsync } from "../integration/meshsync.ts"
import { endChild, root, temporaryFolder, tie, until } from "../integration/program.ts"

export interface OutageOptions {
  /** `pause`: the broker's process is stopped, its port stays open. `kill`: it is gone, and another one starts in its place. */
  readonly sort: "pause" | "kill"
  readonly durationMs: number
  /** Changes of the cluster in a second, during the outage and around it. */
  readonly rate: number
  readonly pods: number
}

export interface OutageReport {
  readonly sort: OutageOptions["sort"]
  readonly durationMs: number
  /** Resident set in MiB: when the outage began, the most during it, and its growth by that. */
  readonly beforeMiB: number
  readonly mostMiB: number
  readonly growthMiB: number
  /** Changes of the cluster over the whole run, a second. */
  readonly changesPerSecond: number
  readonly objects: number
  /** From the broker's return until the consumer held the cluster's state. */
  readonly recoveryMs: number
}

/** Live changes go on for so long before the outage, so that what warms up once is not taken for growth. */
const warmMs = 20_000
/** And so long after it. */
const afterMs = 3_000
const sampleEveryMs = 250
const recoveryLimitMs = 180_000

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms))

/** What a process holds in memory, in MiB. */
export const residentMiB = (pid: number | undefined): number =>
  Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+) kB/)?.[1] ?? 0) / 1024

interface Payload {
  readonly EventType: string
  readonly Object: {
    readonly kind: string
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string; readonly resourceVersion: string }
  }
}

const plurals: Readonly<Record<string, string>> = { Pod: "pods", ConfigMap: "configmaps" }

/** A consumer that knows nothing but addresses, and comes back by itself. */
const consume = async (address: string) => {
  const state = new Map<string, string>()
  const connection = await connect({ servers: address, maxReconnectAttempts: -1, reconnectTimeWait: 200, pingInterval: 2_000 })
  connection.subscribe("meshery.meshsync.core", {
    callback: (_, message) => {
      const { EventType, Object: object } = message.json<Payload>()
      const { name, namespace = "", resourceVersion, uid } = object.metadata
      const key = `${plurals[object.kind]} ${namespace}/${name}`
      if (EventType === "DELETED") state.delete(key)
      else state.set(key, `${uid}@${resourceVersion}`)
    },
  })
  await connection.flush()
  return { state, close: () => connection.close() }
}

interface ClusterState {
  readonly changes: number
  readonly state: ReadonlyArray<readonly [string, string]>
}

/** The embedded API server as a process of its own; it writes the kubeconfig that leads to it. */
export const startCluster = async ({ pods, rate }: Pick<OutageOptions, "pods" | "rate">) => {
  const child: ChildProcess = spawn(process.execPath, ["test/outage/cluster.ts", String(pods), String(rate), temporaryFolder()], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  })
  tie(child)
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  const nextLine = async (): Promise<string> => String((await lines.next()).value)
  return {
    kubeconfig: await nextLine(),
    stop: async () => {
      child.stdin?.write("stop\n")
      return JSON.parse(await nextLine()) as ClusterState
    },
    [Symbol.asyncDispose]: () => endChild(child, "SIGKILL"),
  }
}

const differences = (truth: ClusterState["state"], state: ReadonlyMap<string, string>): number => {
  const addresses = new Set(truth.map(([address]) => address))
  return (
    truth.filter(([address, life]) => state.get(address) !== life).length + [...state.keys()].filter((key) => !addresses.has(key)).length
  )
}

/** Runs one outage. Fails when the consumer does not come to hold the cluster's state. */
export const runOutage = async (options: OutageOptions): Promise<OutageReport> => {
  const { durationMs, sort } = options
  await using broker = await startBroker()
  await using cluster = await startCluster(options)
  const startedMs = performance.now()
  const consumer = await consume(broker.address)
  await using run = await runMeshsync({
    args: ["--kubeconfig", cluster.kubeconfig, "--resources", "pods,configmaps", "--pace=off"],
    environment: { BROKER_URL: broker.address },
  })
  await run.awaitStatus("everything is announced once", 60_000, ({ settled }) => settled)
  await pause(warmMs)
  const beforeMiB = residentMiB(run.pid)
  if (sort === "pause") broker.signal("SIGSTOP")
  else await broker.kill()
  let mostMiB = beforeMiB
  for (const endMs = performance.now() + durationMs; performance.now() < endMs;) {
    await pause(sampleEveryMs)
    mostMiB = Math.max(mostMiB, residentMiB(run.pid))
  }
  const returnedMs = performance.now()
  if (sort === "pause") broker.signal("SIGCONT")
  else await broker.start()
  await pause(afterMs)
  const elapsedMs = performance.now() - startedMs
  const { changes, state } = await cluster.stop()
  const isExact = (): true | undefined => (differences(state, consumer.state) === 0 ? true : undefined)
  await until("the consumer holds the cluster's state", recoveryLimitMs, isExact, () => `${differences(state, consumer.state)} differ`)
  const recoveryMs = performance.now() - returnedMs
  await consumer.close()
  const growthMiB = mostMiB - beforeMiB
  return {
    sort,
    durationMs,
    beforeMiB,
    mostMiB,
    growthMiB,
    changesPerSecond: changes / (elapsedMs / 1000),
    objects: state.length,
    recoveryMs,
  }
}
