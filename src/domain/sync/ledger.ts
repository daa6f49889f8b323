/**
 * What has been announced of one resource type, without the objects: an open-addressing table of 40-byte slots and an arena of names.
 *
 * Between four and five fifths of a big table are in use: a slot costs 50 to 63 bytes, with a 40-character name about 100 an object.
 * Invariants: one slot an address (namespace and name, as the API server means them: escapes of JSON are undone); `size` slots are in use;
 * its digest (digest.ts) is that of all of them.
 * Does not know events, messages or the API server; it compares resourceVersions with equality only, never by order.
 */
import { Field, type Records } from "../read/record.ts"
import { decodeText } from "../read/text.ts"
import { makeWriter } from "../wire/writer.ts"
import { type Arena, discardText, growCapacity, holdsText, makeArena, storeText, textAt, textEnd, textStart } from "./arena.ts"
import { addToDigest, type Digest } from "./digest.ts"
import type { Departed } from "./fact.ts"
import { matchesUid, packUid, packVersion, unpackUid, unpackVersion, versionDigits } from "./identity.ts"
import { assignText, makeSlice, type Slice, takeText } from "./slice.ts"
import { At, doubted, oddUid, oddVersion, roundMask, words, writeDigestLine } from "./slot.ts"
import { capacityFirst, fits, hashOf, homeOf, largeCapacity } from "./table.ts"

/** Copying the arena pays when more than half of it, and at least this much, is garbage. */
const garbageBytesMin = 32 * 1024

export interface Ledger extends Digest {
  size: number
  /** The generation of the running list; slots that it has not met are swept at its end. */
  round: number
  slots: Int32Array
  arena: Arena
  namespaces: Array<string>
  namespaceIds: Map<string, number>
  /** The namespace met last, as bytes: lists come sorted, so it is nearly always the one asked for next. */
  lastNamespace: Uint8Array
  lastNamespaceId: number
  /** The life that the last upsert with outcome `recreated` replaced. */
  replaced: Departed | undefined
}

/** A ledger that holds nothing. */
export const makeLedger = (): Ledger => ({
  size: 0,
  round: 0,
  slots: new Int32Array(capacityFirst * words),
  arena: makeArena(),
  namespaces: [],
  namespaceIds: new Map(),
  lastNamespace: new Uint8Array(0),
  lastNamespaceId: -1,
  digestHigh: 0,
  digestLow: 0,
  replaced: undefined,
})

/** What an upsert found: nothing new, a new address, a new version, or another life of a known address. */
export const Outcome = { same: 0, added: 1, modified: 2, recreated: 3 } as const
export type Outcome = (typeof Outcome)[keyof typeof Outcome]

/** Takes in what was read of an object and marks it as met in the running round. */
export const upsert = (ledger: Ledger, records: Records, record: number): Outcome => {
  const slot = seek(ledger, records, record)
  takeText(uid, records, record, Field.uid)
  takeText(version, records, record, Field.resourceVersion)
  if (ledger.slots[slot] === 0) {
    insert(ledger, slot)
    return Outcome.added
  }
  mark(ledger, slot)
  const sameUid = uidMatches(ledger, slot)
  const inDoubt = isDoubted(ledger, slot)
  if (sameUid && !inDoubt && versionMatches(ledger, slot)) return Outcome.same
  if (!sameUid) ledger.replaced = departedAt(ledger, slot)
  overwrite(ledger, slot)
  return !sameUid ? Outcome.recreated : inDoubt ? Outcome.added : Outcome.modified
}

/**
 * Takes in what an earlier run has announced.
 * @param inDoubt whether it is not sure that it was: the object counts as new when it is met, but its end is announced as well
 * @returns the life that it takes the place of, if it was another one
 */
export const restore = (ledger: Ledger, object: Departed, inDoubt: boolean): Departed | undefined => {
  const slot = seekDeparted(ledger, object)
  const isNew = ledger.slots[slot] === 0
  const before = isNew || uidMatches(ledger, slot) ? undefined : departedAt(ledger, slot)
  ;(isNew ? insert : overwrite)(ledger, slot)
  // The table may have grown, or been built anew, since.
  if (inDoubt) doubtAt(ledger, seekDeparted(ledger, object))
  return before
}

/** Forgets an object of which its identity is known; false where nothing of that life is held. */
export const dismiss = (ledger: Ledger, object: Departed): boolean => {
  const slot = seekDeparted(ledger, object)
  if (ledger.slots[slot] === 0 || !uidMatches(ledger, slot)) return false
  erase(ledger, slot)
  return true
}

