/**
 * Requests as they come over the broker, decoded from hostile bytes. Contract of the Go MeshSync: member names in any case, unknown
 * members ignored.
 */
import { requestBytesMax } from "../limit.ts"
import { decodeText } from "../read/text.ts"
import { foldName, isObject } from "./serviceShape.ts"
import { decodeWishes, type SessionWish } from "./sessionRequest.ts"
import { isOwnSubject, isPublishable } from "./subject.ts"

/** What somebody asked for on the request subject. */
export type Request =
  /** Announce everything again; `origin` says who asked. */
  | { readonly _tag: "Resync"; readonly origin: "request" | "reconnect" | "subscriber" }
  | { readonly _tag: "Meta" }
  /** Everything that is announced, sent to a subject that the asker named; validated. */
  | { readonly _tag: "Store"; readonly reply: string }
  /** Logs and terminals of pods, to be opened or ended. */
  | { readonly _tag: "Logs" | "Terminals"; readonly wishes: ReadonlyArray<SessionWish> }
  /** Publish the list of sessions from now on. */
  | { readonly _tag: "Sessions" }
  /** A verb that this program does not know, or bytes that are no request; counted and named in the log. */
  | { readonly _tag: "Unknown"; readonly entity: string }
  | { readonly _tag: "Invalid"; readonly reason: string }

/** Characters of a foreign entity that a log line shows. */
const entityCharactersMax = 64

const invalid = (reason: string): Request => ({ _tag: "Invalid", reason })

/** The member of that name in any case; of several the last one that is not null. */
const member = (value: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.entries(value).findLast(([key, found]) => found !== null && foldName(key) === name)?.[1]

/** A foreign text fit for one line of a log: without control, format and unassigned characters, and short. */
const printable = (text: string): string =>
  Array.from(text)
    .filter((character) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(character))
    .slice(0, entityCharactersMax)
    .join("")

/** The payload `{"Reply":"<subject>"}` of a request for the store. */
const decodeStore = (payload: unknown): Request => {
  const reply = isObject(payload) ? member(payload, "reply") : undefined
  if (typeof reply !== "string" || !isPublishable(reply)) return invalid("its payload names no subject that a reply may go to")
  if (isOwnSubject(reply)) return invalid("its reply would go to a subject on which only this program's own messages stand")
  return { _tag: "Store", reply }
}

const decodeSessions = (tag: "Logs" | "Terminals", payload: unknown): Request => {
  const wishes = decodeWishes(payload, tag === "Terminals")
  return wishes === undefined ? invalid("its payload names no pod, or is malformed") : { _tag: tag, wishes }
}

/**
 * Decodes what came on the request subject, e.g. `{"Request":{"Entity":"resync-discovery"}}`. Never throws.
 * The reason of an invalid one repeats nothing of the bytes.
 */
export const decodeRequest = (bytes: Uint8Array): Request => {
  if (bytes.length > requestBytesMax) return invalid(`it is larger than ${requestBytesMax} bytes`)
  let message: unknown
  try {
    message = JSON.parse(decodeText(bytes, 0, bytes.length))
  } catch {
    return invalid("it is not JSON")
  }
  if (!isObject(message)) return invalid("it is not a JSON object")
  const request = member(message, "request")
  if (request === undefined) return invalid("it has no member Request")
  if (!isObject(request)) return invalid("its member Request is not an object")
  const entity = member(request, "entity") ?? ""
  if (typeof entity !== "string") return invalid("its member Request.Entity is not a string")
  switch (entity) {
    case "resync-discovery":
      return { _tag: "Resync", origin: "request" }
    case "meshsync-meta":
      return { _tag: "Meta" }
    case "informer-store":
      return decodeStore(member(request, "payload"))
    case "log-stream":
      return decodeSessions("Logs", member(request, "payload"))
    case "exec-request":
      return decodeSessions("Terminals", member(request, "payload"))
    case "active-exec":
      return { _tag: "Sessions" }
    default:
      return { _tag: "Unknown", entity: printable(entity) }
  }
}
