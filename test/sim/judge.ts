/**
 * The oracles. Each either finds nothing or ends the run with a sentence.
 *
 * Of what a lane announces, in order: an object is Added before it is Modified, never Added twice unless everything is announced again, and
 * never said to be what it was before; of every life there is one Deleted, and no other life of its address before it. A completed list
 * leaves the ledger, and every consumer that missed nothing, with exactly what the list showed. In the end every consumer holds what the
 * server holds.
 */
import type { LaneSpec } from "../../src/domain/select/selection.ts"
import { flush, viewOf, type Consumer, type Seen, type View } from "./consumer.ts"
import { Finding, type World } from "./world.ts"

/** An announced change: what a consumer will be told. */
export interface Told {
  readonly event: "Added" | "Modified" | "Deleted"
  readonly type: string
  readonly address: string
  readonly seen: Seen
}

export interface Judge {
  readonly world: World
  /** What is announced as living. */
  readonly living: View
  /** `type uid` of the lives whose Deleted has been announced. */
  readonly buried: Set<string>
  /** Those of them that the server has not brought back since, by preferring an older version. */
  readonly dead: Set<string>
  /** Uids that a backup has brought back to life, or may yet while a Deleted of theirs is on its way. */
  readonly restored: Set<string>
  /** Addresses with their types of which the program may say again what it said before its death. */
  readonly unsure: Set<string>
  /** Uids of which a life was about to be announced when the program died; whether it was, only a judge knows. */
  readonly intended: Set<string>
  /** Types of which not everything is selected. */
  readonly narrowed: Set<string>
  /** How often a fact met a state. */
  readonly matrix: Map<string, number>
  completedLists: number
}

export const makeJudge = (world: World): Judge => ({
  world,
  living: new Map(),
  buried: new Set(),
  dead: new Set(),
  restored: new Set(),
  unsure: new Set(),
  intended: new Set(),
  narrowed: new Set(),
  matrix: new Map(),
  completedLists: 0,
})

export const countMeeting = ({ matrix }: Judge, state: string, fact: string): void => {
  const cell = `${state} × ${fact}`
  matrix.set(cell, (matrix.get(cell) ?? 0) + 1)
}

const expect = (holds: boolean, finding: () => string): void => {
  if (!holds) throw new Finding(finding())
}

/** An older state than the one that was said last: only a backup brings it back. */
const isOlder = ({ restored }: Judge, seen: Seen, known: Seen | undefined): boolean =>
  known?.uid === seen.uid && Number(seen.version) < Number(known.version) && !restored.has(seen.uid)

/**
 * @param isAgain everything is being announced again
 * @param isRepeating the turn completes such an announcement: it repeats deletions
 */
export const judgeChange = (judge: Judge, told: Told, isAgain: boolean, isRepeating: boolean): void => {
  const { address, event, seen, type } = told
  const living = viewOf(judge.living, type)
  const known = living.get(address)
  const life = `${type} ${seen.uid}`
  const isIntended = judge.intended.has(seen.uid)
  const isUnsure = isIntended || judge.unsure.has(`${type} ${address}`)
  const what = () => `${event} ${type} ${address} ${seen.uid} @${seen.version}`
  switch (event) {
    case "Added":
      expect(known === undefined || known.uid === seen.uid, () => `${what()}: another life of the address was not deleted`)
      expect(known === undefined || isAgain || isUnsure, () => `${what()}: it had been added before`)
      expect(!isOlder(judge, seen, known), () => `${what()}: @${known?.version} had been said`)
      expect(!judge.dead.has(life) || judge.restored.has(seen.uid), () => `${what()}: it had been deleted`)
      living.set(address, seen)
      return
    case "Modified":
      // A deletion that may have reached nobody, of a life that a backup has brought back.
      if (known === undefined && isUnsure && judge.restored.has(seen.uid)) return void living.set(address, seen)
      expect(known !== undefined, () => `${what()}: it was never added`)
      expect(known?.uid === seen.uid, () => `${what()}: the address belongs to another life, ${known?.uid}`)
      expect(known?.version !== seen.version, () => `${what()}: nothing has changed`)
      expect(!isOlder(judge, seen, known), () => `${what()}: @${known?.version} had been said`)
      living.set(address, seen)
      return
    case "Deleted":
      if (known === undefined) {
        // The program cannot know whether it came to say so: rather one deletion too many than one too few.
        if (isIntended && !judge.buried.has(life)) return void judge.buried.add(life)
        expect((isRepeating || isUnsure) && judge.buried.has(life), () => `${what()}: nothing of it was living`)
        return
      }
      // What was said of the present life before a death may have reached nobody: then the end of the one before is said first.
      if (isUnsure && known.uid !== seen.uid && judge.buried.has(life)) return
      expect(known.uid === seen.uid, () => `${what()}: the address belongs to another life, ${known.uid}`)
      living.delete(address)
      judge.buried.add(life)
      judge.dead.add(life)
  }
}

/** What a consumer, on the right, has otherwise. */
export const differences = (left: ReadonlyMap<string, Seen>, right: ReadonlyMap<string, Seen>): ReadonlyArray<string> => {
  const found: Array<string> = []
  for (const [address, seen] of left) {
    const other = right.get(address)
    if (other === undefined) found.push(`lacks ${address}`)
    else if (other.uid !== seen.uid || other.version !== seen.version) found.push(`${address} is @${other.version}, not @${seen.version}`)
  }
  for (const address of right.keys()) if (!left.has(address)) found.push(`still has ${address}`)
  return found
}

/** @param moment when this is asked */
export const judgeView = (consumer: Consumer, type: string, server: ReadonlyMap<string, Seen>, moment: string): void =>
  judgeHeld(consumer.name, viewOf(consumer.view, type), type, server, moment)

/**
 * @param name of the consumer
 * @param held what it holds of the type
 */
export const judgeHeld = (
  name: string,
  held: ReadonlyMap<string, Seen>,
  type: string,
  server: ReadonlyMap<string, Seen>,
  moment: string,
): void => {
  const found = differences(server, held)
  expect(found.length === 0, () => `${moment} the consumer ${name}, of ${type}: ${found.slice(0, 5).join(", ")}`)
}

/** A type that is no longer selected: consumers are told nothing more, so nothing is expected of them. */
export const forgetType = (judge: Judge, consumers: ReadonlyArray<Consumer>, type: string): void => {
  judge.living.delete(type)
  for (const consumer of consumers) {
    flush(consumer)
    consumer.view.delete(type)
  }
}

/** What is selected of a type from now on: what was announced as deleted because it no longer was may live once more. */
export const noteSelection = (judge: Judge, type: string, { namespace, namespaces }: LaneSpec): void => {
  if (namespace === undefined && namespaces === undefined) judge.narrowed.delete(type)
  else judge.narrowed.add(type)
  reviveType(judge, type)
}

/** A version that is preferred again: what was announced as deleted under it lives once more. */
export const reviveType = ({ dead }: Judge, type: string): void => {
  for (const life of dead) if (life.startsWith(`${type} `)) dead.delete(life)
}
