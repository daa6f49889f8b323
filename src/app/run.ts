/**
 * One run from the first discovery to the end: opens, moves and closes lanes as the cluster and the selection want it, and says when
 * everything has been announced once. How a lane works, and how a request is answered, is told elsewhere.
 */
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import { clusterIdForbiddenWaitMs, discoveryAgainMs, discoveryEveryMs, laneSignalsMax } from "../domain/limit.ts"
import type { Intervals } from "../domain/select/interval.ts"
import { placeDefault, type Place } from "../domain/select/place.ts"
import { holdRefused, planLanes } from "../domain/select/plan.ts"
import { select, type LaneSpec } from "../domain/select/selection.ts"
import { typeKey, typeName } from "../domain/select/resource.ts"
import { addToCounter, moveAwake, makeEngine, projectStatus, type Engine } from "../domain/sync/engine.ts"
import type { Fact } from "../domain/sync/fact.ts"
import { makeLane, type Lane } from "../domain/sync/lane.ts"
import type { Memory } from "../domain/sync/recollection.ts"
import type { StateFileStatus, Status } from "../domain/sync/status.ts"
import type { PathRules } from "../domain/wire/redactPath.ts"
import type { WholeForm } from "../domain/wire/whole.ts"
import { ClusterApi } from "../ports/ClusterApi.ts"
import { Sink, type SinkError } from "../ports/Sink.ts"
import { followConfiguration, readConfiguration, type Configuration } from "./configuration.ts"
import { announceAll } from "./announce.ts"
import { makeDesk, type Desk } from "./desk.ts"
import { releaseAll, releaseNow } from "./release.ts"
import { runLane, type Signals } from "./laneLoop.ts"
import { reconcileForEver } from "./reconcile.ts"
import { holdToBudget } from "./requestBudget.ts"
import { answerRequests } from "./requests.ts"
import type { Interactive } from "./sessions.ts"
import { awaitConsumers, findRecorder } from "./recorder.ts"
import { logMeshError, logNotice } from "./notices.ts"
import { watchForSettling } from "./settling.ts"
import { discover, discoverAtLast, readClusterId, readDefinitions, warnOfNamespaces, type DatedDiscovery } from "./survey.ts"
import { drawRun, tellTypes } from "./marks.ts"

/** What a run needs to know besides its ports. */
export interface RunOptions {
  readonly version: string
  /** When it began for people, in milliseconds since the epoch; absent: now. */
  readonly startedMs?: number
  readonly redact: boolean
  readonly redactPaths?: PathRules | undefined
  readonly contentDedup: boolean
  /** By kind, the time between two states of an object in which only the latest one is kept; absent: every state goes out. */
  readonly minIntervals?: Intervals | undefined
  /** Write whole objects instead of messages: for snapshots. */
  readonly whole?: WholeForm | undefined
  readonly outputNamespaces: ReadonlyArray<string>
  readonly outputResources: ReadonlyArray<string>
  /** Label selector of all watches; empty: none. */
  readonly selector: string
  /** Used where the namespace kube-system cannot be read. */
  readonly clusterId: string
  /** It goes on until it is stopped: better to wait a moment for the cluster's id than to live without. */
  readonly lasting?: boolean
  /** How often lists are compared with the ledger, as text of a duration; empty or absent: as the custom resource says. */
  readonly reconcileInterval?: string
  /** Where the messages go, in words that stay the same from run to run; only a StateFile needs them. */
  readonly audience?: string
  /** What may be opened in pods on request; absent: nothing. */
  readonly interactive?: Interactive
  /** The MeshSync custom resource; absent: Meshery's. */
  readonly customResource?: Place
  /** Say in that resource's status whether it can be used. */
  readonly reportsConfiguration?: boolean
  /** Announce the objects of a type as deleted when it is no longer selected. */
  readonly deleteOnClose?: boolean
}