/** What is held of an address, if anything, is not sure to have reached everybody. */
export const doubt = (ledger: Ledger, namespace: string, name: string): void => {
  if (holds(ledger, namespace, name)) doubtAt(ledger, seekTaken(ledger))
}

/** Nothing that is held is sure to have been said in the form that it has now. */
export const doubtAll = (ledger: Ledger): void => {
  for (const slot of usedSlots(ledger)) doubtAt(ledger, slot)
}

/** All that is held, with whether it is in doubt. Nothing may change meanwhile. */
export function* entriesOf(ledger: Ledger): Generator<readonly [Departed, boolean]> {
  for (const slot of usedSlots(ledger)) yield [departedAt(ledger, slot), isDoubted(ledger, slot)]
}

/** Marks an object that could not be taken in as still existing, so that the sweep does not announce its end. Unknown ones are left out. */
export const keep = (ledger: Ledger, records: Records, record: number): void => {
  const slot = seek(ledger, records, record)
  if (ledger.slots[slot] !== 0) mark(ledger, slot)
}

/** Forgets a deleted object. False where nothing of that life was announced: unknown, or the address has a newer life. */
export const remove = (ledger: Ledger, records: Records, record: number): boolean => {
  const slot = seek(ledger, records, record)
  takeText(uid, records, record, Field.uid)
  if (ledger.slots[slot] === 0 || !uidMatches(ledger, slot)) return false
  erase(ledger, slot)
  return true
}

/** Whether something is announced at an address now. */
export const holds = (ledger: Ledger, namespace: string, name: string): boolean => {
  assignText(space, namespace)
  assignText(title, name)
  return ledger.slots[seekTaken(ledger)] !== 0
}

/** Whether this very life and version of an object is what was announced last of its address. */
export const holdsLife = (ledger: Ledger, records: Records, record: number): boolean => {
  const slot = seek(ledger, records, record)
  if (ledger.slots[slot] === 0) return false
  takeText(uid, records, record, Field.uid)
  takeText(version, records, record, Field.resourceVersion)
  return uidMatches(ledger, slot) && versionMatches(ledger, slot)
}

/** Removes everything that the running round has not met; returns it. To be called after a complete list only. */
export const sweep = (ledger: Ledger): ReadonlyArray<Departed> =>
  take(ledger, (slot) => (wordAt(ledger, slot + At.round) & roundMask) !== ledger.round)

/** Removes everything; returns it. */
export const clear = (ledger: Ledger): ReadonlyArray<Departed> => take(ledger, () => true)

/** Begins a list: what it will not meet is swept at its end. */
export const beginRound = (ledger: Ledger): void => {
  ledger.round = (ledger.round + 1) & roundMask
}

const take = (ledger: Ledger, leaves: (slot: number) => boolean): ReadonlyArray<Departed> => {
  const departed: Array<Departed> = []
  const kept: Array<number> = []
  for (const slot of usedSlots(ledger)) {
    if (leaves(slot)) {
      departed.push(departedAt(ledger, slot))
      count(ledger, slot, -1)
    } else kept.push(slot)
  }
  if (departed.length > 0) rebuild(ledger, kept)
  return departed
}

/** The texts of the record at hand: filled and read within one call of this module, never kept. */
const space = makeSlice()
const title = makeSlice()
const uid = makeSlice()
const version = makeSlice()

// Slots ------------------------------------------------------------------------------------------------------------------

const wordAt = (ledger: Ledger, at: number): number => ledger.slots[at] as number

const mark = (ledger: Ledger, slot: number): void => {
  ledger.slots[slot + At.round] = (wordAt(ledger, slot + At.round) & ~roundMask) | ledger.round
}

const isDoubted = (ledger: Ledger, slot: number): boolean => (wordAt(ledger, slot + At.round) & doubted) !== 0

const doubtAt = ({ slots }: Ledger, slot: number): number => (slots[slot + At.round] = (slots[slot + At.round] as number) | doubted)

const seekDeparted = (ledger: Ledger, object: Departed): number => {
  assignText(space, object.namespace)
  assignText(title, object.name)
  assignText(uid, object.uid)
  assignText(version, object.resourceVersion)
  return seekTaken(ledger)
}

const seek = (ledger: Ledger, records: Records, record: number): number => {
  takeText(space, records, record, Field.namespace)
  takeText(title, records, record, Field.name)
  return seekTaken(ledger)
}

/**
 * The slot of the address in `space` and `title`, or the empty one where it belongs; remembers what the insertion that may follow needs.
 */
