/**
 * What has to be read of a cluster before and between the lanes: who it is, what it serves, which definitions it holds.
 * Each is one or a few small documents.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { meshError, type MeshError } from "../domain/error.ts"
import { clusterIdAgainMs, clusterIdWaitMs, namespacesAskedMax, namespaceWaitMs } from "../domain/limit.ts"
import { decodeText } from "../domain/read/text.ts"
import { aggregatedAccept, classicPlan, discoverAggregated, discoverClassic, type Discovery } from "../domain/select/discovery.ts"
import { pauseMs } from "../domain/sync/backoff.ts"
import { ClusterApi, type ApiError } from "../ports/ClusterApi.ts"

const readText = (path: string, accept?: string) =>
  Effect.flatMap(ClusterApi, (api) => api.read(path, accept)).pipe(Effect.map((bytes) => decodeText(bytes, 0, bytes.length)))

/** An answer that is no JSON is a defect of a proxy; it counts as absent. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A member of a value that may be anything. */
export const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined

// Cluster id -------------------------------------------------------------------------------------------------------------

const kubeSystem = "/api/v1/namespaces/kube-system"

/** A cluster's id, and the error to report when there is none. */
export interface Identity {
  readonly id: string
  readonly error: MeshError | undefined
}

/**
 * The uid of the namespace kube-system, by which Meshery knows a cluster. Asked for up to 30 s while the API server does not answer.
 * @param fallback what an operator set for clusters where the namespace may not be read; may be empty
 * @param forbiddenWaitMs how long a refusal is not believed, where there is no fallback: an API server that has just started refuses
 *   everything for a moment, until it has read the roles
 */
export const readClusterId = (fallback: string, forbiddenWaitMs = 0): Effect.Effect<Identity, never, ClusterApi> => {
  const without = (reason: string): Identity => ({
    id: fallback,
    error: fallback === "" ? meshError("ErrClusterId", reason) : undefined,
  })
  const asking = Effect.flatMap(Clock.currentTimeMillis, (startedMs) => {
    const mayPass = ({ failure }: ApiError): Effect.Effect<boolean> =>
      failure._tag !== "Forbidden"
        ? Effect.succeed(failure._tag === "Unavailable")
        : Effect.map(Clock.currentTimeMillis, (nowMs) => fallback === "" && nowMs - startedMs < forbiddenWaitMs)
    return Effect.retry(readText(kubeSystem), { while: mayPass, schedule: Schedule.spaced(clusterIdAgainMs) })
  })
  return asking.pipe(
    Effect.map((text): Identity => {
      const uid = memberOf(memberOf(parseJson(text), "metadata"), "uid")
      return typeof uid === "string" ? { id: uid, error: undefined } : without(`${kubeSystem} has no uid`)
    }),
    Effect.catch((error) => Effect.succeed(without(error.message))),
    Effect.timeoutOrElse({
      duration: clusterIdWaitMs,
      orElse: () => Effect.succeed(without(`the API server did not answer within ${clusterIdWaitMs / 1000} s`)),
    }),
  )
}

// Namespaces -------------------------------------------------------------------------------------------------------------

/**
 * Says which of the namespaces that the output is restricted to do not exist: a slip of the pen would look like an empty cluster. One that
 * may not be read, or is not answered for in time, is not spoken of.
 * @param names as the settings hold them; blank ones are no namespaces
 */
export const warnOfNamespaces = (names: ReadonlyArray<string>): Effect.Effect<void, never, ClusterApi> => {
  const isMissing = (name: string) =>
    readText(`/api/v1/namespaces/${encodeURIComponent(name)}`).pipe(
      Effect.as(false),
      Effect.catch(({ failure }) => Effect.succeed(failure._tag === "NotServed")),
      Effect.timeoutOrElse({ duration: namespaceWaitMs, orElse: () => Effect.succeed(false) }),
    )
  const asked = [...new Set(names.map((name) => name.trim()))].filter((name) => name !== "").slice(0, namespacesAskedMax)
  return Effect.filter(asked, isMissing, { concurrency: namespacesAskedMax }).pipe(
    Effect.flatMap((missing) =>
      missing.length === 0
        ? Effect.void
        : Effect.logWarning(
            `this cluster has no namespace ${missing.map((name) => JSON.stringify(name)).join(", ")}; what is created there later counts`,
          ),
    ),
  )
}

// Discovery --------------------------------------------------------------------------------------------------------------

/** What the cluster serves, and when it said so. */
export interface DatedDiscovery {
  readonly discovery: Discovery
  readonly atMs: number
}

/** Everything that the cluster serves: aggregated discovery where it is offered, else one document for each group version. */
export const discover: Effect.Effect<Discovery, MeshError, ClusterApi> = Effect.gen(function* () {
  const [api, apis] = yield* Effect.all([readText("/api", aggregatedAccept), readText("/apis", aggregatedAccept)]).pipe(
    Effect.mapError((error) => meshError("ErrDiscovery", error.message)),
  )
  const aggregated = discoverAggregated(api, apis)
  if (Result.isSuccess(aggregated)) return aggregated.success
  const plan = classicPlan(api, apis)
  if (Result.isFailure(plan)) return yield* Effect.fail(meshError("ErrDiscovery", plan.failure))
  const answers = yield* Effect.forEach(
    plan.success,
    (groupVersion) =>
      Effect.map(Effect.result(readText(groupVersion.path)), (text) => ({ ...groupVersion, text: Result.getOrUndefined(text) })),
    { concurrency: 8 },
  )
  return discoverClassic(answers)
})

/** The same, tried until the API server answers. */
export const discoverAtLast = (
  onFailure: (error: MeshError, attempt: number) => Effect.Effect<void>,
): Effect.Effect<Discovery, never, ClusterApi> => {
  const attempt = (count: number): Effect.Effect<Discovery, never, ClusterApi> =>
    Effect.catch(discover, (error) =>
      Effect.gen(function* () {
        yield* onFailure(error, count)
        yield* Effect.sleep(pauseMs({ _tag: "Pause", slow: false, attempt: count, retryAfterMs: undefined }, yield* Random.next))
        return yield* attempt(count + 1)
      }),
    )
  return attempt(0)
}

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
const namesOnly = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

/**
 * The type keys of all custom resource definitions: the name of a definition is `plural.group`.
 * Undefined when they cannot be read (forbidden, say): then nothing is known to be a custom resource.
 */
export const readDefinitions: Effect.Effect<ReadonlySet<string> | undefined, never, ClusterApi> = Effect.gen(function* () {
  const keys = new Set<string>()
  let token = ""
  do {
    const page = parseJson(
      yield* readText(`${definitionsPath}?limit=500${token === "" ? "" : `&continue=${encodeURIComponent(token)}`}`, namesOnly),
    )
    const items = memberOf(page, "items")
    for (const item of Array.isArray(items) ? items : []) {
      const name = memberOf(memberOf(item, "metadata"), "name")
      if (typeof name === "string") keys.add(name)
    }
    const next = memberOf(memberOf(page, "metadata"), "continue")
    token = typeof next === "string" ? next : ""
  } while (token !== "")
  return keys
}).pipe(
  Effect.catch((error: ApiError) => Effect.as(Effect.logDebug(`custom resource definitions cannot be read: ${error.message}`), undefined)),
)