/** A run that goes on: its state for people, and its milestones. */
export interface Run {
  readonly status: Effect.Effect<Status>
  readonly engine: Engine
  /** Everything selected has been listed and delivered once, as far as it can be read. */
  readonly settled: Effect.Effect<void, SinkError>
  /** Never succeeds; fails when the sink is broken for good. */
  readonly failed: Effect.Effect<never, SinkError>
  /** To be done before the end: what waits for its kind's interval goes out, as far as it can in a short time. */
  readonly release: Effect.Effect<void>
}

/** An open lane with what reaches it from outside. */
interface OpenLane {
  readonly spec: LaneSpec
  readonly signals: Signals
  /** Done when the lane has begun. One of an earlier run begins, or ends, when a discovery tells whether its type is there and wanted. */
  readonly awake: Deferred.Deferred<void>
}

interface Supervisor {
  readonly options: RunOptions
  readonly desk: Desk
  /** What counts; the next survey makes it so. */
  configuration: Configuration
  readonly open: Map<string, OpenLane>
  /** By type key, what the next lane waits for: completed when all has been said of the one before, or of what it left behind. */
  readonly lastLanes: Map<string, Deferred.Deferred<void>>
  /** Done when all that an earlier run announced has its lanes. */
  readonly restored: Deferred.Deferred<void>
  /** One pending wish for an announcement says as much as ten. */
  readonly announcements: Queue.Queue<void>
  readonly fibers: FiberMap.FiberMap<string, void, SinkError>
  /**
   * Something is to be looked at: what the cluster serves, if `typesMayHaveChanged`, or the configuration. One such wish says as much as
   * ten.
   */
  readonly surveys: Queue.Queue<void>
  typesMayHaveChanged: boolean
  missingSinceMs: ReadonlyMap<string, number>
  /** Lanes opened so far: tells two fibers of one type apart. */
  opened: number
  /** Types that a definition has been seen of. */
  readonly customTypes: Set<string>
  /** Names that have been complained about. */
  readonly warned: Set<string>
}

/** Starts everything within the scope; returns at once. */
export const startRun = Effect.fn("startRun")(function* (options: RunOptions) {
  const [cluster, sink] = [yield* ClusterApi, yield* Sink]
  const engine = makeEngine(options.version, cluster.address, options.startedMs ?? (yield* Clock.currentTimeMillis))
  const withinBudget = Effect.provideService(ClusterApi, holdToBudget(cluster, engine))
  engine.run = yield* drawRun
  const surveys = yield* Queue.sliding<void>(1)
  const [failure, settled] = [yield* Deferred.make<never, SinkError>(), yield* Deferred.make<void, SinkError>()]
  const onTypesMayHaveChanged = Effect.suspend(() => {
    supervisor.typesMayHaveChanged = true
    return Effect.asVoid(Queue.offer(surveys, undefined))
  })
  const customTypes = new Set<string>()
  const isCustom = (key: string) => customTypes.has(key)
  const recorder = yield* findRecorder({ ...options, isCustom, owes: sink.owes, receiver: sink.receiver, show: showIn(engine) })
  const desk = yield* withinBudget(makeDesk({ ...options, engine, recorder, onTypesMayHaveChanged }))
  const fibers = yield* FiberMap.make<string, void, SinkError>()
  const supervisor: Supervisor = {
    options,
    desk,
    configuration: { _tag: "Absent" },
    open: new Map(),
    lastLanes: new Map(),
    fibers,
    surveys,
    typesMayHaveChanged: false,
    restored: yield* Deferred.make<void>(),
    announcements: yield* Queue.sliding<void>(1),
    missingSinceMs: new Map(),
    opened: 0,
    customTypes,
    warned: new Set(),
  }
  const supervise = Effect.gen(function* () {
    // The first discovery waits for the API server; who the cluster is and what it configures is asked of one that answers.
    const discovery = yield* discoverAtLast((error, attempt) => {
      addToCounter(engine, "discovery_failures")
      return attempt === 0 ? logMeshError(error) : Effect.logDebug(error.message)
    })
    yield* Effect.all([identify(engine, options), warnOfNamespaces(options.outputNamespaces)], { concurrency: 2, discard: true })
    yield* restoreLanes(supervisor)
    supervisor.configuration = yield* readConfiguration(options.customResource ?? placeDefault)
    if (supervisor.configuration._tag === "Broken") yield* logMeshError(supervisor.configuration.error)
    const first = { discovery, atMs: yield* Clock.currentTimeMillis }
    yield* Effect.all([surveyForEver(supervisor, first), obeyConfiguration(supervisor)], { concurrency: "unbounded", discard: true })
  })
  const settling = watchForSettling(engine, sink.settled, settled)
  const reconcile = reconcileForEver({
    engine,
    interval: () => options.reconcileInterval || supervisor.configuration.reconcileInterval,
    release: (lane) => releaseNow(desk, lane),
    signalsOf: (lane) => supervisor.open.get(lane.key)?.signals,
  })
  const duties = [supervise, answering(supervisor), settling, tellTypes(desk), FiberMap.join(fibers), reconcile]
  const work = withinBudget(Effect.all(duties, { concurrency: "unbounded", discard: true }))
  // A fiber that fails unseen would leave a process that looks alive: everything that ends here ends the run, defects too.
  const fail = (cause: Cause.Cause<SinkError>) => Effect.andThen(Deferred.failCause(failure, cause), Deferred.failCause(settled, cause))
  yield* Effect.forkScoped(Effect.catchCause(work, fail))
  const status = Effect.map(Clock.currentTimeMillis, (nowMs) => projectStatus(engine, nowMs, sink.status()))
  return { status, engine, settled: Deferred.await(settled), failed: Deferred.await(failure), release: releaseAll(desk) } satisfies Run
})

