import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { existsSync } from "node:fs"
import { readFile, rename, writeFile } from "node:fs/promises"
import type { ServerResponse } from "node:http"
import * as Http from "node:http"
import * as Net from "node:net"
import * as Path from "node:path"
import type { TLSSocket } from "node:tls"
import { type KubernetesOptions, layer } from "../../../src/adapters/kubernetes/clusterApi.ts"
import { runPlugin } from "../../../src/adapters/kubernetes/execPlugin.ts"
import type { Surroundings } from "../../../src/adapters/kubernetes/kubeconfig.ts"
import { ClusterApi } from "../../../src/ports/ClusterApi.ts"
import { makeCertificate } from "./certificate.ts"
import { bare, kubeconfig, layerAt, serve, temporaryFolder, textOf, waits } from "./loopback.ts"

const authority = makeCertificate("authority", { authority: true })
const here = makeCertificate("127.0.0.1", { issuer: authority, names: ["127.0.0.1"] })
const encoded = (text: string) => Buffer.from(text).toString("base64")

const write = (path: string, content: string, mode = 0o600) => Effect.promise(() => writeFile(path, content, { mode }))

/** Answers with the Authorization header, so that a test sees who it was. */
const echo = (request: Http.IncomingMessage, response: ServerResponse) =>
  response.writeHead(200, { "content-type": "application/json" }).end(request.headers.authorization ?? "nobody")

const whoAmI = ClusterApi.use((api) => Effect.map(api.read("/version"), textOf))

const under = (options: KubernetesOptions, surroundings: Partial<Surroundings> = {}) => layer(options, { ...bare, ...surroundings }, waits)

describe("TLS", () => {
  it.live("trusts the kubeconfig's authority, as data or as a file beside it", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { cert: here.certificate, key: here.key })
      const folder = yield* temporaryFolder
      yield* write(Path.join(folder, "ca.crt"), authority.certificate)
      yield* write(Path.join(folder, "config"), kubeconfig({ server: server.url, "certificate-authority": "ca.crt" }, { token: "a" }))
      const asData = kubeconfig({ server: server.url, "certificate-authority-data": encoded(authority.certificate) }, { token: "b" })
      const asFile = yield* Effect.provide(whoAmI, under({ kubeconfigPath: Path.join(folder, "config") }))
      assert.strictEqual(asFile, "Bearer a")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText: asData })), "Bearer b")
    }),
  )

  it.live("says why a certificate is refused, and what to do", () =>
    Effect.gen(function* () {
      const other = makeCertificate("elsewhere", { issuer: authority, names: ["elsewhere.example"] })
      const old = makeCertificate("127.0.0.1", { issuer: authority, names: ["127.0.0.1"], days: -1 })
      const trust = { "certificate-authority-data": encoded(authority.certificate) }
      const attempt = (certificate: typeof here, cluster: object) =>
        Effect.gen(function* () {
          const server = yield* serve(echo, { cert: certificate.certificate, key: certificate.key })
          return yield* Effect.match(whoAmI, {
            onFailure: ({ failure }) => `${failure._tag} ${failure.text}`,
            onSuccess: (who) => who,
          }).pipe(Effect.provide(under({ kubeconfigText: kubeconfig({ server: server.url, ...cluster }) })))
        })
      assert.match(yield* attempt(here, {}), /^Unavailable 127\.0\.0\.1:\d+: .*not trusted \(set certificate-authority/)
      assert.match(yield* attempt(old, trust), /has expired \(renew it\)/)
      assert.match(yield* attempt(other, trust), /for other names \(set tls-server-name/)
      assert.strictEqual(yield* attempt(other, { ...trust, "tls-server-name": "elsewhere.example" }), "nobody")
      assert.strictEqual(yield* attempt(other, { "insecure-skip-tls-verify": true }), "nobody")
      const plain = yield* serve(echo)
      const mixed = kubeconfig({ server: plain.url.replace("http:", "https:") })
      const error = yield* Effect.flip(whoAmI).pipe(Effect.provide(under({ kubeconfigText: mixed })))
      assert.match(error.message, /TLS is not spoken there/)
    }),
  )

  it.live("shows the client certificate", () =>
    Effect.gen(function* () {
      const client = makeCertificate("system:meshsync", { issuer: authority })
      const server = yield* serve(
        (request, response) => {
          const subject = (request.socket as TLSSocket).getPeerCertificate().subject
          response.writeHead(200, { "content-type": "application/json" }).end(subject?.CN)
        },
        { cert: here.certificate, key: here.key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true },
      )
      const cluster = { server: server.url, "certificate-authority-data": encoded(authority.certificate) }
      const user = { "client-certificate-data": encoded(client.certificate), "client-key-data": encoded(client.key) }
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText: kubeconfig(cluster, user) })), "system:meshsync")
      const error = yield* Effect.flip(whoAmI).pipe(Effect.provide(under({ kubeconfigText: kubeconfig(cluster) })))
      assert.match(error.message, /wants a client certificate|connection was cut/)
    }),
  )
})

