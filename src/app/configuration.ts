/**
 * The MeshSync custom resource: read once before the first lane, and followed from then on by a lane of its own that publishes nothing.
 * Invariants: what cannot be used changes nothing, and neither does an API server that does not answer; only a resource that is known to be
 * gone counts as absent. Knows nothing of the lanes that its contents select.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { MeshError } from "../domain/error.ts"
import { configurationAgainMs, configurationGoneLists, lineBytesMax, watchTimeoutMaxMs } from "../domain/limit.ts"
import { frame, makeFramer } from "../domain/read/frame.ts"
import { endOf, Field, Flaw, makeRecords, Source, startOf, type Records } from "../domain/read/record.ts"
import { scanLines, scanPage } from "../domain/read/scan.ts"
import { decodeText } from "../domain/read/text.ts"
import type { Place } from "../domain/select/place.ts"
import { collectionPath, type ResourceType } from "../domain/select/resource.ts"
import { describeVerdict } from "../domain/select/verdict.ts"
import { describeRefusals, parseWatchList, type WatchList } from "../domain/select/watchList.ts"
import { pauseMs } from "../domain/sync/backoff.ts"
import { clearOutput, makeOutput, type Command, type Fact, type Output } from "../domain/sync/fact.ts"
import { makeLane, type Lane } from "../domain/sync/lane.ts"
import { step } from "../domain/sync/reflector.ts"
import { ClusterApi } from "../ports/ClusterApi.ts"
import { logNotice } from "./notices.ts"
import { memberOf, parseJson } from "./survey.ts"

/** What the MeshSync custom resource says: nothing (there is none), something unusable, or a watch-list. */
export type Configuration = (
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Broken"; readonly error: MeshError }
  | { readonly _tag: "Present"; readonly watchList: WatchList }
) & {
  /** `spec.reconcile-interval` as written. */
  readonly reconcileInterval?: string
}

/** In the order in which they are asked for. */
const versions = ["v1alpha1", "v1alpha2"] as const

const typeIn = (version: string): ResourceType => ({
  group: "meshery.io",
  version,
  plural: "meshsyncs",
  kind: "MeshSync",
  namespaced: true,
})

const understand = (resource: unknown): Exclude<Configuration, { readonly _tag: "Absent" }> => {
  const parsed = parseWatchList(resource)
  const interval = memberOf(memberOf(resource, "spec"), "reconcile-interval")
  const others = typeof interval === "string" ? { reconcileInterval: interval } : {}
  return Result.isFailure(parsed)
    ? { _tag: "Broken", error: parsed.failure, ...others }
    : { _tag: "Present", watchList: parsed.success, ...others }
}

/** Reads it once. Not found, forbidden or unreachable all mean that there is none, as with the Go MeshSync. */
export const readConfiguration = ({ name, namespace }: Place): Effect.Effect<Configuration, never, ClusterApi> =>
  Effect.gen(function* () {
    const api = yield* ClusterApi
    for (const version of versions) {
      const answer = yield* Effect.result(api.read(`${collectionPath(typeIn(version), namespace)}/${name}`))
      if (Result.isSuccess(answer)) return understand(parseBytes(answer.success))
      yield* Effect.logDebug(`no MeshSync custom resource: ${answer.failure.message}`)
    }
    return { _tag: "Absent" } as const
  })

const parseBytes = (bytes: Uint8Array, start = 0, end = bytes.length): unknown => parseJson(decodeText(bytes, start, end))

export interface FollowOptions {
  readonly place: Place
  /** What counts at present. */
  readonly inForce: () => Configuration
  /** Called with what counts from now on, when it differs. */
  readonly apply: (configuration: Configuration) => Effect.Effect<void>
  /** Say in the resource's status whether it can be used. */
  readonly reports: boolean
}

interface Follower {
  readonly options: FollowOptions
  readonly api: (typeof ClusterApi)["Service"]
  readonly lane: Lane
  readonly records: Records
  readonly output: Output
  /** Complete lists in a row that no version was served for. */
  unserved: number
  /** The fault that has been complained about. */
  complaint: string | undefined
}

/** Follows the resource for ever: one that comes later is found, one that goes counts as absent, an edit counts at once. */
export const followConfiguration = Effect.fnUntraced(function* (options: FollowOptions) {
  const { namespace } = options.place
  const events = new Set<never>()
  const spec = { type: typeIn(versions[0]), events, namespace, namespaces: undefined, selector: "", hidden: true }
  const inForce = options.inForce()
  const follower: Follower = {
    options,
    api: yield* ClusterApi,
    lane: makeLane(spec),
    records: makeRecords(1),
    output: makeOutput(),
    unserved: 0,
    complaint: inForce._tag === "Broken" ? inForce.error.detail : undefined,
  }
  let command = yield* advance(follower, { _tag: "Started" })
  while (true) command = yield* perform(follower, command)
})

const collectionOf = ({ lane, options }: Follower) => ({
  type: lane.spec.type,
  namespace: options.place.namespace,
  name: options.place.name,
  selector: "",
})

/** One fact through the lane's state machine, and what it shows of the resource. */
const advance = Effect.fnUntraced(function* (follower: Follower, fact: Fact) {
  const { api, lane, output } = follower
  clearOutput(output)
  step(lane, fact, yield* Clock.currentTimeMillis, output)
  for (const { detail, error } of output.notices) {
    const text = `the MeshSync custom resource cannot be followed at present: ${detail}`
    // Where there is none that counts, most clusters have none at all.
    const counts = error === "ErrForbidden" && follower.options.inForce()._tag !== "Absent"
    yield* logNotice({ error, subject: "configuration", detail: text, level: counts ? "warning" : "debug" })
  }
  if (output.commands.some(({ _tag }) => _tag === "RenewCredentials")) yield* api.renewCredentials
  const command = output.commands.at(-1)
  if (fact._tag === "PageListed" || fact._tag === "Observed") yield* look(follower, fact)
  return command
})

