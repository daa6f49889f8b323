/**
 * Deletions of types that have no lane any more: their lane said so once, and repeats nothing, so the announcement repeats them here.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { typeKey, typeName } from "../domain/select/resource.ts"
import { recentDepartures, type Departure } from "../domain/sync/departures.ts"
import { makeOutput } from "../domain/sync/fact.ts"
import { makeLane } from "../domain/sync/lane.ts"
import { noRecords, repeatDeparture } from "../domain/sync/turn.ts"
import { deliverTurn } from "./deliver.ts"
import { withWord, type Desk } from "./desk.ts"

/**
 * Repeats the remembered deletions of closed lanes.
 * @param lastLanes by type key, what a lane waits for before it begins: a type that comes back meanwhile must not be announced as living
 *   first and as deleted afterwards
 */
export const announceOrphans = Effect.fnUntraced(function* (desk: Desk, lastLanes: Map<string, Deferred.Deferred<void>>) {
  const { asleep, departures, lanes } = desk.engine
  const nowMs = yield* Clock.currentTimeMillis
  const byType = new Map<string, Array<Departure>>()
  for (const departure of recentDepartures(departures, nowMs, ({ type }) => !lanes.has(typeKey(type)) && !asleep.has(typeKey(type)))) {
    const name = typeName(departure.type)
    const others = byType.get(name)
    if (others === undefined) byType.set(name, [departure])
    else others.push(departure)
  }
  const done = yield* Deferred.make<void>()
  for (const gone of byType.values()) for (const { type } of gone.slice(0, 1)) lastLanes.set(typeKey(type), done)
  yield* Effect.ensuring(deliverDepartures(desk, byType.values()), Deferred.succeed(done, undefined))
})

const deliverDepartures = Effect.fnUntraced(function* (desk: Desk, byType: Iterable<ReadonlyArray<Departure>>) {
  for (const gone of byType) {
    const { type } = gone[0] as Departure
    const output = makeOutput()
    output.changes.push(...gone.map(repeatDeparture))
    const lane = makeLane({ type, events: new Set(["DELETED"]), namespace: undefined, namespaces: undefined, selector: "", hidden: false })
    yield* withWord(desk, lane.key)(deliverTurn(desk, lane, noRecords, output, "announcement"))
  }
})
