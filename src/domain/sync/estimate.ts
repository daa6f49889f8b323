/**
 * What a first announcement costs, from a sample of each kind: how much there is to send, how long that takes, what is remembered of it.
 * An estimate: sizes are those of the first objects, and the consumer's speed is not known. Pure.
 */
import * as Limit from "../limit.ts"

/** What was seen of one kind. */
export interface Sample {
  /** `pods`, `deployments.apps`. */
  readonly key: string
  /** Bytes of the sample as the API server sends it. */
  readonly bytes: number
  /** Objects in the sample. */
  readonly objects: number
  /** Objects beyond the sample; undefined: the API server does not say, as with a label selector. */
  readonly remaining: number | undefined
}

export interface KindEstimate {
  readonly key: string
  readonly objects: number
  /** There are more than `objects`, how many is not known. */
  readonly atLeast: boolean
  readonly bytes: number
}

export interface Estimate {
  readonly kinds: ReadonlyArray<KindEstimate>
  readonly objects: number
  readonly bytes: number
  /** How long the pace alone makes the first announcement last; 0 without a pace. */
  readonly announcementMs: number
  /** Of the ledger: what is remembered of all objects. */
  readonly ledgerBytes: number
  /** Of the buffers: pages of the lists that run, and what a watch of each kind keeps at most. */
  readonly bufferBytesMax: number
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((total, value) => total + value, 0)

/**
 * Adds up the samples.
 * @param paced whether announcements are held to the pace of limit.ts
 */
export const estimateRun = (samples: ReadonlyArray<Sample>, paced: boolean): Estimate => {
  const kinds = samples.map(({ bytes, key, objects, remaining }): KindEstimate => {
    const all = objects + (remaining ?? 0)
    return { key, objects: all, atLeast: remaining === undefined, bytes: objects === 0 ? 0 : Math.round((bytes / objects) * all) }
  })
  const objects = sum(kinds.map((kind) => kind.objects))
  const bytes = sum(kinds.map((kind) => kind.bytes))
  const seconds = paced ? Math.max(objects / Limit.paceMessagesPerSecond, bytes / Limit.paceBytesPerSecond) : 0
  return {
    kinds,
    objects,
    bytes,
    announcementMs: Math.round(seconds * 1000),
    ledgerBytes: objects * Limit.ledgerBytesPerObject,
    bufferBytesMax: 2 * Limit.listsConcurrentMax * Limit.pageBytesTarget + kinds.length * Limit.framerBytesKept,
  }
}
