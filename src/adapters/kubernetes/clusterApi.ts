/**
 * The port ClusterApi over HTTP. It spells requests and turns refusals into failures; the bytes it hands out are the server's own.
 * Never asks a list for a resourceVersion (with 0 the API server ignores `limit`), never retries but for a kept connection that was
 * closed: how to go on is the reflector's decision.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import * as Os from "node:os"
import type { MeshError } from "../../domain/error.ts"
import * as Limit from "../../domain/limit.ts"
import { failureOfAnswer, unavailable } from "../../domain/read/failure.ts"
import { collectionPath } from "../../domain/select/resource.ts"
import type { Failure } from "../../domain/sync/fact.ts"
import { ApiError, ClusterApi, type Collection, type ListRequest, type WatchRequest } from "../../ports/ClusterApi.ts"
import { PodSession } from "../../ports/PodSession.ts"
import { type Credentials, openCredentials } from "./credentials.ts"
import { type Endpoint, openEndpoint, openStream, openWebSocket, readBody, send, type Target } from "./http.ts"
import type { KubernetesOptions, Surroundings } from "./kubeconfig.ts"
import type { NetworkError } from "./network.ts"
import { makePodSession } from "./podSession.ts"
import { makePageMemory, type PageMemory } from "./pageMemory.ts"

export type { KubernetesOptions } from "./kubeconfig.ts"

/** The waits of the adapter in milliseconds; tests shorten them. */
export interface Waits {
  readonly answerMs: number
  readonly stallMs: number
  readonly idleMs: number
  readonly graceMs: number
}

const waitsOfLimit: Waits = {
  answerMs: Limit.answerWaitMs,
  stallMs: Limit.bodyStallMs,
  idleMs: Limit.watchIdleMs,
  graceMs: Limit.watchGraceMs,
}

/** A quote inside of an object's text is escaped, so these bytes occur in bookmarks alone. */
const bookmarkMarker = '"type":"BOOKMARK"'

/** Sizes of the last page are remembered for so many collections: those of the lists that run and as many that wait. */
const sizesKeptMax = 2 * Limit.listsConcurrentMax

const json = "application/json"

interface Client {
  readonly credentials: Credentials
  readonly endpoint: Endpoint
  readonly waits: Waits
  readonly memory: PageMemory
}

const queryOf = (members: Readonly<Record<string, string>>): string =>
  Object.entries(members)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&")

const failureOfNetwork = (client: Client, error: NetworkError): Failure =>
  error.tooLarge ? { _tag: "TooLarge", text: error.text } : unavailable(`${client.endpoint.server.host}: ${error.text}`)

const readRefusal = Effect.fnUntraced(function* (client: Client, response: Http.IncomingMessage) {
  const bounds = { memory: client.memory, bytesMax: Limit.errorBodyBytesMax, bytesExpected: 0, stallMs: client.waits.stallMs }
  // A refusal that cannot be read to its end is still a refusal: the status says what matters.
  const body = yield* Effect.orElseSucceed(readBody(response, bounds), () => new Uint8Array(0))
  return failureOfAnswer(response.statusCode ?? 0, Buffer.from(body).toString("utf8"), response.headers["retry-after"])
})

/** Refuses what a proxy or a login page says in the API server's place. */
const foreignAnswer = (response: Http.IncomingMessage, accept: string): Failure | undefined => {
  const type = response.headers["content-type"] ?? ""
  const encoding = response.headers["content-encoding"] ?? "identity"
  if (encoding !== "identity") return unavailable(`the answer is encoded as ${encoding}, which was not asked for: a proxy stands between`)
  if (accept.includes("json") && type !== "" && !type.includes("json")) {
    return unavailable(`the answer is ${type.split(";", 1)[0]} instead of JSON: a proxy or a login page stands between`)
  }
  return undefined
}

const authorize = (credentials: Credentials) => Effect.mapError(credentials.authorize, (text): Failure => ({ _tag: "Unauthorized", text }))

type Question = Omit<Target, "waitMs"> & { readonly waitMs?: number }

/** Sends a request; the answer has status 200 (of a question, which is a POST, 201) and is the API server's. */
const ask = Effect.fnUntraced(function* (client: Client, question: Question): Effect.fn.Return<Http.IncomingMessage, Failure, Scope.Scope> {
  const { credentials, endpoint, waits } = client
  const authorization = yield* authorize(credentials)
  const response = yield* Effect.mapError(send(endpoint, authorization, { waitMs: waits.answerMs, ...question }), (error) =>
    failureOfNetwork(client, error),
  )
  const expected = question.body === undefined || question.patchType !== undefined ? 200 : 201
  if (response.statusCode !== expected) return yield* Effect.fail(yield* readRefusal(client, response))
  const foreign = foreignAnswer(response, question.accept)
  return foreign === undefined ? response : yield* Effect.fail(foreign)
})

const readWhole = (client: Client, question: Question, bytesMax: number, bytesExpected: number) =>
  Effect.scoped(
    Effect.flatMap(ask(client, question), (response) =>
      Effect.mapError(readBody(response, { memory: client.memory, bytesMax, bytesExpected, stallMs: client.waits.stallMs }), (error) =>
        failureOfNetwork(client, error),
      ),
    ),
  )

const pathOf = ({ namespace, type }: Collection): string => collectionPath(type, namespace)

