/**
 * The port ClusterApi in-process, over the model: the same answers as over HTTP without sockets, timers only by Effect's Clock.
 * A page that is cut or a watch that breaks fails as a broken connection does.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { failureOfAnswer, unavailable } from "../../domain/read/failure.ts"
import { collectionPath } from "../../domain/select/resource.ts"
import { ApiError, ClusterApi, type Collection } from "../../ports/ClusterApi.ts"
import { answer, type Answer, type Reply } from "./answer.ts"
import { administrator, type Cluster } from "./model.ts"
import { decodeText } from "./object.ts"
import { awaitChange, streamWatch } from "./stream.ts"

const broken = unavailable("the connection broke")

const withQuery = ({ name, namespace, selector, type }: Collection, members: Readonly<Record<string, string>>): string => {
  const query = new URLSearchParams(members)
  if (selector !== "") query.set("labelSelector", selector)
  if (name !== undefined) query.set("fieldSelector", `metadata.name=${name}`)
  return `${collectionPath(type, namespace)}?${query.toString()}`
}

const json = "application/json"

const acceptOf = ({ depth }: Collection, kind: string): string => (depth === "metadata" ? `${json};as=${kind};g=meta.k8s.io;v=v1` : json)

/** A reply's body, or what its status means. */
const bodyOfReply = (
  path: string,
  { body, contentType, cutAfter, retryAfterSeconds, status }: Reply,
): Effect.Effect<Uint8Array, ApiError> => {
  const retryAfter = retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds)
  if (status !== 200 && status !== 201)
    return Effect.fail(new ApiError({ failure: failureOfAnswer(status, decodeText(body), retryAfter), path }))
  if (cutAfter !== undefined && cutAfter < body.length) return Effect.fail(new ApiError({ failure: broken, path }))
  return contentType === "text/html" ? Effect.fail(new ApiError({ failure: broken, path })) : Effect.succeed(body)
}

/** The port over a cluster, as its user with that bearer token. */
export const makeClusterApi = (cluster: Cluster, token: string = administrator.token): (typeof ClusterApi)["Service"] => {
  const ask = (
    path: string,
    accept: string,
    method: "GET" | "POST" | "PATCH" = "GET",
    body = "",
  ): Effect.Effect<Exclude<Answer, { readonly _tag: "Stalled" }>> =>
    Effect.gen(function* () {
      for (;;) {
        const nowMs = yield* Clock.currentTimeMillis
        const given = answer(cluster, { method, path, accept, token, body, nowMs })
        if (given._tag !== "Stalled") return given
        yield* awaitChange(cluster)
      }
    })

  const readWhole = (path: string, ...rest: [accept: string, method?: "GET" | "POST" | "PATCH", body?: string]) =>
    Effect.flatMap(ask(path, ...rest), (given) =>
      given._tag === "Reply" ? bodyOfReply(path, given) : Effect.fail(new ApiError({ failure: broken, path })),
    )
  const read = (path: string, accept = json): Effect.Effect<Uint8Array, ApiError> => readWhole(path, accept)

  return {
    list: (request) =>
      read(
        withQuery(request, { limit: String(request.limit), ...(request.continue === "" ? {} : { continue: request.continue }) }),
        acceptOf(request, "PartialObjectMetadataList"),
      ),
    watch: (request) =>
      Effect.gen(function* () {
        const path = withQuery(request, {
          watch: "true",
          resourceVersion: request.resourceVersion,
          timeoutSeconds: String(request.timeoutSeconds),
          allowWatchBookmarks: "true",
        })
        const given = yield* ask(path, acceptOf(request, "PartialObjectMetadata"))
        if (given._tag === "Reply")
          return yield* Effect.flatMap(bodyOfReply(path, given), () => Effect.fail(new ApiError({ failure: broken, path })))
        const shown = yield* streamWatch(cluster, given.watch, given.timeoutSeconds)
        let over: "open" | "ended" | "cut" = "open"
        const next: Effect.Effect<Uint8Array | undefined, ApiError> = Effect.suspend(() => {
          if (over === "ended") return Effect.succeed(undefined)
          if (over === "cut") return Effect.fail(new ApiError({ failure: broken, path }))
          return Effect.flatMap(shown, ({ bytes, state }) => {
            over = state
            return bytes.length > 0 ? Effect.succeed(bytes) : next
          })
        })
        return { next }
      }),
    read,
    review: (path, document) => readWhole(path, json, "POST", JSON.stringify(document)),
    apply: (path, document) => Effect.asVoid(readWhole(path, json, "PATCH", JSON.stringify(document))),
    renewCredentials: Effect.void,
    address: "memory://cluster",
  }
}

/** The port over a cluster in this process. */
export const layerMemory = (cluster: Cluster, token?: string): Layer.Layer<ClusterApi> =>
  Layer.sync(ClusterApi, () => makeClusterApi(cluster, token))
