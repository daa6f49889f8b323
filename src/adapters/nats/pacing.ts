/**
 * A token bucket over messages and bytes at once. A batch is never split: it may go when the debt of those before it is paid, and
 * leaves its own.
 * Invariant: over any stretch of time at most rate x time + one burst + one batch pass. Time is an argument; nothing here waits.
 */
import { batchBytesMax, batchMessagesMax, paceBytesPerSecond, paceMessagesPerSecond } from "../../domain/limit.ts"

export interface Pace {
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
  readonly burstMessages: number
  readonly burstBytes: number
}

/** What a Go consumer with default limits can stand, with one batch of burst. */
export const paceDefault: Pace = {
  messagesPerSecond: paceMessagesPerSecond,
  bytesPerSecond: paceBytesPerSecond,
  burstMessages: batchMessagesMax,
  burstBytes: batchBytesMax,
}

/** What may go now; negative is debt. */
export interface Bucket {
  readonly messages: number
  readonly bytes: number
  readonly atMs: number
}

/** A bucket from which a burst may be taken at once. */
export const fullBucket = (pace: Pace, nowMs: number): Bucket => ({ messages: pace.burstMessages, bytes: pace.burstBytes, atMs: nowMs })

/**
 * Takes a batch out of the bucket.
 * @returns the bucket after it, and how long the batch must wait, in milliseconds
 */
export const takeBatch = (
  pace: Pace,
  bucket: Bucket,
  messages: number,
  bytes: number,
  nowMs: number,
): { readonly bucket: Bucket; readonly waitMs: number } => {
  // A clock that steps back must not empty the bucket.
  const seconds = Math.max(0, nowMs - bucket.atMs) / 1000
  const haveMessages = Math.min(pace.burstMessages, bucket.messages + seconds * pace.messagesPerSecond)
  const haveBytes = Math.min(pace.burstBytes, bucket.bytes + seconds * pace.bytesPerSecond)
  // Whole batches count, capped at the burst: one message larger than the burst goes when the bucket is full.
  const lackMessages = Math.min(messages, pace.burstMessages) - haveMessages
  const lackBytes = Math.min(bytes, pace.burstBytes) - haveBytes
  const waitMs = Math.max(0, Math.ceil((lackMessages / pace.messagesPerSecond) * 1000), Math.ceil((lackBytes / pace.bytesPerSecond) * 1000))
  return { bucket: { messages: haveMessages - messages, bytes: haveBytes - bytes, atMs: nowMs }, waitMs }
}
