/**
 * The API server as the engine reaches it: the fake one with a network in between that takes time, cuts bytes anywhere, stalls and breaks.
 * What the port promises is used to the full: a page given back is overwritten, and so is a chunk when the next one is asked for.
 * Oracles: lists at a time and in a minute, discoveries in a minute, Retry-After.
 */
import * as Effect from "effect/Effect"
import { makeClusterApi } from "../../../src/adapters/memory/clusterApi.ts"
import { decodeText, encodeText } from "../../../src/adapters/memory/object.ts"
import { awaitChange } from "../../../src/adapters/memory/stream.ts"
import { answerWaitMs, listsConcurrentMax, watchGraceMs, watchIdleMs } from "../../../src/domain/limit.ts"
import { apiVersionOf, typeKey, typeName, type ResourceType } from "../../../src/domain/select/resource.ts"
import type { Engine } from "../../../src/domain/sync/engine.ts"
import type { Failure } from "../../../src/domain/sync/fact.ts"
import type { Lane } from "../../../src/domain/sync/lane.ts"
import {
  ApiError,
  type ClusterApi,
  type Collection,
  type ListRequest,
  type WatchRequest,
  type WatchStream,
} from "../../../src/ports/ClusterApi.ts"
import { reviveType } from "../judge.ts"
import type { Stage } from "../stage.ts"
import { Finding } from "../world.ts"
import type { Life } from "./mortality.ts"
import { failures, strikes, type Tripwire } from "./tripwire.ts"

type Api = (typeof ClusterApi)["Service"]

/** More lists of a type than this in a minute, without a resync, and the API server's owner calls. */
const listsPerMinuteMax = 40
/** Five changes of definitions in a minute make three discoveries each; more than twice that is a storm. */
const discoveriesPerMinuteMax = 40

/** What is remembered of one type's requests, for as long as its lane lives. */
interface Habit {
  readonly lane: Lane | undefined
  readonly listTimes: Array<number>
  notBeforeMs: number
  /** It was announcing everything again when it asked for its last list. */
  again: boolean
}

export interface Network {
  readonly stage: Stage
  readonly tripwire: Tripwire
  readonly pageObjects: number
  /** The minimum interval of all kinds; 0: none. */
  readonly minIntervalMs: number
  /** The present one. */
  life: Life
  /** Deaths so far. */
  deaths: number
  /** Known once the run has begun. */
  engine: Engine | undefined
  /** By the type's name with its version. */
  readonly habits: Map<string, Habit>
  running: number
  lists: number
  readonly discoveryTimes: Array<number>
  /** Documents cannot be read until then. */
  readsFailUntilMs: number
  /** Discovery tells what it told at the beginning of that time. */
  staleUntilMs: number
  readonly told: Map<string, Uint8Array>
}

export const makeNetwork = (given: Pick<Network, "stage" | "tripwire" | "pageObjects" | "minIntervalMs" | "life">): Network => ({
  ...given,
  deaths: 0,
  engine: undefined,
  habits: new Map(),
  running: 0,
  lists: 0,
  discoveryTimes: [],
  readsFailUntilMs: 0,
  staleUntilMs: 0,
  told: new Map(),
})

const noAnswer: Failure = { _tag: "Unavailable", text: "no answer", retryAfterMs: undefined }
const silence: Failure = { _tag: "Unavailable", text: "nothing came for too long", retryAfterMs: undefined }

const fail = (failure: Failure, path: string) => Effect.fail(new ApiError({ failure, path }))

/** A Finding within a fiber is a defect of it, and ends the run as such. */
const expect = (holds: boolean, finding: () => string): void => {
  if (!holds) throw new Finding(finding())
}

/** Keeps the times of the last minute. */
const countIn = (times: Array<number>, nowMs: number): number => {
  times.push(nowMs)
  while (times[0]! < nowMs - 60_000) times.shift()
  return times.length
}

