/**
 * When marks are due, and what they say of a lane. A mark stands behind all changes of its turn and describes exactly what has been
 * announced up to there, so it is made when these have been accepted.
 *
 * Invariants: an epoch begins before anything of it is announced and ends behind the sweep of a complete list that has announced all that
 * the ledger holds; a list that only compares (after a watch was lost) neither begins nor ends one. Lanes that do not announce every event
 * say nothing of their content, for no consumer can have it.
 */
import { omittedMax } from "../limit.ts"
import { apiVersionOf } from "../select/resource.ts"
import { allEvents } from "../select/selection.ts"
import { encodeText } from "../wire/writer.ts"
import type { SyncMark } from "../wire/mark.ts"
import { addToDigest, digestText } from "./digest.ts"
import type { Engine } from "./engine.ts"
import type { Departed, Mark, Output } from "./fact.ts"
import type { Lane } from "./lane.ts"

/** Whether a consumer can hold what the ledger holds. */
const isExact = ({ spec }: Lane): boolean => !spec.hidden && spec.events.size === allEvents.size

/** A list that will have announced everything begins an epoch, unless one is open already: a failed list goes on with the next one. */
export const beginEpoch = (lane: Lane, output: Output): void => {
  const isFull = lane.announcing || (!lane.synced && lane.ledger.size === 0)
  if (!isFull || lane.epochOpen) return
  lane.epochOpen = true
  if (isExact(lane)) output.marks.push("begin")
}

/** A list is complete, and what it did not meet has been swept. */
export const endEpoch = (lane: Lane, output: Output): void => {
  if (lane.epochOpen && isExact(lane)) output.marks.push("end")
  lane.epochOpen = false
}

/** It is time to say what the lane holds: not in the middle of a list, whose end will say so. */
export const markDigest = (lane: Lane, output: Output): void => {
  if (lane.synced && lane.state._tag !== "listing" && isExact(lane)) output.marks.push("digest")
}

/** The lane says nothing any more. */
export const markClosed = (lane: Lane, output: Output, cause: "deselected" | "vanished"): void => {
  if (!lane.spec.hidden) output.marks.push(cause)
}

const addressOf = ({ name, namespace }: Departed): string => `${namespace}/${name}`

/** Remembers an object whose message is too large to be sent. Beyond the bound all is left as it is until the next epoch. */
export const noteOmitted = (lane: Lane, object: Departed): void => {
  if (lane.omitted.size <= omittedMax) lane.omitted.set(addressOf(object), object)
}

/** An object's message goes out: the consumer will have its present state. */
export const noteSent = (lane: Lane, object: Departed): void => {
  if (lane.omitted.size > 0 && lane.omitted.size <= omittedMax) lane.omitted.delete(addressOf(object))
}

/** How many objects a consumer holds if it has everything, and their digest. */
const contentOf = ({ ledger, omitted }: Lane) => {
  const digest = { digestHigh: ledger.digestHigh, digestLow: ledger.digestLow }
  for (const { name, namespace, resourceVersion, uid } of omitted.values()) {
    const text = encodeText(`${uid === "" ? `${namespace}/${name}` : uid}@${resourceVersion}`)
    addToDigest(digest, text, text.length, -1)
  }
  return {
    count: ledger.size - omitted.size,
    digest: digestText(digest),
    omitted: [...omitted.values()].map(({ name, namespace }) => ({ namespace, name })),
  }
}

/**
 * A mark in words, to be called when all changes of its turn have been accepted. A begin opens the lane's next epoch.
 * @returns undefined where too much is omitted for anything to be said of the content
 */
export const describeMark = (engine: Engine, lane: Lane, mark: Mark): SyncMark | undefined => {
  const { type } = lane.spec
  const about = { run: engine.run, cluster: engine.clusterId, apiVersion: apiVersionOf(type), kind: type.kind }
  switch (mark) {
    case "begin":
      lane.omitted.clear()
      lane.epoch = `${engine.run}.${++engine.epochs}`
      return { mark, ...about, epoch: lane.epoch }
    case "end":
      return lane.omitted.size > omittedMax ? undefined : { mark, ...about, epoch: lane.epoch, ...contentOf(lane) }
    case "digest":
      return lane.omitted.size > omittedMax ? undefined : { mark, ...about, ...contentOf(lane) }
    case "deselected":
    case "vanished":
      return { mark: "closed", ...about, cause: mark }
  }
}

/** The types of which something may still be said. */
export const describeTypes = (engine: Engine): SyncMark => {
  const lanes = [...engine.lanes.values(), ...engine.asleep.values()].filter(({ spec }) => !spec.hidden)
  const types = lanes.map(({ spec: { type } }) => ({ apiVersion: apiVersionOf(type), kind: type.kind }))
  return { mark: "types", run: engine.run, cluster: engine.clusterId, types }
}
