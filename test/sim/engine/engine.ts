/**
 * The whole engine in one world: `startRun` with its fibers, over ports whose other ends are the fake cluster and the broker. Faults and
 * writes for eight minutes of virtual time, then time to heal, then quiet; at the end everybody must know the same.
 */
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import { makeCluster, sortedItems } from "../../../src/adapters/memory/model.ts"
import { createObject } from "../../../src/adapters/memory/write.ts"
import { apiVersionOf, typeKey } from "../../../src/domain/select/resource.ts"
import { makeRecords } from "../../../src/domain/read/record.ts"
import { scanPage } from "../../../src/domain/read/scan.ts"
import { digestText } from "../../../src/domain/sync/digest.ts"
import { makeLedger, upsert } from "../../../src/domain/sync/ledger.ts"
import { requestsWaitingMax } from "../../../src/domain/limit.ts"
import type { Request } from "../../../src/domain/wire/request.ts"
import type { Run, startRun } from "../../../src/app/run.ts"
import { ClusterApi } from "../../../src/ports/ClusterApi.ts"
import { Dialer } from "../../../src/ports/Dialer.ts"
import { PodSession } from "../../../src/ports/PodSession.ts"
import { Requests } from "../../../src/ports/Requests.ts"
import { Sink } from "../../../src/ports/Sink.ts"
import { StateFile } from "../../../src/ports/StateFile.ts"
import { activeMs, drawPlan, engineFaults, type Action, type ActionName, type Churn, type Plan } from "../action.ts"
import { makeBroker } from "../broker.ts"
import { act, endFaults, fill } from "../happening.ts"
import { judgeView, makeJudge } from "../judge.ts"
import { judgeExact, judgeQuiet, takeCounts } from "../exact.ts"
import { servedTypes } from "../scene.ts"
import { contentsOf, quietDigestsMin } from "../simulate.ts"
import { definitions, isAway, keys, namespaces, type Stage } from "../stage.ts"
import { loadSubject, type Subject } from "../subject.ts"
import { after, Finding, makeWorld, note, runUntil, startMs, type World } from "../world.ts"
import { makeApi, makeNetwork, type Network } from "./network.ts"
import { fileOf, intendedOf, isPending, makeLife, unsureOf } from "./mortality.ts"
import { makeOutlet } from "./outlet.ts"
import { makeTripwire, type Tripwire } from "./tripwire.ts"
import { startFibers } from "./virtualTime.ts"

/** As for lanes alone (simulate.ts), and the longest pause of a supervisor that waits for its first discovery. */
const healMs = 17 * 60_000
const quietMs = 11 * 60_000

/** What is simulated: the supervisor's module, which brings everything below it along, and the sink's memory of recreated objects. */
export interface EngineSubject {
  readonly startRun: typeof startRun
  readonly recreations: Subject
}

/** @param root the folder that holds `app`, `domain`, `ports` and `adapters` */
export const loadEngine = async (root: string): Promise<EngineSubject> => {
  const { startRun: start } = (await import(pathToFileURL(`${root}/app/run.ts`).href)) as { readonly startRun: typeof startRun }
  return { startRun: start, recreations: await loadSubject(root) }
}

export interface EngineOutcome {
  readonly seed: number
  readonly finding: string | undefined
  readonly hash: number
  readonly steps: number
  readonly messages: number
  readonly lists: number
  readonly announcements: number
  readonly calls: number
  readonly struck: string | undefined
  readonly trace: ReadonlyArray<string>
}

interface Play extends Stage {
  readonly network: Network
  /** Sends a request. Before the program listens it is lost, as with a real broker. */
  ask: (request: Request) => void
  /** Subjects of the replies, counted. */
  readonly replies: Map<string, number>
  questions: number
  run: Run | undefined
  fiber: Fiber.Fiber<unknown, unknown> | undefined
  /** The program dies and comes again, so it has a state file. */
  readonly isMortal: boolean
  /** Starts a program's fibers. */
  readonly start: ReturnType<typeof startFibers>
  isOver: boolean
}

