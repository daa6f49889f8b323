/**
 * A real kube-apiserver on a real etcd for one test file, without controllers: started on free ports, stopped by pid.
 * Programs come from the folder that `make integration-tests-setup` found (FOLDER), else from the build script's cache.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { generateKeyPairSync } from "node:crypto"
import { once } from "node:events"
import { mkdirSync, writeFileSync } from "node:fs"
import * as Https from "node:https"
import * as Net from "node:net"
import * as Path from "node:path"
import { temporaryFolder } from "./loopback.ts"

export interface ApiServer {
  readonly url: string
  /** File of the certificate that it made for itself. */
  readonly caFile: string
  /** Every right. */
  readonly adminToken: string
  /** No rights. */
  readonly guestToken: string
  /** Writes as administrator: the status and the parsed body. */
  readonly write: (method: string, path: string, body: object) => Effect.Effect<{ readonly status: number; readonly body: unknown }>
  /** Makes etcd forget everything before this version, so that older ones answer 410. */
  readonly compact: (version: number) => Effect.Effect<void>
  /** Ends the API server without warning. */
  readonly kill: Effect.Effect<void>
}

const folderOfPrograms = (): string => {
  const named = process.env["FOLDER"] ?? process.env["KUBEBUILDER_ASSETS"] ?? ""
  if (named !== "") return named
  const lines = execFileSync("sh", ["scripts/control-plane-build.sh"], { encoding: "utf8" }).trim().split("\n")
  return lines.at(-1) ?? ""
}

/** The API server needs about 3 s; asking again is the only way to hear of it. */
const pollSchedule = Schedule.spaced("100 millis")

const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const program = (path: string, args: ReadonlyArray<string>): Effect.Effect<ChildProcess, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(path, [...args], { stdio: "ignore" })),
    (child) =>
      Effect.promise(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const ended = once(child, "exit")
        child.kill("SIGKILL")
        await ended
      }),
  )

const call = (url: string, token: string, method: string, body: string) =>
  Effect.callback<{ readonly status: number; readonly text: string }, Error>((resume) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "user-agent": "test" }
    const request = Https.request(url, { method, headers, rejectUnauthorized: false, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text })))
    })
    request.on("error", (cause) => resume(Effect.fail(cause)))
    request.end(body)
  })

const startEtcd = Effect.fnUntraced(function* (programs: string, folder: string) {
  const client = `http://127.0.0.1:${yield* freePort}`
  const peer = `http://127.0.0.1:${yield* freePort}`
  const args = [
    ["--data-dir", Path.join(folder, "etcd")],
    ["--listen-client-urls", client],
    ["--advertise-client-urls", client],
    ["--listen-peer-urls", peer],
    ["--initial-advertise-peer-urls", peer],
    ["--initial-cluster", `default=${peer}`],
    ["--log-level", "error"],
  ]
  yield* program(Path.join(programs, "etcd"), [...args.flat(), "--unsafe-no-fsync"])
  return client
})

/** Starts both and waits until the API server is ready. */
export const startApiServer: Effect.Effect<ApiServer, Error, Scope.Scope> = Effect.gen(function* () {
  const programs = folderOfPrograms()
  const folder = yield* temporaryFolder
  const pki = Path.join(folder, "pki")
  const keys = generateKeyPairSync("rsa", { modulusLength: 2048 })
  mkdirSync(pki)
  writeFileSync(Path.join(folder, "sa.key"), keys.privateKey.export({ format: "pem", type: "pkcs1" }))
  writeFileSync(Path.join(folder, "sa.pub"), keys.publicKey.export({ format: "pem", type: "spki" }))
  writeFileSync(Path.join(folder, "tokens.csv"), 'admin-token,admin,admin,"system:masters"\nguest-token,guest,guest\n')
  const etcd = yield* startEtcd(programs, folder)
  const port = yield* freePort
  const args = [
    ["--etcd-servers", etcd],
    ["--secure-port", String(port)],
    ["--bind-address", "127.0.0.1"],
    ["--cert-dir", pki],
    ["--service-account-key-file", Path.join(folder, "sa.pub")],
    ["--service-account-signing-key-file", Path.join(folder, "sa.key")],
    ["--service-account-issuer", "https://kubernetes.default.svc"],
    ["--token-auth-file", Path.join(folder, "tokens.csv")],
    ["--authorization-mode", "Node,RBAC"],
    ["--service-cluster-ip-range", "10.96.0.0/16"],
    ["--disable-admission-plugins", "ServiceAccount"],
    // The cache would go on answering from versions that etcd has forgotten.
    ["--watch-cache", "false"],
  ]
  const server = yield* program(
    Path.join(programs, "kube-apiserver"),
    args.map(([name, value]) => `${name}=${value}`),
  )
  const url = `https://127.0.0.1:${port}`
  const ready = Effect.flatMap(call(`${url}/readyz`, "admin-token", "GET", ""), ({ status, text }) =>
    status === 200 ? Effect.void : Effect.fail(new Error(text)),
  )
  yield* ready.pipe(Effect.retry({ until: () => server.exitCode !== null, schedule: pollSchedule }), Effect.timeout("60 seconds"))
  return {
    url,
    caFile: Path.join(pki, "apiserver.crt"),
    adminToken: "admin-token",
    guestToken: "guest-token",
    write: (method, path, body) =>
      Effect.orDie(
        Effect.map(call(url + path, "admin-token", method, JSON.stringify(body)), ({ status, text }) => ({
          status,
          body: JSON.parse(text),
        })),
      ),
    compact: (version) =>
      Effect.promise(async () => {
        const answer = await fetch(`${etcd}/v3/kv/compaction`, {
          method: "POST",
          body: JSON.stringify({ revision: version, physical: true }),
        })
        if (answer.status !== 200) throw new Error(await answer.text())
      }),
    kill: Effect.promise(async () => {
      const ended = once(server, "exit")
      server.kill("SIGKILL")
      await ended
    }),
  }
})
