/**
 * Deletions of types that have no lane any more: their lane said so once, and repeats nothing, so the announcement repeats them here.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { typeKey, typeName } from "../domain/select/resource.ts"
import { recentDepartures, type Departure } from "../domain/sync/departures.ts"
import { makeOutput } from "../domain/sync/fact.ts"
import { makeLane } from "../domain/sync/lane.ts"
import { noRecords } from "../domain/sync/turn.ts"
import { deliverTurn } from "./deliver.ts"
import type { Desk } from "./desk.ts"

/** Repeats the remembered deletions of closed lanes. */
export const announceOrphans = Effect.fnUntraced(function* (desk: Desk) {
  const { departures, lanes } = desk.engine
  const nowMs = yield* Clock.currentTimeMillis
  const byType = new Map<string, Array<Departure>>()
  for (const departure of recentDepartures(departures, nowMs, ({ type }) => !lanes.has(typeKey(type)))) {
    const name = typeName(departure.type)
    const others = byType.get(name)
    if (others === undefined) byType.set(name, [departure])
    else others.push(departure)
  }
  for (const gone of byType.values()) {
    const { type } = gone[0] as Departure
    const output = makeOutput()
    for (const departed of gone) output.changes.push({ event: "Deleted", record: -1, departed })
    const lane = makeLane({ type, events: new Set(["DELETED"]), namespace: undefined, namespaces: undefined, selector: "", hidden: false })
    yield* deliverTurn(desk, lane, noRecords, output, "announcement")
  }
})
