/**
 * Finds the configuration of the API server and picks one context of it, in the Go MeshSync's order: text that was given; the pod's service
 * account; KUBECONFIG, one path; `.kube/config` in the home folder. A path or context asked for by name wins over the service account,
 * since a person who names one means it. Sends nothing and keeps nothing; errors name the file and the entry, never a value of it.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import type { Cluster, User } from "@kubernetes/client-node"
import { readFile } from "node:fs/promises"
import * as Net from "node:net"
import * as Path from "node:path"
import { type MeshError, meshError } from "../../domain/error.ts"
import type { PluginSettings } from "./execPlugin.ts"
import { explainCause, firstLine } from "./network.ts"

export interface KubernetesOptions {
  /** A whole kubeconfig; wins over everything else. */
  readonly kubeconfigText?: string | undefined
  /** `--kubeconfig`. */
  readonly kubeconfigPath?: string | undefined
  /** `--context`; default: the file's current context. */
  readonly context?: string | undefined
  /** The program's version, for the User-Agent. */
  readonly version?: string | undefined
}

/** What is looked at outside of the options. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The home folder; empty when there is none. */
  readonly home: string
  /** Where a pod finds `token` and `ca.crt`. */
  readonly serviceAccountFolder: string
}

/** One server and one user, as configured. Files are named, not read, so that what rotates is read anew. */
export interface Access {
  /** Where it was found, for a person. */
  readonly origin: string
  /** Name of the context; empty for a service account. */
  readonly context: string
  readonly server: URL
  readonly cluster: Cluster
  readonly user: User
  readonly tokenFile: string | undefined
  readonly plugin: PluginSettings | undefined
}

const Text = Schema.optional(Schema.NullOr(Schema.String))
const Flag = Schema.optional(Schema.NullOr(Schema.Boolean))
const listOf = <S extends Schema.Top>(entry: S) => Schema.optional(Schema.NullOr(Schema.Array(entry)))

const Kubeconfig = Schema.Struct({
  "current-context": Text,
  contexts: listOf(Schema.Struct({ name: Schema.String, context: Schema.Struct({ cluster: Schema.String, user: Text }) })),
  clusters: listOf(
    Schema.Struct({
      name: Schema.String,
      cluster: Schema.Struct({
        server: Schema.String,
        "certificate-authority": Text,
        "certificate-authority-data": Text,
        "insecure-skip-tls-verify": Flag,
        "tls-server-name": Text,
        "proxy-url": Text,
      }),
    }),
  ),
  users: listOf(
    Schema.Struct({
      name: Schema.String,
      user: Schema.optional(
        Schema.NullOr(
          Schema.Struct({
            "client-certificate": Text,
            "client-certificate-data": Text,
            "client-key": Text,
            "client-key-data": Text,
            token: Text,
            tokenFile: Text,
            username: Text,
            password: Text,
            as: Text,
            "auth-provider": Schema.optional(Schema.Unknown),
            exec: Schema.optional(
              Schema.NullOr(
                Schema.Struct({
                  apiVersion: Text,
                  command: Schema.String,
                  args: listOf(Schema.String),
                  env: listOf(Schema.Struct({ name: Schema.String, value: Schema.String })),
                  provideClusterInfo: Flag,
                  installHint: Text,
                }),
              ),
            ),
          }),
        ),
      ),
    }),
  ),
})

type ClusterEntry = NonNullable<(typeof Kubeconfig.Type)["clusters"]>[number]["cluster"]
type UserEntry = NonNullable<NonNullable<(typeof Kubeconfig.Type)["users"]>[number]["user"]>

const unusable = (origin: string, text: string): MeshError => meshError("ErrKubeConfig", `${origin}: ${text}`)

const absent = (value: string | null | undefined): value is null | undefined | "" => value === undefined || value === null || value === ""

/** Only members that are there: client-node tells absent from empty. */
const compact = <T extends object>(members: { readonly [K in keyof T]: T[K] | null | undefined }): T =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null && value !== "")) as T

