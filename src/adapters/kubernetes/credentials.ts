/**
 * Who we are to the API server, asked anew before every list and watch: token files and certificates are read again, so that what rotates
 * is used; a plugin or an identity provider is asked only when what it gave has expired or was refused. One question at a time, so that
 * seventy watches with an expired token run one plugin. The cluster never changes during a run, whatever becomes of the kubeconfig.
 * In a pod client-node is not loaded: a token and a certificate need none of its 15 MiB.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import type * as Http from "node:http"
import type * as Https from "node:https"
import * as Tls from "node:tls"
import { type MeshError, meshError } from "../../domain/error.ts"
import { credentialsRenewEveryMs, credentialsWaitMs } from "../../domain/limit.ts"
import { isFresh, type PluginCredential, runPlugin } from "./execPlugin.ts"
import { type Access, findAccess, type KubernetesOptions, type Surroundings } from "./kubeconfig.ts"
import { explainCause } from "./network.ts"
import { chooseProxy } from "./proxy.ts"

/** TLS settings of a request; connections are kept apart by them. */
export type TlsSettings = Pick<Https.RequestOptions, "ca" | "cert" | "key" | "servername" | "rejectUnauthorized" | "checkServerIdentity">

/** What a request carries. */
export interface Authorization {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsSettings
  /** An agent that must be used instead of the usual one: it leads through a SOCKS proxy. */
  readonly agent: Http.Agent | undefined
}

export interface Credentials {
  readonly server: URL
  /** An HTTP proxy on the way to the server. */
  readonly proxyUrl: string | undefined
  /** Fails with one sentence that names what could not be read or run. */
  readonly authorize: Effect.Effect<Authorization, string>
  /** Forgets what was read, the kubeconfig included; within `limit.credentialsRenewEveryMs` only once. */
  readonly renew: Effect.Effect<void>
}

type Applied = Pick<Https.RequestOptions, "headers" | "auth" | "agent"> & TlsSettings

/** Everything that is remembered between two requests. */
interface Session {
  readonly access: Access
  /** Applies what client-node knows: tokens, certificates, identity providers, SOCKS; undefined in a pod. */
  readonly apply: ((target: Https.RequestOptions) => Promise<void>) | undefined
  readonly socks: boolean
  credential: PluginCredential | undefined
}

const isSocks = (proxy: string | undefined): boolean => proxy?.startsWith("socks") === true

const openSession = (access: Access, proxy: string | undefined): Effect.Effect<Session> =>
  Effect.promise(async () => {
    const socks = isSocks(proxy)
    if (access.context === "" && !socks) return { access, apply: undefined, socks, credential: undefined }
    // oxlint-disable-next-line no-restricted-imports -- this is the place where it is needed
    const { KubeConfig } = await import("@kubernetes/client-node")
    const config = new KubeConfig()
    const { proxyUrl: _, ...cluster } = access.cluster
    config.loadFromClusterAndUser(socks && proxy !== undefined ? { ...cluster, proxyUrl: proxy } : cluster, access.user)
    return { access, apply: (target) => config.applyToHTTPSOptions(target), socks, credential: undefined }
  })

const readMaterial = (path: string, what: string) =>
  Effect.tryPromise({ try: () => readFile(path), catch: (cause) => `${what} ${path} cannot be read: ${describeFile(cause)}` })

const describeFile = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : ""
  return code === "ENOENT" ? "it does not exist" : code === "EACCES" ? "permission denied" : explainCause(cause)
}

const tlsOf = ({ ca, cert, checkServerIdentity, key, rejectUnauthorized, servername }: TlsSettings): TlsSettings => ({
  ...(checkServerIdentity === undefined ? {} : { checkServerIdentity }),
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
  ...(servername === undefined ? {} : { servername }),
  ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
})

const credentialOf = Effect.fnUntraced(function* (session: Session) {
  const { plugin } = session.access
  if (plugin === undefined) return undefined
  if (session.credential !== undefined && (yield* isFresh(session.credential))) return session.credential
  session.credential = yield* runPlugin(plugin)
  return session.credential
})

