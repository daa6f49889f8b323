/**
 * What two MeshSyncs tell of one cluster, event by event: which messages belong together, and what it means when one has no counterpart.
 * An event is known by apiVersion, uid, resourceVersion and what happened.
 *
 * Invariants: an event is called missing only when the side that lacks it has announced all it had and the grace has gone by since;
 * each event is counted once; versions are compared with equality only, so an order is taken from one side's own messages, never across.
 * Knows no broker and no clock. Does not decide what explains a difference: that is wire/decision.ts.
 */
import * as Limit from "../limit.ts"
import { digestOf } from "../read/text.ts"
import { tableNames } from "../select/builtin.ts"
import { canonicalText, compareMessages } from "../wire/comparison.ts"
import { isIdentity, needsSource } from "../wire/decision.ts"
import { parseNode, textAt, type Node } from "../wire/node.ts"
import { encodeText } from "../wire/writer.ts"
import { makeReport, noteVerdict, type EventName, type Report, type Verdict } from "./comparisonReport.ts"

export type Side = "ours" | "theirs"

const otherSide = (side: Side): Side => (side === "ours" ? "theirs" : "ours")

/** That one side has told an event. The text is there until it has been judged, or as long as there is room. */
interface Told {
  readonly sequence: number
  readonly atMs: number
  readonly identity: boolean
  text: string | undefined
  digest: string
}

interface Entry {
  readonly about: EventName
  ours: Told | undefined
  theirs: Told | undefined
}

/** One object from creation to deletion, as each side has told it. */
interface Life {
  readonly ours: SideOfLife
  readonly theirs: SideOfLife
}

interface SideOfLife {
  /** The version with which the side took the object up, the last time that it did so by a list. Undefined: it never told of it. */
  joined: string | undefined
  apiVersion: string
  /** When it told the end. */
  endedMs: number | undefined
}

/** Two messages that differ in a way that only the object itself can explain. */
export interface Doubt {
  readonly about: EventName
  readonly theirs: Node
  readonly ours: Node
}

export interface PairingOptions {
  /** How long an event waits for its counterpart; `compareGraceMs` unless somebody knows better. */
  readonly graceMs: number
  /** The other side announces everything while we listen; else it did so before. */
  readonly announces: boolean
  /** Whether an event of the other side is among what is compared. Asked late, when our own selection is known. */
  readonly covers: (about: EventName) => boolean
}

export interface Pairing {
  readonly options: PairingOptions
  readonly report: Report
  /** Oldest first. */
  readonly entries: Map<string, Entry>
  /** Entries that lack one side and have not been judged, oldest first. */
  readonly waiting: Set<Entry>
  readonly lives: Map<string, Life>
  /** Kinds of which the other side has told anything. */
  readonly theirKinds: Set<string>
  readonly doubts: Array<Doubt>
  /** Since when a side has announced all it had; undefined: not yet. */
  readonly readyMs: Record<Side, number | undefined>
  readonly startedMs: number
  /** When the other side last took up an object. */
  theirNewsMs: number
  textChars: number
  sequence: number
  /** No event is begun any more. */
  closed: boolean
  /** Nothing of the other side is heard at present. */
  deaf: boolean
}

export const makePairing = (options: PairingOptions, nowMs: number): Pairing => ({
  options,
  report: makeReport(),
  entries: new Map(),
  waiting: new Set(),
  lives: new Map(),
  theirKinds: new Set(),
  doubts: [],
  readyMs: { ours: undefined, theirs: options.announces ? undefined : nowMs },
  startedMs: nowMs,
  theirNewsMs: nowMs,
  textChars: 0,
  sequence: 0,
  closed: false,
  deaf: false,
})

// What comes in ----------------------------------------------------------------------------------------------------------

const eventNames: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED"])

/** What a message is about; undefined when it is no message about a resource. */
const readEvent = (message: Node | undefined): EventName | undefined => {
  const event = textAt(message, "EventType")
  const kind = textAt(message, "Object", "kind")
  const apiVersion = textAt(message, "Object", "apiVersion")
  if (event === undefined || !eventNames.has(event) || kind === undefined || apiVersion === undefined) return undefined
  const metadata = (name: string): string => textAt(message, "Object", "metadata", name) ?? ""
  return {
    event,
    apiVersion,
    kind,
    namespace: metadata("namespace"),
    name: metadata("name"),
    uid: metadata("uid"),
    resourceVersion: metadata("resourceVersion"),
  }
}

