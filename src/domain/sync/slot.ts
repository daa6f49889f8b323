/**
 * How a ledger's slot is laid out, and what a digest sees of it.
 *
 *   slot (10 words): hash · namespace · name · uid (4 words) · resourceVersion (2 words) · round and flags
 *
 * Does not know how slots are found.
 */
import { copyRaw, writeAscii, writeText, type Writer } from "../wire/writer.ts"
import { type Arena, textEnd, textStart } from "./arena.ts"
import { writeUid, writeVersion } from "./identity.ts"

export const words = 10
export const At = { hash: 0, namespace: 1, name: 2, uid: 3, version: 7, round: 9 } as const
/** The uid (or version) is no UUID (no decimal of 18 digits): the word holds where its text lies in the arena. */
export const oddUid = 1 << 30
export const oddVersion = 1 << 29
/** An earlier run may have announced this, or not. */
export const doubted = 1 << 28
export const roundMask = (1 << 28) - 1

interface Slots {
  readonly slots: Int32Array
  readonly arena: Arena
  readonly namespaces: ReadonlyArray<string>
}

/** The text that the digest's definition names, from the writer's beginning. */
export const writeDigestLine = (line: Writer, { arena, namespaces, slots }: Slots, slot: number): void => {
  const wordAt = (at: number): number => slots[slot + at] as number
  const writeStored = (at: number): void => copyRaw(line, arena.bytes, textStart(at), textEnd(arena, at))
  const flags = wordAt(At.round)
  line.at = 0
  if ((flags & oddUid) === 0) writeUid(line, slots, slot + At.uid)
  else writeStored(wordAt(At.uid))
  if (line.at === 0) {
    writeText(line, `${namespaces[wordAt(At.namespace)]}/`)
    writeStored(wordAt(At.name))
  }
  writeAscii(line, "@")
  if ((flags & oddVersion) === 0) writeVersion(line, slots, slot + At.version)
  else writeStored(wordAt(At.version))
}
