/**
 * The opt-in minimum interval of a kind: of an object that changes all the time only the latest state goes out, and only so often.
 *
 * A record of a running watch whose object has been sent less than the interval ago is copied and waits; a later one takes its place. For
 * the lane it is a bookmark until then: the watch goes on behind it, and ledger, digests and state file know only what has been sent.
 * Invariants: what waits is newer than what was sent of the same life, and nothing has been said of that life's end. A deletion passes and
 * takes what waits of its life along; whatever a list shows takes its place, because it is newer. What finds no room passes at once.
 * Does not know who looks when something is due, nor messages.
 */
import { heldBytesMax, heldLivesMax } from "../limit.ts"
import { endOf, Field, Flaw, makeRecords, Source, startOf, type Records } from "../read/record.ts"
import { scanLines } from "../read/scan.ts"
import { textOf } from "../read/text.ts"
import { encodeText } from "../wire/writer.ts"
import type { Change, Departed, Fact, Output } from "./fact.ts"
import { isSelected, type Lane } from "./lane.ts"

/** One life of an address: another uid is another life, and waits for nothing that was sent of the one before. */
interface Life {
  /** When it was sent last, in milliseconds. */
  readonly sentMs: number
  /** What it has become since, as the API server wrote it; undefined: nothing waits. */
  waiting: Uint8Array | undefined
}

/** What all kinds of a run hold together: the bounds are theirs. */
export interface Room {
  lives: number
  /** Of what waits, and of what is on its way out. */
  waitingBytes: number
}

/** An empty room; a run has one. */
export const makeRoom = (): Room => ({ lives: 0, waitingBytes: 0 })

export interface Holding {
  readonly everyMs: number
  readonly room: Room
  /** In the order in which they were sent; forgotten when the interval is over. */
  readonly lives: Map<string, Life>
  /** Those of them that the running turn sends. */
  readonly fresh: Array<string>
  /** How many wait. */
  waiting: number
  /** States that were never sent, because a later one took their place. */
  superseded: number
  /** On their way out: they take room until they have been accepted, or a sink that stands still would let every kind fill it anew. */
  leavingBytes: number
}

/**
 * @param everyMs the interval: of one life, two states are sent no sooner after each other, unless a list shows the second
 * @param room shared with other kinds
 */
export const makeHolding = (everyMs: number, room = makeRoom()): Holding => ({
  everyMs,
  room,
  lives: new Map(),
  fresh: [],
  waiting: 0,
  superseded: 0,
  leavingBytes: 0,
})

const lifeOf = ({ name, namespace, uid }: Omit<Departed, "resourceVersion">): string => `${namespace}/${name}/${uid}`

const lifeAt = (records: Records, record: number): string =>
  lifeOf({
    namespace: textOf(records, record, Field.namespace),
    name: textOf(records, record, Field.name),
    uid: textOf(records, record, Field.uid),
  })

const lifeOfChange = ({ departed, record }: Change, records: Records): string =>
  departed === undefined ? lifeAt(records, record) : lifeOf(departed)

/** A clock that has been set back must not make anything wait for longer. */
const isOver = ({ everyMs }: Holding, { sentMs }: Life, nowMs: number): boolean => nowMs - sentMs >= everyMs || nowMs < sentMs

/** Takes out what waits of a life, if anything does. */
const takeWaiting = (holding: Holding, life: Life | undefined): Uint8Array | undefined => {
  const bytes = life?.waiting
  if (life === undefined || bytes === undefined) return undefined
  holding.waiting--
  holding.room.waitingBytes -= bytes.length
  life.waiting = undefined
  return bytes
}

/** What waits of a life will not be sent. */
const supersede = (holding: Holding, life: Life | undefined): void => {
  if (takeWaiting(holding, life) !== undefined) holding.superseded++
}

const forget = (holding: Holding, key: string): void => {
  supersede(holding, holding.lives.get(key))
  if (holding.lives.delete(key)) holding.room.lives--
}

/** Lives that may be sent at once again need not be known. */
const forgetOver = (holding: Holding, nowMs: number): void => {
  for (const [key, life] of holding.lives) {
    if (!isOver(holding, life, nowMs)) return
    if (life.waiting === undefined) forget(holding, key)
  }
}

/** A state goes out. Beyond the bound the life of the kind that was sent longest ago is forgotten for it, if nothing of that waits. */
const noteSent = (holding: Holding, key: string, nowMs: number): void => {
  const { fresh, lives, room } = holding
  forget(holding, key)
  if (room.lives >= heldLivesMax) {
    const [oldest] = lives
    if (oldest === undefined || oldest[1].waiting !== undefined) return
    forget(holding, oldest[0])
  }
  lives.set(key, { sentMs: nowMs, waiting: undefined })
  room.lives++
  fresh.push(key)
}

/** Copies a record, in the place of what waits of its life; false where there is no room. */
const keepWaiting = (holding: Holding, life: Life, records: Records, record: number): boolean => {
  const [start, end] = [startOf(records, record, Field.object), endOf(records, record, Field.object)]
  const { room } = holding
  if (room.waitingBytes - (life.waiting?.length ?? 0) + end - start > heldBytesMax) return false
  supersede(holding, life)
  life.waiting = records.bytes.slice(start, end)
  holding.waiting++
  room.waitingBytes += end - start
  return true
}