const seekTaken = (ledger: Ledger): number => {
  const namespace = internNamespace(ledger, space)
  const { bytes, end, start } = title
  const hash = hashOf(namespace, bytes, start, end)
  const { arena, slots } = ledger
  for (let slot = homeOf(hash, slots.length / words) * words; ; slot = slot + words === slots.length ? 0 : slot + words) {
    const found = slots[slot]
    if (found === 0) {
      sought.hash = hash
      sought.namespace = namespace
      return slot
    }
    if (found === hash && slots[slot + At.namespace] === namespace && holdsText(arena, slots[slot + At.name] as number, bytes, start, end))
      return slot
  }
}

/** Where the last unsuccessful search left off; read by `insert` at once, never kept. */
const sought = { hash: 0, namespace: 0 }

const insert = (ledger: Ledger, slot: number): void => {
  const { slots } = ledger
  slots[slot] = sought.hash
  slots[slot + At.namespace] = sought.namespace
  slots[slot + At.name] = storeText(ledger.arena, title.bytes, title.start, title.end)
  slots[slot + At.round] = ledger.round
  writeIdentity(ledger, slot)
  count(ledger, slot, 1)
  ledger.size++
  if (!fits(ledger.size, slots.length / words)) grow(ledger)
}

/** Backward-shift deletion: no tombstones, so a table that churns for months stays as fast as a new one. */
const erase = (ledger: Ledger, slot: number): void => {
  const { slots } = ledger
  const capacity = slots.length / words
  count(ledger, slot, -1)
  discardText(ledger.arena, wordAt(ledger, slot + At.name))
  discardIdentity(ledger, slot)
  ledger.size--
  let hole = slot / words
  for (let index = (hole + 1) % capacity; slots[index * words] !== 0; index = (index + 1) % capacity) {
    const home = homeOf(slots[index * words] as number, capacity)
    if ((index - home + capacity) % capacity < (index - hole + capacity) % capacity) continue
    slots.copyWithin(hole * words, index * words, index * words + words)
    hole = index
  }
  slots[hole * words] = 0
  compact(ledger)
}

const compact = (ledger: Ledger): void => {
  const { garbage, used } = ledger.arena
  if (garbage * 2 > used && garbage >= garbageBytesMin) rebuild(ledger, usedSlots(ledger))
}

const usedSlots = (ledger: Ledger): Array<number> => {
  const used: Array<number> = []
  for (let slot = 0; slot < ledger.slots.length; slot += words) if (ledger.slots[slot] !== 0) used.push(slot)
  return used
}

const grow = (ledger: Ledger): void => {
  const old = ledger.slots
  ledger.slots = new Int32Array(growCapacity(old.length / words, largeCapacity) * words)
  for (let slot = 0; slot < old.length; slot += words) {
    if (old[slot] !== 0) ledger.slots.set(old.subarray(slot, slot + words), emptySlot(ledger, old[slot] as number))
  }
}

const emptySlot = ({ slots }: Ledger, hash: number): number => {
  let slot = homeOf(hash, slots.length / words) * words
  while (slots[slot] !== 0) slot = slot + words === slots.length ? 0 : slot + words
  return slot
}

/** Builds table, arena and namespaces anew from the slots that stay, shrinking all three to their content. */
const rebuild = (ledger: Ledger, kept: ReadonlyArray<number>): void => {
  const { arena, namespaces, slots } = ledger
  let capacity = capacityFirst
  while (!fits(kept.length, capacity)) capacity = growCapacity(capacity, largeCapacity)
  ledger.slots = new Int32Array(capacity * words)
  ledger.size = kept.length
  ledger.arena = makeArena(arena.used - arena.garbage)
  ledger.namespaces = []
  ledger.namespaceIds = new Map()
  ledger.lastNamespaceId = -1
  const restore = (at: number): number => storeText(ledger.arena, arena.bytes, textStart(at), textEnd(arena, at))
  for (const slot of kept) {
    const name = slots[slot + At.name] as number
    const namespace = numberNamespace(ledger, namespaces[slots[slot + At.namespace] as number] as string)
    const hash = hashOf(namespace, arena.bytes, textStart(name), textEnd(arena, name))
    const target = emptySlot(ledger, hash)
    ledger.slots.set(slots.subarray(slot, slot + words), target)
    ledger.slots[target] = hash
    ledger.slots[target + At.namespace] = namespace
    ledger.slots[target + At.name] = restore(name)
    const flags = slots[slot + At.round] as number
    if ((flags & oddUid) !== 0) ledger.slots[target + At.uid] = restore(slots[slot + At.uid] as number)
    if ((flags & oddVersion) !== 0) ledger.slots[target + At.version] = restore(slots[slot + At.version] as number)
  }
}

