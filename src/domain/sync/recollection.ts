/**
 * What the entries of a journal add up to: for each lane what has been announced, what perhaps, and what was about to be.
 *
 * A batch is written down before it is sent and confirmed behind it. So whenever the process dies, what the consumers know lies between
 * what is confirmed and what is written: an object of an unconfirmed batch is held in doubt (announced anew if it lives, as deleted if
 * not), one whose deletion is in it as well. Repeats may come of it, a lost deletion never.
 *
 * A journal is used up to its first broken line if nothing sound follows it: that is how a write ends that was cut off. Anything else is
 * damage, and then nothing of it is used. Does not know files.
 */
import { recreationUnsureMs, stateLineBytesMax } from "../limit.ts"
import { frame, makeFramer, type Framer } from "../read/frame.ts"
import { typeKey, typeName, type ResourceType } from "../select/resource.ts"
import { allEvents, type LaneSpec } from "../select/selection.ts"
import { makeWriter, type Writer } from "../wire/writer.ts"
import { forgetDepartures, makeDepartures, recentDepartures, rememberDeparture, type Departures } from "./departures.ts"
import type { Departed } from "./fact.ts"
import { readEntry, writeEntry, type Entry } from "./journal.ts"
import { dismiss, doubt, doubtAll, entriesOf, holds, makeLedger, restore, type Ledger } from "./ledger.ts"

/** What is known of one lane. */
export interface Memory {
  readonly lane: number
  readonly spec: LaneSpec
  /** What else decides what its messages say. */
  content: string
  /** A definition made the type: it is wanted for as long as it is served, whatever becomes of the definition. */
  readonly custom: boolean
  ledger: Ledger
  /** Earlier lives of addresses that perhaps hold another one now: their end has still to be announced. */
  left: ReadonlyArray<Departed>
  /** What was about to be announced when the journal ended. */
  pending: Array<Entry>
  /** Consumers may have missed something: all of it is to be announced again. */
  owed: boolean
}

export interface Recollection {
  clusterId: string
  audience: string
  /** The process that took the messages last; empty: not known. */
  receiver: string
  /** In order of their declaration. */
  readonly memories: Map<number, Memory>
  /** Types of lanes that have been superseded: their deletions are still remembered. */
  readonly types: Map<number, ResourceType>
  readonly departures: Departures
  /** The last time that the journal names. */
  lastMs: number
}

export type Verdict = "empty" | "sound" | "torn" | "foreign" | "damaged"

/** A journal that is being read. */
export interface Reading {
  readonly recollection: Recollection
  readonly framer: Framer
  lines: number
  /** A broken line was met. */
  broken: boolean
  verdict: Verdict | undefined
}

/** Before the first byte of a journal. */
export const makeReading = (): Reading => ({
  recollection: {
    clusterId: "",
    audience: "",
    receiver: "",
    memories: new Map(),
    types: new Map(),
    departures: makeDepartures(),
    lastMs: 0,
  },
  framer: makeFramer(stateLineBytesMax),
  lines: 0,
  broken: false,
  verdict: undefined,
})

/** Takes in the next bytes of a journal, cut anywhere. */
export const readChunk = (reading: Reading, chunk: Uint8Array): void => {
  const lines = frame(reading.framer, chunk)
  // A line that no run would have written is damage wherever it stands: nobody knows how many lines it was.
  if (reading.framer.oversize > 0) reading.verdict ??= "damaged"
  if (lines === undefined) return
  for (let start = 0; start < lines.length && reading.verdict === undefined;) {
    const end = lines.indexOf(lineFeed, start)
    readLine(reading, lines, start, end)
    start = end + 1
  }
}

const lineFeed = 0x0a

const readLine = (reading: Reading, bytes: Uint8Array, start: number, end: number): void => {
  const entry = readEntry(bytes, start, end)
  reading.lines++
  if (reading.lines === 1 && entry?._tag !== "Head") reading.verdict = "foreign"
  else if (entry === undefined) reading.broken = true
  else if (reading.broken || !absorbEntry(reading.recollection, entry)) reading.verdict = "damaged"
}

