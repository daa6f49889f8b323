/**
 * What a session in a pod works with, and what is counted of it. Logs and terminals have this in common; who may begin one is decided
 * elsewhere.
 */
import type { ClusterApi } from "../ports/ClusterApi.ts"
import type { PodSession } from "../ports/PodSession.ts"
import type { Requests } from "../ports/Requests.ts"

/** What sessions share. */
export interface SessionPorts {
  readonly api: ClusterApi["Service"]
  readonly pods: PodSession["Service"]
  readonly requests: Requests["Service"]
}

/** What a session has done so far. */
export interface Tally {
  /** Its name in the list; a terminal's output goes to the subject of that name. */
  id: string
  sentBytes: number
  typedBytes: number
  /** When something was last said in it. */
  saidMs: number
}
