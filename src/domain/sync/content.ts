/**
 * The opt-in suppression of repeats: what was last sent of each uid, as a number. The rule is the Go MeshSync's: objects without uid and
 * deletions always pass; the event's name is not compared; only what was accepted is remembered.
 */
import { payloadSpan } from "../wire/message.ts"
import { digestOf } from "../read/text.ts"
import type { EncodedMessage } from "./turn.ts"

/** By uid, 53 bits of the payload's hash: two different versions of one object collide once in 10^15. */
export type Contents = Map<string, number>

/** Whether a message says what the last one of its uid said. */
export const isRepeat = (contents: Contents, message: EncodedMessage, bytes: Uint8Array): boolean =>
  message.uid !== "" && message.event !== "Deleted" && contents.get(message.uid) === contentOf(message, bytes)

/** To be called when the message has been accepted. */
export const rememberContent = (contents: Contents, message: EncodedMessage, bytes: Uint8Array): void => {
  if (message.uid === "") return
  if (message.event === "Deleted") contents.delete(message.uid)
  else contents.set(message.uid, contentOf(message, bytes))
}

const words = new Uint32Array(2)

const contentOf = (message: EncodedMessage, bytes: Uint8Array): number => {
  const [start, end] = payloadSpan(bytes.subarray(message.start, message.end))
  digestOf(bytes, message.start + start, message.start + end, words)
  return (words[0] as number) * 2 ** 21 + ((words[1] as number) >>> 11)
}
