/**
 * The live feed of the cluster as a sink: a line for each change with what is different, a summary for each list, and on a terminal a
 * line of counters that is rewritten in place. It remembers the last message of each object as far as its memory reaches; beyond that
 * it says only that something changed. It keeps no count of its own: counters are the engine's status.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { feedMemoryBytesMax, feedQuietMs, feedRedrawMs } from "../../domain/limit.ts"
import { typeKey } from "../../domain/select/resource.ts"
import type { Status } from "../../domain/sync/status.ts"
import { accepted, Sink, type Batch, type Message, type SinkError } from "../../ports/Sink.ts"
import { changesText, objectOf } from "./changes.ts"
import { changeLine, countersText, listedLine, type FeedStyle } from "./feedText.ts"

export interface FeedOptions {
  /** Whether the text goes to a terminal, whose last line can be rewritten. */
  readonly tty: boolean
  readonly colour: boolean
  /** Columns; a function where the terminal may be resized. */
  readonly width: number | (() => number)
  readonly write: (text: string) => Effect.Effect<void, SinkError>
  /** Objects of lists get a line each, too. */
  readonly verbose?: boolean
  /** The engine's status as soon as there is one. Without it there are no counters. */
  readonly status?: () => Status | undefined
}

/** A list that is being delivered. */
interface Tally {
  count: number
  readonly firstMs: number
  lastMs: number
}

interface Feed {
  readonly options: FeedOptions
  /** Last messages, least recently seen first. */
  readonly memory: Map<string, Uint8Array>
  memoryBytes: number
  readonly tallies: Map<string, Tally>
  /** Kinds of which a summary was given: what a later list brings is news. */
  readonly listed: Set<string>
  lines: number
  /** The counters as they stand on the terminal. */
  drawn: string
}

/** What the map and the buffer's own header cost for each object, measured on 64-bit V8, rounded up. */
const entryBytes = 300

const clearLine = "\r\u001b[2K"

const styleOf = ({ colour, tty, width }: FeedOptions): FeedStyle => ({ tty, colour, width: typeof width === "number" ? width : width() })

const keyOf = ({ name, namespace, type, uid }: Message): string => (uid === "" ? `${typeKey(type)}\0${namespace}\0${name}` : uid)

const forget = (feed: Feed, key: string): Uint8Array | undefined => {
  const known = feed.memory.get(key)
  if (known === undefined) return undefined
  feed.memory.delete(key)
  feed.memoryBytes -= known.length + entryBytes
  return known
}

/** Takes the message's place as the most recently seen, and gives the one before. */
const remember = (feed: Feed, message: Message): Uint8Array | undefined => {
  const key = keyOf(message)
  const before = forget(feed, key)
  if (message.event === "Deleted") return before
  feed.memory.set(key, message.payload.slice())
  feed.memoryBytes += message.payload.length + entryBytes
  for (const oldest of feed.memory.keys()) {
    if (feed.memoryBytes <= feedMemoryBytesMax) break
    forget(feed, oldest)
  }
  return before
}

const describeChange = (message: Message, before: Uint8Array | undefined): string => {
  if (message.event !== "Modified") return ""
  const older = before === undefined ? undefined : objectOf(before)
  const newer = objectOf(message.payload)
  return older === undefined || newer === undefined ? "the earlier version is no longer remembered" : changesText(older, newer)
}

const closeTally = (feed: Feed, key: string, nowMs: number): string => {
  const tally = feed.tallies.get(key)
  if (tally === undefined) return ""
  feed.tallies.delete(key)
  const again = feed.listed.has(key)
  feed.listed.add(key)
  const list = { key, count: tally.count, spanMs: tally.lastMs - tally.firstMs, again }
  return listedLine(nowMs, list, styleOf(feed.options))
}

/** Counts an object of a list; the summary comes when the list is over. */
const tallyObject = (feed: Feed, key: string, nowMs: number): void => {
  const tally = feed.tallies.get(key)
  if (tally === undefined) feed.tallies.set(key, { count: 1, firstMs: nowMs, lastMs: nowMs })
  else {
    tally.count++
    tally.lastMs = nowMs
  }
}

