/**
 * The state machine of one lane: a fact in, the next state, changes, commands and notices out. No I/O, clock or chance.
 *
 *   idle ── Started ──▶ listing ── last page ──▶ watching ── ended, failed ──▶ paused ── elapsed ──▶ listing or watching
 *
 * Laws: only a complete list sweeps; a failed or partial one never deletes. A version is compared with equality only.
 * A watch that brought nothing is followed by a list, because a version from the future looks just like that.
 * Facts reach a lane one at a time, each after the work of the one before is done, so a fact of an older attempt cannot occur.
 */
import { brokenEveryMs, pageObjectsMax, settleAttempts } from "../limit.ts"
import { failureOfEvent } from "../read/failure.ts"
import { Flaw, type Records } from "../read/record.ts"
import { sameDepth, sameReach } from "../select/plan.ts"
import type { LaneSpec } from "../select/selection.ts"
import { isRefusal, type Fact, type Failure, type Output } from "./fact.ts"
import {
  absorbLines,
  absorbPage,
  absorbReleased,
  adaptLimit,
  announceDepartures,
  beginComparison,
  compareListed,
  type Lane,
} from "./lane.ts"
import { beginRound, clear, doubtAll, sweep } from "./ledger.ts"
import { beginEpoch, endEpoch, markClosed, markDigest } from "./mark.ts"

/**
 * Advances a lane by one fact.
 * @param nowMs the time, for status only: no decision depends on it
 */
export const step = (lane: Lane, fact: Fact, nowMs: number, output: Output): void => {
  if (lane.state._tag === "closed") return
  switch (fact._tag) {
    case "Started":
      announceDepartures(lane, output, lane.left)
      lane.left = []
      return list(lane, output)
    case "PageListed":
      return listed(lane, fact, nowMs, output)
    case "ListFailed":
      return listFailed(lane, fact.failure, nowMs, output)
    case "Observed":
      return observed(lane, fact.records, nowMs, output)
    case "Released":
      return absorbReleased(lane, fact.records, output)
    case "WatchFailed":
      return watchFailed(lane, fact.failure, nowMs, output)
    case "WatchEnded":
      return watchEnded(lane, nowMs, output)
    case "PauseElapsed":
      return lane.state._tag === "paused" && lane.state.resume === "watch" ? watch(lane, output) : list(lane, output)
    case "ResyncAsked":
      return resyncAsked(lane, output)
    case "ReconcileDue":
      return reconcileDue(lane, output)
    case "Vanished":
      announceDepartures(lane, output, [...lane.left, ...clear(lane.ledger)])
      // No list will complete an announcement that was asked for before or while this lane is being closed, so its end completes it.
      output.announced = lane.announcing
      markClosed(lane, output, "vanished")
      return close(lane, output)
    case "Deselected":
      if (fact.deleting === true) announceDepartures(lane, output, [...lane.left, ...clear(lane.ledger)])
      output.announced = lane.announcing
      markClosed(lane, output, "deselected")
      return close(lane, output)
    case "Reselected":
      return reselected(lane, fact.spec, output)
    case "DigestDue":
      return markDigest(lane, output)
  }
}

const list = (lane: Lane, output: Output): void => {
  lane.state = { _tag: "listing" }
  lane.pages = 0
  lane.counts.lists++
  beginEpoch(lane, output)
  beginRound(lane.ledger)
  output.commands.push({ _tag: "List", continue: "", limit: lane.limit })
}

const watch = (lane: Lane, output: Output): void => {
  lane.state = { _tag: "watching" }
  lane.heard = false
  output.commands.push({ _tag: "Watch", resourceVersion: lane.resourceVersion })
}

const close = (lane: Lane, output: Output): void => {
  lane.state = { _tag: "closed" }
  lane.trouble = undefined
  output.commands.push({ _tag: "Close" })
}