describe("users", () => {
  it.live("authenticate with a password, and may act as somebody else", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        response.writeHead(200, { "content-type": "application/json" })
        response.end(`${request.headers.authorization} ${String(request.headers["impersonate-user"])}`)
      })
      const who = yield* Effect.provide(whoAmI, layerAt(server.url, { username: "ann", password: "p:w", as: "bob" }))
      assert.strictEqual(who, `Basic ${encoded("ann:p:w")} bob`)
    }),
  )

  it.live("with a plugin run it once until renewed, and tell it about the cluster", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const folder = yield* temporaryFolder
      const script = `#!/bin/sh
echo x >> runs
printf '%s' "$KUBERNETES_EXEC_INFO" > info
echo "{\\"kind\\":\\"ExecCredential\\",\\"status\\":{\\"token\\":\\"$1-$COLOUR-$(wc -l < runs | tr -d ' ')\\"}}"
`
      yield* write(Path.join(folder, "plugin.sh"), script.replace("echo x", `cd ${folder}\necho x`), 0o700)
      const exec = {
        apiVersion: "client.authentication.k8s.io/v1beta1",
        command: "./plugin.sh",
        args: ["me"],
        env: [{ name: "COLOUR", value: "red" }],
        provideClusterInfo: true,
      }
      yield* write(Path.join(folder, "config"), kubeconfig({ server: server.url }, { exec }))
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        const crowd = yield* Effect.all(
          Array.from({ length: 10 }, () => whoAmI),
          { concurrency: "unbounded" },
        )
        assert.deepStrictEqual(new Set(crowd), new Set(["Bearer me-red-1"]))
        yield* Effect.all([api.renewCredentials, api.renewCredentials])
        assert.strictEqual(yield* whoAmI, "Bearer me-red-2")
        yield* api.renewCredentials
        assert.strictEqual(yield* whoAmI, "Bearer me-red-2")
      }).pipe(Effect.provide(under({ kubeconfigPath: Path.join(folder, "config") })))
      const info = JSON.parse(yield* Effect.promise(() => readFile(Path.join(folder, "info"), "utf8")))
      assert.strictEqual(info.apiVersion, exec.apiVersion)
      assert.strictEqual(info.spec.cluster.server, `${server.url}/`)
    }),
  )

  it.live("with a plugin whose credential has expired ask it again", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const folder = yield* temporaryFolder
      const script = `echo x >> ${folder}/runs; echo '{"status":{"token":"'$(wc -l < ${folder}/runs | tr -d ' ')'","expirationTimestamp":"2020-01-01T00:00:00Z"}}'`
      const exec = { command: "sh", args: ["-c", script] }
      const tokens = yield* Effect.provide(Effect.all([whoAmI, whoAmI]), layerAt(server.url, { exec }))
      assert.deepStrictEqual(tokens, ["Bearer 1", "Bearer 2"])
    }),
  )

  it.live("with a plugin that fails are unauthorized, with its complaint", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const complaint = (exec: object) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(whoAmI).pipe(Effect.provide(layerAt(server.url, { exec })))
          assert.strictEqual(error.failure._tag, "Unauthorized")
          return error.failure.text
        })
      const shell = (script: string) => ({ command: "sh", args: ["-c", script] })
      assert.strictEqual(
        yield* complaint(shell("echo 'log in first' >&2; echo more >&2; exit 3")),
        "the credentials plugin sh failed: log in first",
      )
      assert.match(yield* complaint(shell("exit 4")), /it ended with status 4/)
      assert.match(yield* complaint(shell("echo nonsense")), /no ExecCredential/)
      assert.match(yield* complaint(shell("echo '{\"status\":{}}'")), /neither a token nor a certificate/)
      assert.match(yield* complaint(shell("exec head -c 3000000 /dev/zero")), /it prints too much/)
      assert.match(yield* complaint({ command: "no-such-plugin-here", installHint: "Get it." }), /no such command\. Get it\./)
      assert.strictEqual(server.accepted(), 0)
    }),
  )

  it.live("with a plugin that hangs kill it, after its time or when nobody waits any more", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const settings = {
        apiVersion: "client.authentication.k8s.io/v1",
        command: process.execPath,
        arguments: ["-e", `require("fs").writeFileSync("${folder}/pid", String(process.pid)); setInterval(() => {}, 1000)`],
        environment: {},
        installHint: "",
        cluster: undefined,
      }
      const readPid = Effect.tryPromise(async () => Number(await readFile(`${folder}/pid`, "utf8"))).pipe(
        Effect.filterOrFail((pid) => pid > 0),
        Effect.eventually,
      )
      const isAlive = (pid: number) => Effect.sync(() => existsSync(`/proc/${pid}/fd/0`))
      const ended = (pid: number) => Effect.eventually(Effect.filterOrFail(isAlive(pid), (alive) => !alive))
      const waiting = yield* Effect.forkChild(runPlugin(settings), { startImmediately: true })
      const pid = yield* readPid
      yield* Fiber.interrupt(waiting)
      yield* ended(pid)
      const reason = yield* Effect.flip(runPlugin(settings, 300))
      assert.match(reason, /failed: no answer within 0.3 s/)
      const second = yield* readPid
      assert.notStrictEqual(second, pid)
      yield* ended(second)
    }),
  )

  it.live("whose token file changes are known by the new token at once", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const folder = yield* temporaryFolder
      const tokenFile = Path.join(folder, "token")
      yield* write(tokenFile, "first\n")
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* whoAmI, "Bearer first")
        yield* write(`${tokenFile}.new`, "second\n")
        yield* Effect.promise(() => rename(`${tokenFile}.new`, tokenFile))
        assert.strictEqual(yield* whoAmI, "Bearer second")
        yield* Effect.promise(() => rename(tokenFile, `${tokenFile}.gone`))
        const error = yield* Effect.flip(whoAmI)
        assert.deepStrictEqual(error.failure, {
          _tag: "Unauthorized",
          text: `the token file ${tokenFile} cannot be read: it does not exist`,
        })
      }).pipe(Effect.provide(layerAt(server.url, { tokenFile })))
    }),
  )

  it.live("are read again from a rewritten kubeconfig after a renewal, but the server stays", () =>
    Effect.gen(function* () {
      const server = yield* serve((request, response) => {
        if (request.headers.authorization === "Bearer old") response.writeHead(401).end()
        else echo(request, response)
      })
      const folder = yield* temporaryFolder
      const config = Path.join(folder, "config")
      yield* write(config, kubeconfig({ server: server.url }, { token: "old" }))
      yield* Effect.gen(function* () {
        const api = yield* ClusterApi
        assert.strictEqual((yield* Effect.flip(whoAmI)).failure._tag, "Unauthorized")
        yield* write(config, kubeconfig({ server: server.url }, { token: "new" }))
        yield* api.renewCredentials
        assert.strictEqual(yield* whoAmI, "Bearer new")
      }).pipe(Effect.provide(under({ kubeconfigPath: config })))
      yield* Effect.gen(function* () {
        yield* write(config, kubeconfig({ server: "https://elsewhere.example" }, { token: "new" }))
        yield* (yield* ClusterApi).renewCredentials
        assert.match((yield* Effect.flip(whoAmI)).failure.text, /now names another server/)
      }).pipe(Effect.provide(under({ kubeconfigPath: config })))
    }),
  )

  it.live("stay those of the first context when the kubeconfig's current one changes", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const config = Path.join(yield* temporaryFolder, "config")
      const text = (current: string, token: string) => `
current-context: ${current}
contexts: [{name: one, context: {cluster: c, user: u1}}, {name: two, context: {cluster: c, user: u2}}]
clusters: [{name: c, cluster: {server: ${server.url}}}]
users: [{name: u1, user: {token: ${token}}}, {name: u2, user: {token: other}}]
`
      yield* write(config, text("one", "first"))
      yield* Effect.gen(function* () {
        assert.strictEqual(yield* whoAmI, "Bearer first")
        yield* write(config, text("two", "second"))
        yield* (yield* ClusterApi).renewCredentials
        assert.strictEqual(yield* whoAmI, "Bearer second")
      }).pipe(Effect.provide(under({ kubeconfigPath: config })))
    }),
  )
})