const makePlay = (plan: Plan, subject: EngineSubject, world: World, tripwire: Tripwire): Play => {
  const cluster = makeCluster(plan.seed)
  const judge = makeJudge(world)
  const ask = (origin: "request" | "reconnect") => play.ask({ _tag: "Resync", origin })
  const stage: Stage = {
    world,
    cluster,
    broker: makeBroker(judge, cluster, subject.recreations),
    judge,
    pageMs: 80,
    errorLines: new Set(),
    deselected: new Set(),
    narrowings: new Map(),
    announcedMs: 0,
    debts: 0,
    isRestored: false,
    // The engine finds out by itself.
    survey: () => {},
    surveySoon: () => {},
    reconcile: () => {},
    announceAll: () => {
      // Whoever asks a program that is not there asks again.
      if (network.life.isDead) return after(world, 1_000, () => stage.announceAll())
      stage.announcedMs = world.nowMs
      network.life.askedMs = world.nowMs
      ask(world.chance.below(2) === 0 ? "request" : "reconnect")
    },
    payDebt: () => {
      // One that is not there, or has come since, knows it from its file.
      if (network.life.isDead) return
      stage.announcedMs = world.nowMs
      ask("reconnect")
    },
  }
  stage.broker.onAsked = () => stage.announceAll()
  const { minIntervalMs, pageObjects } = plan
  const network = makeNetwork({ stage, tripwire, pageObjects, minIntervalMs, life: makeLife(undefined, () => {}) })
  const play: Play = Object.assign(stage, {
    network,
    ask: () => {},
    replies: new Map<string, number>(),
    questions: 0,
    run: undefined,
    fiber: undefined,
    isMortal: plan.actions.some(({ name }) => name === "kill"),
    start: startFibers(world),
    isOver: false,
  })
  for (const name of [...namespaces, "kube-system"]) createObject(cluster, "namespaces", { metadata: { name } }, world.nowMs)
  fill(play)
  const beat = (): void => {
    cluster.version++
    after(world, 10_000, beat)
  }
  beat()
  return play
}

const options = { version: "simulated", redact: false, contentDedup: false, outputNamespaces: [], selector: "", clusterId: "" }

/** Begins a life, with the file of the one before; a life that ends is followed by another one. */
const launch = (play: Play, subject: EngineSubject): void => {
  const { minIntervalMs } = play.network
  const minIntervals = minIntervalMs === 0 ? undefined : new Map([["*", minIntervalMs]])
  const { network, replies } = play
  const { startRun: start } = subject
  const life = makeLife(network.deaths === 0 ? undefined : network.life, () => after(play.world, 0, () => bury(play, subject)))
  network.life = life
  const program = Effect.scoped(
    Effect.gen(function* () {
      const asked = yield* Queue.sliding<Request>(requestsWaitingMax)
      play.ask = (request) => void Queue.offerUnsafe(asked, request)
      const requests = Requests.of({
        incoming: Stream.fromQueue(asked),
        reply: (subject) => Effect.sync(() => void replies.set(subject, (replies.get(subject) ?? 0) + 1)),
        subscribe: () => Queue.unbounded<Uint8Array>(),
      })
      const run = yield* Effect.provideService(start({ ...options, minIntervals, outputResources: keys }), Requests, requests)
      play.run = run
      network.engine = run.engine
      return yield* run.failed
    }),
  ).pipe(
    Effect.provideService(ClusterApi, makeApi(network)),
    Effect.provideService(Sink, makeOutlet(network)),
    Effect.provideService(Dialer, { reachable: () => Effect.succeed(new Set<string>()) }),
    Effect.provideService(PodSession, { openLog: () => Effect.die("no log"), openTerminal: () => Effect.die("no terminal") }),
    Effect.provideService(References.MinimumLogLevel, "None"),
  )
  play.fiber = play.start(play.isMortal ? Effect.provideService(program, StateFile, fileOf(life, play.world)) : program)
}

/** A run ends in no other way than by death. */
const watchOver = (play: Play): void => {
  const { settle } = play.world
  play.world.settle = () => {
    settle()
    const isEnded = play.fiber?.pollUnsafe() !== undefined
    if (isEnded && !play.isOver && !play.network.life.isDead) throw new Finding(defectOf(play) ?? "the run has ended")
  }
}

/** What was in the process is gone, and what it said last is unsure; after a while it is started again. */
const bury = (play: Play, subject: EngineSubject): void => {
  const { broker, cluster, judge, network, world } = play
  const { life } = network
  note(world, "— the program dies")
  play.ask = () => {}
  play.fiber?.interruptUnsafe()
  world.settle()
  expect(play.fiber?.pollUnsafe() !== undefined && cluster.listeners.size === 0, () => "a program goes on after its death")
  play.fiber = undefined
  const pending = isPending(life, network.engine, world.nowMs)
  broker.waiting.length = 0
  broker.recreations = subject.recreations.recreations.makeRecreations()
  network.engine = undefined
  network.habits.clear()
  network.deaths++
  for (const address of unsureOf(life, world.nowMs)) judge.unsure.add(address)
  for (const uid of intendedOf(life, world.nowMs)) judge.intended.add(uid)
  const downMs = world.chance.below(30_000)
  after(world, downMs, () => launch(play, subject))
  // Who has asked the dead one for everything, and has not had all of it, asks the next one.
  if (pending) after(world, downMs + 2_000, () => play.announceAll())
}