const decode = Effect.fnUntraced(function* (text: string, origin: string) {
  const yaml = yield* Effect.promise(() => import("yaml"))
  const document = yield* Effect.try({
    try: (): unknown => yaml.parse(text, { logLevel: "error" }),
    catch: (cause) => unusable(origin, `not YAML: ${firstLine(cause instanceof Error ? cause.message : String(cause)).replace(/:$/, "")}`),
  })
  const decoded = Schema.decodeUnknownResult(Kubeconfig)(document)
  if (Result.isSuccess(decoded)) return decoded.success
  const issue = SchemaIssue.makeFormatterStandardSchemaV1()(decoded.failure.issue).issues[0]
  const where = issue?.path?.map((part) => String(typeof part === "object" ? part.key : part)).join(".") ?? ""
  return yield* unusable(origin, where === "" ? "not a kubeconfig" : `${where} is missing or of the wrong type`)
})

const parseServer = (server: string, origin: string, cluster: string): Effect.Effect<URL, MeshError> => {
  const url = URL.parse(server.includes("://") ? server : `https://${server}`)
  return url !== null && (url.protocol === "https:" || url.protocol === "http:") && url.hostname !== ""
    ? Effect.succeed(url)
    : Effect.fail(unusable(origin, `the server of cluster "${cluster}" is no http or https address`))
}

const clusterOf = (name: string, entry: ClusterEntry, server: URL, folder: string): Cluster => ({
  ...compact<Omit<Cluster, "name" | "server" | "skipTLSVerify">>({
    caData: entry["certificate-authority-data"],
    caFile: absent(entry["certificate-authority"]) ? undefined : Path.resolve(folder, entry["certificate-authority"]),
    tlsServerName: entry["tls-server-name"],
    proxyUrl: entry["proxy-url"],
  }),
  name,
  server: server.href,
  // Without TLS there is nothing to verify, but client-node wants to hear it.
  skipTLSVerify: entry["insecure-skip-tls-verify"] === true || server.protocol === "http:",
})

const userOf = (name: string, entry: UserEntry, folder: string): User => ({
  ...compact<Omit<User, "name">>({
    certData: entry["client-certificate-data"],
    certFile: absent(entry["client-certificate"]) ? undefined : Path.resolve(folder, entry["client-certificate"]),
    keyData: entry["client-key-data"],
    keyFile: absent(entry["client-key"]) ? undefined : Path.resolve(folder, entry["client-key"]),
    token: entry.token,
    username: entry.username,
    password: entry.password,
    impersonateUser: entry.as,
    authProvider: entry["auth-provider"],
  }),
  name,
})

const pluginOf = (entry: UserEntry, cluster: ClusterEntry, server: URL, folder: string): PluginSettings | undefined => {
  const { exec } = entry
  if (exec === undefined || exec === null) return undefined
  return {
    apiVersion: exec.apiVersion ?? "client.authentication.k8s.io/v1",
    // As kubectl: a command with a slash is relative to the kubeconfig, another one is looked up in PATH.
    command: exec.command.includes("/") ? Path.resolve(folder, exec.command) : exec.command,
    arguments: exec.args ?? [],
    environment: Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
    installHint: exec.installHint ?? "",
    cluster: exec.provideClusterInfo === true ? { ...cluster, server: server.href } : undefined,
  }
}

const quoted = (names: ReadonlyArray<{ readonly name: string }>): string => names.map(({ name }) => `"${name}"`).join(", ") || "none"

