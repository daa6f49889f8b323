/**
 * A real control plane for one test file: etcd and kube-apiserver, and on request controllers, scheduler and fake kubelets, each on free
 * ports of the loopback with its files in a folder of its own. An API server can be killed, replaced and brought back on the same etcd.
 */
import { generateKeyPairSync } from "node:crypto"
import { readFileSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { openCluster, type Cluster } from "./cluster.ts"
import { findProgram, freePort, type Program, requireProgram, startProgram, temporaryFolder, until } from "./program.ts"

export interface ControlPlane extends AsyncDisposable {
  readonly url: string
  /** What the API server says of itself, e.g. `v1.37.2`. */
  readonly version: string
  /** Requests with every right. */
  readonly admin: Cluster
  /** Whether controllers and kubelets make pods of Deployments here. */
  readonly hasControllers: boolean
  /** The path of a kubeconfig. `guest` and `jane` have no rights but those that a test gives to the users of these names. */
  readonly kubeconfig: (user: keyof typeof tokens) => string
  /** Ends the API server at once. */
  readonly killApiServer: () => Promise<void>
  /** E.g. SIGSTOP and SIGCONT. */
  readonly signalApiServer: (signal: NodeJS.Signals) => void
  readonly etcdUrl: string
  /** Paths of the API server's certificate, which vouches for itself, and its key. */
  readonly pair: { readonly cert: string; readonly key: string }
  /** Starts it again on the same port. */
  readonly startApiServer: () => Promise<void>
  /** The lists, watches and patches that a client asked for so far, in order; only where `audits` was asked for. */
  readonly requestsOf: (userAgent: string) => ReadonlyArray<string>
  /** A second API server on the same etcd and another port, for as long as the work lasts. */
  readonly besideApiServer: (work: (admin: Cluster) => Promise<void>) => Promise<void>
}

export const tokens = { admin: "admin-token", guest: "guest-token", jane: "jane-token" } as const

/** It is ready about 3 s after its start on an idle machine. */
const readyLimitMs = 90_000

interface Site {
  readonly folder: string
  readonly audits: boolean
  readonly etcdUrl: string
}

const flags = (values: Readonly<Record<string, string | number>>): ReadonlyArray<string> =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`)

const kubeconfigText = (site: Site, url: string, token: string): string => `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "${url}", certificate-authority: "${path.join(site.folder, "pki/apiserver.crt")}"}}]
users: [{name: user, user: {token: ${token}}}]
contexts: [{name: test, context: {cluster: test, user: user}}]
current-context: test
`

const writeKeys = (folder: string): void => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  })
  writeFileSync(path.join(folder, "sa.key"), privateKey)
  writeFileSync(path.join(folder, "sa.pub"), publicKey)
  const users = Object.entries(tokens).map(([user, token]) => `${token},${user},${user}${user === "admin" ? ',"system:masters"' : ""}\n`)
  writeFileSync(path.join(folder, "tokens.csv"), users.join(""))
}

const startEtcd = async (folder: string): Promise<{ readonly etcd: Program; readonly etcdUrl: string }> => {
  const [etcdUrl, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
  const values = {
    "data-dir": "etcd",
    "listen-client-urls": etcdUrl,
    "advertise-client-urls": etcdUrl,
    "listen-peer-urls": peerUrl,
    "initial-advertise-peer-urls": peerUrl,
    "initial-cluster": `default=${peerUrl}`,
    "log-level": "error",
  }
  return { etcdUrl, etcd: startProgram(requireProgram("etcd"), [...flags(values), "--unsafe-no-fsync"], { folder }) }
}

/** What is asked, not what is answered. A watch is noted when it begins. */
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata, verbs: [list, watch, patch]}, {level: None}]
`

const auditFlags = ({ audits, folder }: Site): ReadonlyArray<string> => {
  if (!audits) return []
  writeFileSync(path.join(folder, "audit.yaml"), auditPolicy)
  return flags({ "audit-policy-file": "audit.yaml", "audit-log-path": "audit.log" })
}

interface Audited {
  readonly verb: string
  readonly stage: string
  readonly requestURI: string
  readonly userAgent?: string
}

