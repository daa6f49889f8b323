/**
 * A subscriber as a process of its own: counts messages and the distinct uids in them, and models what a nats.go consumer would have
 * dropped.   node bench/subscriber.ts URL OBJECTS HANDLER_MS
 * Prints `ready`, then one line of JSON when as many messages as objects have come.
 */
import { connect } from "nats"

const [url = "", objects = "20000", handlerMs = "0.5"] = process.argv.slice(2)
const wanted = Number(objects)
/** nats.go's default for a subscription: what waits beyond this is dropped. */
const pendingBytesMax = 64 * 1024 * 1024

const connection = await connect({ servers: url, name: "bench-subscriber" })
const uids = new Set<string>()
let messages = 0
let bytes = 0

/** The model of the consumer: a queue that one handler empties at `handlerMs` a message. */
const queue: Array<number> = []
let head = 0
let pendingBytes = 0
let handledUntilMs = 0
let dropped = 0

const enqueue = (size: number, nowMs: number): void => {
  while (head < queue.length && handledUntilMs + Number(handlerMs) <= nowMs) {
    handledUntilMs += Number(handlerMs)
    pendingBytes -= queue[head++] ?? 0
  }
  if (head === queue.length) handledUntilMs = nowMs
  if (pendingBytes + size > pendingBytesMax) dropped++
  else {
    queue.push(size)
    pendingBytes += size
  }
}

const uidMark = Buffer.from('"uid":"')

connection.subscribe("meshery.meshsync.core", {
  callback: (error, message) => {
    if (error !== null) throw error
    const payload = Buffer.from(message.data.buffer, message.data.byteOffset, message.data.length)
    const nowMs = performance.timeOrigin + performance.now()
    messages++
    bytes += payload.length
    const at = payload.indexOf(uidMark) + uidMark.length
    uids.add(payload.toString("latin1", at, at + 36))
    enqueue(payload.length, nowMs)
    if (messages === wanted) {
      process.stdout.write(`${JSON.stringify({ lastMs: nowMs, messages, distinct: uids.size, bytes, dropped })}\n`)
    }
  },
})
await connection.flush()
process.stdout.write("ready\n")