/** Objects without a uid are known by their address. */
const lifeKey = ({ kind, name, namespace, uid }: EventName): string => (uid === "" ? `${kind} ${namespace} ${name}` : uid)

const eventKey = (about: EventName, event = about.event, resourceVersion = about.resourceVersion): string =>
  `${about.apiVersion} ${lifeKey(about)} ${resourceVersion} ${event}`

const absent: SideOfLife = { joined: undefined, apiVersion: "", endedMs: undefined }

const follow = (pairing: Pairing, side: Side, about: EventName, listed: boolean, nowMs: number): void => {
  const key = lifeKey(about)
  const life = pairing.lives.get(key) ?? { ours: { ...absent }, theirs: { ...absent } }
  pairing.lives.set(key, life)
  const mine = life[side]
  if (side === "theirs" && mine.joined === undefined) pairing.theirNewsMs = nowMs
  // Whoever lists takes an object up in the version that it finds.
  if (mine.joined === undefined || listed || about.event === "ADDED") mine.joined = about.resourceVersion
  mine.apiVersion = about.apiVersion
  mine.endedMs = about.event === "DELETED" ? nowMs : undefined
  dropOldest(pairing.lives)
}

const dropOldest = (map: Map<string, unknown>): void => {
  const oldest = map.keys().next()
  if (map.size > Limit.compareEventsMax && oldest.done !== true) map.delete(oldest.value)
}

/**
 * Takes a message of one side.
 * @param listed whether it comes from a list, as far as the side says so
 */
export const takeMessage = (pairing: Pairing, side: Side, text: string, listed: boolean, nowMs: number): void => {
  const message = parseNode(text)
  const about = readEvent(message)
  if (message === undefined || about === undefined) {
    pairing.report.foreign++
    return
  }
  follow(pairing, side, about, listed, nowMs)
  if (side === "theirs") pairing.theirKinds.add(`${about.kind}.${about.apiVersion}`)
  const key = eventKey(about)
  const entry: Entry = pairing.entries.get(key) ?? { about, ours: undefined, theirs: undefined }
  if (entry[side] !== undefined) {
    if (!pairing.closed) noteVerdict(pairing.report, about, { outcome: "repeated" })
    return
  }
  const told: Told = { sequence: ++pairing.sequence, atMs: nowMs, identity: isIdentity(message), text: undefined, digest: "" }
  entry[side] = told
  if (pairing.waiting.delete(entry)) return judgePair(pairing, about, entry, message, side)
  // The other side has been judged without this one, or this one comes after the end: it is remembered, not judged.
  if (entry[otherSide(side)] !== undefined) return
  pairing.entries.set(key, entry)
  if (!pairing.closed && !pairing.deaf) keepWaiting(pairing, entry, told, text)
  makeRoom(pairing)
}

const keepWaiting = (pairing: Pairing, entry: Entry, told: Told, text: string): void => {
  told.text = text
  pairing.textChars += text.length
  pairing.waiting.add(entry)
}

/** Keeps within the bounds: the oldest texts become digests, the oldest events are forgotten. */
const makeRoom = (pairing: Pairing): void => {
  if (pairing.textChars > Limit.compareTextCharsMax) {
    for (const { ours, theirs } of pairing.waiting) {
      if (pairing.textChars <= Limit.compareTextCharsMax) break
      for (const told of [ours, theirs]) {
        const message = told?.text === undefined ? undefined : parseNode(told.text)
        if (told === undefined || message === undefined) continue
        told.digest = digestText(message)
        releaseText(pairing, told)
      }
    }
  }
  const oldest = pairing.entries.entries().next()
  if (pairing.entries.size <= Limit.compareEventsMax || oldest.done === true) return
  const [key, entry] = oldest.value
  pairing.entries.delete(key)
  if (pairing.waiting.delete(entry)) settle(pairing, entry, { outcome: "undecided" })
}

const words = new Uint32Array(2)

const digestText = (message: Node): string => {
  const bytes = encodeText(canonicalText(message))
  digestOf(bytes, 0, bytes.length, words)
  return `${words[0]}-${words[1]}`
}

const releaseText = (pairing: Pairing, told: Told | undefined): void => {
  if (told?.text === undefined) return
  pairing.textChars -= told.text.length
  told.text = undefined
}

// Judging ----------------------------------------------------------------------------------------------------------------

const settle = (pairing: Pairing, entry: Entry, verdict: Verdict): void => {
  releaseText(pairing, entry.ours)
  releaseText(pairing, entry.theirs)
  noteVerdict(pairing.report, entry.about, verdict)
}