describe("the place of the credentials", () => {
  it.live("is the service account in a pod, unless something else is named", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { cert: here.certificate, key: here.key })
      const folder = yield* temporaryFolder
      yield* write(Path.join(folder, "token"), "pod\n")
      yield* write(Path.join(folder, "ca.crt"), authority.certificate)
      const trust = { server: server.url, "certificate-authority-data": encoded(authority.certificate) }
      yield* write(Path.join(folder, "config"), kubeconfig(trust, { token: "file" }))
      const pod: Partial<Surroundings> = {
        environment: {
          KUBERNETES_SERVICE_HOST: "127.0.0.1",
          KUBERNETES_SERVICE_PORT: String(server.port),
          KUBECONFIG: Path.join(folder, "config"),
        },
        serviceAccountFolder: folder,
      }
      const path = Path.join(folder, "config")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({}, pod)), "Bearer pod")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigPath: path }, pod)), "Bearer file")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ context: "here" }, pod)), "Bearer file")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText: kubeconfig(trust, { token: "text" }) }, pod)), "Bearer text")
      const noToken = { ...pod, serviceAccountFolder: Path.join(folder, "none") }
      assert.strictEqual(yield* Effect.provide(whoAmI, under({}, noToken)), "Bearer file")
    }),
  )

  it.live("is the home folder at last", () =>
    Effect.gen(function* () {
      const home = yield* temporaryFolder
      const missing = yield* Effect.flip(Effect.provide(whoAmI, under({}, { home })))
      assert.match(missing.message, /^kubeconfig .*\/\.kube\/config: the file does not exist \(the default place; this is no pod/)
      const homeless = yield* Effect.flip(Effect.provide(whoAmI, under({})))
      assert.match(homeless.message, /no home folder/)
    }),
  )

  it.live("holds the context that was asked for", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const kubeconfigText = `
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u1, namespace: x}}
- {name: two, context: {cluster: c, user: u2}}
- {name: three, context: {cluster: c}}
clusters: [{name: c, cluster: {server: ${server.url}}}]
users:
- {name: u1, user: {token: t1}}
- {name: u2, user: {token: t2}}
`
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText })), "Bearer t1")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText, context: "two" })), "Bearer t2")
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText, context: "three" })), "nobody")
      const error = yield* Effect.flip(Effect.provide(whoAmI, under({ kubeconfigText, context: "four" })))
      assert.match(error.message, /there is no context "four" \(contexts: "one", "two", "three"\)/)
    }),
  )
})

