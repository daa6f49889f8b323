/**
 * The consumer that knows the marks: examples/consumer itself, which is never allowed to ask.
 *
 * Oracles, asked at every mark: as long as it has missed nothing of a type it holds what was announced as living, and so it does behind
 * an announcement of which it has heard all; a digest then agrees; what it prunes is neither announced as living nor alive in the cluster.
 */
import { applyMessage } from "../../examples/consumer/consumer.ts"
import { makeCopy, type Copy, type Mark } from "../../examples/consumer/copy.ts"
import type { Cluster } from "../../src/adapters/memory/model.ts"
import { apiVersionOf } from "../../src/domain/select/resource.ts"
import { viewOf, type Delivered, type Seen } from "./consumer.ts"
import { differences, judgeHeld, type Judge } from "./judge.ts"
import { Finding } from "./world.ts"

export interface Exact {
  readonly name: string
  readonly judge: Judge
  readonly cluster: Cluster
  readonly copy: Copy
  /** It hears nothing until then. */
  awayUntilMs: number
  /** Types of which it has missed something that no announcement has made good. */
  readonly missed: Set<string>
  /** By type, the epoch that has begun last, if it has heard all of it so far. */
  readonly whole: Map<string, string>
  digests: number
  epochs: number
}

const coreSubject = "meshery.meshsync.core"
const syncSubject = "meshery.meshsync.sync"

export const makeExact = (judge: Judge, cluster: Cluster): Exact => ({
  name: "with marks",
  judge,
  cluster,
  copy: makeCopy(),
  awayUntilMs: 0,
  missed: new Set(),
  whole: new Map(),
  digests: 0,
  epochs: 0,
})

/** What it holds of a type. */
export const heldOf = ({ copy }: Pick<Exact, "copy">, type: string): ReadonlyMap<string, Seen> =>
  new Map(
    [...(copy.types.get(type)?.objects ?? [])].map(([address, { object }]) => {
      const { resourceVersion = "", uid } = object.metadata
      return [address, { uid, version: resourceVersion }]
    }),
  )

/**
 * At the end it holds what the cluster holds, and knows that: of each type of which it missed something it has heard an announcement,
 * unless a mark was given up.
 * @param marksGivenUp how many
 * @param served by type, what the cluster holds; of other types it holds nothing
 */
export const judgeExact = (
  exact: Exact,
  marksGivenUp: number,
  served: ReadonlyMap<string, ReadonlyMap<string, Seen>>,
  moment: string,
): void => {
  const waiting = [...exact.missed].filter((type) => served.has(type))
  if (marksGivenUp === 0 && waiting.length > 0)
    throw new Finding(`${moment} the consumer with marks has heard no announcement of ${waiting.join(", ")} since it was away`)
  for (const type of new Set([...served.keys(), ...exact.copy.types.keys()]))
    judgeHeld(exact.name, heldOf(exact, type), type, served.get(type) ?? new Map(), moment)
}

/** What it has heard, to be compared with when a quiet time has passed. */
export const takeCounts = ({ copy, digests }: Exact) => ({ digests, differed: copy.counts.differed })

/** In a quiet time digests are said, and agree. */
export const judgeQuiet = (exact: Exact, before: ReturnType<typeof takeCounts>, digestsMin: number): void => {
  const { differed, digests } = takeCounts(exact)
  if (digests - before.digests < digestsMin) throw new Finding(`${digests - before.digests} digests in a quiet time, not ${digestsMin}`)
  if (differed !== before.differed) throw new Finding(`${differed - before.differed} digests differ though nothing changes`)
}

const isAway = ({ awayUntilMs, judge }: Exact): boolean => judge.world.nowMs < awayUntilMs

const miss = ({ missed, whole }: Exact, type: string): void => {
  missed.add(type)
  whole.delete(type)
}

export const hearChange = (exact: Exact, { type }: Delivered, text: string): void => {
  if (isAway(exact)) miss(exact, type)
  else applyMessage(exact.copy, coreSubject, text)
}

/** Whether a life is in the cluster, as far as the type is served as the messages name it. Lives of a backup come and go unannounced. */
const isAlive = ({ cluster, judge }: Exact, type: string, address: string, { uid }: Seen): boolean =>
  !judge.restored.has(uid) &&
  [...cluster.shelves.values()].some(
    ({ items, resource: { group, kind, versions } }) =>
      `${apiVersionOf({ group, version: versions[0] ?? "" })} ${kind}` === type && items.get(address)?.uid === uid,
  )

const judgePruned = (exact: Exact, type: string, before: ReadonlyMap<string, Seen>): void => {
  const after = heldOf(exact, type)
  const living = viewOf(exact.judge.living, type)
  for (const [address, seen] of before) {
    if (after.has(address)) continue
    const isTold = living.get(address)?.uid === seen.uid
    const isLive = !exact.judge.narrowed.has(type) && isAlive(exact, type, address, seen)
    if (isTold || isLive) throw new Finding(`the consumer with marks prunes ${type} ${address} ${seen.uid}, which lives`)
  }
}

/** Behind this mark the copy must be what was announced, too large objects aside. */
const judgeCopy = (exact: Exact, type: string, mark: Extract<Mark, { readonly count: number }>): void => {
  const omitted = new Set(mark.omitted.map(({ name, namespace }) => `${namespace}/${name}`))
  const without = (view: ReadonlyMap<string, Seen>) => new Map([...view].filter(([address]) => !omitted.has(address)))
  const found = differences(without(viewOf(exact.judge.living, type)), without(heldOf(exact, type)))
  if (found.length > 0) throw new Finding(`at the mark ${mark.mark} the consumer with marks, of ${type}: ${found.slice(0, 5).join(", ")}`)
}

/** A version that is no longer preferred is not named any more, though its lane may have something to say still: its objects leave. */
const hearTypes = (exact: Exact, text: string): boolean => {
  if (isAway(exact)) return false
  const { types } = exact.copy
  const before = [...types].flatMap(([type, { objects }]) => (objects.size === 0 ? [] : [type]))
  applyMessage(exact.copy, syncSubject, text)
  for (const type of before) if (!types.has(type)) miss(exact, type)
  return false
}

/** @returns whether it wants everything to be announced again */
export const hearMark = (exact: Exact, text: string): boolean => {
  const mark = JSON.parse(text) as Mark
  const { copy, missed, whole } = exact
  if (mark.mark === "types") return hearTypes(exact, text)
  const type = `${mark.apiVersion} ${mark.kind}`
  if (isAway(exact)) {
    if (mark.mark !== "digest") miss(exact, type)
    return false
  }
  const before = heldOf(exact, type)
  const { differed } = copy.counts
  const asks = applyMessage(copy, syncSubject, text)
  if (mark.mark === "begin") whole.set(type, mark.epoch)
  if (mark.mark === "closed") missed.delete(type)
  if (mark.mark === "end") {
    judgePruned(exact, type, before)
    if (whole.get(type) === mark.epoch) missed.delete(type)
    exact.epochs++
  }
  if (mark.mark === "digest") exact.digests++
  if ((mark.mark === "end" || mark.mark === "digest") && !missed.has(type)) {
    judgeCopy(exact, type, mark)
    if (copy.counts.differed !== differed) throw new Finding(`the digest of ${type} differs though nothing of it was missed`)
  }
  return asks
}
