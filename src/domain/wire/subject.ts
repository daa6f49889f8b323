/**
 * The subjects of the wire, as every consumer of the Go MeshSync knows them, and which subjects may be published on at another's wish.
 * Knows no broker.
 */

/** Every change of the cluster. */
export const coreSubject = "meshery.meshsync.core"
/** What is said about the changes: where announcements begin and end, digests. In order with them for one subscription to both. */
export const syncSubject = "meshery.meshsync.sync"
/** Changes whose message is larger than the broker takes, in pieces (oversize.ts): in order with the others for one subscription to all. */
export const oversizeSubject = "meshery.meshsync.oversize"
/** Requests of the platform. */
export const requestSubject = "meshery.meshsync.request"
/** The queue group of the requests: of several replicas one gets each request. */
export const requestQueue = "meshsync-request-stream"

/** What this program says itself stands under these: a subject here is no one else's to name. */
const ownPrefixes = ["meshery.meshsync.", "exec.", "input.exec."]
const ownSubjects: ReadonlySet<string> = new Set(["meshsync-meta", "active_sessions.exec"])

/** NATS bounds the protocol line at 4 KiB; a subject above this is no one's inbox. */
const subjectLengthMax = 512

/**
 * Whether something may be published on a subject. Refused are what NATS itself forbids (empty tokens, white space, control characters,
 * wildcards) and subjects that begin with `$`: those are the broker's own commands (`$JS.API.STREAM.PURGE.x`).
 */
export const isPublishable = (subject: string): boolean => {
  if (subject.length === 0 || subject.length > subjectLengthMax || subject.startsWith("$")) return false
  for (let at = 0; at < subject.length; at++) {
    const code = subject.charCodeAt(at)
    if (code <= 0x20 || (code >= 0x7f && code <= 0xa0) || code === 0x2028 || code === 0x2029 || code === 0xfeff) return false
  }
  return subject.split(".").every((token) => token !== "" && token !== "*" && token !== ">")
}

/**
 * Whether consumers take what stands on a subject for this program's own word, and a pod's shell takes it for what was typed: a reply that
 * went there would be read as changes, marks, requests or commands.
 */
export const isOwnSubject = (subject: string): boolean =>
  ownSubjects.has(subject) || ownPrefixes.some((prefix) => subject.startsWith(prefix))
