/**
 * The cluster as a run will find it: reachable, known, allowed. Asks and reads, changes nothing. Each finding is a row for a person; what
 * cannot be asked is said, not guessed.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { errorRegistry, meshError, type MeshError } from "../domain/error.ts"
import { clockSkewMaxMs, estimateSampleObjects, reviewsConcurrentMax } from "../domain/limit.ts"
import { decodeText } from "../domain/read/text.ts"
import { parsePlace, placeDefault } from "../domain/select/place.ts"
import {
  type Access,
  accessReview,
  customResourceAccesses,
  laneAccesses,
  reportAccess,
  sessionAccesses,
} from "../domain/select/permissions.ts"
import { typeKey } from "../domain/select/resource.ts"
import type { LaneSpec } from "../domain/select/selection.ts"
import type { Sample } from "../domain/sync/estimate.ts"
import type { Failure } from "../domain/sync/fact.ts"
import { ClusterApi, type ApiError } from "../ports/ClusterApi.ts"
import { failed, ok, skipped, warning, type Check } from "./checks.ts"
import { interactives } from "./sessions.ts"
import { selectLive, type Selected, type Wish } from "./selected.ts"
import type { Values } from "./settings.ts"
import { memberOf, parseJson, readClusterId } from "./survey.ts"

/** What was found, and the lanes whose kinds may be listed. */
export interface ClusterFindings {
  readonly checks: ReadonlyArray<Check>
  readonly readable: ReadonlyArray<LaneSpec>
  /** Empty where it cannot be read. */
  readonly clusterId: string
}

const parseBytes = (bytes: Uint8Array): unknown => parseJson(decodeText(bytes, 0, bytes.length))

const textAt = (value: unknown, ...path: ReadonlyArray<string>): string => {
  const found = path.reduce(memberOf, value)
  return typeof found === "string" ? found : ""
}

/** Whoever lacks a right cannot grant it. */
const rbacRemedy = "let an administrator apply what meshsync rbac prints with the same flags (and --user or --service-account)"

const remedyOf = (failure: Failure): string => {
  switch (failure._tag) {
    case "Unauthorized":
      return "renew the credentials of the kubeconfig (or of the service account); kubectl auth whoami shows whether they count"
    case "Forbidden":
      return "bind system:public-info-viewer and system:discovery to this user, as clusters do by default"
    default:
      return "check the address in the kubeconfig, the network and the proxy settings; kubectl version must succeed from here"
  }
}

/** Whether it answers, and in which version. */
const checkServer: Effect.Effect<Check, never, ClusterApi> = Effect.gen(function* () {
  const api = yield* ClusterApi
  const answer = yield* Effect.result(api.read("/version"))
  return Result.isSuccess(answer)
    ? ok("API server", `${api.address} is ${textAt(parseBytes(answer.success), "gitVersion") || "of an unknown version"}`)
    : failed("API server", `${api.address}: ${answer.failure.failure.text}`, remedyOf(answer.failure.failure))
})

const whoAmI = {
  path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
  document: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
}

/** The user that the API server takes us for; its answer carries its time. */
const checkIdentity: Effect.Effect<ReadonlyArray<Check>, never, ClusterApi> = Effect.gen(function* () {
  const api = yield* ClusterApi
  const answer = yield* Effect.result(api.review(whoAmI.path, whoAmI.document))
  if (Result.isFailure(answer)) {
    const { failure } = answer.failure
    if (failure._tag === "Unauthorized") return [failed("user", failure.text, remedyOf(failure))]
    return [skipped("user", `the API server does not tell (before Kubernetes 1.28 it cannot): ${failure.text}`)]
  }
  const review = parseBytes(answer.success)
  const name = textAt(review, "status", "userInfo", "username")
  const groups = memberOf(memberOf(memberOf(review, "status"), "userInfo"), "groups")
  const user = ok("user", `${name}${Array.isArray(groups) ? ` (${groups.join(", ")})` : ""}`)
  const serverMs = Date.parse(textAt(review, "metadata", "creationTimestamp"))
  if (Number.isNaN(serverMs)) return [user, skipped("clock", "the API server does not tell its time")]
  const skewSeconds = Math.round(((yield* Clock.currentTimeMillis) - serverMs) / 1000)
  const ahead = skewSeconds > 0 ? "ahead of" : "behind"
  // Its time comes in whole seconds, and the answer takes its way.
  if (Math.abs(skewSeconds) <= 2) return [user, ok("clock", "agrees with the API server's")]
  const detail = `is ${Math.abs(skewSeconds)} s ${ahead} the API server's`
  return [
    user,
    Math.abs(skewSeconds) * 1000 <= clockSkewMaxMs
      ? ok("clock", detail)
      : warning("clock", detail, "set both clocks by NTP: tokens and certificates are judged by them"),
  ]
})

