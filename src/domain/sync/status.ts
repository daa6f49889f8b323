/**
 * The one projection of the engine's state that `/metrics`, `/status`, `meshsync status` and the feed's counters read.
 */

export type LaneState = "idle" | "listing" | "watching" | "paused" | "closed"

/** One resource type, as a person asks about it. */
export interface LaneStatus {
  /** `pods`, `deployments.apps`. */
  readonly key: string
  /** `pods.v1.`, `deployments.v1.apps`. */
  readonly name: string
  readonly kind: string
  readonly state: LaneState
  /** Objects in the ledger. */
  readonly objects: number
  /** Whether a list of it has been delivered completely at least once. */
  readonly synced: boolean
  readonly published: { readonly added: number; readonly modified: number; readonly deleted: number }
  /** Batches whose acceptance was in doubt, and how many were delivered again. */
  readonly doubtful: number
  readonly resent: number
  readonly skipped: { readonly tooLarge: number; readonly flawed: number; readonly unchanged: number; readonly superseded: number }
  /** Objects whose latest state waits for the minimum interval of the kind; `superseded`: states that gave way to a later one. */
  readonly waiting: number
  /** Objects whose present state is too large to be sent; about a hundred at most are named. */
  readonly omitted: ReadonlyArray<{ readonly namespace: string; readonly name: string }>
  readonly lists: number
  readonly bytesRead: number
  /** Milliseconds since the epoch of the last event or bookmark; 0: none yet. */
  readonly lastHeardMs: number
  /** Why it is paused, and since when; undefined while it runs. */
  readonly trouble: { readonly reason: string; readonly text: string; readonly sinceMs: number; readonly attempts: number } | undefined
  /** Order-free digest of what is announced: count and sum of hash(uid, resourceVersion), as 16 hex digits. */
  readonly digest: string
}

/** What was asked of the API server: by verb, how often with which answer (`ok`, `throttled` for a 429, `unavailable`, ...). */
export interface RequestStatus {
  readonly answers: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Milliseconds that requests waited for the budget, or lists because the server had asked for patience; over all of them. */
  readonly waitedMs: number
  /** Pages of lists that are being asked for, and the most at one time so far. */
  readonly listsRunning: number
  readonly listsRunningMost: number
}

/** The file that remembers what was announced. Times are milliseconds since the epoch; 0: not yet. */
export interface StateFileStatus {
  readonly path: string
  /** `reading`: nothing is written yet. `given_up`: writing has failed, the run goes on without it, and the next one begins anew. */
  readonly state: "reading" | "kept" | "given_up"
  /** Why it was given up; else empty. */
  readonly detail: string
  /** Lines of it. */
  readonly entries: number
  readonly bytes: number
  /** When something was last written to it, and when all of it was last safe from a power cut. */
  readonly writtenMs: number
  readonly syncedMs: number
  /** What it told of the runs before; `owed`: they had still to announce everything, or the broker is another one. */
  readonly recollected: { readonly kinds: number; readonly objects: number; readonly deletions: number; readonly owed: boolean }
  /** What was found at the start and could not be used. */
  readonly setAside: { readonly path: string; readonly reason: string } | undefined
}

/** A run at one moment. Times are milliseconds since the epoch. */
export interface Status {
  readonly version: string
  readonly startedMs: number
  readonly nowMs: number
  readonly clusterId: string
  readonly cluster: string
  readonly ready: boolean
  /** Every lane has been listed and delivered once, or is paused for a reason of its own. */
  readonly settled: boolean
  readonly sink: { readonly name: string; readonly state: string; readonly detail: string }
  readonly lanes: ReadonlyArray<LaneStatus>
  readonly requests: RequestStatus
  /** Absent where the run keeps none. */
  readonly stateFile?: StateFileStatus | undefined
  /** Counters by name: announcements, discoveries and their failures. */
  readonly counters: Readonly<Record<string, number>>
}
