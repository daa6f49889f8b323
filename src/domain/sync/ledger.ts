/**
 * What has been announced of one resource type, without the objects: an open-addressing table of 40-byte slots and an arena of names.
 *
 *   slot (10 words): hash · namespace · name · uid (4 words) · resourceVersion (2 words) · round and flags
 *
 * Measured at 52 bytes a slot with its share of empty ones; with a 40-character name about 100 bytes an object.
 * Invariants: one slot an address (namespace and name); `size` slots are in use; `digest` is the order-free sum over all of them.
 * Does not know events, messages or the API server; it compares resourceVersions with equality only, never by order.
 */
import { startOf, endOf, Field, type Records } from "../read/record.ts"
import { decodeText } from "../read/text.ts"
import { makeWriter, writeText } from "../wire/writer.ts"
import type { Departed } from "./fact.ts"
import { matchesUid, packUid, packVersion, unpackUid, unpackVersion, versionDigits } from "./identity.ts"

const words = 10
const At = { hash: 0, namespace: 1, name: 2, uid: 3, version: 7, round: 9 } as const
/** The uid (or version) is no UUID (no decimal of 18 digits): the word holds where its text lies in the arena. */
const oddUid = 1 << 30
const oddVersion = 1 << 29
const roundMask = (1 << 29) - 1
const capacityFirst = 16
const arenaFirst = 512

export interface Ledger {
  size: number
  /** The generation of the running list; slots that it has not met are swept at its end. */
  round: number
  slots: Int32Array
  mask: number
  arena: Uint8Array
  arenaUsed: number
  arenaGarbage: number
  namespaces: Array<string>
  namespaceIds: Map<string, number>
  /** The namespace met last, as bytes: lists come sorted, so it is nearly always the one asked for next. */
  lastNamespace: Uint8Array
  lastNamespaceId: number
  /** Order-free sum of hash(uid, resourceVersion), two words. */
  digestHigh: number
  digestLow: number
  /** The life that the last upsert with outcome `recreated` replaced. */
  replaced: Departed | undefined
}