describe("a kubeconfig that cannot be used is told by name", () => {
  const server = "https://127.0.0.1:1"
  const secret = "s3cret"
  const cases: ReadonlyArray<readonly [string, string, RegExp]> = [
    ["nothing", " ", /not a kubeconfig/],
    ["no mapping", "- a", /not a kubeconfig/],
    ["no YAML", `a: b: "${secret}"`, /not YAML: .* at line 1/],
    ["no current context", "{}", /current-context is not set \(contexts: none\)/],
    ["a token of the wrong type", kubeconfig({ server }, { token: [secret] }), /users\.0\.user\.token is missing or of the wrong type/],
    [
      "a server without a scheme that is known",
      kubeconfig({ server: "ftp://x" }),
      /the server of cluster "loop" is no http or https address/,
    ],
    ["a cluster without server", kubeconfig({}), /clusters\.0\.cluster\.server is missing/],
    ["an unknown cluster", kubeconfig({ server }).replace('"name":"loop"', '"name":"hoop"'), /the cluster "loop", which is not there/],
    ["an unknown user", kubeconfig({ server }).replace('"name":"me"', '"name":"you"'), /the user "me", which is not there/],
    [
      "a missing CA",
      kubeconfig({ server, "certificate-authority": "/none/ca" }),
      /certificate-authority \/none\/ca cannot be read: it does not exist/,
    ],
    [
      "a CA that is none",
      kubeconfig({ server, "certificate-authority-data": encoded(secret) }),
      /certificate-authority of cluster "loop" is not usable PEM/,
    ],
    ["half a pair", kubeconfig({ server }, { "client-certificate-data": encoded(here.certificate) }), /one is there without the other/],
    [
      "a pair that does not match",
      kubeconfig({ server }, { "client-certificate-data": encoded(here.certificate), "client-key-data": encoded(authority.key) }),
      /client-certificate with client-key of user "me" is not usable PEM/,
    ],
    ["a missing token file", kubeconfig({ server }, { tokenFile: "/none/token" }), /the token file \/none\/token cannot be read/],
    ["a plugin without command", kubeconfig({ server }, { exec: {} }), /users\.0\.user\.exec\.command is missing/],
  ]
  for (const [what, text, expected] of cases) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const path = Path.join(folder, "config")
        yield* write(path, text)
        const error = yield* Effect.flip(Effect.provide(whoAmI, under({ kubeconfigPath: path })))
        assert.strictEqual(error._tag === "MeshError" ? error.key : error._tag, "ErrKubeConfig")
        assert.include(error.message, `kubeconfig ${path}: `)
        assert.match(error.message, expected)
        assert.notInclude(error.message, secret)
      }),
    )
  }
})