const authorizeWith = Effect.fnUntraced(function* (session: Session) {
  const { access, apply } = session
  const applied: Applied = {}
  if (apply !== undefined) {
    yield* Effect.tryPromise({
      try: () => apply(applied),
      catch: (cause) => `the credentials cannot be used: ${describeFile(cause)}`,
    }).pipe(Effect.timeoutOrElse({ duration: credentialsWaitMs, orElse: () => Effect.fail("the identity provider does not answer") }))
  } else if (access.cluster.caFile !== undefined) {
    applied.ca = yield* readMaterial(access.cluster.caFile, "the certificate authority")
  }
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(applied.headers ?? {})) headers[name.toLowerCase()] = String(value).trim()
  if (applied.auth) headers["authorization"] = `Basic ${Buffer.from(applied.auth).toString("base64")}`
  if (access.tokenFile !== undefined) {
    const token = yield* readMaterial(access.tokenFile, "the token file")
    headers["authorization"] = `Bearer ${token.toString("utf8").trim()}`
  }
  const credential = yield* credentialOf(session)
  if (credential?.token !== undefined) headers["authorization"] = `Bearer ${credential.token}`
  if (credential?.certificate !== undefined && credential.key !== undefined) {
    applied.cert = credential.certificate
    applied.key = credential.key
  }
  const agent = session.socks && typeof applied.agent === "object" ? applied.agent : undefined
  if (agent !== undefined && applied.servername === undefined) {
    // The SOCKS agent does not tell TLS the host: a server known by its address would be taken for localhost.
    const host = access.server.hostname.replace(/^\[|\]$/g, "")
    applied.checkServerIdentity = (_, certificate) => Tls.checkServerIdentity(host, certificate)
  }
  const authorization: Authorization = { headers, tls: tlsOf(applied), agent }
  return authorization
})

const decodedOr = (file: string | undefined, data: string | undefined, what: string): Effect.Effect<Buffer | undefined, string> => {
  if (file !== undefined) return readMaterial(file, what)
  return Effect.succeed(data === undefined ? undefined : Buffer.from(data, "base64"))
}

const parseWith = (what: string, parse: () => unknown): Effect.Effect<void, string> =>
  Effect.try({ try: () => void parse(), catch: () => `${what} is not usable PEM` })

/** Reads once what the access names, so that a wrong file is told at the start and by name, not as a failed handshake. */
const checkAccess = Effect.fnUntraced(function* ({ cluster, tokenFile, user }: Access) {
  const ca = yield* decodedOr(cluster.caFile, cluster.caData, "certificate-authority")
  if (ca !== undefined) yield* parseWith(`certificate-authority of cluster "${cluster.name}"`, () => new X509Certificate(ca))
  const cert = yield* decodedOr(user.certFile, user.certData, "client-certificate")
  const key = yield* decodedOr(user.keyFile, user.keyData, "client-key")
  const pair = `client-certificate with client-key of user "${user.name}"`
  if ((cert === undefined) !== (key === undefined)) return yield* Effect.fail(`${pair}: one is there without the other`)
  if (cert !== undefined && key !== undefined) yield* parseWith(pair, () => Tls.createSecureContext({ cert, key }))
  if (tokenFile !== undefined) yield* readMaterial(tokenFile, "the token file")
})

/**
 * Finds and checks the credentials. Sends nothing and runs no plugin.
 * Fails with ErrKubeConfig, which names the file and what is wrong with it.
 */
export const openCredentials = Effect.fnUntraced(function* (
  options: KubernetesOptions,
  surroundings: Surroundings,
): Effect.fn.Return<Credentials, MeshError> {
  const first = yield* findAccess(options, surroundings)
  yield* Effect.mapError(checkAccess(first), (text) => meshError("ErrKubeConfig", `${first.origin}: ${text}`))
  const proxy = chooseProxy(first.server, first.cluster.proxyUrl, surroundings.environment)
  const turn = yield* Semaphore.make(1)
  let session: Session | undefined = yield* openSession(first, proxy)
  let renewedMs = Number.NEGATIVE_INFINITY

  const reopen = Effect.gen(function* () {
    const pinned = first.context === "" ? options : { ...options, context: first.context }
    const access = yield* Effect.mapError(findAccess(pinned, surroundings), (error) => error.detail)
    if (access.server.href !== first.server.href)
      return yield* Effect.fail(`${access.origin} now names another server: restart to follow it`)
    session = yield* openSession(access, proxy)
    return session
  })

  return {
    server: first.server,
    proxyUrl: isSocks(proxy) ? undefined : proxy,
    authorize: turn.withPermits(1)(
      Effect.suspend(() => Effect.flatMap(session === undefined ? reopen : Effect.succeed(session), authorizeWith)),
    ),
    renew: Effect.map(Clock.currentTimeMillis, (nowMs) => {
      if (nowMs - renewedMs < credentialsRenewEveryMs) return
      renewedMs = nowMs
      session = undefined
    }),
  }
})