export const makeLedger = (): Ledger => ({
  size: 0,
  round: 0,
  slots: new Int32Array(capacityFirst * words),
  mask: capacityFirst - 1,
  arena: new Uint8Array(arenaFirst),
  arenaUsed: 0,
  arenaGarbage: 0,
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
  const { slots } = ledger
  if (slots[slot] === 0) {
    insert(ledger, slot, records, record)
    return Outcome.added
  }
  mark(ledger, slot)
  const sameUid = uidMatches(ledger, slot, records, record)
  if (sameUid && versionMatches(ledger, slot, records, record)) return Outcome.same
  if (!sameUid) ledger.replaced = departedAt(ledger, slot)
  count(ledger, slot, -1)
  writeIdentity(ledger, slot, records, record)
  count(ledger, slot, 1)
  return sameUid ? Outcome.modified : Outcome.recreated
}

/** Marks an object that could not be taken in as still existing, so that the sweep does not announce its end. Unknown ones are left out. */
export const keep = (ledger: Ledger, records: Records, record: number): void => {
  const slot = seek(ledger, records, record)
  if (ledger.slots[slot] !== 0) mark(ledger, slot)
}

/** Forgets a deleted object. False where nothing of that life was announced: unknown, or the address has a newer life. */
export const remove = (ledger: Ledger, records: Records, record: number): boolean => {
  const slot = seek(ledger, records, record)
  if (ledger.slots[slot] === 0 || !uidMatches(ledger, slot, records, record)) return false
  erase(ledger, slot)
  return true
}

/** Whether something is announced at an address now. */
export const holds = (ledger: Ledger, namespace: string, name: string): boolean => {
  const space = encodeText(namespace)
  const text = encodeText(name)
  return ledger.slots[seekBytes(ledger, space, 0, space.length, text, 0, text.length)] !== 0
}

const encodeText = (text: string): Uint8Array => {
  const writer = makeWriter(text.length * 3)
  writeText(writer, text)
  return writer.bytes.subarray(0, writer.at)
}

/** Removes everything that the running round has not met; returns it. To be called after a complete list only. */
export const sweep = (ledger: Ledger): ReadonlyArray<Departed> => take(ledger, (slot) => (wordAt(ledger, slot + At.round) & roundMask) !== ledger.round)

/** Removes everything; returns it. */
export const clear = (ledger: Ledger): ReadonlyArray<Departed> => take(ledger, () => true)

/** Begins a list: what it will not meet is swept at its end. */
export const beginRound = (ledger: Ledger): void => {
  ledger.round = (ledger.round + 1) & roundMask
}

/** Sixteen hex digits that two ledgers with the same (uid, resourceVersion) pairs share. */
export const digestText = (ledger: Ledger): string =>
  (ledger.digestHigh >>> 0).toString(16).padStart(8, "0") + (ledger.digestLow >>> 0).toString(16).padStart(8, "0")

const take = (ledger: Ledger, leaves: (slot: number) => boolean): ReadonlyArray<Departed> => {
  const departed: Array<Departed> = []
  const kept: Array<number> = []
  for (let slot = 0; slot < ledger.slots.length; slot += words) {
    if (ledger.slots[slot] === 0) continue
    if (leaves(slot)) {
      departed.push(departedAt(ledger, slot))
      count(ledger, slot, -1)
    } else kept.push(slot)
  }
  if (departed.length > 0) rebuild(ledger, kept)
  return departed
}

// Slots ------------------------------------------------------------------------------------------------------------------

const wordAt = (ledger: Ledger, at: number): number => ledger.slots[at] as number

const mark = (ledger: Ledger, slot: number): void => {
  ledger.slots[slot + At.round] = (wordAt(ledger, slot + At.round) & ~roundMask) | ledger.round
}

const seek = (ledger: Ledger, records: Records, record: number): number => {
  const space = startOf(records, record, Field.namespace)
  const name = startOf(records, record, Field.name)
  return seekBytes(
    ledger,
    records.bytes,
    space < 0 ? 0 : space + 1,
    space < 0 ? 0 : endOf(records, record, Field.namespace) - 1,
    records.bytes,
    name < 0 ? 0 : name + 1,
    name < 0 ? 0 : endOf(records, record, Field.name) - 1,
  )
}

/** The slot of an address, or the empty one where it belongs; remembers hash and namespace for the insertion that may follow. */
const seekBytes = (
  ledger: Ledger,
  space: Uint8Array,
  spaceStart: number,
  spaceEnd: number,
  name: Uint8Array,
  nameStart: number,
  nameEnd: number,
): number => {
  const namespace = internNamespace(ledger, space, spaceStart, spaceEnd)
  let hash = (0x811c9dc5 ^ namespace) | 0
  for (let i = nameStart; i < nameEnd; i++) hash = Math.imul(hash ^ (name[i] as number), 0x01000193)
  hash = finish(hash) | 1
  const { mask, slots } = ledger
  for (let index = hash & mask; ; index = (index + 1) & mask) {
    const slot = index * words
    const found = slots[slot]
    if (found === 0) {
      sought.hash = hash
      sought.namespace = namespace
      return slot
    }
    if (found === hash && slots[slot + At.namespace] === namespace && holdsName(ledger, slots[slot + At.name] as number, name, nameStart, nameEnd)) return slot
  }
}

/** Where the last unsuccessful search left off; read by `insert` at once, never kept. */
const sought = { hash: 0, namespace: 0 }

const insert = (ledger: Ledger, slot: number, records: Records, record: number): void => {
  const { slots } = ledger
  const name = startOf(records, record, Field.name)
  slots[slot] = sought.hash
  slots[slot + At.namespace] = sought.namespace
  slots[slot + At.name] = store(ledger, records.bytes, name < 0 ? 0 : name + 1, name < 0 ? 0 : endOf(records, record, Field.name) - 1)
  slots[slot + At.round] = ledger.round
  writeIdentity(ledger, slot, records, record)
  count(ledger, slot, 1)
  ledger.size++
  if (ledger.size * 4 > (ledger.mask + 1) * 3) grow(ledger)
}

/** Backward-shift deletion: no tombstones, so a table that churns for months stays as fast as a new one. */
const erase = (ledger: Ledger, slot: number): void => {
  const { mask, slots } = ledger
  count(ledger, slot, -1)
  discard(ledger, slot)
  ledger.size--
  let hole = slot / words
  for (let index = (hole + 1) & mask; slots[index * words] !== 0; index = (index + 1) & mask) {
    const home = (slots[index * words] as number) & mask
    if (((index - home) & mask) < ((index - hole) & mask)) continue
    slots.copyWithin(hole * words, index * words, index * words + words)
    hole = index
  }
  slots[hole * words] = 0
  if (ledger.arenaGarbage * 2 > ledger.arenaUsed && ledger.arenaUsed > 64 * 1024) rebuild(ledger, usedSlots(ledger))
}

const usedSlots = (ledger: Ledger): Array<number> => {
  const used: Array<number> = []
  for (let slot = 0; slot < ledger.slots.length; slot += words) if (ledger.slots[slot] !== 0) used.push(slot)
  return used
}

const grow = (ledger: Ledger): void => {
  const old = ledger.slots
  const capacity = (ledger.mask + 1) * 2
  ledger.slots = new Int32Array(capacity * words)
  ledger.mask = capacity - 1
  for (let slot = 0; slot < old.length; slot += words) {
    if (old[slot] !== 0) ledger.slots.set(old.subarray(slot, slot + words), emptySlot(ledger, old[slot] as number))
  }
}

const emptySlot = (ledger: Ledger, hash: number): number => {
  let index = hash & ledger.mask
  while (ledger.slots[index * words] !== 0) index = (index + 1) & ledger.mask
  return index * words
}

/** Builds table and arena anew from the slots that stay, shrinking both to their content. */
const rebuild = (ledger: Ledger, kept: ReadonlyArray<number>): void => {
  const { arena, slots } = ledger
  let capacity = capacityFirst
  while (kept.length * 4 > capacity * 3) capacity *= 2
  ledger.slots = new Int32Array(capacity * words)
  ledger.mask = capacity - 1
  ledger.size = kept.length
  ledger.arena = new Uint8Array(Math.max(arenaFirst, ledger.arenaUsed - ledger.arenaGarbage))
  ledger.arenaUsed = 0
  ledger.arenaGarbage = 0
  const restore = (at: number): number => store(ledger, arena, at + 2, at + 2 + lengthAt(arena, at))
  for (const slot of kept) {
    const target = emptySlot(ledger, slots[slot] as number)
    ledger.slots.set(slots.subarray(slot, slot + words), target)
    const flags = slots[slot + At.round] as number
    ledger.slots[target + At.name] = restore(slots[slot + At.name] as number)
    if ((flags & oddUid) !== 0) ledger.slots[target + At.uid] = restore(slots[slot + At.uid] as number)
    if ((flags & oddVersion) !== 0) ledger.slots[target + At.version] = restore(slots[slot + At.version] as number)
  }
}

// Identity ---------------------------------------------------------------------------------------------------------------

const uidMatches = (ledger: Ledger, slot: number, records: Records, record: number): boolean => {
  const start = startOf(records, record, Field.uid)
  const from = start < 0 ? 0 : start + 1
  const to = start < 0 ? 0 : endOf(records, record, Field.uid) - 1
  return (wordAt(ledger, slot + At.round) & oddUid) !== 0
    ? holdsName(ledger, wordAt(ledger, slot + At.uid), records.bytes, from, to)
    : matchesUid(ledger.slots, slot + At.uid, records.bytes, from, to)
}

const versionMatches = (ledger: Ledger, slot: number, records: Records, record: number): boolean => {
  const start = startOf(records, record, Field.resourceVersion)
  const from = start < 0 ? 0 : start + 1
  const to = start < 0 ? 0 : endOf(records, record, Field.resourceVersion) - 1
  if ((wordAt(ledger, slot + At.round) & oddVersion) !== 0) {
    return holdsName(ledger, wordAt(ledger, slot + At.version), records.bytes, from, to)
  }
  if (!versionDigits(records.bytes, from, to)) return false
  packVersion(records.bytes, from, to, scratch, 0)
  return scratch[0] === ledger.slots[slot + At.version] && scratch[1] === ledger.slots[slot + At.version + 1]
}

const scratch = new Int32Array(2)

const writeIdentity = (ledger: Ledger, slot: number, records: Records, record: number): void => {
  const { bytes } = records
  const uid = startOf(records, record, Field.uid)
  const version = startOf(records, record, Field.resourceVersion)
  const uidStart = uid < 0 ? 0 : uid + 1
  const uidEnd = uid < 0 ? 0 : endOf(records, record, Field.uid) - 1
  const versionStart = version < 0 ? 0 : version + 1
  const versionEnd = version < 0 ? 0 : endOf(records, record, Field.resourceVersion) - 1
  discardIdentity(ledger, slot)
  let flags = wordAt(ledger, slot + At.round) & roundMask
  if (!packUid(bytes, uidStart, uidEnd, ledger.slots, slot + At.uid)) {
    ledger.slots.fill(0, slot + At.uid, slot + At.uid + 4)
    ledger.slots[slot + At.uid] = store(ledger, bytes, uidStart, uidEnd)
    flags |= oddUid
  }
  if (versionDigits(bytes, versionStart, versionEnd)) packVersion(bytes, versionStart, versionEnd, ledger.slots, slot + At.version)
  else {
    ledger.slots[slot + At.version] = store(ledger, bytes, versionStart, versionEnd)
    ledger.slots[slot + At.version + 1] = 0
    flags |= oddVersion
  }
  ledger.slots[slot + At.round] = flags
}

const departedAt = (ledger: Ledger, slot: number): Departed => {
  const flags = wordAt(ledger, slot + At.round)
  return {
    namespace: ledger.namespaces[wordAt(ledger, slot + At.namespace)] as string,
    name: textAt(ledger, wordAt(ledger, slot + At.name)),
    uid: (flags & oddUid) !== 0 ? textAt(ledger, wordAt(ledger, slot + At.uid)) : unpackUid(ledger.slots, slot + At.uid),
    resourceVersion:
      (flags & oddVersion) !== 0 ? textAt(ledger, wordAt(ledger, slot + At.version)) : unpackVersion(ledger.slots, slot + At.version),
  }
}

/** Adds a slot to the digest, or takes it away. Texts that are no UUID or decimal go in by content, not by their place in the arena. */
const count = (ledger: Ledger, slot: number, sign: 1 | -1): void => {
  const { slots } = ledger
  const flags = wordAt(ledger, slot + At.round)
  let high = 0x9e3779b9
  let low = 0x85ebca6b
  const mix = (word: number): void => {
    high = Math.imul(high ^ word, 0xcc9e2d51)
    high = Math.imul((high << 13) | (high >>> 19), 5) + 0x52dce729
    low = Math.imul(low ^ word, 0x1b873593)
    low = Math.imul((low << 15) | (low >>> 17), 9) + 0x38495ab5
  }
  const mixText = (at: number): void => {
    for (let i = at + 2, end = i + lengthAt(ledger.arena, at); i < end; i++) mix(ledger.arena[i] as number)
  }
  if ((flags & oddUid) !== 0) mixText(wordAt(ledger, slot + At.uid))
  else for (let i = 0; i < 4; i++) mix(slots[slot + At.uid + i] as number)
  if ((flags & oddVersion) !== 0) mixText(wordAt(ledger, slot + At.version))
  else for (let i = 0; i < 2; i++) mix(slots[slot + At.version + i] as number)
  ledger.digestHigh = (ledger.digestHigh + sign * finish(high)) | 0
  ledger.digestLow = (ledger.digestLow + sign * finish(low)) | 0
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
const finish = (hash: number): number => {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

// Arena: texts with a length of two bytes before them -----------------------------------------------------------------------

const lengthAt = (arena: Uint8Array, at: number): number => (arena[at] as number) | ((arena[at + 1] as number) << 8)

const textAt = (ledger: Ledger, at: number): string => decodeText(ledger.arena, at + 2, at + 2 + lengthAt(ledger.arena, at))

const holdsName = (ledger: Ledger, at: number, bytes: Uint8Array, start: number, end: number): boolean => {
  const { arena } = ledger
  const length = end - start
  if (lengthAt(arena, at) !== length) return false
  for (let i = 0; i < length; i++) if (arena[at + 2 + i] !== bytes[start + i]) return false
  return true
}

/** Texts beyond 65,535 bytes are cut: two such names that differ only behind that would count as one (the API server allows 253). */
const store = (ledger: Ledger, bytes: Uint8Array, start: number, end: number): number => {
  const length = Math.min(end - start, 0xffff)
  const at = ledger.arenaUsed
  if (at + length + 2 > ledger.arena.length) {
    const bigger = new Uint8Array(Math.max(ledger.arena.length * 2, at + length + 2))
    bigger.set(ledger.arena.subarray(0, at))
    ledger.arena = bigger
  }
  ledger.arena[at] = length & 0xff
  ledger.arena[at + 1] = length >>> 8
  for (let i = 0; i < length; i++) ledger.arena[at + 2 + i] = bytes[start + i] as number
  ledger.arenaUsed = at + length + 2
  return at
}

const discard = (ledger: Ledger, slot: number): void => {
  ledger.arenaGarbage += 2 + lengthAt(ledger.arena, wordAt(ledger, slot + At.name))
  discardIdentity(ledger, slot)
}

const discardIdentity = (ledger: Ledger, slot: number): void => {
  const flags = wordAt(ledger, slot + At.round)
  if ((flags & oddUid) !== 0) ledger.arenaGarbage += 2 + lengthAt(ledger.arena, wordAt(ledger, slot + At.uid))
  if ((flags & oddVersion) !== 0) ledger.arenaGarbage += 2 + lengthAt(ledger.arena, wordAt(ledger, slot + At.version))
}

const internNamespace = (ledger: Ledger, bytes: Uint8Array, start: number, end: number): number => {
  const last = ledger.lastNamespace
  if (last.length === end - start && ledger.lastNamespaceId >= 0) {
    let at = 0
    while (at < last.length && last[at] === bytes[start + at]) at++
    if (at === last.length) return ledger.lastNamespaceId
  }
  const text = decodeText(bytes, start, end)
  let id = ledger.namespaceIds.get(text)
  if (id === undefined) {
    id = ledger.namespaces.push(text) - 1
    ledger.namespaceIds.set(text, id)
  }
  ledger.lastNamespace = bytes.slice(start, end)
  ledger.lastNamespaceId = id
  return id
}