/** What is to be made of the journal, all of which has been read. Nothing of a foreign or damaged one may be used. */
export const endReading = ({ broken, framer, lines, verdict }: Reading): Verdict => {
  if (verdict !== undefined) return verdict
  if (lines === 0) return framer.pending === 0 ? "empty" : "foreign"
  return broken || framer.pending > 0 ? "torn" : "sound"
}

/** Takes in one entry; false when it cannot follow what came before. */
export const absorbEntry = (recollection: Recollection, entry: Entry): boolean => {
  const { departures, memories, types } = recollection
  if (entry._tag === "Head") {
    recollection.clusterId = entry.clusterId
    recollection.audience = entry.audience
    return true
  }
  if (entry._tag === "Type") {
    const { content, custom, lane, spec } = entry
    const known = memories.get(lane)
    if (known !== undefined && known.content !== content) doubtAll(known.ledger)
    for (const [number, memory] of memories) if (typeKey(memory.spec.type) === typeKey(spec.type)) memories.delete(number)
    const { ledger, left, owed, pending } = known ?? { ledger: makeLedger(), left: [], owed: false, pending: [] }
    memories.set(lane, { lane, spec, content, custom, ledger, left, owed, pending })
    types.set(lane, spec.type)
    return true
  }
  if (entry._tag === "Owed") {
    oweAll(recollection)
    return true
  }
  if (entry._tag === "Receiver") {
    // Whoever listened to the one before may have come back too late for what the one in its place was told first.
    if (entry.name !== recollection.receiver) oweAll(recollection)
    recollection.receiver = entry.name
    return true
  }
  if (entry._tag === "Alive") {
    recollection.lastMs = entry.atMs
    return true
  }
  if (entry._tag === "Gone") {
    const type = types.get(entry.lane)
    if (type !== undefined) rememberDeparture(departures, { ...entry.object, type, atMs: entry.atMs })
    return type !== undefined
  }
  const memory = memories.get(entry.lane)
  if (memory === undefined) return false
  switch (entry._tag) {
    case "Said":
    case "Ended":
      memory.pending.push(entry)
      return true
    case "Accepted":
      for (const change of memory.pending) applyChange(recollection, memory, change)
      memory.pending = []
      return true
    case "LaneOwed":
    case "Announced":
      memory.owed = entry._tag === "LaneOwed"
      return true
    case "Forgotten":
      forgetMemory(recollection, memory)
      return true
    case "Held":
      hold(memory, entry.object, entry.inDoubt)
      return true
  }
}

const oweAll = ({ memories }: Recollection): void => {
  for (const memory of memories.values()) memory.owed = true
}

const applyChange = (recollection: Recollection, memory: Memory, change: Entry): void => {
  if (change._tag === "Said") hold(memory, change.object, false)
  if (change._tag !== "Ended") return
  const { atMs, object } = change
  if (!dismiss(memory.ledger, object)) memory.left = memory.left.filter((life) => !isSameLife(life, object))
  rememberDeparture(recollection.departures, { ...object, type: memory.spec.type, atMs })
  recollection.lastMs = Math.max(recollection.lastMs, atMs)
}

const isSameLife = (a: Departed, b: Departed): boolean => a.uid === b.uid && a.name === b.name && a.namespace === b.namespace

const hold = (memory: Memory, object: Departed, inDoubt: boolean): void => {
  const before = restore(memory.ledger, object, inDoubt)
  if (before !== undefined) memory.left = [...memory.left, before]
}

/** As when a lane is deselected: a deletion of an earlier life, repeated, would take the present one away. */
const forgetMemory = ({ departures, memories }: Recollection, { lane, ledger, spec }: Memory): void => {
  const name = typeName(spec.type)
  forgetDepartures(departures, (gone) => typeName(gone.type) === name && holds(ledger, gone.namespace, gone.name))
  memories.delete(lane)
}

