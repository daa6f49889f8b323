/**
 * Who takes part: a control plane, a broker, the program under test with a token that can be rotated, and what stands between them.
 *
 *   meshsync ── API link ── gateway ── kube-apiserver ── etcd
 *      └─────── broker link ── nats-server ── consumers
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { type Broker, startBroker } from "../integration/broker.ts"
import { type Cluster, openCluster } from "../integration/cluster.ts"
import { type ControlPlane, startControlPlane } from "../integration/controlPlane.ts"
import { type Run, runMeshsync } from "../integration/meshsync.ts"
import { temporaryFolder, until } from "../integration/program.ts"
import { installMeshsyncResource } from "../integration/workload.ts"
import { type Gateway, openGateway } from "./gateway.ts"
import { type Link, openLink } from "./link.ts"

/** An answer that takes longer is none, for those who change objects and those who look. */
const patienceMs = 5_000
const rotationWaitMs = 60_000

export interface Cast extends AsyncDisposable {
  readonly plane: ControlPlane
  /** With every right, past all proxies, and impatient. */
  readonly cluster: Cluster
  readonly broker: Broker
  readonly gateway: Gateway
  readonly apiLink: Link
  readonly brokerLink: Link
  readonly program: ProgramUnderTest
  /** Gives the program a new token, takes the old one's validity, and only then writes the new one. */
  readonly rotateToken: (lateMs: number) => Promise<void>
}

/** The program over all its lives. */
export interface ProgramUnderTest {
  readonly current: () => Run
  readonly start: () => Promise<void>
  readonly kill: () => Promise<void>
  /** What the killed ones had counted, and what the living one has. */
  readonly counters: () => Promise<Readonly<Record<string, number>>>
  /** Everything that any of its lives has written to stdout and stderr. */
  readonly logs: () => string
  /** Ends that nobody asked for. */
  readonly collapses: ReadonlyArray<string>
  readonly folder: string
  readonly lives: () => number
  /** Resident memory of any of its lives at the highest, as far as it was seen, in MiB; undefined where the system does not tell. */
  readonly peakMiB: () => number | undefined
}

const account = "/api/v1/namespaces/chaos/serviceaccounts/sync"

/** A token that is valid as long as a Secret lives. */
const drawToken = async (cluster: Cluster, name: string): Promise<string> => {
  const { metadata } = await cluster.write("POST", "/api/v1/namespaces/chaos/secrets", { metadata: { name } })
  const { uid } = metadata as { readonly uid: string }
  const boundObjectRef = { apiVersion: "v1", kind: "Secret", name, uid }
  const { status } = await cluster.write("POST", `${account}/token`, { spec: { expirationSeconds: 7_200, boundObjectRef } })
  return (status as { readonly token: string }).token
}

const makeAccount = async (cluster: Cluster): Promise<void> => {
  await cluster.write("POST", "/api/v1/namespaces", { metadata: { name: "chaos" } })
  await cluster.write("POST", "/api/v1/namespaces/chaos/serviceaccounts", { metadata: { name: "sync" } })
  await cluster.write("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    metadata: { name: "chaos-sync" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: "sync", namespace: "chaos" }],
  })
}

const writeWhole = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

const kubeconfigText = (port: number, certificate: string, tokenFile: string): string => `apiVersion: v1
kind: Config
clusters: [{name: chaos, cluster: {server: "https://127.0.0.1:${port}", certificate-authority: "${certificate}"}}]
users: [{name: sync, user: {tokenFile: "${tokenFile}"}}]
contexts: [{name: chaos, context: {cluster: chaos, user: sync}}]
current-context: chaos
`

