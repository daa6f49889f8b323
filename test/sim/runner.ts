/**
 * What a lane in virtual time consists of, and what all of them share.
 */
import { type Cluster } from "../../src/adapters/memory/model.ts"
import { makeRecords, type Records } from "../../src/domain/read/record.ts"
import { apiVersionOf } from "../../src/domain/select/resource.ts"
import type { LaneSpec } from "../../src/domain/select/selection.ts"
import { makeOutput, type Fact, type Output } from "../../src/domain/sync/fact.ts"
import type { Lane } from "../../src/domain/sync/lane.ts"
import { makeLedger, type Ledger } from "../../src/domain/sync/ledger.ts"
import type { Engine } from "../../src/domain/sync/engine.ts"
import type { Departures } from "../../src/domain/sync/departures.ts"
import { type Broker } from "./broker.ts"
import type { Seen } from "./consumer.ts"
import { type Judge } from "./judge.ts"
import type { Subject } from "./subject.ts"
import { type World } from "./world.ts"

/** What all runners share. */
export interface Scene {
  readonly world: World
  readonly subject: Subject
  readonly cluster: Cluster
  readonly broker: Broker
  readonly judge: Judge
  /** What marks are made of. */
  readonly engine: Engine
  readonly departures: Departures
  readonly pageObjects: number
  readonly onNotServed: () => void
  /** The minimum interval of all kinds; 0: none. */
  readonly minIntervalMs: number
  /** Lists asked for from their beginning. */
  lists: number
  /** A page takes up to so long. */
  pageMs: number
  /** Types whose watch ends with an ERROR line that is none of 410. */
  readonly errorLines: Set<string>
}

export interface Runner {
  readonly scene: Scene
  /** What it was told last to select. */
  wanted: LaneSpec
  readonly lane: Lane
  readonly type: string
  readonly records: Records
  readonly output: Output
  readonly signals: Array<Fact>
  /** A turn is being taken or is on its way out. */
  busy: boolean
  /** What waits for its end. */
  readonly waiting: Array<() => void>
  /** Raised when a wait is over: what was asked for during it no longer counts. */
  wait: number
  /** Set while a signal may interrupt. */
  onSignal: (() => void) | undefined
  readonly onClosed: Array<() => void>
  /** What the running list showed: the server's objects at its version, and a ledger of its pages. */
  shown: Map<string, Seen>
  listed: Ledger
  /** The newest version that the lane has been shown. */
  version: string
  /** When the running list began, if it announces everything. */
  roundMs: number | undefined
  notBeforeMs: number
  readonly listTimes: Array<number>
  /** By life, when a state of it was accepted last. */
  readonly acceptedMs: Map<string, number>
  /** What is held back will be looked at. */
  isStirred: boolean
}

const makeHoldingLane = ({ minIntervalMs, subject }: Scene, spec: LaneSpec): Lane => {
  const lane = subject.lane.makeLane(spec)
  if (minIntervalMs > 0) lane.holding = subject.holding.makeHolding(minIntervalMs)
  return lane
}

export const makeRunner = (scene: Scene, spec: LaneSpec): Runner => ({
  scene,
  wanted: spec,
  lane: makeHoldingLane(scene, spec),
  type: `${apiVersionOf(spec.type)} ${spec.type.kind}`,
  records: makeRecords(),
  output: makeOutput(),
  signals: [],
  busy: false,
  waiting: [],
  wait: 0,
  onSignal: undefined,
  onClosed: [],
  shown: new Map(),
  listed: makeLedger(),
  version: "",
  roundMs: undefined,
  notBeforeMs: 0,
  listTimes: [],
  acceptedMs: new Map(),
  isStirred: false,
})