/**
 * What was about to be announced when the process ended has been, or has not. And what was created anew shortly before may lack the
 * repetition that consumers need who gather messages.
 */
export const settleDoubts = ({ departures, lastMs, memories }: Recollection): void => {
  for (const memory of memories.values()) {
    for (const change of memory.pending) {
      if (change._tag === "Said") hold(memory, change.object, true)
      // Where the type alone went, the object lives, and counts as new when it is met: its deletion may have reached everybody.
      else if (change._tag === "Ended") doubt(memory.ledger, change.object.namespace, change.object.name)
    }
    memory.pending = []
  }
  const lately = departures.entries.slice(departures.start).filter(({ atMs }) => atMs > lastMs - recreationUnsureMs)
  for (const { name, namespace, type } of lately) {
    for (const { ledger, spec } of memories.values()) if (typeKey(spec.type) === typeKey(type)) doubt(ledger, namespace, name)
  }
}

/** Keeps the lanes that hold or owe something. Where the messages would say something else now, all of it counts as new when it is met. */
export const adoptMemories = ({ memories }: Recollection, contentOf: (spec: LaneSpec) => string): ReadonlyArray<Memory> => {
  for (const [lane, memory] of memories) {
    if (memory.ledger.size === 0 && memory.left.length === 0 && !memory.owed) memories.delete(lane)
    const content = contentOf(memory.spec)
    if (content !== memory.content) doubtAll(memory.ledger)
    memory.content = content
  }
  return [...memories.values()]
}

/** How many bytes of lines are handed on at a time. */
const chunkBytes = 64 * 1024

/**
 * The shortest journal that adds up to the same.
 * @param nowMs deletions that are too old to be repeated are left out
 * @returns chunks of whole lines; each is valid until the next is asked for
 */
export function* writeJournal(recollection: Recollection, nowMs: number): Generator<Uint8Array> {
  const writer = makeWriter(2 * chunkBytes)
  for (const entry of entriesOfJournal(recollection, nowMs)) {
    writeEntry(writer, entry)
    if (writer.at >= chunkBytes) yield takeBytes(writer)
  }
  yield takeBytes(writer)
}

const takeBytes = (writer: Writer): Uint8Array => {
  const bytes = writer.bytes.subarray(0, writer.at)
  writer.at = 0
  return bytes
}

function* entriesOfJournal(recollection: Recollection, nowMs: number): Generator<Entry> {
  const { audience, clusterId, departures, lastMs, memories, receiver, types } = recollection
  yield { _tag: "Head", clusterId, audience }
  if (receiver !== "") yield { _tag: "Receiver", name: receiver }
  const gone = recentDepartures(departures, nowMs, () => true)
  const numbers = new Map([...types].map(([lane, type]) => [typeName(type), lane]))
  const needed = new Set(gone.map(({ type }) => numbers.get(typeName(type))))
  // A declaration voids earlier ones of its type, so those that deletions alone still need come first.
  for (const [lane, type] of types) {
    if (needed.has(lane) && !memories.has(lane)) yield { _tag: "Type", lane, spec: { ...bareSpec, type }, content: "", custom: false }
  }
  for (const { content, custom, lane, ledger, left, owed, pending, spec } of memories.values()) {
    yield { _tag: "Type", lane, spec, content, custom }
    for (const object of left) yield { _tag: "Held", lane, object, inDoubt: true }
    for (const [object, inDoubt] of entriesOf(ledger)) yield { _tag: "Held", lane, object, inDoubt }
    if (owed) yield { _tag: "LaneOwed", lane }
    yield* pending
  }
  for (const { atMs, type, ...object } of gone) yield { _tag: "Gone", lane: numbers.get(typeName(type)) as number, object, atMs }
  if (lastMs > 0) yield { _tag: "Alive", atMs: lastMs }
}

/** How a type is taken to be selected of which nothing but deletions is known. It comes back as a lane where something is owed. */
const bareSpec: Omit<LaneSpec, "type"> = { events: allEvents, namespace: undefined, namespaces: undefined, selector: "", hidden: false }