/** The API server gives list and watch of a single name to whoever may read that name. */
const selectorsOf = ({ name, selector }: Collection) => ({
  labelSelector: selector,
  fieldSelector: name === undefined ? "" : `metadata.name=${name}`,
})

/** Without whole objects as second best: whoever asks for metadata must not be sent more. */
const acceptOf = ({ depth }: Collection, kind: "PartialObjectMetadata" | "PartialObjectMetadataList"): string =>
  depth === "metadata" ? `${json};as=${kind};g=meta.k8s.io;v=v1` : json

const failAt = (path: string) => (failure: Failure) => new ApiError({ failure, path })

const listWith = (client: Client) => {
  const sizes = new Map<string, number>()
  const remember = (path: string, bytes: number) => {
    sizes.delete(path)
    sizes.set(path, bytes)
    for (const oldest of sizes.keys()) {
      if (sizes.size <= sizesKeptMax) break
      sizes.delete(oldest)
    }
  }
  return (request: ListRequest) => {
    const path = pathOf(request)
    const query = queryOf({ limit: String(request.limit), continue: request.continue, ...selectorsOf(request) })
    // The page before says how large this one will be, give or take a tenth.
    const expected = request.continue === "" ? 0 : Math.ceil((sizes.get(path) ?? 0) * 1.1)
    const accept = acceptOf(request, "PartialObjectMetadataList")
    return readWhole(client, { path: `${path}?${query}`, accept }, Limit.pageBytesMax, expected).pipe(
      Effect.tap((page) => Effect.sync(() => remember(path, page.length))),
      Effect.mapError(failAt(path)),
    )
  }
}

const watchWith = (client: Client) =>
  Effect.fnUntraced(function* (request: WatchRequest) {
    const path = pathOf(request)
    const query = queryOf({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: request.resourceVersion,
      timeoutSeconds: String(request.timeoutSeconds),
      ...selectorsOf(request),
    })
    const accept = acceptOf(request, "PartialObjectMetadata")
    const response = yield* Effect.mapError(ask(client, { path: `${path}?${query}`, accept }), failAt(path))
    const next = yield* openStream(response, {
      idleMs: client.waits.idleMs,
      marker: bookmarkMarker,
      lifeMs: request.timeoutSeconds * 1000 + client.waits.graceMs,
    })
    return { next: Effect.mapError(next, (error) => failAt(path)(failureOfNetwork(client, error))) }
  })

/** JSON is YAML, and API servers before 1.33 take no other name for it. */
const applyType = "application/apply-patch+yaml"

const applyWith = (client: Client) => (path: string, document: object) => {
  const question = { path: `${path}?fieldManager=meshsync&force=true`, accept: json, body: JSON.stringify(document), patchType: applyType }
  return Effect.asVoid(Effect.mapError(readWhole(client, question, Limit.documentBytesMax, 0), failAt(path)))
}

/** Logs and terminals over the same credentials. */
const sessionsWith = (client: Client): PodSession["Service"] =>
  makePodSession({
    ask: (path, waitMs) => ask(client, { path, accept: "*/*", waitMs }),
    upgrade: Effect.fnUntraced(function* (path, protocols) {
      const authorization = yield* authorize(client.credentials)
      const target = { path, accept: "*/*", waitMs: client.waits.answerMs }
      const answer = yield* Effect.mapError(openWebSocket(client.endpoint, authorization, target, protocols), (error) =>
        failureOfNetwork(client, error),
      )
      return answer._tag === "Open" ? answer.socket : yield* Effect.fail(yield* readRefusal(client, answer.response))
    }),
    explain: (error) => failureOfNetwork(client, error),
  })

/** What a program finds around it. */
export const surroundingsOfProcess = (): Surroundings => ({
  environment: process.env,
  home: homeFolder(),
  serviceAccountFolder: "/var/run/secrets/kubernetes.io/serviceaccount",
})

/** Empty for a user without an entry in the password file, which is common in containers. */
const homeFolder = (): string => {
  try {
    return Os.homedir()
  } catch {
    return ""
  }
}

/**
 * The API server that a kubeconfig or the pod's service account names. Sends nothing until asked.
 * Fails with ErrKubeConfig, which names the file and what is wrong with it.
 */
export const layer = (
  options: KubernetesOptions,
  surroundings: Surroundings = surroundingsOfProcess(),
  waits: Waits = waitsOfLimit,
): Layer.Layer<ClusterApi | PodSession, MeshError> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const credentials = yield* openCredentials(options, surroundings)
      const endpoint = yield* openEndpoint(credentials.server, credentials.proxyUrl, `meshsync/${options.version ?? "dev"}`)
      const client: Client = { credentials, endpoint, waits, memory: makePageMemory() }
      const api = ClusterApi.of({
        list: listWith(client),
        recycle: client.memory.recycle,
        watch: watchWith(client),
        read: (path, accept = json) => Effect.mapError(readWhole(client, { path, accept }, Limit.documentBytesMax, 0), failAt(path)),
        review: (path, document) => {
          const question = { path, accept: json, body: JSON.stringify(document) }
          return Effect.mapError(readWhole(client, question, Limit.documentBytesMax, 0), failAt(path))
        },
        apply: applyWith(client),
        renewCredentials: credentials.renew,
        address: credentials.server.origin + credentials.server.pathname.replace(/\/$/, ""),
      })
      return Context.make(ClusterApi, api).pipe(Context.add(PodSession, sessionsWith(client)))
    }),
  )