const describeMessage = (feed: Feed, message: Message, urgency: Batch["urgency"], nowMs: number): string => {
  const key = typeKey(message.type)
  const before = remember(feed, message)
  const isNews = urgency === "live" || message.event !== "Added" || (feed.listed.has(key) && before === undefined)
  if (!isNews && feed.options.verbose !== true) {
    tallyObject(feed, key, nowMs)
    return ""
  }
  feed.lines++
  const { name, namespace, type } = message
  const summary = isNews ? closeTally(feed, key, nowMs) : ""
  const object = { kind: type.kind, namespace, name }
  return summary + changeLine(nowMs, message.event, object, describeChange(message, before), styleOf(feed.options))
}

/** A list counts as over when its kind is synced, as far as the status says, and nothing more of it came for a while. */
const closeQuietTallies = (feed: Feed, nowMs: number): string => {
  const lanes = feed.options.status?.()?.lanes
  return [...feed.tallies]
    .filter(([key, { lastMs }]) => nowMs - lastMs >= feedQuietMs && lanes?.find((lane) => lane.key === key)?.synced !== false)
    .map(([key]) => closeTally(feed, key, nowMs))
    .join("")
}

const counters = ({ options }: Feed, width: number): string => {
  const status = options.status?.()
  return status === undefined ? "" : countersText(status, width)
}

/** Writes lines above the counters, and these anew where they changed. One column stays free, else some terminals wrap. */
const show = (feed: Feed, lines: string): Effect.Effect<void, SinkError> =>
  Effect.suspend(() => {
    if (!feed.options.tty) return lines === "" ? Effect.void : feed.options.write(lines)
    const line = counters(feed, styleOf(feed.options).width - 1)
    if (lines === "" && line === feed.drawn) return Effect.void
    feed.drawn = line
    return feed.options.write(clearLine + lines + line)
  })

const closeTallies = (feed: Feed, nowMs: number): string => [...feed.tallies.keys()].map((key) => closeTally(feed, key, nowMs)).join("")

/** The last words: lists that were cut short, and the counters, which stay on the screen. */
const end = (feed: Feed, nowMs: number): Effect.Effect<void, SinkError> => {
  const { options } = feed
  const line = counters(feed, options.tty ? styleOf(options).width - 1 : Infinity)
  const text = closeTallies(feed, nowMs) + (line === "" ? "" : `${line}\n`)
  return text === "" ? Effect.void : options.write((options.tty ? clearLine : "") + text)
}

const make = (options: FeedOptions): Effect.Effect<Sink["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const feed: Feed = { options, memory: new Map(), memoryBytes: 0, tallies: new Map(), listed: new Set(), lines: 0, drawn: "" }
    const lock = yield* Semaphore.make(1)
    const showAt = (describe: (nowMs: number) => string) =>
      Clock.currentTimeMillis.pipe(
        Effect.flatMap((nowMs) => show(feed, describe(nowMs))),
        lock.withPermits(1),
      )
    yield* Effect.addFinalizer(() =>
      Effect.ignore(lock.withPermits(1)(Effect.flatMap(Clock.currentTimeMillis, (nowMs) => end(feed, nowMs)))),
    )
    yield* showAt((nowMs) => closeQuietTallies(feed, nowMs)).pipe(
      Effect.delay(feedRedrawMs),
      Effect.forever,
      // The next delivery meets the same error and reports it.
      Effect.ignore,
      Effect.forkScoped,
    )
    return Sink.of({
      deliver: ({ messages, urgency }) =>
        Effect.as(
          showAt((nowMs) => messages.map((message) => describeMessage(feed, message, urgency, nowMs)).join("")),
          accepted,
        ),
      bytesMax: () => Number.MAX_SAFE_INTEGER,
      status: () => ({ name: "feed", state: "open", detail: `${feed.lines} lines` }),
      settled: showAt((nowMs) => closeTallies(feed, nowMs)),
    })
  })

/** The feed on whatever `write` writes to. */
export const layerFeed = (options: FeedOptions): Layer.Layer<Sink> => Layer.effect(Sink, make(options))
