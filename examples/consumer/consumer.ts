/**
 * An exact copy of the cluster, kept with nothing but NATS and SHA-256; to be read, and to be copied into one's own program.
 *
 * One subscription for changes and marks, because two have no order between them. A change is applied as it comes. An end mark says that
 * what was not mentioned since its begin does not exist: it is forgotten, if count and digest say that nothing was missed. A digest that
 * differs twice in a row asks for everything anew. The broker carries the messages of one cluster.
 */
import { createHash } from "node:crypto"
import { connect, type Msg } from "nats"
import { makeCopy, type Change, type Content, type Copy, type Held, type HeldType, type Mark, type TypeName } from "./copy.ts"

const keyOf = ({ apiVersion, kind }: TypeName): string => `${apiVersion} ${kind}`
const addressOf = ({ name = "", namespace = "" }): string => `${namespace}/${name}`
const hashOf = (text: string): bigint => createHash("sha256").update(text).digest().readBigUInt64BE()

const heldOf = ({ types }: Copy, type: TypeName): HeldType => {
  const held = types.get(keyOf(type)) ?? { objects: new Map<string, Held>(), epoch: "", wrong: 0 }
  types.set(keyOf(type), held)
  return held
}

/** Whether objects are those that a mark speaks of. */
const agree = (objects: Iterable<readonly [string, Held]>, { count, digest, omitted }: Content): boolean => {
  const without = new Set(omitted.map(addressOf))
  const counted = [...objects].filter(([address]) => !without.has(address))
  const sum = counted.reduce((total, [, { hash }]) => total + hash, 0n)
  return counted.length === count && BigInt.asUintN(64, sum) === BigInt(`0x${digest}`)
}

const applyChange = (copy: Copy, { EventType, Object: object }: Change): void => {
  const { epoch, objects } = heldOf(copy, object)
  const { resourceVersion = "", uid } = object.metadata
  const address = addressOf(object.metadata)
  copy.counts.messages++
  if (EventType !== "DELETED") objects.set(address, { object, hash: hashOf(`${uid || address}@${resourceVersion}`), epoch })
  // The deletion of another life of the address says nothing about this one.
  else if (objects.get(address)?.object.metadata.uid === uid) objects.delete(address)
}

const prune = ({ counts }: Copy, { epoch, objects }: HeldType, end: Content & { readonly epoch: string }): void => {
  const mentioned = new Map([...objects].filter(([, held]) => held.epoch === end.epoch))
  if (epoch !== end.epoch || !agree(mentioned, end)) return
  const omitted = new Set(end.omitted.map(addressOf))
  for (const address of objects.keys()) if (!mentioned.has(address) && !omitted.has(address) && objects.delete(address)) counts.pruned++
}

/** @returns whether everything must be announced anew */
const applyMark = (copy: Copy, mark: Mark): boolean => {
  const { counts, types } = copy
  if (mark.mark === "begin") heldOf(copy, mark).epoch = mark.epoch
  if (mark.mark === "end") prune(copy, heldOf(copy, mark), mark)
  if (mark.mark === "closed") types.delete(keyOf(mark))
  if (mark.mark === "types") {
    const followed = new Set(mark.types.map(keyOf))
    for (const key of types.keys()) if (!followed.has(key)) types.delete(key)
  }
  if (mark.mark !== "digest") return false
  const held = heldOf(copy, mark)
  held.wrong = agree(held.objects, mark) ? 0 : held.wrong + 1
  if (held.wrong > 0) counts.differed++
  if (held.wrong < 2) return false
  counts.resyncs++
  for (const other of types.values()) other.wrong = 0
  return true
}

/**
 * Takes in one message of `meshery.meshsync.>`.
 * @returns whether everything must be announced anew
 */
export const applyMessage = (copy: Copy, subject: string, text: string): boolean => {
  if (subject === "meshery.meshsync.core") applyChange(copy, JSON.parse(text) as Change)
  return subject === "meshery.meshsync.sync" && applyMark(copy, JSON.parse(text) as Mark)
}

export interface FollowOptions {
  /** E.g. `nats://localhost:4222`. */
  readonly servers: string
  /** A copy to go on with, e.g. from before an interruption; a new one if absent. */
  readonly copy?: Copy
  /** Ask for everything at the start, and when digests differ; on if absent. */
  readonly mayAsk?: boolean
  /** Puts messages together that come in pieces; needed where MeshSync runs with `--oversize=chunks`. */
  readonly decoder?: { readonly take: (piece: Msg) => Uint8Array | undefined }
}

/** Keeps a copy until its connection is closed; reconnects by itself. */
export const followCluster = async ({ copy = makeCopy(), decoder, mayAsk = true, servers }: FollowOptions) => {
  const connection = await connect({ servers, name: "copy", maxReconnectAttempts: -1 })
  const ask = () => mayAsk && connection.publish("meshery.meshsync.request", '{"Request":{"Entity":"resync-discovery"}}')
  const take = (message: Msg): boolean => {
    if (message.subject !== "meshery.meshsync.oversize") return applyMessage(copy, message.subject, message.string())
    const whole = decoder?.take(message)
    return whole !== undefined && applyMessage(copy, "meshery.meshsync.core", new TextDecoder().decode(whole))
  }
  connection.subscribe("meshery.meshsync.>", { callback: (error, message) => error === null && take(message) && ask() })
  ask()
  await connection.flush()
  return { copy, connection }
}
