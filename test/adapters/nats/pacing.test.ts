import { assert, describe, it } from "@effect/vitest"
import { fullBucket, type Pace, paceDefault, takeBatch } from "../../../src/adapters/nats/pacing.ts"

const pace: Pace = { messagesPerSecond: 100, bytesPerSecond: 1000, burstMessages: 10, burstBytes: 200 }

/** Sends batches one after the other as fast as allowed; the times at which they went, in milliseconds. */
const sendAll = (batches: ReadonlyArray<readonly [messages: number, bytes: number]>, rate: Pace = pace): ReadonlyArray<number> => {
  let nowMs = 0
  let bucket = fullBucket(rate, nowMs)
  return batches.map(([messages, bytes]) => {
    const taken = takeBatch(rate, bucket, messages, bytes, nowMs)
    bucket = taken.bucket
    nowMs += taken.waitMs
    return nowMs
  })
}

describe("the pace of announcements", () => {
  it("lets one burst through at once, then keeps to the rate of messages", () => {
    const times = sendAll(Array.from({ length: 21 }, () => [10, 1] as const))
    assert.strictEqual(times[0], 0)
    assert.deepStrictEqual(times.slice(1, 4), [100, 200, 300])
    assert.strictEqual(times[20], 2000)
  })

  it("keeps to the rate of bytes", () => {
    assert.deepStrictEqual(
      sendAll([
        [1, 200],
        [1, 200],
        [1, 100],
        [1, 200],
      ]),
      [0, 200, 300, 500],
    )
  })

  it("lets a batch larger than the burst go when the bucket is full, and makes the next one pay", () => {
    assert.deepStrictEqual(
      sendAll([
        [1, 1000],
        [1, 10],
      ]),
      [0, 810],
    )
  })

  it("gathers no more than one burst while idle", () => {
    const idle = takeBatch(pace, fullBucket(pace, 0), 10, 1, 3_600_000)
    assert.strictEqual(idle.waitMs, 0)
    assert.strictEqual(takeBatch(pace, idle.bucket, 10, 1, 3_600_000).waitMs, 100)
  })

  it("waits in order when several ask in the same moment", () => {
    let bucket = fullBucket(pace, 0)
    const waits = [10, 10, 10].map((messages) => {
      const taken = takeBatch(pace, bucket, messages, 1, 0)
      bucket = taken.bucket
      return taken.waitMs
    })
    assert.deepStrictEqual(waits, [0, 100, 200])
  })

  it("is not upset by a clock that steps back", () => {
    const ahead = takeBatch(pace, fullBucket(pace, 5000), 10, 1, 5000)
    assert.strictEqual(takeBatch(pace, ahead.bucket, 10, 1, 1000).waitMs, 100)
  })

  it("sends 15,000 announcements in ten seconds by default", () => {
    const times = sendAll(
      Array.from({ length: 60 }, () => [250, 250 * 8_000] as const),
      { ...paceDefault, bytesPerSecond: 1e9, burstBytes: 1e9 },
    )
    assert.closeTo(times.at(-1) ?? 0, 59 * (250 / 1500) * 1000, 100)
  })
})
