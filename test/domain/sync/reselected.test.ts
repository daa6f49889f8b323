/**
 * A lane that is selected differently again and again, at any moment of its lists and watches, over objects that come, change and go.
 * In the end a consumer holds exactly what the last selection admits; on the way nothing is said twice that nobody asked for.
 */
import { expect, it } from "vitest"
import type { LaneSpec } from "../../../src/domain/select/selection.ts"
import { makeDepartures, type Departures } from "../../../src/domain/sync/departures.ts"
import { clearOutput, makeOutput, type Command, type Fact } from "../../../src/domain/sync/fact.ts"
import { makeLane, type Lane } from "../../../src/domain/sync/lane.ts"
import { departedOf, noRecords, takeTurn } from "../../../src/domain/sync/turn.ts"
import { type Chance, forSeeds } from "../wire/seeded.ts"
import { bookmark, line, listed, observed, specOf, thing, type Thing } from "./block.ts"

const namespaces = ["shop", "lab"] as const
const scopes: ReadonlyArray<Partial<LaneSpec>> = [
  {},
  { namespace: "shop" },
  { namespace: "lab" },
  { namespaces: new Set(["shop"]) },
  { namespaces: new Set(["shop", "lab"]) },
  { depth: "metadata" },
  { namespace: "shop", depth: "metadata" },
]

interface World {
  readonly chance: Chance
  readonly lane: Lane
  version: number
  lives: number
  readonly objects: Map<string, Thing>
  readonly log: Array<{ readonly at: number; readonly namespace: string; readonly text: string }>
  /** The rest of the running list, as it was when it began. */
  rest: ReadonlyArray<Thing>
  listVersion: number
  readonly departures: Departures
  readonly consumer: Map<string, string>
  /** Said again on purpose: everything, until a list is complete. */
  isAgain: boolean
  /** All events count at all times, so nothing may be said that does not fit what was said before. */
  readonly isExact: boolean
}

const addressOf = ({ name, namespace }: Pick<Thing, "name" | "namespace">): string => `${namespace}/${name}`

const write = (world: World): void => {
  const { chance, log, objects } = world
  const [namespace, name] = [chance.pick(namespaces), chance.pick(["a", "b", "c"])]
  const address = `${namespace}/${name}`
  const before = objects.get(address)
  const version = String(++world.version)
  const isDeleted = before !== undefined && chance.below(2) === 0
  const next = isDeleted ? { ...before, version } : thing(name, version, before?.uid ?? `life-${++world.lives}`, namespace)
  if (isDeleted) objects.delete(address)
  else objects.set(address, next)
  log.push({ at: world.version, namespace, text: line(isDeleted ? "DELETED" : before === undefined ? "ADDED" : "MODIFIED", next) })
}

/** What the API server shows of this selection. */
const shows = ({ lane: { spec } }: World, namespace: string): boolean => spec.namespace === undefined || spec.namespace === namespace

const admits = (world: World, namespace: string): boolean => shows(world, namespace) && (world.lane.spec.namespaces?.has(namespace) ?? true)

/** The fact that a command leads to. */
const answer = (world: World, command: Command | undefined): Fact => {
  const { chance, lane, log, objects } = world
  switch (command?._tag) {
    case "List": {
      if (chance.below(8) === 0) return { _tag: "ListFailed", failure: { _tag: "Unavailable", text: "503", retryAfterMs: undefined } }
      if (command.continue === "") {
        world.rest = [...objects.values()].filter(({ namespace }) => shows(world, namespace))
        world.listVersion = world.version
      }
      const page = world.rest.slice(0, 2)
      world.rest = world.rest.slice(2)
      return listed(page, String(world.listVersion), world.rest.length > 0 ? "more" : "")
    }
    case "Pause":
      return { _tag: "PauseElapsed" }
    default: {
      if (chance.below(8) === 0) return { _tag: "WatchFailed", failure: { _tag: "Gone", text: "410" } }
      const events = log.filter(({ at, namespace }) => at > Number(lane.resourceVersion) && shows(world, namespace))
      return observed(
        ...events.slice(0, 1 + chance.below(3)).map(({ text }) => text),
        ...(events.length > 3 ? [] : [bookmark(String(world.version))]),
      )
    }
  }
}

