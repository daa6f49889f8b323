/**
 * The modules under simulation, loaded from a folder: the sources themselves, or a copy with a bug in it (canary.ts).
 * Everything else in this folder, above all what judges, always uses the sources.
 */
import { pathToFileURL } from "node:url"
import type * as Turn from "../../src/domain/sync/turn.ts"
import type * as Lane from "../../src/domain/sync/lane.ts"
import type * as Mark from "../../src/domain/sync/mark.ts"
import type * as Holding from "../../src/domain/sync/holding.ts"
import type * as Departures from "../../src/domain/sync/departures.ts"
import type * as Backoff from "../../src/domain/sync/backoff.ts"
import type * as Plan from "../../src/domain/select/plan.ts"
import type * as Frame from "../../src/domain/read/frame.ts"
import type * as Scan from "../../src/domain/read/scan.ts"
import type * as Failure from "../../src/domain/read/failure.ts"
import type * as Recreations from "../../src/adapters/nats/recreations.ts"

const load = async <Module>(root: string, file: string): Promise<Module> => (await import(pathToFileURL(`${root}/${file}`).href)) as Module

interface Modules {
  readonly turn: typeof Turn
  readonly lane: typeof Lane
  readonly mark: typeof Mark
  readonly holding: typeof Holding
  readonly departures: typeof Departures
  readonly backoff: typeof Backoff
  readonly plan: typeof Plan
  readonly frame: typeof Frame
  readonly scan: typeof Scan
  readonly failure: typeof Failure
  readonly recreations: typeof Recreations
}

export type Subject = { readonly [Name in keyof Modules]: Modules[Name] }

/** @param root the folder that holds `domain` and `adapters` */
export const loadSubject = async (root: string): Promise<Subject> => ({
  turn: await load(root, "domain/sync/turn.ts"),
  lane: await load(root, "domain/sync/lane.ts"),
  mark: await load(root, "domain/sync/mark.ts"),
  holding: await load(root, "domain/sync/holding.ts"),
  departures: await load(root, "domain/sync/departures.ts"),
  backoff: await load(root, "domain/sync/backoff.ts"),
  plan: await load(root, "domain/select/plan.ts"),
  frame: await load(root, "domain/read/frame.ts"),
  scan: await load(root, "domain/read/scan.ts"),
  failure: await load(root, "domain/read/failure.ts"),
  recreations: await load(root, "adapters/nats/recreations.ts"),
})
