/**
 * The closed unions that the engine speaks: what happened, what to do, what changed.
 * All of it is data; nothing here acts.
 */
import type { Notice } from "../notice.ts"
import type { Records } from "../read/record.ts"
import type { ResourceType } from "../select/resource.ts"
import type { EventName, LaneSpec } from "../select/selection.ts"

/** Why a list or a watch did not go on, in the API server's terms. */
export type Failure =
  /** 410: the version or the continue token is too old. */
  | { readonly _tag: "Gone"; readonly text: string }
  /**
   * 429 and 503 with or without Retry-After, 5xx, timeouts, cut connections, answers that are not the API server's.
   * `answered`: the server is there, and fails for this kind (500, a page that is no JSON). `throttled`: it was a 429.
   */
  | {
      readonly _tag: "Unavailable"
      readonly text: string
      readonly retryAfterMs: number | undefined
      readonly answered?: true
      readonly throttled?: true
    }
  /** 413 or a body beyond the bound: the same page with fewer objects may pass. */
  | { readonly _tag: "TooLarge"; readonly text: string }
  /** 401: credentials must be renewed. */
  | { readonly _tag: "Unauthorized"; readonly text: string }
  /** 403. */
  | { readonly _tag: "Forbidden"; readonly text: string }
  /** 404: not served, or not yet. */
  | { readonly _tag: "NotServed"; readonly text: string }
  /** 405, 400, 406, 422, conversion webhooks: this kind cannot be read as asked. */
  | { readonly _tag: "Refused"; readonly text: string }

/** Somebody has to act before this passes. */
export const isRefusal = (failure: Failure): boolean =>
  failure._tag === "Forbidden" || failure._tag === "NotServed" || failure._tag === "Refused"

/** What happened to one lane. Each list or watch ends in exactly one of the terminal facts (listed last page, failed, ended). */
export type Fact =
  | { readonly _tag: "Started" }
  | { readonly _tag: "PageListed"; readonly records: Records; readonly resourceVersion: string; readonly continue: string }
  | { readonly _tag: "ListFailed"; readonly failure: Failure }
  /** A block of watch lines: changes, bookmarks, and possibly an ERROR line, in order. */
  | { readonly _tag: "Observed"; readonly records: Records }
  /** What had been held back may go (holding.ts): records of watch lines that the lane has been shown as bookmarks. */
  | { readonly _tag: "Released"; readonly records: Records }
  | { readonly _tag: "WatchFailed"; readonly failure: Failure }
  | { readonly _tag: "WatchEnded" }
  | { readonly _tag: "PauseElapsed" }
  /** Everything is to be announced again: asked for by a consumer, or because the broker's connection was lost. */
  | { readonly _tag: "ResyncAsked" }
  /** A list is to be compared with the ledger although nothing is known to be missing. */
  | { readonly _tag: "ReconcileDue" }
  /** The type is gone from the cluster, or served in another version from now on: nothing of it exists under this apiVersion any more. */
  | { readonly _tag: "Vanished" }
  /** The selection no longer holds this type; its objects live on. `deleting`: they are announced as deleted all the same. */
  | { readonly _tag: "Deselected"; readonly deleting?: boolean }
  /** The selection holds this type with other events, namespaces, labels or depth from now on. */
  | { readonly _tag: "Reselected"; readonly spec: LaneSpec }
  /** It is time to say what the lane holds. */
  | { readonly _tag: "DigestDue" }

/** What the shell is to do next for one lane. */
export type Command =
  | { readonly _tag: "List"; readonly continue: string; readonly limit: number }
  | { readonly _tag: "Watch"; readonly resourceVersion: string }
  /** Wait; `attempt` counts the failures in a row (0 first), `slow` selects the long scale. */
  | {
      readonly _tag: "Pause"
      readonly slow: boolean
      readonly attempt: number
      readonly retryAfterMs: number | undefined
    }
  | { readonly _tag: "RenewCredentials" }
  | { readonly _tag: "Close" }

/** The ledger's memory of an object that is gone: all that can be said of it. */
export interface Departed {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

export type ChangeEvent = "Added" | "Modified" | "Deleted"

/** What consumers, and the watch-list, call them. */
export const wireEvents: Readonly<Record<ChangeEvent, EventName>> = { Added: "ADDED", Modified: "MODIFIED", Deleted: "DELETED" }

/**
 * One change to announce, or to announce once more (`repeated`: nothing is remembered of it that was not before). It points into the block
 * (`record`), or, for a swept object, carries what the ledger knew of it.
 */
export type Change =
  | { readonly event: ChangeEvent; readonly record: number; readonly departed?: undefined; readonly repeated?: true }
  /** `type` where it is not the lane's: an object announced under an apiVersion that is no longer preferred. */
  | { readonly event: "Deleted"; readonly record: -1; readonly departed: Departed; readonly type?: ResourceType; readonly repeated?: true }

/** Something to be said about the changes themselves, behind all those of its turn (mark.ts). */
export type Mark = "begin" | "end" | "digest" | "deselected" | "vanished"

/** What a step asks for. One Output serves a whole block and is emptied by its reader. */
export interface Output {
  readonly changes: Array<Change>
  /** What changed as well, and the selection keeps to itself. */
  readonly unsaid: Array<Change>
  readonly commands: Array<Command>
  readonly notices: Array<Notice>
  readonly marks: Array<Mark>
  /** A list that announced everything has just been completed. */
  announced: boolean
}

export const makeOutput = (): Output => ({ changes: [], unsaid: [], commands: [], notices: [], marks: [], announced: false })

/** To be called before the next step: nobody else empties it. */
export const clearOutput = (output: Output): void => {
  output.changes.length = 0
  output.unsaid.length = 0
  output.commands.length = 0
  output.notices.length = 0
  output.marks.length = 0
  output.announced = false
}