const listed = (lane: Lane, page: Extract<Fact, { _tag: "PageListed" }>, nowMs: number, output: Output): void => {
  lane.pages++
  absorbPage(lane, page.records, output)
  adaptLimit(lane, page.records.bytes.length, page.records.count)
  lane.lastHeardMs = nowMs
  if (page.continue !== "") {
    compareListed(lane, page.records.count, output.changes)
    output.commands.push({ _tag: "List", continue: page.continue, limit: lane.limit })
    return
  }
  announceDepartures(lane, output, sweep(lane.ledger))
  endEpoch(lane, output)
  compareListed(lane, page.records.count, output.changes)
  if (lane.comparison !== undefined) lane.comparison = { ...lane.comparison, done: true }
  lane.resourceVersion = page.resourceVersion
  output.announced = lane.announcing
  lane.synced = true
  lane.limitMax = pageObjectsMax
  lane.attempts = 0
  lane.trouble = undefined
  lane.announcing = lane.announceAgain
  lane.announceAgain = false
  if (lane.announcing) list(lane, output)
  else watch(lane, output)
}

const observed = (lane: Lane, records: Records, nowMs: number, output: Output): void => {
  const stopped = absorbLines(lane, records, output, nowMs)
  if (lane.heard) {
    lane.attempts = 0
    lane.goneInRow = 0
    lane.trouble = undefined
  }
  if (stopped < 0) return
  // A line that is not JSON may have been a change: only a list can tell what it was.
  if (records.flaws[stopped] === Flaw.notJson) pause(lane, unreadable, "list", nowMs, output)
  else watchFailed(lane, failureOfEvent(records, stopped), nowMs, output)
}

const unreadable: Failure = { _tag: "Unavailable", text: "a watch line is not JSON", retryAfterMs: undefined }

const listFailed = (lane: Lane, failure: Failure, nowMs: number, output: Output): void => {
  lane.comparison = undefined
  if (failure._tag === "TooLarge" || failure._tag === "Unavailable") {
    lane.limit = Math.max(1, lane.limit >> 1)
    // The next list begins anew: had the limit grown back by the page that failed, that page would fail for ever.
    if (failure._tag === "TooLarge" || lane.pages > 0) lane.limitMax = lane.limit
  }
  retry(lane, failure, "list", nowMs, output)
}

const watchFailed = (lane: Lane, failure: Failure, nowMs: number, output: Output): void =>
  retry(lane, failure, lane.heard || lane.attempts < 2 ? "watch" : "list", nowMs, output)

const watchEnded = (lane: Lane, nowMs: number, output: Output): void => {
  if (lane.heard) return rest(lane, output)
  retry(lane, silent, "list", nowMs, output)
}

/** A watch in order: the server ends each after some minutes. The short pause keeps a server that ends them at once from being hammered. */
const rest = (lane: Lane, output: Output): void => {
  lane.state = { _tag: "paused", resume: "watch" }
  output.commands.push({ _tag: "Pause", slow: false, attempt: 0, retryAfterMs: undefined })
}

const silent: Failure = { _tag: "Gone", text: "the watch ended without an event or a bookmark" }

/** What a failure leads to: a list at once the first time a version is too old, otherwise a pause on the scale that the failure has. */
const retry = (lane: Lane, failure: Failure, resume: "list" | "watch", nowMs: number, output: Output): void => {
  if (failure._tag === "Gone") {
    lane.goneInRow++
    if (lane.goneInRow === 1) return list(lane, output)
    lane.attempts = Math.max(lane.attempts, lane.goneInRow - 2)
  }
  if (failure._tag === "Unauthorized") output.commands.push({ _tag: "RenewCredentials" })
  pause(lane, failure, failure._tag === "Gone" ? "list" : resume, nowMs, output)
}