/** Judges an event that both sides have told. @param message that of `side`, which has just come */
const judgePair = (pairing: Pairing, about: EventName, entry: Entry, message: Node, side: Side): void => {
  const other = entry[otherSide(side)]
  const kept = other?.text === undefined ? undefined : parseNode(other.text)
  if (kept === undefined) return settle(pairing, entry, { outcome: other?.digest === digestText(message) ? "equal" : "undecided" })
  releaseText(pairing, other)
  judgeMessages(pairing, about, side === "theirs" ? message : kept, side === "theirs" ? kept : message, "equal")
}

/** @param agreed what it is when the messages say the same */
const judgeMessages = (pairing: Pairing, about: EventName, theirs: Node, ours: Node, agreed: "equal" | "timing"): void => {
  const differences = compareMessages(theirs, ours).filter(({ path }) => agreed === "equal" || path !== "EventType")
  const open = differences.filter(({ decision }) => decision === undefined)
  if (open.length > 0 && open.every(needsSource) && pairing.doubts.length < Limit.compareDoubtsMax) {
    pairing.doubts.push({ about, theirs, ours })
    return
  }
  noteVerdict(pairing.report, about, verdictOf(differences, agreed))
}

const verdictOf = (differences: ReturnType<typeof compareMessages>, agreed: "equal" | "timing"): Verdict => {
  if (differences.length === 0) return { outcome: agreed }
  const paths = differences.filter(({ decision }) => decision === undefined).map(({ path }) => path)
  if (paths.length > 0) return { outcome: "different", paths }
  return { outcome: "explained", decisions: differences.flatMap(({ decision }) => decision ?? []) }
}

/** Judges what waited for a look at the object. @param source the object in that very version; undefined: it is not to be had any more */
export const resolveDoubt = (pairing: Pairing, { about, ours, theirs }: Doubt, source: Node | undefined): void => {
  const isThatVersion = textAt(source, "metadata", "resourceVersion") === about.resourceVersion
  const differences = compareMessages(theirs, ours, isThatVersion ? source : undefined).filter(({ path }) => path !== "EventType")
  noteVerdict(pairing.report, about, verdictOf(differences, "equal"))
}

/** Whether a side tells this version of the object as another event, and what it tells. */
const findSibling = (pairing: Pairing, about: EventName, side: Side): Entry | undefined => {
  if (about.event === "DELETED") return undefined
  const event = about.event === "ADDED" ? "MODIFIED" : "ADDED"
  const sibling = pairing.entries.get(eventKey(about, event))
  return sibling?.[side] === undefined ? undefined : sibling
}

/** Whether the side that lacks the event took the object up in a version that the other one told later. */
const isPassedOver = (pairing: Pairing, about: EventName, told: Told, teller: Side, joined: string | undefined): boolean =>
  joined !== undefined &&
  [...eventNames].some((event) => (pairing.entries.get(eventKey(about, event, joined))?.[teller]?.sequence ?? -1) > told.sequence)

/** Whether the Go MeshSync knows the kind by a name only that no API server has a path for. */
const isUnservedName = ({ apiVersion, kind }: EventName): boolean => {
  const slash = apiVersion.indexOf("/")
  const group = slash < 0 ? "" : apiVersion.slice(0, slash)
  return tableNames.some((name) => name.startsWith(`${kind.toLowerCase()}.`) && name.endsWith(`.${group}`))
}

/** Judges an event that one side has not told although it had its time. */
const judgeLonely = (pairing: Pairing, entry: Entry, teller: Side, told: Told): void => {
  const { about } = entry
  const lacking = otherSide(teller)
  if (teller === "theirs" && !pairing.options.covers(about)) {
    releaseText(pairing, told)
    pairing.report.outside++
    return
  }
  const sibling = findSibling(pairing, about, lacking)
  const counterpart = sibling?.[lacking]
  if (sibling !== undefined && counterpart !== undefined) return judgeSiblings(pairing, entry, told, sibling, counterpart, teller)
  settle(pairing, entry, judgeAbsence(pairing, about, teller, told))
}