const makeProgram = (environment: Readonly<Record<string, string>>): ProgramUnderTest => {
  const folder = temporaryFolder()
  const runs: Array<Run> = []
  const collapses: Array<string> = []
  const summed: Record<string, number> = {}
  const add = (counters: Readonly<Record<string, number>>): void => {
    for (const [name, value] of Object.entries(counters)) summed[name] = (summed[name] ?? 0) + value
  }
  let asked = false
  let peakMiB: number | undefined
  const look = (): number | undefined => {
    const now = readPeakMemory(runs.at(-1)?.pid)
    if (now !== undefined) peakMiB = Math.max(peakMiB ?? 0, now)
    return peakMiB
  }
  const read = async (): Promise<Readonly<Record<string, number>>> => {
    try {
      const { counters, lanes } = await runs.at(-1)!.status()
      const sum = (pick: (lane: (typeof lanes)[number]) => number): number => lanes.reduce((total, lane) => total + pick(lane), 0)
      return { ...counters, doubtful: sum((lane) => lane.doubtful), resent: sum((lane) => lane.resent), lists: sum((lane) => lane.lists) }
    } catch {
      return {}
    }
  }
  const start = async (): Promise<void> => {
    const run = await runMeshsync({ args: [], environment, folder })
    runs.push(run)
    asked = false
    void run.exit.then(({ signal, status, stderr }) => {
      if (!asked) collapses.push(`ended by itself with ${status ?? signal}: ${stderr.slice(-500)}`)
    })
  }
  return {
    folder,
    collapses,
    current: () => runs.at(-1)!,
    lives: () => runs.length,
    peakMiB: look,
    start,
    kill: async () => {
      add(await read())
      look()
      asked = true
      runs.at(-1)!.signal("SIGKILL")
      await runs.at(-1)!.exit
    },
    counters: async () => {
      const all = { ...summed }
      for (const [name, value] of Object.entries(await read())) all[name] = (all[name] ?? 0) + value
      return all
    },
    logs: () => runs.map((run) => run.stdout() + run.stderr()).join("\n"),
  }
}

/** Everybody but the program runs when this returns. */
export const gatherCast = async (environment: Readonly<Record<string, string>> = {}): Promise<Cast> => {
  const plane = await startControlPlane({ controllers: false })
  const broker = await startBroker()
  const cluster = openCluster(plane.url, "admin-token", patienceMs)
  await installMeshsyncResource(plane)
  await makeAccount(cluster)
  const gateway = await openGateway(plane.url, plane.pair)
  const apiLink = await openLink("127.0.0.1", gateway.port)
  const brokerLink = await openLink(broker.host, broker.port)
  const folder = temporaryFolder()
  const [tokenFile, kubeconfig] = [path.join(folder, "token"), path.join(folder, "kubeconfig")]
  let [valid, drawn] = ["token-0", 0]
  writeWhole(tokenFile, await drawToken(cluster, valid))
  writeWhole(kubeconfig, kubeconfigText(apiLink.port, plane.pair.cert, tokenFile))
  const program = makeProgram({ KUBECONFIG: kubeconfig, BROKER_URL: `${broker.host}:${brokerLink.port}`, ...environment })
  return {
    plane,
    cluster,
    broker,
    gateway,
    apiLink,
    brokerLink,
    program,
    rotateToken: async (lateMs) => {
      // The API server may be away itself: what fails is tried again under another name.
      const draw = async (): Promise<string> => drawToken(cluster, `token-${++drawn}`)
      const token = await until("a new token is drawn", rotationWaitMs, draw)
      const next = `token-${drawn}`
      await until("the old token is void", rotationWaitMs, async () => {
        const { status } = await cluster.send("DELETE", `/api/v1/namespaces/chaos/secrets/${valid}`)
        return status === 200 || status === 404 ? true : undefined
      })
      valid = next
      await new Promise((resume) => setTimeout(resume, lateMs))
      writeWhole(tokenFile, token)
    },
    [Symbol.asyncDispose]: async () => {
      if (program.lives() > 0) await program.kill()
      cluster.close()
      for (const one of [apiLink, brokerLink, gateway, broker, plane]) await one[Symbol.asyncDispose]()
    },
  }
}

/** Resident memory of a process at its highest, in MiB; undefined where the system does not tell. */
const readPeakMemory = (pid: number | undefined): number | undefined => {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
    return line === null ? undefined : Number(line[1]) / 1024
  } catch {
    return undefined
  }
}