const output = makeOutput()

const turn = (world: World, fact: Fact): Command | undefined => {
  const { consumer, lane } = world
  clearOutput(output)
  world.isAgain ||= lane.announcing
  takeTurn(lane, fact, world.version, world.departures, output)
  const records = "records" in fact ? fact.records : noRecords
  for (const change of output.changes) {
    const object = departedOf(change, records)
    const [address, seen] = [addressOf(object), `${object.uid}@${object.resourceVersion}`]
    if (change.event === "Deleted") {
      if (world.isExact && !output.announced) expect(consumer.has(address)).toBe(true)
      consumer.delete(address)
    } else {
      if (!world.isAgain) expect(`${address} ${consumer.get(address)}`).not.toBe(`${address} ${seen}`)
      consumer.set(address, seen)
    }
  }
  if (output.announced) world.isAgain = false
  return output.commands.at(-1)
}

const makeWorld = (chance: Chance, lane: Lane, isExact: boolean): World => ({
  chance,
  lane,
  version: 1,
  lives: 0,
  objects: new Map(),
  log: [],
  rest: [],
  listVersion: 0,
  departures: makeDepartures(),
  consumer: new Map(),
  isAgain: false,
  isExact,
})

const expectedOf = (world: World): ReadonlyMap<string, string> => {
  const wanted = [...world.objects.values()].filter(({ namespace }) => admits(world, namespace))
  return new Map(wanted.map((one) => [addressOf(one), `${one.uid}@${one.version}`]))
}

const events: ReadonlyArray<LaneSpec["events"]> = [
  new Set(),
  new Set(["MODIFIED"]),
  new Set(["ADDED", "MODIFIED"]),
  new Set(["ADDED", "DELETED"]),
  new Set(["DELETED"]),
  specOf().events,
]

it("once all events count, nothing is missing and nothing stays, whichever counted before", () => {
  forSeeds(300, (chance) => {
    const lane = makeLane(specOf({ events: chance.pick(events) }))
    const world = makeWorld(chance, lane, false)
    for (let i = 0; i < 6; i++) write(world)
    let command = turn(world, { _tag: "Started" })
    for (let i = 0; i < 60; i++) {
      if (chance.below(3) === 0) write(world)
      const isEdit = chance.below(8) === 0
      const fact: Fact = isEdit ? { _tag: "Reselected", spec: specOf({ events: chance.pick(events) }) } : answer(world, command)
      command = turn(world, fact) ?? command
    }
    if (lane.spec.events.size < 3) command = turn(world, { _tag: "Reselected", spec: specOf() }) ?? command
    for (let i = 0; i < 40; i++) command = turn(world, answer(world, command))
    expect(world.consumer).toEqual(expectedOf(world))
  })
})

it("says what leaves and what comes, whenever that happens", () => {
  let deletions = 0
  forSeeds(500, (chance) => {
    const lane = makeLane(specOf(chance.pick(scopes)))
    const world = makeWorld(chance, lane, true)
    for (let i = 0; i < 6; i++) write(world)
    let command = turn(world, { _tag: "Started" })
    for (let i = 0; i < 60; i++) {
      if (chance.below(3) === 0) write(world)
      const roll = chance.below(12)
      if (roll === 0) command = turn(world, { _tag: "ResyncAsked" }) ?? command
      else if (roll < 3) {
        const before = world.consumer.size
        command = turn(world, { _tag: "Reselected", spec: specOf(chance.pick(scopes)) }) ?? command
        // Only a list tells what leaves.
        if (world.consumer.size !== before) throw new Error("a new selection alone has said something")
      } else command = turn(world, answer(world, command))
      deletions += output.changes.filter(({ departed }) => departed !== undefined).length
    }
    const expected = expectedOf(world)
    const rest = (): void => {
      for (let i = 0; i < 40; i++) command = turn(world, answer(world, command))
      expect(world.consumer).toEqual(expected)
    }
    rest()
    // What an announcement repeats takes nothing away that belongs.
    command = turn(world, { _tag: "ResyncAsked" })
    rest()
  })
  expect(deletions).toBeGreaterThan(1_000)
})