/** Requests are answered with what the supervisor has open. */
const answering = ({ announcements, desk, lastLanes, open, options, restored }: Supervisor) => {
  const { interactive = "off", outputNamespaces } = options
  const policy = { interactive, namespaces: outputNamespaces.map((name) => name.trim()) }
  // Before, nobody would hear of it: a first list announces everything, but not the first list of a lane that goes on.
  const announce = Effect.andThen(Deferred.await(restored), announceAll(desk, open, lastLanes))
  return answerRequests({ desk, policy, announcements, announce })
}

const showIn = (engine: Engine) => (status: StateFileStatus) => void (engine.stateFile = status)

const identify = Effect.fnUntraced(function* (engine: Engine, options: RunOptions) {
  const { error, id } = yield* readClusterId(options.clusterId, options.lasting === true ? clusterIdForbiddenWaitMs : 0)
  engine.clusterId = id
  if (error !== undefined) yield* logMeshError(error)
})

// Lanes ------------------------------------------------------------------------------------------------------------------

/** Edits of the custom resource count from the next survey on, which comes at once. */
const obeyConfiguration = (supervisor: Supervisor) =>
  followConfiguration({
    place: supervisor.options.customResource ?? placeDefault,
    inForce: () => supervisor.configuration,
    apply: Effect.fnUntraced(function* (configuration) {
      yield* Effect.logInfo("the MeshSync resource has changed: what differs is applied")
      addToCounter(supervisor.desk.engine, "configurations")
      supervisor.configuration = configuration
      yield* Queue.offer(supervisor.surveys, undefined)
    }),
    reports: supervisor.options.reportsConfiguration === true,
  })