const checkClusterId = (fallback: string, { error, id }: { readonly error: MeshError | undefined; readonly id: string }): Check =>
  error === undefined
    ? ok("cluster id", `${id}${id === fallback ? " (as set)" : ""}`)
    : failed("cluster id", error.detail, "set MESHSYNC_CLUSTER_ID to the uid of the namespace kube-system, or allow to get that namespace")

const checkConfiguration = ({ configuration, definitions, discovery, lanes }: Selected, place: string): ReadonlyArray<Check> => {
  const shown = lanes.filter(({ hidden }) => !hidden).length
  const served = ok("discovery", `${discovery.types.length} kinds are served, ${shown} of them are selected`)
  const stale = [...discovery.staleGroups]
  const groups =
    stale.length === 0
      ? [served]
      : [
          served,
          warning("discovery", `no fresh answer for ${stale.join(", ")}`, "kubectl get apiservices names the server behind each group"),
        ]
  switch (configuration._tag) {
    case "Absent":
      return [...groups, ok("MeshSync resource", "there is none that may be read: the built-in list of kinds counts")]
    case "Broken":
      return [...groups, failed("MeshSync resource", configuration.error.detail, errorRegistry[configuration.error.key].remedy)]
    case "Present": {
      const { blacklist, whitelist } = configuration.watchList
      const lists = [
        ...(whitelist === undefined ? [] : [`a whitelist of ${whitelist.length}`]),
        ...(blacklist === undefined ? [] : [`a blacklist of ${blacklist.length}`]),
      ]
      const custom =
        definitions === undefined
          ? warning("definitions", "custom resource definitions may not be read: no custom resource is found", rbacRemedy)
          : ok("definitions", `${definitions} custom resource definitions`)
      return [...groups, ok("MeshSync resource", `${place} has ${lists.join(" and ")}`), custom]
    }
  }
}

const isAllowed = (access: Access): Effect.Effect<boolean, ApiError, ClusterApi> =>
  Effect.gen(function* () {
    const { document, path } = accessReview(access)
    const review = parseBytes(yield* (yield* ClusterApi).review(path, document))
    return memberOf(memberOf(review, "status"), "allowed") === true
  })

const placeOf = ({ namespace, type }: LaneSpec): string =>
  !type.namespaced ? "" : namespace === undefined ? " in all namespaces" : ` in ${namespace}`

/** Whether a kind may be listed and watched. */
const checkLane = (lane: LaneSpec): Effect.Effect<Check, never, ClusterApi> =>
  Effect.gen(function* () {
    const subject = typeKey(lane.type)
    const answers = yield* Effect.result(
      Effect.forEach(laneAccesses(lane), (access) => Effect.map(isAllowed(access), (allowed) => ({ access, allowed }))),
    )
    if (Result.isFailure(answers)) return skipped(subject, `the API server does not tell: ${answers.failure.failure.text}`)
    const missing = answers.success.filter(({ allowed }) => !allowed).map(({ access }) => access.verb)
    return missing.length === 0
      ? ok(subject, `list and watch${placeOf(lane)} are allowed`)
      : failed(subject, `${missing.join(" and ")}${placeOf(lane)} not allowed`, rbacRemedy)
  })

const checkLanes = (lanes: ReadonlyArray<LaneSpec>): Effect.Effect<ReadonlyArray<Check>, never, ClusterApi> =>
  Effect.forEach(lanes, checkLane, { concurrency: reviewsConcurrentMax })

/** Reading by name is asked for beside the reading itself: an absent object and a forbidden one look alike to a run. */
const checkNamed = (subject: string, access: Access, cost: string): Effect.Effect<ReadonlyArray<Check>, never, ClusterApi> =>
  Effect.map(Effect.result(isAllowed(access)), (allowed) =>
    Result.isSuccess(allowed) && !allowed.success
      ? [warning(subject, `${access.verb} ${access.resource}/${access.name} in ${access.namespace ?? ""} not allowed: ${cost}`, rbacRemedy)]
      : [],
  )

/** The custom resource: what is lost without each right to it. */
const checkPlace = ({ customResource, output }: Values): Effect.Effect<ReadonlyArray<Check>, never, ClusterApi> => {
  const place = parsePlace(customResource.text) ?? placeDefault
  const costOf = ({ verb }: Access): string =>
    verb === "get" ? "if there is one, it does not count" : "its edits count only at the next start"
  const checks = customResourceAccesses(place).map((access) => checkNamed("MeshSync resource", access, costOf(access)))
  const report = checkNamed("MeshSync resource", reportAccess(place), "it is not told whether it can be used")
  return Effect.map(Effect.all(output.text === "broker" ? [...checks, report] : checks), (found) => found.flat())
}

const sessionRemedy = `${rbacRemedy}; or set MESHSYNC_INTERACTIVE to what is wanted (logs, off)`