/**
 * Takes the records that must wait out of a block of watch lines, before the lane sees it: they become bookmarks.
 * @param nowMs when the block has come
 */
export const holdBack = (holding: Holding, lane: Lane, records: Records, nowMs: number): void => {
  for (let record = 0; record < records.count; record++) {
    const source = records.sources[record]
    // What stands behind a line that ends the watch does not count.
    if (source === Source.error || records.flaws[record] === Flaw.notJson) return
    if (source === Source.bookmark || records.flaws[record] !== Flaw.none || !isSelected(lane, records, record)) continue
    const key = lifeAt(records, record)
    const life = holding.lives.get(key)
    if (source === Source.deleted) forget(holding, key)
    else if (life !== undefined && !isOver(holding, life, nowMs) && keepWaiting(holding, life, records, record)) {
      records.sources[record] = Source.bookmark
    } else noteSent(holding, key, nowMs)
  }
}

/** What waits of the objects of a page is older than the page; behind a complete list nothing is left to wait for. */
const yieldToPage = (holding: Holding, { continue: token, records }: Extract<Fact, { readonly _tag: "PageListed" }>): void => {
  if (holding.waiting === 0) return
  if (token === "") for (const life of holding.lives.values()) supersede(holding, life)
  else for (let record = 0; record < records.count; record++) supersede(holding, holding.lives.get(lifeAt(records, record)))
}

/**
 * Takes in what a step has led to: what is sent, what has ended, what a list has shown.
 * @param records the block that the changes point into
 */
export const noteStep = (holding: Holding, lane: Lane, fact: Fact, records: Records, output: Output, nowMs: number): void => {
  const { state } = lane
  forgetOver(holding, nowMs)
  if (fact._tag === "PageListed") yieldToPage(holding, fact)
  // Whatever is selected differently is listed, completely, before anything else is heard of it; what waits may no longer be wanted.
  if (fact._tag === "Reselected" && state._tag === "listing") for (const life of holding.lives.values()) supersede(holding, life)
  if (state._tag === "closed") for (const key of holding.lives.keys()) forget(holding, key)
  for (const changes of [output.changes, output.unsaid]) {
    for (const change of changes) {
      // Of a block's own lines that has been seen to before the step, in their order: the same life may be back by its end.
      if (fact._tag === "Observed" && change.departed === undefined) continue
      if (change.event === "Deleted") forget(holding, lifeOfChange(change, records))
      else noteSent(holding, lifeOfChange(change, records), nowMs)
    }
  }
}

/**
 * The interval counts from when a state was accepted: where a sink is slow, states would otherwise follow each other as fast as it takes
 * them. To be called when all changes of a turn have been accepted.
 */
export const noteAccepted = (holding: Holding, nowMs: number): void => {
  for (const key of holding.fresh) {
    const life = holding.lives.get(key)
    if (life === undefined || life.sentMs === nowMs) continue
    holding.lives.delete(key)
    holding.lives.set(key, { ...life, sentMs: nowMs })
  }
  holding.fresh.length = 0
  holding.room.waitingBytes -= holding.leavingBytes
  holding.leavingBytes = 0
}

/** When the next of what waits may go, in milliseconds; undefined: nothing waits. */
export const nextDueMs = ({ everyMs, lives, waiting }: Holding): number | undefined => {
  if (waiting === 0) return undefined
  for (const { sentMs, waiting: bytes } of lives.values()) if (bytes !== undefined) return sentMs + everyMs
  return undefined
}

const [before, behind] = [encodeText('{"type":"MODIFIED","object":'), encodeText("}\n")]

/** `due`: what has waited long enough. `all`: all that waits. `end`: the same, and nothing will come after it. */
export type Wanted = "due" | "all" | "end"

/**
 * Takes out what may go, as a fact that is to be the lane's next one; undefined where that is nothing. Nothing goes while a list runs, but
 * at the end: the list shows these objects anew, and would not miss one that ends before its page.
 */
export const takeDue = (holding: Holding, { state }: Lane, nowMs: number, wanted: Wanted = "due"): Fact | undefined => {
  if (state._tag === "listing" && wanted !== "end") return undefined
  const due: Array<Uint8Array> = []
  let length = 0
  for (const life of holding.lives.values()) {
    if (wanted === "due" && !isOver(holding, life, nowMs)) break
    const bytes = takeWaiting(holding, life)
    if (bytes === undefined) continue
    holding.room.waitingBytes += bytes.length
    holding.leavingBytes += bytes.length
    due.push(before, bytes, behind)
    length += before.length + bytes.length + behind.length
  }
  if (due.length === 0) return undefined
  const block = new Uint8Array(length)
  let at = 0
  for (const part of due) {
    block.set(part, at)
    at += part.length
  }
  const records = makeRecords(1)
  scanLines(block, records)
  return { _tag: "Released", records }
}
