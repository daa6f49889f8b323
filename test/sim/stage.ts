/**
 * What the actions of a plan can reach: a cluster, a broker and its consumers, and whatever reads the one and tells the other. Lanes alone
 * stand on it (scene.ts), or the whole engine (engine/).
 */
import type { Cluster } from "../../src/adapters/memory/model.ts"
import type { LaneSpec } from "../../src/domain/select/selection.ts"
import { announceAfterReconnectMs, announceEveryMs } from "../../src/domain/limit.ts"
import { listenersOf, returnBroker, type Broker } from "./broker.ts"
import type { Judge } from "./judge.ts"
import { after, type World } from "./world.ts"

export type Narrowing = Partial<Pick<LaneSpec, "namespace" | "namespaces" | "depth">>

export interface Stage {
  readonly world: World
  readonly cluster: Cluster
  readonly broker: Broker
  readonly judge: Judge
  /** A page takes up to so long. */
  pageMs: number
  /** Types whose watch ends with an ERROR line that is none of 410. */
  readonly errorLines: Set<string>
  readonly deselected: Set<string>
  /** Types that are selected in part or in another depth, by key. */
  readonly narrowings: Map<string, Narrowing>
  announcedMs: number
  /** Returns of the broker after which not everything has been announced again. */
  debts: number
  isRestored: boolean
  /** Looks at once for types that came, went or moved. */
  readonly survey: () => void
  /** The same, when a definition has changed. */
  readonly surveySoon: () => void
  /** Every list is to be compared with what is known. */
  readonly reconcile: () => void
  /** Everything is to be announced again. */
  readonly announceAll: () => void
  /** The same, because the broker was away. */
  readonly payDebt: () => void
}

export const definitions = "customresourcedefinitions.apiextensions.k8s.io"
export const definitionName = "widgets.example.com"
export const keys: ReadonlyArray<string> = ["configmaps", "clusterroles.rbac.authorization.k8s.io", definitionName]

export const namespaces = ["shop", "lab"]

export const isAway = (stage: Stage, which: number, forMs: number, thenMs: number): void => {
  const consumer = listenersOf(stage.broker)[which]!
  const untilMs = Math.max(consumer.awayUntilMs, stage.world.nowMs + forMs)
  consumer.awayUntilMs = untilMs
  after(stage.world, untilMs - stage.world.nowMs + thenMs, () => stage.announceAll())
}

export const breakBroker = (stage: Stage, forMs: number, lateMs: number): void => {
  const { broker, world } = stage
  if (broker.isAway) return
  broker.isAway = true
  after(world, forMs, () => comeBack(stage, lateMs))
}

/** The broker is back; consumers need a moment more and miss what is said until then, so everything is announced a while later. */
export const comeBack = (stage: Stage, lateMs: number): void => {
  const { broker, world } = stage
  if (!broker.isAway) return
  for (const consumer of listenersOf(broker)) consumer.awayUntilMs = Math.max(consumer.awayUntilMs, world.nowMs + lateMs)
  returnBroker(broker)
  const waitMs = Math.max(announceAfterReconnectMs, stage.announcedMs + announceEveryMs - world.nowMs)
  stage.debts++
  after(world, waitMs, () => {
    stage.debts--
    stage.payDebt()
  })
}
