/**
 * The cluster, its lanes and the broker of one run. Lanes are opened, moved and closed as the program's supervisor does: by the plan that a
 * discovery makes. Announcements are asked for as the NATS sink and consumers ask for them.
 */
import { makeCluster } from "../../src/adapters/memory/model.ts"
import { createObject } from "../../src/adapters/memory/write.ts"
import { discoveryAgainMs, discoveryEveryMs } from "../../src/domain/limit.ts"
import type { ServedType } from "../../src/domain/select/discovery.ts"
import { typeKey, type ResourceType } from "../../src/domain/select/resource.ts"
import { allEvents, type LaneSpec } from "../../src/domain/select/selection.ts"
import { makeEngine } from "../../src/domain/sync/engine.ts"
import { makeOutput } from "../../src/domain/sync/fact.ts"
import { makeWriter } from "../../src/domain/wire/writer.ts"
import type { Plan } from "./action.ts"
import { deliver, forgetRepetitions, makeBroker } from "./broker.ts"
import { forgetType, judgeChange, makeJudge, noteSelection, reviveType } from "./judge.ts"
import { signal, start, tellDigests } from "./drive.ts"
import { tellTypes } from "./marking.ts"
import { makeRunner, type Runner, type Scene } from "./runner.ts"
import { keys, namespaces, type Narrowing, type Stage } from "./stage.ts"
import type { Subject } from "./subject.ts"
import { after, note, type World } from "./world.ts"

export interface Play extends Scene, Stage {
  readonly open: Map<string, Runner>
  /** Lanes that have not said all yet, those that have been told their end included. */
  readonly running: Map<string, Runner>
  /** By type key, what waits until its old deletions have been repeated. */
  readonly held: Map<string, Array<() => void>>
  /** An announcement is under way, or another one has been asked for meanwhile. */
  announcing: "no" | "once" | "again"
  readonly deselected: Set<string>
  /** Types whose lane ended deselected, by key: consumers are told nothing more of them. */
  readonly forgotten: Map<string, Set<string>>
  missingSinceMs: ReadonlyMap<string, number>
}

/** @param fill puts the first objects into the cluster, before it is looked at */
export const makePlay = (plan: Plan, subject: Subject, world: World, fill: (play: Play) => void): Play => {
  const cluster = makeCluster(plan.seed)
  const judge = makeJudge(world)
  const play: Play = {
    world,
    subject,
    cluster,
    broker: makeBroker(judge, cluster, subject),
    judge,
    engine: Object.assign(makeEngine("simulated", "", world.nowMs), { run: "run" }),
    departures: subject.departures.makeDepartures(),
    pageObjects: plan.pageObjects,
    onNotServed: () => surveySoon(play),
    minIntervalMs: plan.minIntervalMs,
    lists: 0,
    pageMs: 80,
    errorLines: new Set(),
    open: new Map(),
    running: new Map(),
    held: new Map(),
    announcing: "no",
    deselected: new Set(),
    narrowings: new Map(),
    forgotten: new Map(),
    missingSinceMs: new Map(),
    announcedMs: 0,
    debts: 0,
    payDebt: () => announceAll(play),
    isRestored: false,
    survey: () => survey(play),
    surveySoon: () => surveySoon(play),
    reconcile: () => {
      for (const runner of play.open.values()) signal(runner, { _tag: "ReconcileDue" })
    },
    announceAll: () => announceAll(play),
  }
  for (const name of namespaces) createObject(cluster, "namespaces", { metadata: { name } }, world.nowMs)
  fill(play)
  // Somebody always writes something somewhere: the version moves on without an event of these types.
  const beat = (): void => {
    cluster.version++
    after(world, 10_000, beat)
  }
  beat()
  const surveyNow = (): void => {
    survey(play)
    after(world, discoveryEveryMs, surveyNow)
  }
  surveyNow()
  play.broker.onAsked = () => announceAll(play)
  tellTypes(play)
  return play
}

// Lanes ------------------------------------------------------------------------------------------------------------------

export const servedTypes = ({ cluster }: Pick<Scene, "cluster">): ReadonlyArray<ServedType> =>
  keys.flatMap((key) => {
    const resource = cluster.shelves.get(key)?.resource
    if (resource === undefined) return []
    const { categories, group, kind, namespaced, plural, shortNames, singular, versions } = resource
    return [{ group, version: versions[0] ?? "", plural, kind, namespaced, singular, shortNames, categories, watchable: true }]
  })

const specOf = ({ group, kind, namespaced, plural, version }: ResourceType, narrowing: Narrowing = {}): LaneSpec => ({
  type: { group, version, plural, kind, namespaced },
  events: allEvents,
  namespace: undefined,
  namespaces: undefined,
  selector: "",
  hidden: false,
  ...narrowing,
})

