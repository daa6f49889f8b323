/**
 * The modules under simulation, loaded from a folder: the sources themselves, or a copy with a bug in it (canary.ts).
 * Everything else in this folder, above all what judges, always uses the sources.
 */
import { pathToFileURL } from "node:url"

const load = async <Module>(root: string, file: string): Promise<Module> => (await import(pathToFileURL(`${root}/${file}`).href)) as Module

interface Modules {
  readonly turn: typeof import("../../src/domain/sync/turn.ts")
  readonly lane: typeof import("../../src/domain/sync/lane.ts")
  readonly departures: typeof import("../../src/domain/sync/departures.ts")
  readonly backoff: typeof import("../../src/domain/sync/backoff.ts")
  readonly plan: typeof import("../../src/domain/select/plan.ts")
  readonly frame: typeof import("../../src/domain/read/frame.ts")
  readonly scan: typeof import("../../src/domain/read/scan.ts")
  readonly failure: typeof import("../../src/domain/read/failure.ts")
  readonly recreations: typeof import("../../src/adapters/nats/recreations.ts")
}

export type Subject = { readonly [Name in keyof Modules]: Modules[Name] }

/** @param root the folder that holds `domain` and `adapters` */
export const loadSubject = async (root: string): Promise<Subject> => ({
  turn: await load(root, "domain/sync/turn.ts"),
  lane: await load(root, "domain/sync/lane.ts"),
  departures: await load(root, "domain/sync/departures.ts"),
  backoff: await load(root, "domain/sync/backoff.ts"),
  plan: await load(root, "domain/select/plan.ts"),
  frame: await load(root, "domain/read/frame.ts"),
  scan: await load(root, "domain/read/scan.ts"),
  failure: await load(root, "domain/read/failure.ts"),
  recreations: await load(root, "adapters/nats/recreations.ts"),
})
