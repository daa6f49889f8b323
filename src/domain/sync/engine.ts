/**
 * All lanes of one run, and the one projection of their state that people and machines look at.
 * Several engines may live in one process: nothing here is shared.
 */
import { settleAttempts } from "../limit.ts"
import { typeName } from "../select/resource.ts"
import { makeDepartures, type Departures } from "./departures.ts"
import type { Lane } from "./lane.ts"
import { digestText } from "./digest.ts"
import { isRefusal } from "./fact.ts"
import { copyCounts, makeRequestCounts, type RequestCounts } from "./requestCounts.ts"
import type { LaneStatus, StateFileStatus, Status } from "./status.ts"

export interface Engine {
  readonly version: string
  readonly startedMs: number
  /** The API server's address. */
  readonly cluster: string
  clusterId: string
  /** Drawn at the start: tells this process from others of the same cluster. */
  run: string
  /** Full announcements begun so far, over all lanes. */
  epochs: number
  /** Open lanes by type key. */
  readonly lanes: Map<string, Lane>
  /** Lanes of an earlier run of which no discovery has told yet whether they go on, by type key; none of `lanes`. */
  readonly asleep: Map<string, Lane>
  readonly departures: Departures
  /** What was asked of the API server. */
  readonly requests: RequestCounts
  /** As the recorder last told it; undefined where nothing is written down. */
  stateFile: StateFileStatus | undefined
  /** Counters by name, shown as they are. */
  readonly counters: Record<string, number>
  /** The first discovery has been acted upon: without it no lane means nothing. */
  surveyed: boolean
  ready: boolean
}

/**
 * An engine without lanes.
 * @param cluster the address of the API server
 * @param startedMs milliseconds since the epoch
 */
export const makeEngine = (version: string, cluster: string, startedMs: number): Engine => ({
  version,
  startedMs,
  cluster,
  clusterId: "",
  run: "",
  epochs: 0,
  lanes: new Map(),
  asleep: new Map(),
  departures: makeDepartures(),
  requests: makeRequestCounts(),
  stateFile: undefined,
  counters: {},
  surveyed: false,
  ready: false,
})

/** Counts something of the process as a whole; what is counted for the first time begins at 0. */
export const addToCounter = (engine: Engine, name: string, by = 1): void => {
  engine.counters[name] = (engine.counters[name] ?? 0) + by
}

/** A lane that is asleep begins or ends now: it counts as any other. */
export const moveAwake = ({ asleep, lanes }: Engine, key: string): Lane | undefined => {
  const lane = asleep.get(key)
  if (lane !== undefined) lanes.set(key, lane)
  asleep.delete(key)
  return lane
}

/** A lane that has been listed and delivered once, or will not be without somebody's help. */
const isLaneSettled = (lane: Lane): boolean =>
  lane.delivered || (lane.trouble !== undefined && (isRefusal(lane.trouble.failure) || lane.attempts >= settleAttempts))

/** Whether everything selected has been announced once, as far as the cluster lets it be read. */
export const isSettled = (engine: Engine): boolean => engine.surveyed && [...engine.lanes.values()].every(isLaneSettled)

/** The lanes that could not be read, for the end of a snapshot. */
export const unreadLanes = (engine: Engine): ReadonlyArray<Lane> =>
  [...engine.lanes.values()].filter((lane) => !lane.delivered && !lane.spec.hidden)

/** The engine at a moment, as all renderings of it see it. Hidden lanes are left out. */
export const projectStatus = (engine: Engine, nowMs: number, sink: Status["sink"]): Status => ({
  version: engine.version,
  startedMs: engine.startedMs,
  nowMs,
  clusterId: engine.clusterId,
  cluster: engine.cluster,
  ready: engine.ready,
  settled: isSettled(engine),
  sink,
  lanes: [...engine.lanes.values()].filter((lane) => !lane.spec.hidden).map(projectLane),
  requests: copyCounts(engine.requests),
  stateFile: engine.stateFile,
  counters: { ...engine.counters },
})

const projectLane = (lane: Lane): LaneStatus => {
  const { added, bytesRead, deleted, doubtful, flawed, lists, modified, resent, tooLarge, unchanged } = lane.counts
  return {
    key: lane.key,
    name: typeName(lane.spec.type),
    kind: lane.spec.type.kind,
    state: lane.state._tag,
    objects: lane.ledger.size,
    synced: lane.delivered,
    published: { added, modified, deleted },
    doubtful,
    resent,
    skipped: { tooLarge, flawed, unchanged, superseded: lane.holding?.superseded ?? 0 },
    waiting: lane.holding?.waiting ?? 0,
    omitted: [...lane.omitted.values()].map(({ name, namespace }) => ({ namespace, name })),
    lists,
    bytesRead,
    lastHeardMs: lane.lastHeardMs,
    trouble:
      lane.trouble === undefined
        ? undefined
        : {
            reason: lane.trouble.failure._tag,
            text: lane.trouble.failure.text,
            sinceMs: lane.trouble.sinceMs,
            attempts: lane.attempts,
          },
    digest: digestText(lane.ledger),
  }
}