/** Logs or terminals: each right to them, in each namespace. Without them everything else runs. */
const checkSessionRights = (subject: string, accesses: ReadonlyArray<Access>): Effect.Effect<ReadonlyArray<Check>, never, ClusterApi> =>
  Effect.gen(function* () {
    if (accesses.length === 0) return []
    const answers = yield* Effect.result(
      Effect.forEach(accesses, (access) => Effect.map(isAllowed(access), (allowed) => ({ access, allowed })), {
        concurrency: reviewsConcurrentMax,
      }),
    )
    if (Result.isFailure(answers)) return [skipped(subject, `the API server does not tell: ${answers.failure.failure.text}`)]
    const rights = (some: ReadonlyArray<Access>): string => {
      const places = [...new Set(some.map(({ namespace }) => namespace ?? "all namespaces"))].join(", ")
      return `${[...new Set(some.map(({ resource, verb }) => `${verb} ${resource}`))].join(", ")} in ${places}`
    }
    const missing = answers.success.filter(({ allowed }) => !allowed).map(({ access }) => access)
    return missing.length === 0
      ? [ok(subject, `${rights(accesses)} allowed`)]
      : [warning(subject, `${rights(missing)} not allowed: requests for ${subject} are refused there`, sessionRemedy)]
  })

/** What requests may open in pods, if this run takes requests and may open anything. */
const checkSessions = ({ interactive, output }: Values, lanes: ReadonlyArray<LaneSpec>) =>
  Effect.gen(function* () {
    const policy = interactives.find((known) => known === interactive.text)
    if (output.text !== "broker") return []
    if (policy === undefined) {
      return [
        failed("interactive", `${JSON.stringify(interactive.text)} is none of ${interactives.join(", ")}`, errorRegistry.ErrUsage.remedy),
      ]
    }
    if (policy === "off") return [ok("logs, terminals", "off: requests open nothing in pods")]
    const isLog = ({ resource }: Access): boolean => resource === "pods/log"
    const accesses = sessionAccesses(lanes, policy)
    const logs = yield* checkSessionRights("logs", accesses.filter(isLog))
    return [
      ...logs,
      ...(yield* checkSessionRights(
        "terminals",
        accesses.filter((access) => !isLog(access)),
      )),
    ]
  })

const describeError = (subject: string, error: MeshError): Check => failed(subject, error.detail, errorRegistry[error.key].remedy)

/** Everything about the cluster, in the order of a run. What a failure makes pointless is left out. */
export const examineCluster = (wish: Wish): Effect.Effect<ClusterFindings, never, ClusterApi> =>
  Effect.gen(function* () {
    const server = yield* checkServer
    if (server.outcome === "failed") return { checks: [server, skipped("cluster", "nothing else was asked")], readable: [], clusterId: "" }
    const identity = yield* checkIdentity
    const found = yield* readClusterId(wish.values.clusterId.text)
    const [clusterId, id] = [found.id, checkClusterId(wish.values.clusterId.text, found)]
    const selected = yield* Effect.result(selectLive(wish))
    if (Result.isFailure(selected)) {
      return { checks: [server, ...identity, id, describeError("discovery", selected.failure)], readable: [], clusterId }
    }
    const { lanes, notices } = selected.success
    const said = notices
      .filter(({ level }) => level === "warning" || level === "error")
      .map(({ detail, error, level, subject }) => (level === "error" ? failed : warning)(subject, detail, errorRegistry[error].remedy))
    const configuration = yield* checkPlace(wish.values)
    const kinds = yield* checkLanes(lanes)
    const sessions = yield* checkSessions(wish.values, lanes)
    return {
      checks: [
        server,
        ...identity,
        id,
        ...checkConfiguration(selected.success, wish.values.customResource.text),
        ...configuration,
        ...said,
        ...kinds,
        ...sessions,
      ],
      readable: lanes.filter((_, index) => kinds[index]?.outcome !== "failed"),
      clusterId,
    }
  })

/** The first objects of each kind, and how many more there are. Kinds that cannot be listed are left out. */
export const sampleLanes = (lanes: ReadonlyArray<LaneSpec>): Effect.Effect<ReadonlyArray<Sample>, never, ClusterApi> =>
  Effect.forEach(lanes, sampleLane, { concurrency: reviewsConcurrentMax }).pipe(
    Effect.map((samples) => samples.filter((sample) => sample !== undefined)),
  )

const sampleLane = ({ depth = "full", namespace, selector, type }: LaneSpec): Effect.Effect<Sample | undefined, never, ClusterApi> =>
  Effect.gen(function* () {
    const api = yield* ClusterApi
    const page = yield* api.list({ type, namespace, selector, depth, limit: estimateSampleObjects, continue: "" })
    const list = parseBytes(page)
    const bytes = page.length
    api.recycle?.(page)
    const items = memberOf(list, "items")
    const more = textAt(list, "metadata", "continue") !== ""
    const remaining = memberOf(memberOf(list, "metadata"), "remainingItemCount")
    return {
      key: typeKey(type),
      bytes,
      objects: Array.isArray(items) ? items.length : 0,
      remaining: typeof remaining === "number" ? remaining : more ? undefined : 0,
    }
  }).pipe(Effect.catch((error) => Effect.as(Effect.logWarning(meshError("ErrList", error.message).message), undefined)))
