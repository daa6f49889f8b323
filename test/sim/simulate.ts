/**
 * One run: faults and writes for eight minutes of virtual time, then time to heal, then quiet.
 */
import { sortedItems } from "../../src/adapters/memory/model.ts"
import { marksEveryMs } from "../../src/domain/limit.ts"
import { apiVersionOf, typeKey } from "../../src/domain/select/resource.ts"
import { activeMs, type Action, type Churn, drawPlan, faults, type Plan } from "./action.ts"
import { judgeExact, judgeQuiet, takeCounts } from "./exact.ts"
import { judgeView } from "./judge.ts"
import { act, endFaults, fill } from "./happening.ts"
import { makePlay, servedTypes, type Play } from "./scene.ts"
import { loadSubject, type Subject } from "./subject.ts"
import { after, Finding, makeWorld, runUntil, startMs, type World } from "./world.ts"

/**
 * Time to heal after the last fault: a version from the future is noticed when its watch has ended (10 min and a half at most), a
 * refusal is asked again after 5 min at most, and an announcement waits for 15 s.
 */
const healMs = 17 * 60_000
/** Then nothing is said and nothing is listed for so long, which is longer than a watch lasts. */
const quietMs = 11 * 60_000

export interface Outcome {
  readonly seed: number
  /** What an oracle found; undefined: nothing. */
  readonly finding: string | undefined
  readonly hash: number
  readonly matrix: ReadonlyMap<string, number>
  readonly completedLists: number
  readonly messages: number
  readonly steps: number
  readonly trace: ReadonlyArray<string>
}

/** Digests of a type that come in the quiet time at least. */
export const quietDigestsMin = quietMs / marksEveryMs - 2

/** What the cluster holds of each type served, by the type's name in messages. */
export const contentsOf = (play: Pick<Play, "cluster">) =>
  new Map(
    servedTypes(play).map((type) => {
      const items = sortedItems(play.cluster.shelves.get(typeKey(type))!)
      const seen = items.map(({ name, namespace, uid, version }) => [`${namespace}/${name}`, { uid, version: String(version) }] as const)
      return [`${apiVersionOf(type)} ${type.kind}`, new Map(seen)] as const
    }),
  )

const judgeEnd = (play: Play, moment: string): void => {
  const served = servedTypes(play)
  for (const type of served) {
    const runner = play.open.get(typeKey(type))
    if (runner?.lane.state._tag !== "watching" && runner?.lane.state._tag !== "paused") {
      throw new Finding(`${moment} ${typeKey(type)} is ${runner?.lane.state._tag ?? "not watched"}`)
    }
  }
  const contents = contentsOf(play)
  judgeExact(play.broker.exact, play.broker.marksGivenUp, contents, moment)
  for (const consumer of play.broker.consumers) {
    for (const [type, items] of contents) judgeView(consumer, type, items, moment)
    const known = new Set([
      ...served.map((type) => `${apiVersionOf(type)} ${type.kind}`),
      ...[...play.forgotten.values()].flatMap((types) => [...types]),
    ])
    for (const type of consumer.view.keys()) if (!known.has(type)) judgeView(consumer, type, new Map(), moment)
  }
}

const perform = (world: World, plan: Plan, subject: Subject, seen: (play: Play) => void): void => {
  const play = makePlay(plan, subject, world, fill)
  seen(play)
  for (const action of plan.actions) after(world, action.atMs, () => act(play, action))
  after(world, activeMs, () => endFaults(play))
  runUntil(world, startMs + activeMs + healMs)
  judgeEnd(play, "after the faults")
  const { lists } = play
  const { exact, messages } = play.broker
  const heard = takeCounts(exact)
  runUntil(world, world.nowMs + quietMs)
  if (play.broker.messages !== messages) throw new Finding(`${play.broker.messages - messages} messages though nothing changes`)
  if (play.lists !== lists) throw new Finding(`${play.lists - lists} lists though nothing happens`)
  judgeEnd(play, "after the quiet")
  judgeQuiet(exact, heard, servedTypes(play).length * quietDigestsMin)
}

/** Runs a plan. Any error counts as a finding: the engine must not throw. */
export const simulatePlan = (plan: Plan, subject: Subject, traced = false): Outcome => {
  const world = makeWorld(plan.seed, traced)
  let play: Play | undefined
  let finding: string | undefined
  try {
    perform(world, plan, subject, (made) => (play = made))
  } catch (error) {
    finding = error instanceof Finding ? error.message : `an error was thrown: ${error instanceof Error ? error.stack : String(error)}`
  }
  return {
    seed: plan.seed,
    finding,
    hash: world.hash,
    matrix: play?.judge.matrix ?? new Map(),
    completedLists: play?.judge.completedLists ?? 0,
    messages: play?.broker.messages ?? 0,
    steps: world.steps,
    trace: world.trace,
  }
}

export const simulate = (seed: number, subject: Subject): Outcome => simulatePlan(drawPlan(seed), subject)

/**
 * What a seed finds, without churn or with it.
 * @param root the folder of the sources that are simulated
 */
export const findingOfLanes = async (root: string) => {
  const subject = await loadSubject(root)
  const find = (seed: number, churn: Churn) => simulatePlan(drawPlan(seed, faults, churn), subject).finding
  return (seed: number): string | undefined => find(seed, "never") ?? find(seed, "always")
}

/** Takes out as many actions as can go while something is still found: halves first, then ever smaller parts. */
export const shrink = (plan: Plan, subject: Subject): Plan => {
  let actions: ReadonlyArray<Action> = plan.actions
  for (let size = Math.ceil(actions.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < actions.length;) {
      const fewer = [...actions.slice(0, at), ...actions.slice(at + size)]
      if (simulatePlan({ ...plan, actions: fewer }, subject).finding === undefined) at += size
      else actions = fewer
    }
  }
  return { ...plan, actions }
}