const pause = (lane: Lane, failure: Failure, resume: "list" | "watch", nowMs: number, output: Output): void => {
  const slow = isRefusal(failure)
  const isNew = lane.trouble?.failure._tag !== failure._tag
  // The newest failure counts, because it says how long the server wants to be left alone.
  lane.trouble = { failure, sinceMs: isNew ? nowMs : (lane.trouble?.sinceMs ?? nowMs) }
  if (isNew) {
    output.notices.push({
      error: noticeOf[failure._tag],
      subject: lane.key,
      detail: `${lane.key}: ${failure.text}`,
      // The first failures of a connection are everyday; only a kind that somebody must see to is a warning at once.
      level: slow || failure._tag === "Unauthorized" ? "warning" : "info",
    })
  }
  lane.state = { _tag: "paused", resume }
  output.commands.push({ _tag: "Pause", slow, attempt: lane.attempts, retryAfterMs: retryAfterOf(failure, lane.attempts) })
  lane.attempts++
}

/** What the server asked for; where it fails for this kind again and again, at least what is asked of a kind that is broken for good. */
const retryAfterOf = (failure: Failure, attempt: number): number | undefined => {
  if (failure._tag !== "Unavailable") return undefined
  const { answered, retryAfterMs } = failure
  return answered === true && attempt >= settleAttempts ? Math.max(retryAfterMs ?? 0, brokenEveryMs) : retryAfterMs
}

const noticeOf = {
  Gone: "ErrApiUnavailable",
  Unavailable: "ErrApiUnavailable",
  TooLarge: "ErrApiUnavailable",
  Unauthorized: "ErrUnauthorized",
  Forbidden: "ErrForbidden",
  NotServed: "ErrNotServed",
  Refused: "ErrRefused",
} as const

/** A lane that lists by itself, now or after its pause, compares by that: only one at rest begins a list for it. */
const reconcileDue = (lane: Lane, output: Output): void => {
  const { state, trouble } = lane
  if (state._tag === "watching" || (state._tag === "paused" && trouble === undefined)) {
    beginComparison(lane)
    return list(lane, output)
  }
  if (state._tag !== "paused" || trouble === undefined) return
  lane.comparison = undefined
  // The signal has ended the pause: it begins anew, and no sooner than it would have ended is the failing server asked.
  const attempt = Math.max(0, lane.attempts - 1)
  const { failure } = trouble
  output.commands.push({ _tag: "Pause", slow: isRefusal(failure), attempt, retryAfterMs: retryAfterOf(failure, attempt) })
}

const resyncAsked = (lane: Lane, output: Output): void => {
  // What is announced again is no drift.
  lane.comparison = undefined
  switch (lane.state._tag) {
    case "idle":
      // The first list announces all of it anyway; this makes it repeat what the lane before it of its type said last.
      lane.announcing = true
      return
    case "closed":
      return
    case "listing":
      // What the running list has passed already is announced by one more round.
      lane.announceAgain = true
      lane.announcing = true
      return
    case "watching":
    case "paused":
      lane.announcing = true
      // Whoever asks may have missed the begin of an announcement that failed lists have left open.
      lane.epochOpen = false
      return list(lane, output)
  }
}

/**
 * The ledger stays. After another choice of objects the next list tells the difference: what it does not meet is swept, what stays says
 * nothing. Objects that are read in another depth look different under the same version, and of those whose events did not all count
 * nobody knows what consumers have, so they are announced once more.
 */
const reselected = (lane: Lane, spec: LaneSpec, output: Output): void => {
  const { spec: before, state } = lane
  lane.spec = spec
  const isAnnounced = !sameDepth(before, spec) || !spec.events.isSubsetOf(before.events)
  if (isAnnounced) {
    lane.announcing = true
    doubtAll(lane.ledger)
  }
  if (state._tag === "idle") return
  // An epoch says that everything was announced: not so where some of it came before these events counted.
  if (isAnnounced || before.events.size !== spec.events.size) lane.epochOpen = false
  if (isAnnounced || !sameReach(before, spec)) {
    lane.attempts = 0
    lane.comparison = undefined
    list(lane, output)
  } else if (state._tag === "watching" || (state._tag === "paused" && state.resume === "watch")) watch(lane, output)
  else if (state._tag === "paused") list(lane, output)
}
