/**
 * The opt-in suppression of repeats: what was last sent of each uid, as a number. The rules are the Go MeshSync's: objects without uid and
 * deletions always pass; a deletion makes its object new; the event's name is not compared; only what was accepted is remembered. The
 * version of an object belongs to its content, so in practice only repeats of one version are left out.
 */
import { payloadSpan } from "../wire/message.ts"
import { digestOf } from "../read/text.ts"
import type { EncodedMessage } from "./turn.ts"

/** By uid, 53 bits of the payload's hash: two different versions of one object collide once in 10^15. */
export type Contents = Map<string, number>

/** What a batch says that is new, and what is to be remembered of it; by uid, undefined where the object is gone. */
export interface News {
  readonly messages: ReadonlyArray<EncodedMessage>
  readonly learnt: ReadonlyMap<string, number | undefined>
}

/** Leaves out the repeats of a batch. Each message is judged as if those before it had been accepted. */
export const selectNews = (contents: Contents, messages: ReadonlyArray<EncodedMessage>, bytes: Uint8Array): News => {
  const learnt = new Map<string, number | undefined>()
  const news = messages.filter((message) => {
    const { event, uid } = message
    if (uid === "") return true
    const content = event === "Deleted" ? undefined : contentOf(message, bytes)
    const before = learnt.has(uid) ? learnt.get(uid) : contents.get(uid)
    learnt.set(uid, content)
    return content === undefined || content !== before
  })
  return { messages: news, learnt }
}

/** Remembers what has been accepted. */
export const rememberNews = (contents: Contents, { learnt }: News): void => {
  for (const [uid, content] of learnt) {
    if (content === undefined) contents.delete(uid)
    else contents.set(uid, content)
  }
}

const words = new Uint32Array(2)

const contentOf = (message: EncodedMessage, bytes: Uint8Array): number => {
  const [start, end] = payloadSpan(bytes.subarray(message.start, message.end))
  digestOf(bytes, message.start + start, message.start + end, words)
  return (words[0] as number) * 2 ** 21 + ((words[1] as number) >>> 11)
}
