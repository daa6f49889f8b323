/**
 * Two consumers of the messages' bytes. Both know an object by apiVersion, kind, namespace and name alone.
 * The first applies each message as it comes; the second gathers like Meshery Server: 100 messages or 500 ms, upserts before deletes.
 */
import { after, type World } from "./world.ts"

export interface Seen {
  readonly uid: string
  readonly version: string
}

/** By `apiVersion Kind`, then by `namespace/name`. */
export type View = Map<string, Map<string, Seen>>

export interface Delivered {
  readonly event: string
  readonly type: string
  readonly address: string
  readonly seen: Seen
}

export interface Consumer {
  readonly name: string
  readonly view: View
  readonly batch: Array<Delivered> | undefined
  flushing: boolean
  /** It hears nothing until then. */
  awayUntilMs: number
  /** When it last missed a message of a type. */
  readonly missedMs: Map<string, number>
}

const decoder = new TextDecoder("utf-8", { fatal: true })

interface Envelope {
  readonly EventType: string
  readonly Object: {
    readonly apiVersion: string
    readonly kind: string
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string; readonly resourceVersion: string }
  }
}

export const readMessage = (payload: Uint8Array): Delivered => {
  const { EventType, Object: object } = JSON.parse(decoder.decode(payload)) as Envelope
  const { name, namespace, resourceVersion, uid } = object.metadata
  return {
    event: EventType,
    type: `${object.apiVersion} ${object.kind}`,
    address: `${namespace ?? ""}/${name}`,
    seen: { uid, version: resourceVersion },
  }
}

export const makeConsumer = (name: string, isBatching: boolean): Consumer => ({
  name,
  view: new Map(),
  batch: isBatching ? [] : undefined,
  flushing: false,
  awayUntilMs: 0,
  missedMs: new Map(),
})

export const viewOf = (view: View, type: string): Map<string, Seen> => {
  const known = view.get(type)
  if (known !== undefined) return known
  const made = new Map<string, Seen>()
  view.set(type, made)
  return made
}

const apply = (view: View, { address, event, seen, type }: Delivered): void => {
  if (event === "DELETED") viewOf(view, type).delete(address)
  else viewOf(view, type).set(address, seen)
}

export const flush = (consumer: Consumer): void => {
  const { batch, view } = consumer
  consumer.flushing = false
  if (batch === undefined) return
  const whole = batch.splice(0)
  for (const message of whole) if (message.event !== "DELETED") apply(view, message)
  for (const message of whole) if (message.event === "DELETED") apply(view, message)
}

export const consume = (world: World, consumer: Consumer, message: Delivered): void => {
  const { batch, missedMs, view } = consumer
  if (world.nowMs < consumer.awayUntilMs) {
    missedMs.set(message.type, world.nowMs)
    return
  }
  if (batch === undefined) return apply(view, message)
  batch.push(message)
  if (batch.length >= 100) return flush(consumer)
  if (consumer.flushing) return
  consumer.flushing = true
  after(world, 500, () => flush(consumer))
}