const judgeSiblings = (pairing: Pairing, entry: Entry, told: Told, sibling: Entry, counterpart: Told, teller: Side): void => {
  const mine = told.text === undefined ? undefined : parseNode(told.text)
  const other = counterpart.text === undefined ? undefined : parseNode(counterpart.text)
  releaseText(pairing, told)
  // A counterpart that has been judged already was compared with this version by that.
  if (!pairing.waiting.delete(sibling) || mine === undefined || other === undefined) {
    return noteVerdict(pairing.report, entry.about, { outcome: "timing" })
  }
  releaseText(pairing, counterpart)
  judgeMessages(pairing, entry.about, teller === "theirs" ? mine : other, teller === "theirs" ? other : mine, "timing")
}

const judgeAbsence = (pairing: Pairing, about: EventName, teller: Side, told: Told): Verdict => {
  const lacking = otherSide(teller)
  const life = pairing.lives.get(lifeKey(about))
  const [mine, other] = [life?.[teller] ?? absent, life?.[lacking] ?? absent]
  const readyMs = pairing.readyMs[lacking] ?? Infinity
  if (other.apiVersion !== "" && other.apiVersion !== about.apiVersion) return { outcome: "explained", decisions: ["versions"] }
  if (about.event === "DELETED" && other.endedMs !== undefined) return { outcome: "timing" }
  // One that has been watching all the time lists nothing, so it passes nothing over.
  const mayPassOver = lacking === "ours" || pairing.options.announces
  if (mayPassOver && isPassedOver(pairing, about, told, teller, other.joined)) return { outcome: "timing" }
  // A whole life before the other side began; its end may be heard a while after that.
  if (other.joined === undefined && (mine.endedMs ?? Infinity) <= readyMs + Limit.compareQuietMs) return { outcome: "timing" }
  if (teller === "theirs") return { outcome: "missingHere" }
  const readyHereMs = pairing.readyMs.ours ?? Infinity
  if (!pairing.options.announces && about.event === "ADDED" && told.atMs <= readyHereMs) return { outcome: "before" }
  if (about.event === "DELETED" && told.identity) return { outcome: "explained", decisions: ["deletions"] }
  const isSilentKind = !pairing.theirKinds.has(`${about.kind}.${about.apiVersion}`)
  if (isSilentKind && isUnservedName(about)) return { outcome: "explained", decisions: ["names"] }
  return { outcome: "missingThere" }
}

/** Judges what has waited long enough. To be called now and then. */
export const judgeDue = (pairing: Pairing, nowMs: number): void => {
  const { readyMs, startedMs, theirNewsMs } = pairing
  const { graceMs } = pairing.options
  const isQuiet = nowMs - theirNewsMs >= Limit.compareQuietMs && pairing.theirKinds.size > 0
  if (readyMs.theirs === undefined && (isQuiet || nowMs - startedMs >= Limit.compareAnnouncingMaxMs)) readyMs.theirs = nowMs
  for (const entry of pairing.waiting) {
    const teller: Side = entry.ours === undefined ? "theirs" : "ours"
    const told = entry[teller]
    const readySinceMs = readyMs[otherSide(teller)]
    if (told === undefined || readySinceMs === undefined || nowMs - Math.max(told.atMs, readySinceMs) < graceMs) continue
    pairing.waiting.delete(entry)
    judgeLonely(pairing, entry, teller, told)
  }
}

// Milestones -------------------------------------------------------------------------------------------------------------

/** A side has announced everything. */
export const markReady = (pairing: Pairing, side: Side, nowMs: number): void => {
  pairing.readyMs[side] ??= nowMs
}

/** From now on nothing new is judged; what waits still gets its time. */
export const closePairing = (pairing: Pairing, nowMs: number): void => {
  pairing.closed = true
  markReady(pairing, "ours", nowMs)
  markReady(pairing, "theirs", nowMs)
}

/** What the other side tells from now on is lost, and so may be what it has just told. */
export const loseHearing = (pairing: Pairing): void => {
  pairing.deaf = true
  abandonWaiting(pairing)
}

/** Messages of the other side arrive again: what it says from now on counts. */
export const regainHearing = (pairing: Pairing): void => {
  pairing.deaf = false
}

/** Gives up what waits: messages may have been lost on the way, or it ends now. */
export const abandonWaiting = (pairing: Pairing): void => {
  for (const entry of pairing.waiting) settle(pairing, entry, { outcome: "undecided" })
  pairing.waiting.clear()
  for (const doubt of pairing.doubts.splice(0)) resolveDoubt(pairing, doubt, undefined)
}

/** Whether nothing waits to be judged. */
export const isJudged = ({ doubts, waiting }: Pairing): boolean => waiting.size === 0 && doubts.length === 0