/** Discovery at the start, after every change of definitions, and now and then; a new configuration acts upon the last one. */
const surveyForEver = Effect.fnUntraced(function* (supervisor: Supervisor, first: DatedDiscovery) {
  const { engine } = supervisor.desk
  let last = first
  let applied = supervisor.configuration
  addToCounter(engine, "discoveries")
  let lookAgainInMs = yield* survey(supervisor, last, applied._tag !== "Absent")
  engine.surveyed = true
  let again: ReadonlyArray<number> = []
  while (true) {
    const waitMs = Math.min(again[0] ?? discoveryEveryMs, lookAgainInMs ?? discoveryEveryMs)
    const asked = yield* Queue.take(supervisor.surveys).pipe(
      Effect.as(true),
      Effect.timeoutOrElse({ duration: waitMs, orElse: () => Effect.succeed(false) }),
    )
    if (applied !== supervisor.configuration) {
      // Without a custom resource nobody watches the definitions, so what is known of them is old.
      const isFirst = applied._tag === "Absent"
      applied = supervisor.configuration
      lookAgainInMs = yield* survey(supervisor, last, isFirst)
      if (isFirst) supervisor.typesMayHaveChanged = true
    }
    if (supervisor.typesMayHaveChanged) {
      // What changed is served only a moment later, and discovery learns of it later still.
      again = discoveryAgainMs
      supervisor.typesMayHaveChanged = false
    }
    if (asked) continue
    again = again.slice(1)
    const found = yield* Effect.result(discover)
    if (Result.isSuccess(found)) {
      last = { discovery: found.success, atMs: yield* Clock.currentTimeMillis }
      lookAgainInMs = yield* survey(supervisor, last, applied._tag !== "Absent")
      addToCounter(engine, "discoveries")
    } else addToCounter(engine, "discovery_failures")
  }
})

/**
 * Acts upon one discovery: only the lanes that it concerns are touched. Returns when to look again, if something seems to be gone.
 * @param rereads whether the definitions may be others than at the last time
 */
const survey = Effect.fnUntraced(function* (supervisor: Supervisor, { atMs, discovery }: DatedDiscovery, rereads: boolean) {
  const { configuration, open, options } = supervisor
  // A deleted definition's type stays custom: it leaves when discovery no longer serves it, and its objects are announced as deleted.
  if (rereads) for (const key of (yield* readDefinitions) ?? []) supervisor.customTypes.add(key)
  const selection = select(discovery, {
    watchList: configuration._tag === "Absent" ? "absent" : configuration._tag === "Broken" ? "broken" : configuration.watchList,
    customTypes: supervisor.customTypes,
    outputNamespaces: options.outputNamespaces,
    outputResources: options.outputResources,
    selector: options.selector,
  })
  for (const notice of selection.notices) {
    const key = `${notice.error} ${notice.detail}`
    if (!supervisor.warned.has(key)) yield* logNotice(notice)
    supervisor.warned.add(key)
  }
  const current = [...open.values()].map((lane) => lane.spec)
  const lanes = holdRefused(current, selection)
  const plan = planLanes(current, lanes, discovery, supervisor.missingSinceMs, atMs)
  supervisor.missingSinceMs = plan.missingSinceMs
  for (const spec of plan.vanish)
    yield* endLane(supervisor, spec, { _tag: "Vanished" }, "is gone: all its objects are announced as deleted")
  for (const spec of plan.close) yield* endLane(supervisor, spec, deselected(supervisor), "is no longer selected")
  for (const [old, spec] of plan.move) {
    yield* endLane(supervisor, old, { _tag: "Vanished" }, `is served as ${typeName(spec.type)} from now on`)
    yield* openLane(supervisor, spec)
  }
  for (const [old, spec] of plan.changed) yield* changeLane(supervisor, old, spec)
  for (const spec of plan.open) yield* openLane(supervisor, spec)
  for (const spec of lanes) yield* wakeLane(supervisor, typeKey(spec.type))
  return plan.lookAgainInMs
})

/**
 * A lane waits for the end of the one before it of its type: what that still has to say concerns the same addresses.
 * @param memory what an earlier run has announced: the lane sleeps until a discovery has been seen
 */