/** What is known of the lane that asks; a lane that has just taken another's place begins anew. One that is being closed may still ask. */
const habitOf = (network: Network, { type }: Collection): Habit => {
  const { engine, habits, stage } = network
  const name = typeName(type)
  const newest = engine?.lanes.get(typeKey(type))
  const known = habits.get(name)
  const lane = newest?.spec.type.version === type.version ? newest : known?.lane
  if (known !== undefined && known.lane === lane) return known
  const habit: Habit = { lane, listTimes: [], notBeforeMs: 0, again: false }
  habits.set(name, habit)
  reviveType(stage.judge, `${apiVersionOf(type)} ${type.kind}`)
  return habit
}

/** Whether a lane may be announcing everything again: since its last list began. */
export const isAnnouncing = ({ habits }: Network, type: ResourceType): boolean => {
  const habit = habits.get(typeName(type))
  return habit?.again === true || habit?.lane?.announcing === true
}

const noteFailure = (network: Network, habit: Habit, isList: boolean, { failure }: ApiError): void => {
  // The list of a dump, beside the lane's watch, does not bind the lane.
  if (failure._tag === "Unavailable" && failure.retryAfterMs !== undefined && !(isList && habit.lane?.state._tag === "watching"))
    habit.notBeforeMs = network.stage.world.nowMs + failure.retryAfterMs
}

/** A lane that is busy hears only so much later that everything is to be announced again; then it asks at once. */
const wishHeardMs = 60_000

/** The server's wish to be left alone holds unless everything is to be announced again. */
const judgeRetryAfter = ({ stage }: Network, { notBeforeMs }: Habit, call: string): void =>
  expect(
    stage.world.nowMs >= notBeforeMs || stage.world.nowMs - stage.announcedMs < wishHeardMs,
    () => `${call}: asked again before the server's Retry-After was over`,
  )

/** The MeshSync custom resource: it is looked at by itself, one object at a time, beside the lanes and their bounds. */
const configurationKey = "meshsyncs.meshery.io"

const listPage = (network: Network, inner: Api, request: ListRequest): Effect.Effect<Uint8Array, ApiError> =>
  Effect.gen(function* () {
    const { pageObjects, stage, tripwire } = network
    const { world } = stage
    const key = typeKey(request.type)
    const habit = habitOf(network, request)
    habit.again ||= habit.lane?.announcing === true
    judgeRetryAfter(network, habit, `list ${key}`)
    if (request.continue === "") {
      network.lists++
      expect(countIn(habit.listTimes, world.nowMs) <= listsPerMinuteMax, () => `${key}: more than ${listsPerMinuteMax} lists in a minute`)
    }
    const call = `list ${key}`
    if (strikes(tripwire, call)) return yield* fail(failures[tripwire.way % failures.length]!, call)
    yield* Effect.sleep(1 + world.chance.below(stage.pageMs))
    return yield* inner.list({ ...request, limit: Math.min(request.limit, pageObjects) }).pipe(
      Effect.timeoutOrElse({ duration: answerWaitMs, orElse: () => fail(noAnswer, call) }),
      Effect.tapError((error) => Effect.sync(() => noteFailure(network, habit, true, error))),
    )
  }).pipe((page) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        network.running++
        expect(network.running <= listsConcurrentMax, () => `${network.running} lists at a time`)
      }),
      () => page,
      () =>
        Effect.sync(() => {
          network.running--
        }),
    ),
  )

const errorLine = encodeText(
  `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"etcd is away","reason":"InternalError","code":500}}\n`,
)

const awaitErrorLine = (stage: Stage, key: string): Effect.Effect<Uint8Array> =>
  Effect.suspend(() =>
    stage.errorLines.delete(key)
      ? Effect.succeed(errorLine)
      : Effect.andThen(
          awaitChange(stage.cluster),
          Effect.suspend(() => awaitErrorLine(stage, key)),
        ),
  )

