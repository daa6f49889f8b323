/**
 * Answers to requests, in the envelope that every message has.
 */
import { payloadSpan } from "./message.ts"
import { encodeText } from "./writer.ts"

/** The answer to `meshsync-meta`: this program's version. */
export const encodeMeta = (version: string): Uint8Array =>
  encodeText(`{"ObjectType":"","EventType":"","Request":null,"Object":${JSON.stringify(version.toWellFormed())}}`)

const storeHead = encodeText('{"ObjectType":"","EventType":"","Request":null,"Object":[')
const storeTail = encodeText("]}")
const comma = encodeText(",")

/**
 * Answers to `informer-store`: the payloads of encoded messages as few arrays, in order.
 * @param bytes holds the messages; nothing of it is kept
 * @param bytesMax an answer stays below it, unless a single payload exceeds it: that one goes alone
 */
export const packStore = (
  bytes: Uint8Array,
  messages: ReadonlyArray<{ readonly start: number; readonly end: number }>,
  bytesMax: number,
): ReadonlyArray<Uint8Array> => {
  const groups: Array<Array<Uint8Array>> = []
  let size = 0
  for (const { start, end } of messages) {
    const message = bytes.subarray(start, end)
    const payload = message.subarray(...payloadSpan(message))
    const group = groups.at(-1)
    if (group !== undefined && size + payload.length + comma.length <= bytesMax) {
      group.push(comma, payload)
      size += payload.length + comma.length
    } else {
      groups.push([payload])
      size = storeHead.length + payload.length + storeTail.length
    }
  }
  return groups.map(joinStore)
}

const joinStore = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = [storeHead, ...parts, storeTail]
  const answer = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of all) {
    answer.set(part, at)
    at += part.length
  }
  return answer
}
