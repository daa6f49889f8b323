/**
 * A real kube-apiserver on a real etcd, started by the test on free ports of the loopback and stopped by pid.
 * The programs are those of KUBEBUILDER_ASSETS, else those that scripts/control-plane-build.sh has put into the user's cache.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { Environment, openPort, type RawRequest, sendRaw } from "./environment.ts"

const root = path.resolve(import.meta.dirname, "../..")
const tokens = { admin: "admin-token", stranger: "jane-token", nobody: "unknown-token" } as const

const programsFolder = (): string => {
  const assets = process.env["KUBEBUILDER_ASSETS"]
  if (assets !== undefined && assets !== "") return assets
  const printed = execFileSync("sh", ["scripts/control-plane-build.sh"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  })
  return printed.trim().split("\n").at(-1) ?? ""
}

const freePort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Starts a program with its output in a file. */
const start = (folder: string, program: string, args: ReadonlyArray<string>): ChildProcess => {
  const log = openSync(path.join(folder, `${path.basename(program)}.log`), "a")
  return spawn(program, args, { cwd: folder, stdio: ["ignore", log, log] })
}

/** Ends a program, and waits until it has ended. */
const stop = (program: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (program.exitCode !== null || program.signalCode !== null) return resume(Effect.void)
    program.once("exit", () => resume(Effect.void))
    program.kill(signal)
  })

const postJson = (url: string, body: object): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const outgoing = request(url, { method: "POST" }, (incoming) => {
      let text = ""
      incoming.on("data", (chunk: Buffer) => (text += chunk.toString()))
      incoming.on("end", () => resume(Effect.succeed(text)))
    })
    outgoing.on("error", (error) => resume(Effect.die(error)))
    outgoing.end(JSON.stringify(body))
  })

const kubeconfigOf = (url: string, token: string): string => `apiVersion: v1
kind: Config
clusters: [{name: real, cluster: {server: "${url}", insecure-skip-tls-verify: true}}]
users: [{name: user, user: {token: ${token}}}]
contexts: [{name: real, context: {cluster: real, user: user}}]
current-context: real
`

const prepare = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), "meshsync-contract-"))
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  })
  writeFileSync(path.join(folder, "sa.key"), privateKey)
  writeFileSync(path.join(folder, "sa.pub"), publicKey)
  writeFileSync(path.join(folder, "tokens.csv"), `${tokens.admin},admin,admin,"system:masters"\n${tokens.stranger},jane,jane\n`)
  return folder
}

const startEtcd = (folder: string, programs: string, client: number, peer: number): ChildProcess => {
  const [clientUrl, peerUrl] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`]
  return start(folder, path.join(programs, "etcd"), [
    "--data-dir=etcd",
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    "--unsafe-no-fsync",
    "--log-level=error",
  ])
}

const startApiServer = (folder: string, programs: string, etcdPort: number, port: number): ChildProcess =>
  start(folder, path.join(programs, "kube-apiserver"), [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    "--bind-address=127.0.0.1",
    "--cert-dir=pki",
    "--service-account-key-file=sa.pub",
    "--service-account-signing-key-file=sa.key",
    "--service-account-issuer=https://kubernetes.default.svc",
    "--token-auth-file=tokens.csv",
    "--authorization-mode=Node,RBAC",
    "--service-cluster-ip-range=10.96.0.0/16",
    "--disable-admission-plugins=ServiceAccount",
  ])

/** Waits until the API server says that it is ready and has its first namespace; it refuses connections before. */
const awaitReady = (url: string, folder: string): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let asked = 0; asked < 300; asked += 1) {
      const ready = yield* Effect.exit(sendRaw(url, tokens.admin, { method: "GET", path: "/readyz" }))
      const first = yield* Effect.exit(sendRaw(url, tokens.admin, { method: "GET", path: "/api/v1/namespaces/default" }))
      if (ready._tag === "Success" && ready.value.status === 200 && first._tag === "Success" && first.value.status === 200) return
      yield* Effect.sleep(200)
    }
    return yield* Effect.die(
      new Error(`the API server did not become ready:\n${readFileSync(path.join(folder, "kube-apiserver.log"), "utf8").slice(-2_000)}`),
    )
  })

/** Compacts etcd, and waits until the API server no longer shows what is older. */
const expireWith =
  (url: string, etcdPort: number) =>
  (listPath: string): Effect.Effect<void> =>
    Effect.gen(function* () {
      const etcd = `http://127.0.0.1:${etcdPort}/v3/kv`
      const key = Buffer.from("compact_rev_key").toString("base64")
      const { header } = JSON.parse(yield* postJson(`${etcd}/range`, { key })) as { readonly header: { readonly revision: string } }
      // API servers tell each other by this key; without it this one would go on showing what it has in memory.
      yield* postJson(`${etcd}/put`, { key, value: Buffer.from(header.revision).toString("base64") })
      yield* postJson(`${etcd}/compaction`, { revision: header.revision, physical: true })
      for (let asked = 0; asked < 600; asked += 1) {
        const given = yield* sendRaw(url, tokens.admin, { method: "GET", path: listPath })
        if (given.status === 410) return
        yield* Effect.sleep(200)
      }
      return yield* Effect.die(new Error("the continue token did not expire"))
    })

/** A real API server, the port through the Kubernetes adapter. */
export const layerReal: Layer.Layer<Environment> = Layer.effect(
  Environment,
  Effect.gen(function* () {
    const programs = programsFolder()
    const [etcdPort, peerPort, port] = [yield* freePort, yield* freePort, yield* freePort]
    const folder = yield* Effect.acquireRelease(Effect.sync(prepare), (made) =>
      Effect.sync(() => rmSync(made, { recursive: true, force: true })),
    )
    yield* Effect.acquireRelease(
      Effect.sync(() => startEtcd(folder, programs, etcdPort, peerPort)),
      (etcd) => stop(etcd),
    )
    const url = `https://127.0.0.1:${port}`
    const running = yield* Effect.acquireRelease(
      Effect.sync(() => ({ apiServer: startApiServer(folder, programs, etcdPort, port) })),
      ({ apiServer }) => stop(apiServer),
    )
    yield* awaitReady(url, folder)
    return {
      admin: yield* openPort(kubeconfigOf(url, tokens.admin)),
      stranger: yield* openPort(kubeconfigOf(url, tokens.stranger)),
      request: (asked: RawRequest) => sendRaw(url, tokens[asked.as ?? "admin"], asked),
      expire: expireWith(url, etcdPort),
      restart: Effect.gen(function* () {
        yield* stop(running.apiServer, "SIGKILL")
        running.apiServer = startApiServer(folder, programs, etcdPort, port)
        yield* awaitReady(url, folder)
      }),
    }
  }),
).pipe(Layer.orDie)