const pickContext = Effect.fnUntraced(function* (text: string, origin: string, folder: string, wanted: string | undefined) {
  const file = yield* decode(text, origin)
  const contexts = file.contexts ?? []
  const context = wanted ?? file["current-context"]
  if (absent(context)) return yield* unusable(origin, `current-context is not set (contexts: ${quoted(contexts)})`)
  const found = contexts.find(({ name }) => name === context)?.context
  if (found === undefined) return yield* unusable(origin, `there is no context "${context}" (contexts: ${quoted(contexts)})`)
  const cluster = (file.clusters ?? []).find(({ name }) => name === found.cluster)?.cluster
  if (cluster === undefined) return yield* unusable(origin, `context "${context}" names the cluster "${found.cluster}", which is not there`)
  const userName = found.user ?? ""
  const userEntry = (file.users ?? []).find(({ name }) => name === userName)
  if (userName !== "" && userEntry === undefined) {
    return yield* unusable(origin, `context "${context}" names the user "${userName}", which is not there`)
  }
  const user = userEntry?.user ?? {}
  const server = yield* parseServer(cluster.server, origin, found.cluster)
  const access: Access = {
    origin,
    context,
    server,
    cluster: clusterOf(found.cluster, cluster, server, folder),
    user: userOf(userName, user, folder),
    tokenFile: absent(user.tokenFile) ? undefined : Path.resolve(folder, user.tokenFile),
    plugin: pluginOf(user, cluster, server, folder),
  }
  return access
})

const readText = (path: string) => Effect.tryPromise({ try: () => readFile(path, "utf8"), catch: (cause) => cause })

const serviceAccount = Effect.fnUntraced(function* ({ environment, serviceAccountFolder }: Surroundings) {
  const host = environment["KUBERNETES_SERVICE_HOST"]
  const port = environment["KUBERNETES_SERVICE_PORT"]
  if (absent(host) || absent(port)) return undefined
  const tokenFile = Path.join(serviceAccountFolder, "token")
  if (Result.isFailure(yield* Effect.result(readText(tokenFile)))) return undefined
  const caFile = Path.join(serviceAccountFolder, "ca.crt")
  const hasCa = Result.isSuccess(yield* Effect.result(readText(caFile)))
  const origin = `service account in ${serviceAccountFolder}`
  const server = yield* parseServer(`https://${Net.isIPv6(host) ? `[${host}]` : host}:${port}`, origin, "of this pod")
  const access: Access = {
    origin,
    context: "",
    server,
    cluster: { name: "pod", server: server.href, skipTLSVerify: false, ...(hasCa ? { caFile } : {}) },
    user: { name: "pod" },
    tokenFile,
    plugin: undefined,
  }
  return access
})

const fromFile = Effect.fnUntraced(function* (path: string, source: string, context: string | undefined) {
  const origin = `kubeconfig ${path}`
  const text = yield* Effect.mapError(readText(path), (cause) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT"
    return unusable(origin, `${missing ? "the file does not exist" : explainCause(cause)} (${source})`)
  })
  return yield* pickContext(text, origin, Path.dirname(path), context)
})

/**
 * The access to use now. Called again when credentials are renewed, so that a rewritten file counts.
 * Fails with ErrKubeConfig, which names the source and the entry at fault.
 */
export const findAccess = Effect.fnUntraced(function* (options: KubernetesOptions, surroundings: Surroundings) {
  const { context, kubeconfigPath, kubeconfigText } = options
  if (!absent(kubeconfigText)) return yield* pickContext(kubeconfigText, "kubeconfig given as text", process.cwd(), context)
  if (!absent(kubeconfigPath)) return yield* fromFile(Path.resolve(kubeconfigPath), "--kubeconfig", context)
  const pod = context === undefined ? yield* serviceAccount(surroundings) : undefined
  if (pod !== undefined) return pod
  const named = surroundings.environment["KUBECONFIG"]
  if (!absent(named)) return yield* fromFile(Path.resolve(named), "KUBECONFIG", context)
  if (surroundings.home === "") return yield* meshError("ErrKubeConfig", "no kubeconfig is named and there is no home folder to look in")
  return yield* fromFile(
    Path.join(surroundings.home, ".kube", "config"),
    "the default place; this is no pod and KUBECONFIG is not set",
    context,
  )
})