// What happens ---------------------------------------------------------------------------------------------------------

type EngineAction = "discoveryFails" | "discoveryStale" | "definitionsTrouble" | "resyncBurst" | "questions" | "kill"

const actionsOf = (play: Play): Readonly<Record<EngineAction, (roll: number) => void>> => {
  const { cluster, network, world } = play
  return {
    discoveryFails: (roll) => {
      network.readsFailUntilMs = world.nowMs + 2_000 + (roll % 40_000)
    },
    discoveryStale: (roll) => {
      network.staleUntilMs = world.nowMs + 2_000 + (roll % 40_000)
    },
    definitionsTrouble: (roll) => {
      const verb = roll % 2 === 0 ? "list" : "watch"
      const code = [403, 404, 410, 429, 500, 503][(roll >> 4) % 6]!
      cluster.faults.push({
        key: definitions,
        verb,
        trouble: code === 410 ? { _tag: "Expired" } : { _tag: "Status", code },
        times: 1 + (roll % 3),
      })
      const shelf = cluster.shelves.get(definitions)
      if (shelf !== undefined) shelf.cuts++
    },
    resyncBurst: (roll) => {
      for (let at = 0; at < 2 + (roll % 5); at++) after(world, (at * (roll >> 6)) % 9_000, () => play.announceAll())
    },
    kill: (roll) => {
      const { life } = network
      const share = ((roll >> 6) % 101) / 100
      switch (roll % 4) {
        case 0:
          return life.die()
        case 1:
          life.doom = { at: "append", share }
          return
        case 2:
          life.doom = { at: "delivery", share }
          return
        default:
          // A consumer misses a deletion, and the program dies before it is asked for everything.
          isAway(play, 0, 3_000, 200)
          after(world, 1_000, () => act(play, { atMs: 0, name: "delete", roll: roll >> 2 }))
          after(world, 2_900, () => network.life.die())
      }
    },
    questions: (roll) => {
      if (network.life.isDead) return
      const requests: ReadonlyArray<Request> = [
        { _tag: "Meta" },
        { _tag: "Unknown", entity: "weather" },
        { _tag: "Invalid", reason: "it is no JSON" },
        { _tag: "Store", reply: "meshery.reply.1" },
        { _tag: "Sessions" },
      ]
      play.questions++
      for (const request of [...requests.slice(roll % 5), { _tag: "Meta" } as const]) play.ask(request)
    },
  }
}

/** All faults end: those that only an engine meets, too. */
const endAllFaults = (play: Play): void => {
  play.network.readsFailUntilMs = 0
  play.network.staleUntilMs = 0
  play.network.life.doom = undefined
  endFaults(play)
}

// Oracles at the end ---------------------------------------------------------------------------------------------------

const expect = (holds: boolean, finding: () => string): void => {
  if (!holds) throw new Finding(finding())
}

/** The digest of what the cluster holds of a type. */
const digestOf = (
  items: ReadonlyArray<{ readonly name: string; readonly namespace: string; readonly uid: string; readonly version: number }>,
): string => {
  const ledger = makeLedger()
  const records = makeRecords()
  const metadata = items.map(({ name, namespace, uid, version }) => ({
    metadata: { name, namespace, uid, resourceVersion: String(version) },
  }))
  scanPage(
    new TextEncoder().encode(JSON.stringify({ kind: "List", apiVersion: "v1", metadata: { resourceVersion: "1" }, items: metadata })),
    records,
  )
  for (let record = 0; record < records.count; record++) upsert(ledger, records, record)
  return digestText(ledger)
}

const judgeEnd = (play: Play, moment: string): void => {
  const { broker, cluster, fiber, run } = play
  const exit = fiber?.pollUnsafe()
  expect(exit === undefined, () => `${moment} the run has ended: ${JSON.stringify(exit)}`)
  if (run === undefined) throw new Finding("the run has not begun")
  const { engine } = run
  const served = servedTypes(play)
  expect(engine.surveyed, () => `${moment} nothing has been discovered`)
  for (const type of served) {
    const key = typeKey(type)
    const lane = engine.lanes.get(key)
    expect(
      lane?.spec.type.version === type.version,
      () => `${moment} ${key} is served as ${type.version}, and watched as ${lane?.spec.type.version}`,
    )
    expect(lane?.state._tag === "watching" || lane?.state._tag === "paused", () => `${moment} ${key} is ${lane?.state._tag}`)
    const items = sortedItems(cluster.shelves.get(key)!)
    expect(lane !== undefined && digestText(lane.ledger) === digestOf(items), () => `${moment} the digest of ${key} is not the cluster's`)
  }
  const contents = contentsOf(play)
  judgeExact(broker.exact, broker.marksGivenUp, contents, moment)
  for (const consumer of broker.consumers) for (const [type, seen] of contents) judgeView(consumer, type, seen, moment)
  const known = new Set(served.map((type) => `${apiVersionOf(type)} ${type.kind}`))
  for (const consumer of broker.consumers)
    for (const type of consumer.view.keys()) if (!known.has(type)) judgeView(consumer, type, new Map(), moment)
  const wanted = new Set([...served.map(typeKey), definitions])
  for (const key of engine.lanes.keys()) expect(wanted.has(key), () => `${moment} ${key} is still watched`)
}

