/**
 * The loop of one lane: performs a command, makes its outcome a fact, takes the turn, delivers, and has the next command.
 * All decisions are the reflector's. A signal (a resync, the end of the type) interrupts a watch or a pause and waits for a page.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { lineBytesMax, marksEveryMs, watchTimeoutMaxMs, watchTimeoutMinMs } from "../domain/limit.ts"
import { frame, makeFramer, type Framer } from "../domain/read/frame.ts"
import { makeRecords, type Records } from "../domain/read/record.ts"
import { scanLines, scanPage } from "../domain/read/scan.ts"
import { intervalOf } from "../domain/select/interval.ts"
import { definitionsKey } from "../domain/select/selection.ts"
import { pauseMs } from "../domain/sync/backoff.ts"
import { clearOutput, makeOutput, type Command, type Fact, type Failure, type Output } from "../domain/sync/fact.ts"
import { makeHolding, noteAccepted, takeDue, type Holding, type Wanted } from "../domain/sync/holding.ts"
import type { Lane } from "../domain/sync/lane.ts"
import { digestText } from "../domain/sync/digest.ts"
import { noRecords, takeTurn } from "../domain/sync/turn.ts"
import type { ApiError, Collection } from "../ports/ClusterApi.ts"
import { takesMarks, type SinkError } from "../ports/Sink.ts"
import { deliverTurn } from "./deliver.ts"
import { withWord, type Desk } from "./desk.ts"
import { logNotice } from "./notices.ts"
import { releaseForEver } from "./release.ts"

type CommandOf<Tag extends Command["_tag"]> = Extract<Command, { _tag: Tag }>

/** Facts that come from outside of the lane's own lists and watches. */
export type Signals = Queue.Queue<Fact>

/** One lane's loop with what it reuses from block to block. */
interface Loop {
  readonly desk: Desk
  readonly lane: Lane
  readonly signals: Signals
  readonly records: Records
  readonly output: Output
  /** Open while something may wait for its kind's interval. */
  readonly stirred: Latch.Latch
}

/**
 * Runs a lane until it closes. Fails only when the sink is broken for good.
 * @param awake the lane begins when this is done; its end may come before
 */
export const runLane = Effect.fnUntraced(function* (desk: Desk, lane: Lane, signals: Signals, awake: Effect.Effect<void> = Effect.void) {
  const loop: Loop = { desk, lane, signals, records: makeRecords(), output: makeOutput(), stirred: Latch.makeUnsafe(false) }
  const everyMs = lane.spec.hidden ? 0 : intervalOf(desk.minIntervals, lane.key)
  const all = desk.sink.mark === undefined ? follow(loop, awake) : Effect.raceFirst(follow(loop, awake), tellDigests(loop))
  return yield* everyMs === 0 ? all : holdingBack(loop, makeHolding(everyMs, desk.room), all)
})

/** The same, with what must wait for the kind's interval sent in time, or when the run ends. */
const holdingBack = (loop: Loop, holding: Holding, all: Effect.Effect<void, SinkError>): Effect.Effect<void, SinkError> => {
  const { desk, lane } = loop
  const send = (wanted: Wanted) => release(loop, holding, wanted)
  lane.holding = holding
  desk.releases.set(lane, send)
  return Effect.raceFirst(all, releaseForEver(holding, loop.stirred, send("due"))).pipe(
    Effect.ensuring(Effect.sync(() => desk.releases.delete(lane))),
  )
}

const follow = Effect.fnUntraced(function* (loop: Loop, awake: Effect.Effect<void>) {
  const { lane } = loop
  let command: Command | undefined
  // Being asked to announce everything is nothing to begin with: it is remembered.
  while (command === undefined) {
    const first = yield* orSignal(loop, awake)
    command = yield* turn(loop, first._tag === "signal" ? first.signal : { _tag: "Started" })
  }
  // A fact that asks for nothing leaves the lane as it was: watching from where it is.
  while (command?._tag !== "Close") command = yield* perform(loop, command ?? { _tag: "Watch", resourceVersion: lane.resourceVersion })
})

const perform = (loop: Loop, command: Exclude<Command, { _tag: "Close" }>): Effect.Effect<Command | undefined, SinkError> => {
  switch (command._tag) {
    case "List":
      return loop.desk.lists.withPermits(1)(listPages(loop, command))
    case "Watch":
      return Effect.scoped(watchBlocks(loop, command))
    case "Pause":
      return pause(loop, command)
    case "RenewCredentials":
      return Effect.die("credentials are renewed within the turn that asks for it")
  }
}