const survey = (play: Play): void => {
  const { deselected, open, subject, world } = play
  const types = servedTypes(play)
  const desired = types.filter((type) => !deselected.has(typeKey(type))).map((type) => specOf(type, play.narrowings.get(typeKey(type))))
  const current = [...open.values()].map(({ wanted }) => wanted)
  const discovery = { types, staleGroups: new Set<string>() }
  const plan = subject.plan.planLanes(current, desired, discovery, play.missingSinceMs, world.nowMs)
  play.missingSinceMs = plan.missingSinceMs
  for (const spec of plan.close) endLane(play, spec, "Deselected")
  for (const spec of plan.vanish) endLane(play, spec, "Vanished")
  for (const [old, spec] of plan.move) {
    endLane(play, old, "Vanished")
    openLane(play, spec)
  }
  for (const [, spec] of plan.changed) {
    const runner = open.get(typeKey(spec.type))
    if (runner === undefined) continue
    runner.wanted = spec
    signal(runner, { _tag: "Reselected", spec })
  }
  for (const spec of plan.open) openLane(play, spec)
  if (plan.lookAgainInMs !== undefined) after(world, Math.max(1, plan.lookAgainInMs), () => survey(play))
}

const surveySoon = (play: Play): void => {
  for (const delayMs of discoveryAgainMs) after(play.world, delayMs, () => survey(play))
}

const openLane = (play: Play, spec: LaneSpec): void => {
  const runner = makeRunner(play, spec)
  const { key } = runner.lane
  play.open.set(key, runner)
  const previous = play.running.get(key)
  play.running.set(key, runner)
  play.engine.lanes.set(key, runner.lane)
  runner.onClosed.push(() => {
    if (play.running.get(key) === runner) play.running.delete(key)
    if (play.engine.lanes.get(key) === runner.lane) play.engine.lanes.delete(key)
  })
  const begin = (): void => {
    for (const type of play.forgotten.get(key) ?? []) forgetType(play.judge, play.broker.consumers, type)
    play.forgotten.delete(key)
    reviveType(play.judge, runner.type)
    noteSelection(play.judge, runner.type, runner.lane.spec)
    start(runner)
    tellDigests(runner)
  }
  const held = play.held.get(key)
  if (previous !== undefined) previous.onClosed.push(begin)
  else if (held !== undefined) held.push(begin)
  else begin()
}

const endLane = (play: Play, spec: LaneSpec, how: "Vanished" | "Deselected"): void => {
  const key = typeKey(spec.type)
  const runner = play.open.get(key)
  if (runner === undefined) return
  play.open.delete(key)
  if (how === "Deselected" && play.deselected.has(key)) {
    runner.onClosed.push(() => {
      play.forgotten.set(key, new Set([...(play.forgotten.get(key) ?? []), runner.type]))
      forgetRepetitions(play.broker, key)
    })
  }
  signal(runner, { _tag: how })
}

// Announcements ----------------------------------------------------------------------------------------------------------

/** All lanes announce everything again. One announcement at a time; what is asked for meanwhile is one more. */
const announceAll = (play: Play): void => {
  if (play.announcing !== "no") {
    play.announcing = "again"
    return
  }
  play.announcing = "once"
  play.announcedMs = play.world.nowMs
  note(play.world, "everything is announced again")
  for (const runner of play.open.values()) signal(runner, { _tag: "ResyncAsked" })
  const closing = [...play.running].filter(([key, runner]) => play.open.get(key) !== runner)
  let pending = closing.length
  for (const [key, runner] of closing) {
    runner.lane.announcing = true
    runner.onClosed.push(() => {
      const next = play.open.get(key)
      if (next !== undefined && next !== runner) signal(next, { _tag: "ResyncAsked" })
      if (--pending === 0) announceOrphans(play)
    })
  }
  if (pending === 0) announceOrphans(play)
}

const endAnnouncement = (play: Play): void => {
  const isWantedAgain = play.announcing === "again"
  play.announcing = "no"
  if (isWantedAgain) announceAll(play)
}

const announceOrphans = (play: Play): void => {
  const { broker, departures, judge, running, subject, world } = play
  const gone = subject.departures.recentDepartures(departures, world.nowMs, ({ type }) => !running.has(typeKey(type)))
  const waiting: Array<() => void> = []
  for (const { type } of gone) play.held.set(typeKey(type), waiting)
  let pending = gone.length
  const settleOne = (): void => {
    if (--pending > 0) return
    for (const [key, held] of play.held) if (held === waiting) play.held.delete(key)
    for (const begin of waiting) begin()
    endAnnouncement(play)
  }
  if (gone.length === 0) endAnnouncement(play)
  for (const departed of gone) {
    const output = makeOutput()
    output.changes.push({ event: "Deleted", record: -1, departed })
    const lane = subject.lane.makeLane(specOf(departed.type))
    const writer = makeWriter(1024)
    const settings = { clusterId: "cluster", redact: false, reachable: new Set<string>(), bytesMax: 1 << 20 }
    const { messages } = subject.turn.encodeBatch(lane, subject.turn.noRecords, output, 0, writer, settings)
    const told = { event: "Deleted", type: makeRunner(play, lane.spec).type, address: `${departed.namespace}/${departed.name}` } as const
    judgeChange(judge, { ...told, seen: { uid: departed.uid, version: departed.resourceVersion } }, false, true)
    const batch = messages.map(({ end, start: from, ...about }) => ({ ...about, payload: writer.bytes.slice(from, end) }))
    const send = (): void => deliver(broker, batch, (accepted) => (accepted ? settleOne() : after(world, 500, send)))
    send()
  }
}
