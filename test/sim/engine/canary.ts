/**
 * Bugs of the supervisor, of the lanes' loop and of what they say to the sink: no simulation of lanes alone can meet them. Where no public
 * report of such a bug is known, that is said.
 */
import type { Canary } from "../canary.ts"

const run = "app/run.ts"
const laneLoop = "app/laneLoop.ts"
const recorder = "app/recorder.ts"
const announce = "app/announce.ts"
const go = "the Go MeshSync"

export const engineCanaries: ReadonlyArray<Canary> = [
  {
    name: "a type that is gone is never taken for gone",
    shipped: go,
    file: run,
    from: "  supervisor.missingSinceMs = plan.missingSinceMs\n",
    to: "",
  },
  {
    name: "a lane is not told that its type is gone",
    shipped: go,
    file: run,
    from: "  yield* Queue.offer(lane.signals, fact)\n  supervisor.open",
    to: '  if (fact._tag !== "Vanished") yield* Queue.offer(lane.signals, fact)\n  supervisor.open',
  },
  {
    name: "the supervisor gives up at the first discovery that fails",
    shipped: go,
    file: run,
    from: 'else addToCounter(engine, "discovery_failures")',
    to: "else return yield* Effect.never",
  },
  {
    name: "an announcement reaches no lane",
    shipped: "meshery/meshery#20465",
    file: announce,
    from: 'for (const { signals } of open.values()) yield* Queue.offer(signals, { _tag: "ResyncAsked" })',
    to: "",
  },
  {
    name: "the deletions of types without a lane are not repeated",
    shipped: "meshery/meshsync#102",
    file: announce,
    from: "  yield* announceOrphans(desk, lastLanes)\n",
    to: "",
  },
  {
    name: "a batch in doubt is taken for delivered",
    shipped: go,
    file: "app/deliver.ts",
    from: 'if (receipt._tag === "accepted") return receipt.leftOut',
    to: 'if (receipt._tag === "accepted") return receipt.leftOut\n    if (attempt === 0) return undefined',
  },
  {
    name: "what was deleted before a restart is not repeated after it",
    shipped: go,
    file: recorder,
    from: "  for (const departure of recollection.departures.entries.slice(recollection.departures.start)) rememberDeparture(departures, departure)\n",
    to: "",
  },
  {
    name: "what was on its way at a death is taken for delivered",
    shipped: "none known",
    file: "domain/sync/recollection.ts",
    from: 'if (change._tag === "Said") hold(memory, change.object, true)',
    to: 'if (change._tag === "Said") hold(memory, change.object, false)',
  },
  {
    name: "marks overtake the changes that they speak of",
    shipped: "none known",
    file: "app/deliver.ts",
    from: "  let from = 0\n",
    to: "  for (const mark of output.marks.splice(0)) yield* deliverMark(desk, lane, mark)\n  let from = 0\n",
  },
  {
    name: "a digest is taken in the middle of a turn",
    shipped: "none known",
    file: laneLoop,
    from: "  withWord(loop.desk, loop.lane.key)(Effect.tap(decide(loop, fact), () => settle(loop, fact)))",
    to: '  (fact._tag === "DigestDue" ? (own: ReturnType<typeof decide>) => own : withWord(loop.desk, loop.lane.key))(\n    Effect.tap(decide(loop, fact), () => settle(loop, fact)) as ReturnType<typeof decide>)',
  },
  {
    name: "the begin of an announcement is not said",
    shipped: "none known",
    file: "app/deliver.ts",
    from: "  if (said === undefined) return Effect.void",
    to: '  if (said === undefined || mark === "begin") return Effect.void',
  },
  {
    name: "a page's memory is given back before its messages are made",
    shipped: "none known",
    file: laneLoop,
    from: "    const { fetching, next } = yield* hasWord(turnPage(loop, fact))\n    giveBack(loop, answer)\n",
    to: "    giveBack(loop, answer)\n    const { fetching, next } = yield* hasWord(turnPage(loop, fact))\n",
  },
  {
    name: "signals that come during a list are lost",
    shipped: "meshery/meshery#20465",
    file: laneLoop,
    from: "next = (yield* turn(loop, signal)) ?? next",
    to: 'if (signal._tag === "Started") next = (yield* turn(loop, signal)) ?? next',
  },
  {
    name: "all types are listed at once",
    shipped: go,
    file: laneLoop,
    from: "return loop.desk.lists.withPermits(1)(listPages(loop, command))",
    to: "return listPages(loop, command)",
  },
  {
    name: "deletions that a dump repeats overtake what the lane says",
    shipped: "this program",
    file: "app/storeDump.ts",
    from: "yield* withWord(desk, lane.key)(repeatDeletions(desk, lane, beganMs))",
    to: "yield* repeatDeletions(desk, lane, beganMs)",
  },
]