/** Takes one fact through the lane and out; returns what to do next (of several commands the last one lasts). */
const turn = (loop: Loop, fact: Fact): Effect.Effect<Command | undefined, SinkError> =>
  withWord(loop.desk, loop.lane.key)(Effect.tap(decide(loop, fact), () => settle(loop, fact)))

/** Says now and then what the lane holds, between two turns. The running watch or pause does not notice. */
const tellDigests = (loop: Loop): Effect.Effect<never, SinkError> => {
  const tell = Effect.suspend(() => (takesMarks(loop.desk.sink.status()) ? Effect.asVoid(turn(loop, { _tag: "DigestDue" })) : Effect.void))
  return Effect.forever(Effect.andThen(Effect.sleep(marksEveryMs), tell))
}

/** Sends what may go of what waits: what that is can only be said by who has the word. */
const release = (loop: Loop, holding: Holding, wanted: Wanted): Effect.Effect<void, SinkError> =>
  withWord(
    loop.desk,
    loop.lane.key,
  )(
    Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      const fact = takeDue(holding, loop.lane, nowMs, wanted)
      return fact === undefined ? Effect.void : Effect.andThen(decide(loop, fact), settle(loop, fact))
    }),
  )

/** The pure half of a turn. */
const decide = Effect.fnUntraced(function* ({ desk, lane, output, stirred }: Loop, fact: Fact) {
  // A change of the definitions means that other types come, go or move; no other lane's digest is asked for.
  const digest = () => (lane.key === definitionsKey ? digestText(lane.ledger) : "")
  const before = digest()
  clearOutput(output)
  takeTurn(lane, fact, yield* Clock.currentTimeMillis, desk.engine.departures, output)
  if (lane.holding !== undefined && lane.holding.waiting > 0) stirred.openUnsafe()
  const isNotServed = "failure" in fact && fact.failure._tag === "NotServed"
  if (isNotServed || digest() !== before) yield* desk.onTypesMayHaveChanged
  return output.commands.at(-1)
})

/** The other half: everything is out, or the lane stands still. */
const settle = Effect.fnUntraced(function* ({ desk, lane, output }: Loop, fact: Fact) {
  const records = "records" in fact ? fact.records : noRecords
  yield* deliverTurn(desk, lane, records, output, fact._tag === "PageListed" ? "announcement" : "live")
  lane.delivered ||= lane.synced
  if (lane.holding !== undefined) noteAccepted(lane.holding, yield* Clock.currentTimeMillis)
  if (output.commands.some((command) => command._tag === "RenewCredentials")) yield* desk.api.renewCredentials
  if (desk.recorder === undefined) return
  if (fact._tag === "Deselected") yield* desk.recorder.forget(lane)
  else if (fact._tag === "Reselected") yield* desk.recorder.redeclare(lane)
  if (output.announced) yield* desk.recorder.announced(lane)
})

const collectionOf = ({ spec: { depth = "full", namespace, selector, type } }: Lane): Collection => ({ type, namespace, selector, depth })

// Lists ------------------------------------------------------------------------------------------------------------------

/** All pages of a list; the next one is asked for while this one is worked on. */
const listPages = Effect.fnUntraced(function* (loop: Loop, first: CommandOf<"List">) {
  const hasWord = withWord(loop.desk, loop.lane.key)
  let answer = yield* fetchPage(loop, first)
  while (true) {
    const fact = factOfPage(loop, answer)
    const { fetching, next } = yield* hasWord(turnPage(loop, fact))
    giveBack(loop, answer)
    if (fetching === undefined) return next
    const ended = yield* takeSignals(loop)
    if (ended !== undefined) {
      yield* Fiber.interrupt(fetching)
      return ended
    }
    answer = yield* Fiber.join(fetching)
  }
})

/** A turn that has the next page fetched while this one is on its way out. */
const turnPage = Effect.fnUntraced(function* (loop: Loop, fact: Fact) {
  const next = yield* decide(loop, fact)
  const fetching = next?._tag === "List" ? yield* Effect.forkChild(fetchPage(loop, next), { startImmediately: true }) : undefined
  yield* settle(loop, fact)
  return { fetching, next }
})

const fetchPage = (loop: Loop, { continue: token, limit }: CommandOf<"List">) =>
  Effect.result(loop.desk.api.list({ ...collectionOf(loop.lane), continue: token, limit }))