/** Verb and path with its query, without what differs from run to run. */
const readAudit = (folder: string, userAgent: string): ReadonlyArray<string> =>
  readFileSync(path.join(folder, "audit.log"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Audited)
    .filter((one) => one.userAgent?.startsWith(userAgent) === true && (one.verb === "watch") === (one.stage === "ResponseStarted"))
    .map(
      ({ requestURI, verb }) =>
        `${verb} ${requestURI.replaceAll(/[?&](?:limit|resourceVersion|timeoutSeconds|watch|allowWatchBookmarks)=[^&]*/g, "")}`,
    )

const startApiServer = async (site: Site, port: number): Promise<Program> => {
  const values = {
    "etcd-servers": site.etcdUrl,
    "secure-port": port,
    "bind-address": "127.0.0.1",
    "cert-dir": "pki",
    "service-account-key-file": "sa.pub",
    "service-account-signing-key-file": "sa.key",
    "service-account-issuer": "https://kubernetes.default.svc",
    "token-auth-file": "tokens.csv",
    "authorization-mode": "Node,RBAC",
    "service-cluster-ip-range": "10.96.0.0/16",
    "disable-admission-plugins": "ServiceAccount",
    "max-requests-inflight": 2_000,
    "max-mutating-requests-inflight": 2_000,
  }
  const server = startProgram(requireProgram("kube-apiserver"), [...flags(values), ...auditFlags(site)], site)
  const client = openCluster(`https://127.0.0.1:${port}`, tokens.admin)
  const isReady = async () => {
    if (server.child.exitCode !== null) throw new Error("it has ended")
    const [ready, namespace] = [await client.send("GET", "/readyz"), await client.send("GET", "/api/v1/namespaces/kube-system")]
    return ready.status === 200 && namespace.status === 200 ? true : undefined
  }
  await until("kube-apiserver is ready", readyLimitMs, isReady, () => `\n${server.log().slice(-2_000)}`)
  client.close()
  return server
}

/** What is found inside of every pod. */
export interface PodContents {
  /** The file that is every container's log. */
  readonly logFile: string
  /** The folder in which commands run, on this very machine. */
  readonly folder: string
}

/** Has the fake kubelets serve logs and terminals. */
const kubeletFlags = async (site: Site, pods: PodContents | undefined): Promise<ReadonlyArray<string>> => {
  if (pods === undefined) return []
  const kind = (name: string, spec: object): string =>
    JSON.stringify({ apiVersion: "kwok.x-k8s.io/v1alpha1", kind: name, metadata: { name: "all" }, spec })
  const file = path.join(site.folder, "kubelet.yaml")
  const logs = kind("ClusterLogs", { logs: [{ containers: [], logsFile: pods.logFile, follow: true }] })
  const execs = kind("ClusterExec", { execs: [{ containers: [], local: { workDir: pods.folder } }] })
  writeFileSync(file, `${logs}\n---\n${execs}\n`)
  const port = await freePort()
  const tls = { "tls-cert-file": "pki/apiserver.crt", "tls-private-key-file": "pki/apiserver.key" }
  return flags({ config: file, "node-ip": "127.0.0.1", "node-port": port, "server-address": `127.0.0.1:${port}`, ...tls })
}

/** Controllers, scheduler and kubelets, where the folder has them: all or none. */
const startControllers = async (site: Site, kubeconfig: string, pods: PodContents | undefined): Promise<ReadonlyArray<Program>> => {
  const stages = findProgram("kwok-stages.yaml")
  const [manager, scheduler, kwok] = ["kube-controller-manager", "kube-scheduler", "kwok"].map(findProgram)
  if (stages === undefined || manager === undefined || scheduler === undefined || kwok === undefined) return []
  const common = [`--kubeconfig=${kubeconfig}`]
  const quiet = [...common, "--leader-elect=false", "--secure-port=0"]
  return [
    startProgram(manager, [...quiet, "--service-account-private-key-file=sa.key"], site),
    startProgram(scheduler, quiet, site),
    startProgram(kwok, [...common, `--config=${stages}`, "--manage-all-nodes=true", ...(await kubeletFlags(site, pods))], site),
  ]
}

/** A node with room; kwok says that it is ready. */
const node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node-1" },
  status: { allocatable: { cpu: "32", memory: "256Gi", pods: "500" }, capacity: { cpu: "32", memory: "256Gi", pods: "500" } },
}

/**
 * Starts a control plane and waits until it serves.
 * @param controllers also start controllers, scheduler and kubelets, and add a node
 * @param audits note what is asked for
 * @param pods what the kubelets serve of their pods; absent: nothing
 */
export const startControlPlane = async ({
  audits = false,
  controllers,
  pods,
}: {
  readonly audits?: boolean
  readonly controllers: boolean
  readonly pods?: PodContents
}): Promise<ControlPlane> => {
  const folder = temporaryFolder()
  writeKeys(folder)
  const { etcd, etcdUrl } = await startEtcd(folder)
  const site = { folder, etcdUrl, audits }
  const port = await freePort()
  const url = `https://127.0.0.1:${port}`
  let apiServer = await startApiServer(site, port)
  const admin = openCluster(url, tokens.admin)
  const kubeconfig = (user: keyof typeof tokens): string => {
    const file = path.join(folder, `${user}.kubeconfig`)
    writeFileSync(file, kubeconfigText(site, url, tokens[user]), { mode: 0o600 })
    return file
  }
  const programs = controllers ? await startControllers(site, kubeconfig("admin"), pods) : []
  if (controllers) await admin.write("POST", "/api/v1/nodes", node)
  const { gitVersion } = await admin.write("GET", "/version")
  return {
    url,
    version: String(gitVersion),
    admin,
    hasControllers: programs.length > 0,
    kubeconfig,
    killApiServer: () => apiServer.end("SIGKILL"),
    signalApiServer: (signal) => void apiServer.child.kill(signal),
    etcdUrl,
    pair: { cert: path.join(folder, "pki/apiserver.crt"), key: path.join(folder, "pki/apiserver.key") },
    startApiServer: async () => {
      apiServer = await startApiServer(site, port)
    },
    requestsOf: (userAgent) => readAudit(folder, userAgent),
    besideApiServer: async (work) => {
      const otherPort = await freePort()
      const other = await startApiServer(site, otherPort)
      const client = openCluster(`https://127.0.0.1:${otherPort}`, tokens.admin)
      try {
        await work(client)
      } finally {
        client.close()
        await other.end("SIGKILL")
      }
    },
    [Symbol.asyncDispose]: async () => {
      admin.close()
      // The API server waits for open watches when it is told to end; nobody needs that here.
      for (const program of [...programs, apiServer, etcd]) await program.end("SIGKILL")
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