const perform = (play: Play, plan: Plan, subject: EngineSubject): void => {
  const { broker, cluster, network, world } = play
  launch(play, subject)
  watchOver(play)
  const more = actionsOf(play)
  for (const action of plan.actions) after(world, action.atMs, () => act(play, action, more))
  after(world, activeMs, () => endAllFaults(play))
  runUntil(world, startMs + activeMs + healMs)
  judgeEnd(play, "after the faults")
  network.tripwire.isOver = true
  const { lists } = network
  const { exact, messages } = broker
  const heard = takeCounts(exact)
  runUntil(world, world.nowMs + quietMs)
  expect(broker.messages === messages, () => `${broker.messages - messages} messages though nothing changes`)
  expect(network.lists === lists, () => `${network.lists - lists} lists though nothing happens`)
  judgeEnd(play, "after the quiet")
  judgeQuiet(exact, heard, servedTypes(play).length * quietDigestsMin)
  const metas = play.replies.get("meshsync-meta") ?? 0
  expect(play.questions === 0 || metas > 0, () => "no question was answered")
  play.isOver = true
  play.fiber?.interruptUnsafe()
  world.settle()
  expect(cluster.listeners.size === 0, () => `${cluster.listeners.size} watches live on after the end`)
  expect(network.running === 0, () => `${network.running} lists live on after the end`)
}

/** What the fibers threw, where it was theirs: a finding of the ports' oracles is a defect of the run. */
const defectOf = (play: Play | undefined): string | undefined => {
  const exit = play?.fiber?.pollUnsafe()
  if (exit === undefined || exit._tag === "Success") return undefined
  for (const reason of exit.cause.reasons)
    if (reason._tag === "Die")
      return reason.defect instanceof Finding
        ? reason.defect.message
        : `a fiber died: ${String(reason.defect instanceof Error ? reason.defect.stack : reason.defect)}`
  return undefined
}

/** Runs a plan with the whole engine. Any error counts as a finding. */
export const simulateEngine = (plan: Plan, subject: EngineSubject, tripwire = makeTripwire(), traced = false): EngineOutcome => {
  const world = makeWorld(plan.seed, traced)
  let play: Play | undefined
  let finding: string | undefined
  try {
    play = makePlay(plan, subject, world, tripwire)
    perform(play, plan, subject)
  } catch (error) {
    finding =
      error instanceof Finding
        ? (defectOf(play) ?? error.message)
        : `an error was thrown: ${error instanceof Error ? error.stack : String(error)}`
  }
  if (finding !== undefined) note(world, finding)
  return {
    seed: plan.seed,
    finding,
    hash: world.hash,
    steps: world.steps,
    messages: play?.broker.messages ?? 0,
    lists: play?.network.lists ?? 0,
    announcements: play?.run?.engine.counters["announcements"] ?? 0,
    calls: tripwire.calls,
    struck: tripwire.struck,
    trace: world.trace,
  }
}

const lasting = engineFaults.filter((name) => name !== "kill")

/**
 * What a seed finds, in a life without deaths, with them, and with churn: a death hides what the next life makes good.
 * @param root the folder of the sources that are simulated
 */
export const findingOfEngine = async (root: string) => {
  const subject = await loadEngine(root)
  const find = (seed: number, from: ReadonlyArray<ActionName>, churn: Churn) => simulateEngine(drawPlan(seed, from, churn), subject).finding
  return (seed: number): string | undefined =>
    find(seed, lasting, "never") ?? find(seed, engineFaults, "never") ?? find(seed, engineFaults, "always")
}

/** Takes out as many actions as can go while something is still found: halves first, then ever smaller parts. */
export const shrinkEngine = (plan: Plan, subject: EngineSubject): Plan => {
  let actions: ReadonlyArray<Action> = plan.actions
  for (let size = Math.ceil(actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < actions.length;) {
      const fewer = [...actions.slice(0, at), ...actions.slice(at + size)]
      if (simulateEngine({ ...plan, actions: fewer }, subject).finding === undefined) at += size
      else actions = fewer
    }
  }
  return { ...plan, actions }
}