const factOfPage = ({ lane, records }: Loop, answer: Result.Result<Uint8Array, ApiError>): Fact => {
  if (Result.isFailure(answer)) return { _tag: "ListFailed", failure: answer.failure.failure }
  lane.counts.bytesRead += answer.success.length
  const head = scanPage(answer.success, records)
  return Result.isFailure(head)
    ? { _tag: "ListFailed", failure: unavailable(`the answer is not a list of the API server: ${head.failure.text}`) }
    : { _tag: "PageListed", records, resourceVersion: head.success.resourceVersion, continue: head.success.continue }
}

/** The page's turn is over: its memory serves the page after the next. */
const giveBack = ({ desk }: Loop, answer: Result.Result<Uint8Array, ApiError>): void => {
  if (Result.isSuccess(answer)) desk.api.recycle?.(answer.success)
}

/** Signals that came while a page was worked on. The end of the lane changes what comes next, and so does another choice of objects. */
const takeSignals = Effect.fnUntraced(function* (loop: Loop) {
  let next: Command | undefined
  for (const signal of yield* Queue.clear(loop.signals)) {
    next = (yield* turn(loop, signal)) ?? next
    if (next?._tag === "Close") return next
  }
  return next
})

// Watches ----------------------------------------------------------------------------------------------------------------

/** One watch from its opening to its end, block by block. */
const watchBlocks = Effect.fnUntraced(function* (loop: Loop, { resourceVersion }: CommandOf<"Watch">) {
  const { desk, lane } = loop
  const timeoutMs = yield* Random.nextBetween(watchTimeoutMinMs, watchTimeoutMaxMs)
  const request = { ...collectionOf(lane), resourceVersion, timeoutSeconds: Math.round(timeoutMs / 1000) }
  const opened = yield* orSignal(loop, Effect.result(desk.api.watch(request)))
  if (opened._tag === "signal") return yield* turn(loop, opened.signal)
  if (Result.isFailure(opened.value)) return yield* turn(loop, { _tag: "WatchFailed", failure: opened.value.failure.failure })
  const stream = opened.value.success
  const framer = makeFramer(lineBytesMax)
  while (true) {
    const came = yield* orSignal(loop, Effect.result(stream.next))
    if (came._tag === "signal") return yield* turn(loop, came.signal)
    if (Result.isFailure(came.value)) return yield* turn(loop, { _tag: "WatchFailed", failure: came.value.failure.failure })
    const chunk = came.value.success
    if (chunk === undefined) return yield* turn(loop, { _tag: "WatchEnded" })
    lane.counts.bytesRead += chunk.length
    const lines = frame(framer, chunk)
    yield* reportOversize(loop, framer)
    if (lines === undefined) continue
    scanLines(lines, loop.records)
    const next = yield* turn(loop, { _tag: "Observed", records: loop.records })
    if (next !== undefined) return next
  }
})

/** A line beyond the bound cannot be read, so nobody knows which object it was about; a list will meet that object again. */
const reportOversize = ({ lane }: Loop, framer: Framer): Effect.Effect<void> => {
  if (framer.oversize === 0) return Effect.void
  const detail = `${lane.key}: ${framer.oversize} watch lines of more than ${lineBytesMax} bytes were skipped`
  lane.counts.flawed += framer.oversize
  framer.oversize = 0
  return logNotice({ error: "ErrSkippedObject", subject: lane.key, detail, level: "warning" })
}

/** Whichever comes first; a signal that comes with bytes wins, since it ends the watch. */
const orSignal = <A, R>(loop: Loop, effect: Effect.Effect<A, never, R>) =>
  Effect.raceFirst(
    Effect.map(Queue.take(loop.signals), (signal) => ({ _tag: "signal", signal }) as const),
    Effect.map(effect, (value) => ({ _tag: "value", value }) as const),
  )

// Pauses -----------------------------------------------------------------------------------------------------------------

const pause = Effect.fnUntraced(function* (loop: Loop, command: CommandOf<"Pause">) {
  const waited = yield* orSignal(loop, Effect.sleep(pauseMs(command, yield* Random.next)))
  return yield* turn(loop, waited._tag === "signal" ? waited.signal : { _tag: "PauseElapsed" })
})

const unavailable = (text: string): Failure => ({ _tag: "Unavailable", text, retryAfterMs: undefined, answered: true })