const openLane = Effect.fnUntraced(function* (supervisor: Supervisor, spec: LaneSpec, memory?: Memory) {
  const lane = makeLane(spec, memory?.ledger, memory?.left)
  const before = supervisor.lastLanes.get(lane.key)
  const signals = yield* Queue.sliding<Fact>(laneSignalsMax)
  const done = yield* Deferred.make<void>()
  const awake = yield* Deferred.make<void>()
  const { desk } = supervisor
  supervisor.open.set(lane.key, { spec, signals, awake })
  supervisor.lastLanes.set(lane.key, done)
  desk.engine.asleep.set(lane.key, lane)
  if (memory === undefined) yield* wakeLane(supervisor, lane.key)
  else desk.recorder?.adopt(lane, memory)
  const ended = Effect.sync(() => forgetLane(supervisor.desk.engine, lane))
  const loop = (before === undefined ? Effect.void : Deferred.await(before)).pipe(
    Effect.andThen(runLane(desk, lane, signals, Deferred.await(awake))),
    Effect.ensuring(Effect.andThen(ended, Deferred.succeed(done, undefined))),
  )
  yield* FiberMap.run(supervisor.fibers, `${lane.key}#${supervisor.opened++}`, loop)
})

const deselected = ({ options }: Supervisor): Fact => ({ _tag: "Deselected", deleting: options.deleteOnClose === true })

/** The lane goes on with its ledger; one that was hidden, or will be, begins anew, because nothing was told of what it holds. */
const changeLane = Effect.fnUntraced(function* (supervisor: Supervisor, old: LaneSpec, spec: LaneSpec) {
  const key = typeKey(spec.type)
  const lane = supervisor.open.get(key)
  if (lane === undefined || old.hidden !== spec.hidden) {
    yield* endLane(supervisor, old, deselected(supervisor), "is selected differently now")
    return yield* openLane(supervisor, spec)
  }
  yield* Effect.logInfo(`${typeName(spec.type)} is selected differently now`)
  yield* Queue.offer(lane.signals, { _tag: "Reselected", spec })
  supervisor.open.set(key, { ...lane, spec })
})

/** Begins a lane, unless it has begun. */
const wakeLane = Effect.fnUntraced(function* ({ desk, open }: Supervisor, key: string) {
  const lane = moveAwake(desk.engine, key)
  if (lane === undefined) return
  yield* Effect.logDebug(`${typeName(lane.spec.type)} is watched`)
  yield* Deferred.succeed((open.get(key) as OpenLane).awake, undefined)
})

/** Lanes of all that earlier runs announced: whether they go on, and what is said of those that do not, is the plan's as ever. */
const restoreLanes = Effect.fnUntraced(function* (supervisor: Supervisor) {
  const { engine, recorder } = supervisor.desk
  const memories = recorder === undefined ? [] : yield* recorder.recall(engine.clusterId, engine.departures)
  for (const memory of memories) {
    if (memory.custom) supervisor.customTypes.add(typeKey(memory.spec.type))
    yield* openLane(supervisor, memory.spec, memory)
  }
  yield* Deferred.succeed(supervisor.restored, undefined)
  const announce = Effect.andThen(awaitConsumers(supervisor.desk.sink), Queue.offer(supervisor.announcements, undefined))
  if (memories.some(({ owed }) => owed)) yield* Effect.forkScoped(announce)
})

/** A lane that has said all; another one may have taken its place already. */
const forgetLane = ({ lanes }: Engine, lane: Lane): void => {
  if (lanes.get(lane.key) === lane) lanes.delete(lane.key)
}

/** Tells a lane its end; what it has to say about it goes out first. */
const endLane = Effect.fnUntraced(function* (supervisor: Supervisor, spec: LaneSpec, fact: Fact, why: string) {
  const key = typeKey(spec.type)
  const lane = supervisor.open.get(key)
  if (lane === undefined) return
  yield* Effect.logInfo(`${typeName(spec.type)} ${why}`)
  moveAwake(supervisor.desk.engine, key)
  yield* Queue.offer(lane.signals, fact)
  supervisor.open.delete(key)
})