const perform = (follower: Follower, command: Command | undefined): Effect.Effect<Command | undefined> => {
  switch (command?._tag) {
    case "List":
      return list(follower)
    case "Pause":
      return pause(follower, command)
    default:
      return Effect.scoped(watch(follower))
  }
}

/** Asks in the version that answered last, then in the other one. */
const list = Effect.fnUntraced(function* (follower: Follower) {
  const { api, lane, records } = follower
  for (let tried = 1; ; tried++) {
    const answer = yield* Effect.result(api.list({ ...collectionOf(follower), limit: 1, continue: "" }))
    if (Result.isSuccess(answer)) {
      follower.unserved = 0
      const head = scanPage(answer.success, records)
      if (Result.isFailure(head)) return yield* advance(follower, { _tag: "ListFailed", failure: unreadable(head.failure.text) })
      return yield* advance(follower, { _tag: "PageListed", records, resourceVersion: head.success.resourceVersion, continue: "" })
    }
    const { failure } = answer.failure
    if (failure._tag !== "NotServed") return yield* advance(follower, { _tag: "ListFailed", failure })
    lane.spec = { ...lane.spec, type: typeIn(versions.find((version) => version !== lane.spec.type.version) ?? versions[0]) }
    if (tried < versions.length) continue
    // A server that has just started does not serve all of its definitions yet.
    if (++follower.unserved >= configurationGoneLists) yield* consider(follower, undefined)
    return yield* advance(follower, { _tag: "ListFailed", failure })
  }
})

const unreadable = (text: string) => ({ _tag: "Unavailable", text, retryAfterMs: undefined }) as const

const watch = Effect.fnUntraced(function* (follower: Follower) {
  const { api, lane, records } = follower
  const request = { ...collectionOf(follower), resourceVersion: lane.resourceVersion, timeoutSeconds: watchTimeoutMaxMs / 1000 }
  const opened = yield* Effect.result(api.watch(request))
  if (Result.isFailure(opened)) return yield* advance(follower, { _tag: "WatchFailed", failure: opened.failure.failure })
  const framer = makeFramer(lineBytesMax)
  while (true) {
    const came = yield* Effect.result(opened.success.next)
    if (Result.isFailure(came)) return yield* advance(follower, { _tag: "WatchFailed", failure: came.failure.failure })
    if (came.success === undefined) return yield* advance(follower, { _tag: "WatchEnded" })
    const lines = frame(framer, came.success)
    if (lines === undefined) continue
    scanLines(lines, records)
    const next = yield* advance(follower, { _tag: "Observed", records })
    if (next !== undefined) return next
  }
})

const pause = Effect.fnUntraced(function* (follower: Follower, command: Extract<Command, { readonly _tag: "Pause" }>) {
  const waitMs = pauseMs(command, yield* Random.next)
  // Where there is nothing to follow something may come, and asking for it costs next to nothing.
  yield* Effect.sleep(follower.unserved > 0 ? Math.min(waitMs, configurationAgainMs) : waitMs)
  return yield* advance(follower, { _tag: "PauseElapsed" })
})

/** The resource as the block shows it last, if it shows it at all. */
const look = Effect.fnUntraced(function* (follower: Follower, { _tag, records }: Extract<Fact, { readonly records: Records }>) {
  if (_tag === "PageListed" && records.count === 0) return yield* consider(follower, undefined)
  for (let record = records.count - 1; record >= 0; record--) {
    const source = records.sources[record] as Source
    if (source === Source.bookmark || source === Source.error || records.flaws[record] !== Flaw.none) continue
    const [start, end] = [startOf(records, record, Field.object), endOf(records, record, Field.object)]
    return yield* consider(follower, source === Source.deleted ? undefined : parseBytes(records.bytes, start, end))
  }
})

const isSame = (a: Configuration, b: Configuration): boolean => JSON.stringify(a) === JSON.stringify(b)

/** @param resource undefined: there is none */
const consider = Effect.fnUntraced(function* (follower: Follower, resource: unknown) {
  const { options } = follower
  const found: Configuration = resource === undefined ? { _tag: "Absent" } : understand(resource)
  const fault = found._tag === "Broken" ? found.error.detail : undefined
  if (fault !== undefined && fault !== follower.complaint) {
    const detail = `the edit of the MeshSync resource is not applied, and what was in force stays so: ${fault}`
    yield* logNotice({ error: "ErrInitConfig", subject: "configuration", detail, level: "warning" })
  }
  follower.complaint = fault
  if (fault === undefined && !isSame(found, options.inForce())) yield* options.apply(found)
  const refusals = found._tag === "Present" ? describeRefusals(found.watchList) : undefined
  if (options.reports && resource !== undefined) yield* report(follower, resource, fault ?? refusals)
})

/** Says in its status what is thought of it. That is a courtesy: whoever may not write there only says so here. */
const report = Effect.fnUntraced(function* ({ api, lane, options: { place } }: Follower, resource: unknown, fault: string | undefined) {
  const now = `${new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 19)}Z`
  const document = describeVerdict(resource, fault, now)
  if (document === undefined) return
  const path = `${collectionPath(lane.spec.type, place.namespace)}/${place.name}/status`
  yield* Effect.catch(api.apply(path, document), (error) => Effect.logDebug(`the condition ConfigValid is not written: ${error.message}`))
})