/** The stream of an open watch: chunks cut anywhere, each valid until the next is asked for. */
const streamOf = (network: Network, opened: WatchStream, request: WatchRequest, openedMs: number): WatchStream => {
  const { stage, tripwire } = network
  const { chance } = stage.world
  const key = typeKey(request.type)
  const chunks: Array<Uint8Array> = []
  let given: Uint8Array | undefined
  let heard = false
  let isOver = false
  const cut = (bytes: Uint8Array): void => {
    for (let start = 0; start < bytes.length;) {
      const end = chance.below(3) === 0 ? bytes.length : Math.min(bytes.length, start + 1 + chance.below(900))
      chunks.push(bytes.slice(start, end))
      start = end
    }
  }
  const more = Effect.suspend(() => {
    const waitMs = heard ? watchIdleMs : openedMs + request.timeoutSeconds * 1000 + watchGraceMs - stage.world.nowMs
    return Effect.raceFirst(opened.next, awaitErrorLine(stage, key)).pipe(
      Effect.timeoutOrElse({ duration: Math.max(1, waitMs), orElse: () => fail(silence, key) }),
    )
  })
  const next: WatchStream["next"] = Effect.suspend(() => {
    given?.fill(0)
    given = chunks.shift()
    if (given !== undefined) return Effect.succeed(given)
    if (isOver) return Effect.succeed(undefined)
    if (strikes(tripwire, `read of the watch of ${key}`)) return fail(failures[0]!, key)
    return Effect.flatMap(more, (bytes) => {
      if (bytes === undefined) return Effect.succeed(undefined)
      isOver = bytes === errorLine
      heard ||= decodeText(bytes).includes('"BOOKMARK"')
      cut(bytes)
      return next
    })
  })
  return { next }
}

const openWatch = (network: Network, inner: Api, request: WatchRequest) =>
  Effect.gen(function* () {
    const { stage, tripwire } = network
    const { world } = stage
    const key = typeKey(request.type)
    const habit = habitOf(network, request)
    habit.again = habit.lane?.announcing === true
    judgeRetryAfter(network, habit, `watch ${key}`)
    const call = `watch ${key}`
    if (strikes(tripwire, call)) return yield* fail(failures[tripwire.way % failures.length]!, call)
    yield* Effect.sleep(1 + world.chance.below(40))
    const openedMs = world.nowMs
    const opened = yield* inner.watch(request).pipe(
      Effect.timeoutOrElse({ duration: answerWaitMs, orElse: () => fail(noAnswer, call) }),
      Effect.tapError((error) => Effect.sync(() => noteFailure(network, habit, false, error))),
    )
    return streamOf(network, opened, request, openedMs)
  })

const readDocument = (network: Network, inner: Api, path: string, accept: string | undefined): Effect.Effect<Uint8Array, ApiError> =>
  Effect.gen(function* () {
    const { stage, told, tripwire } = network
    const { world } = stage
    if (path === "/apis") {
      const count = countIn(network.discoveryTimes, world.nowMs)
      expect(count <= discoveriesPerMinuteMax, () => `more than ${discoveriesPerMinuteMax} discoveries in a minute`)
    }
    if (strikes(tripwire, `read ${path}`)) return yield* fail(failures[tripwire.way % failures.length]!, path)
    yield* Effect.sleep(1 + world.chance.below(40))
    // A cluster that does not say who it is makes a state file void, and what was in it is lost: that is decided, and tested elsewhere.
    const isIdentity = path.endsWith("/namespaces/kube-system")
    if (world.nowMs < network.readsFailUntilMs && !isIdentity) return yield* fail(failures[world.chance.below(failures.length)]!, path)
    const answer = yield* inner.read(path, accept)
    if (path !== "/apis") return answer
    if (world.nowMs >= network.staleUntilMs) told.set(path, answer)
    return told.get(path) ?? answer
  })

/** The port over the stage's cluster. */
export const makeApi = (network: Network): Api => {
  const inner = makeClusterApi(network.stage.cluster)
  return {
    ...inner,
    list: (request) => (typeKey(request.type) === configurationKey ? inner.list(request) : listPage(network, inner, request)),
    recycle: (page) => void page.fill(0),
    watch: (request) => openWatch(network, inner, request),
    read: (path, accept) => readDocument(network, inner, path, accept),
  }
}