const internNamespace = (ledger: Ledger, { bytes, end, start }: Slice): number => {
  const last = ledger.lastNamespace
  if (last.length === end - start && ledger.lastNamespaceId >= 0) {
    let at = 0
    while (at < last.length && last[at] === bytes[start + at]) at++
    if (at === last.length) return ledger.lastNamespaceId
  }
  const id = numberNamespace(ledger, decodeText(bytes, start, end))
  ledger.lastNamespace = bytes.slice(start, end)
  ledger.lastNamespaceId = id
  return id
}

const numberNamespace = (ledger: Ledger, text: string): number => {
  const known = ledger.namespaceIds.get(text)
  if (known !== undefined) return known
  const id = ledger.namespaces.push(text) - 1
  ledger.namespaceIds.set(text, id)
  return id
}

// Identity ---------------------------------------------------------------------------------------------------------------

const uidMatches = (ledger: Ledger, slot: number): boolean =>
  (wordAt(ledger, slot + At.round) & oddUid) !== 0
    ? holdsText(ledger.arena, wordAt(ledger, slot + At.uid), uid.bytes, uid.start, uid.end)
    : matchesUid(ledger.slots, slot + At.uid, uid.bytes, uid.start, uid.end)

const versionMatches = (ledger: Ledger, slot: number): boolean => {
  const { bytes, end, start } = version
  if ((wordAt(ledger, slot + At.round) & oddVersion) !== 0)
    return holdsText(ledger.arena, wordAt(ledger, slot + At.version), bytes, start, end)
  if (!versionDigits(bytes, start, end)) return false
  packVersion(bytes, start, end, scratch, 0)
  return scratch[0] === ledger.slots[slot + At.version] && scratch[1] === ledger.slots[slot + At.version + 1]
}

const scratch = new Int32Array(2)

/** Writes what `uid` and `version` hold into a slot. */
const writeIdentity = (ledger: Ledger, slot: number): void => {
  const { arena, slots } = ledger
  let flags = wordAt(ledger, slot + At.round) & roundMask
  if (!packUid(uid.bytes, uid.start, uid.end, slots, slot + At.uid)) {
    slots.fill(0, slot + At.uid, slot + At.uid + 4)
    slots[slot + At.uid] = storeText(arena, uid.bytes, uid.start, uid.end)
    flags |= oddUid
  }
  if (versionDigits(version.bytes, version.start, version.end)) {
    packVersion(version.bytes, version.start, version.end, slots, slot + At.version)
  } else {
    slots[slot + At.version] = storeText(arena, version.bytes, version.start, version.end)
    slots[slot + At.version + 1] = 0
    flags |= oddVersion
  }
  slots[slot + At.round] = flags
}

/** Puts what `uid` and `version` hold in the place of what a slot holds. */
const overwrite = (ledger: Ledger, slot: number): void => {
  count(ledger, slot, -1)
  discardIdentity(ledger, slot)
  writeIdentity(ledger, slot)
  count(ledger, slot, 1)
  compact(ledger)
}

const discardIdentity = ({ arena, slots }: Ledger, slot: number): void => {
  const flags = slots[slot + At.round] as number
  if ((flags & oddUid) !== 0) discardText(arena, slots[slot + At.uid] as number)
  if ((flags & oddVersion) !== 0) discardText(arena, slots[slot + At.version] as number)
}

const departedAt = ({ arena, namespaces, slots }: Ledger, slot: number): Departed => {
  const flags = slots[slot + At.round] as number
  return {
    namespace: namespaces[slots[slot + At.namespace] as number] as string,
    name: textAt(arena, slots[slot + At.name] as number),
    uid: (flags & oddUid) !== 0 ? textAt(arena, slots[slot + At.uid] as number) : unpackUid(slots, slot + At.uid),
    resourceVersion:
      (flags & oddVersion) !== 0 ? textAt(arena, slots[slot + At.version] as number) : unpackVersion(slots, slot + At.version),
  }
}

const line = makeWriter(64)

/** Adds a slot to the digest, or takes it away. */
const count = (ledger: Ledger, slot: number, sign: 1 | -1): void => {
  writeDigestLine(line, ledger, slot)
  addToDigest(ledger, line.bytes, line.at, sign)
}
