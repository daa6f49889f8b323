/**
 * When everything must be announced again, because a consumer may have missed what the broker took: after a reconnect, once subscribers
 * are back, and when a first subscriber appears where nobody listened. Facts in, decisions out; time is an argument.
 *
 * Invariants: the first connection owes nothing (the start announces everything anyway); a debt is paid once, whatever it gathered
 * meanwhile; two payments are `announceEveryMs` apart; nothing is announced to nobody. Whether somebody listens is known from the broker
 * itself (a batch without a responder, its monitoring port); where both are silent a fixed time counts as their return.
 */
import { announceAfterReconnectMs, announceEveryMs, audienceEveryMs, audienceGatherMs, probeEveryMs } from "../../domain/limit.ts"

export type Origin = "reconnect" | "subscriber"

export interface Announcer {
  readonly connected: boolean
  /** Whether a connection stood before. */
  readonly metBefore: boolean
  /** Whether somebody subscribes to the messages, as far as the broker said since the connection was made. */
  readonly audience: "unknown" | "present" | "absent"
  readonly owed: Origin | undefined
  /** Not before this; milliseconds. */
  readonly dueMs: number
  readonly announcedMs: number
  /** When the monitoring port was asked last. */
  readonly askedMs: number
}

export const idleAnnouncer: Announcer = {
  connected: false,
  metBefore: false,
  audience: "unknown",
  owed: undefined,
  dueMs: 0,
  announcedMs: -Infinity,
  askedMs: -Infinity,
}

export type AnnouncerFact =
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Disconnected" }
  /** Somebody listens: a batch found a subscriber, or the monitoring port names one. */
  | { readonly _tag: "Heard" }
  /** Nobody does. */
  | { readonly _tag: "Unheard" }
  /** The monitoring port is being asked. */
  | { readonly _tag: "Asked" }
  /** The announcement that was due is on its way. */
  | { readonly _tag: "Announced" }

/** The state after a fact. */
export const observeFact = (state: Announcer, fact: AnnouncerFact, nowMs: number): Announcer => {
  switch (fact._tag) {
    case "Connected":
      return state.metBefore
        ? { ...state, connected: true, audience: "unknown", owed: "reconnect", dueMs: nowMs + announceAfterReconnectMs, askedMs: -Infinity }
        : { ...state, connected: true, metBefore: true }
    case "Disconnected":
      return { ...state, connected: false }
    case "Heard":
      if (state.audience === "present") return state
      return {
        ...state,
        audience: "present",
        owed: state.owed ?? (state.audience === "absent" ? "subscriber" : undefined),
        // The first one back is rarely the last: after a reconnect the whole time is left to the others, and a moment in any case.
        dueMs: Math.max(state.dueMs, nowMs + audienceGatherMs),
      }
    case "Unheard":
      return state.audience === "absent" ? state : { ...state, audience: "absent" }
    case "Asked":
      return { ...state, askedMs: nowMs }
    case "Announced":
      return { ...state, owed: undefined, announcedMs: nowMs }
  }
}

/** What is to be announced now, if anything. The answer stays the same until `Announced` is observed. */
export const dueAnnouncement = (state: Announcer, nowMs: number): Origin | undefined =>
  state.connected && state.audience !== "absent" && nowMs >= state.dueMs && nowMs - state.announcedMs >= announceEveryMs
    ? state.owed
    : undefined

/** Whether somebody may have missed what was accepted: after a connection was lost, and as long as nobody listens. */
export const isOwing = ({ audience, connected, metBefore, owed }: Announcer): boolean =>
  owed !== undefined || audience === "absent" || (metBefore && !connected)

/** Whether the monitoring port should be asked now: often while something is owed, rarely while it is not known that somebody listens. */
export const mustAsk = (state: Announcer, nowMs: number): boolean =>
  state.connected && state.audience !== "present" && nowMs - state.askedMs >= (state.owed === undefined ? audienceEveryMs : probeEveryMs)