describe("proxies", () => {
  /** A proxy that knows only CONNECT, and notes where to. */
  const proxy = Effect.gen(function* () {
    const tunnels: Array<string> = []
    const server = Http.createServer((_, response) => response.writeHead(405).end())
    const sockets = new Set<Net.Socket>()
    server.on("connect", (request, client: Net.Socket) => {
      tunnels.push(request.url ?? "")
      const upstream = Net.connect(Number(request.url?.split(":")[1]), "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n")
        client.pipe(upstream).pipe(client)
      })
      for (const socket of [client, upstream]) sockets.add(socket.on("error", () => undefined))
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        }),
    )
    return { tunnels, url: `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}` }
  })

  /** A SOCKS5 proxy without authentication (RFC 1928); notes the names it was asked for. */
  const socks = Effect.gen(function* () {
    const asked: Array<string> = []
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((client) => {
      sockets.add(client.on("error", () => undefined))
      client.once("data", () => {
        client.write(Buffer.from([5, 0]))
        client.once("data", (request: Buffer) => {
          const port = request.readUInt16BE(request.length - 2)
          const address = request[3] === 1 ? request.subarray(4, 8).join(".") : request.subarray(5, -2).toString()
          asked.push(`${address}:${port}`)
          const upstream = Net.connect(port, "127.0.0.1", () => {
            client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
            client.pipe(upstream).pipe(client)
          })
          sockets.add(upstream.on("error", () => undefined))
        })
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        }),
    )
    return { asked, url: `socks5://127.0.0.1:${(server.address() as Net.AddressInfo).port}` }
  })

  it.live("may speak SOCKS", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { cert: here.certificate, key: here.key })
      const { asked, url } = yield* socks
      const cluster = { server: server.url, "certificate-authority-data": encoded(authority.certificate), "proxy-url": url }
      const who = yield* Effect.provide(whoAmI, under({ kubeconfigText: kubeconfig(cluster, { token: "t" }) }))
      assert.strictEqual(who, "Bearer t")
      assert.deepStrictEqual(asked, [`127.0.0.1:${server.port}`])
    }),
  )

  it.live("of the kubeconfig and of the environment are used, with one connection for several requests", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { cert: here.certificate, key: here.key })
      const trust = { server: server.url, "certificate-authority-data": encoded(authority.certificate) }
      const configured = yield* proxy
      const text = kubeconfig({ ...trust, "proxy-url": configured.url }, { token: "t" })
      const twice = Effect.all([whoAmI, whoAmI])
      assert.deepStrictEqual(yield* Effect.provide(twice, under({ kubeconfigText: text })), ["Bearer t", "Bearer t"])
      assert.deepStrictEqual(configured.tunnels, [`127.0.0.1:${server.port}`])
      const ambient = yield* proxy
      const elsewhere = { ...trust, server: `https://kubernetes.test:${server.port}`, "tls-server-name": "127.0.0.1" }
      const named = makeCertificate("kubernetes.test", { issuer: authority, names: ["kubernetes.test"] })
      const behind = yield* serve(echo, { cert: named.certificate, key: named.key })
      const through = kubeconfig({ ...elsewhere, server: `https://kubernetes.test:${behind.port}`, "tls-server-name": undefined })
      const environment = { HTTPS_PROXY: ambient.url, NO_PROXY: "localhost,10.0.0.0/8" }
      assert.strictEqual(yield* Effect.provide(whoAmI, under({ kubeconfigText: through }, { environment })), "nobody")
      assert.deepStrictEqual(ambient.tunnels, [`kubernetes.test:${behind.port}`])
    }),
  )
})
