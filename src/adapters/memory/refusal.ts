/**
 * The answers of an API server that are no objects: a Status, in the words of kube-apiserver.
 */
import type { Resource } from "./resources.ts"
import { encodeGoJson } from "./object.ts"

/** What a Status of failure says. */
export interface Refusal {
  readonly code: number
  readonly reason: string
  readonly message: string
  readonly details?: Readonly<Record<string, unknown>>
  /** Where an inconsistent list may go on. */
  readonly continue?: string
}

/** The text of a Status of failure. */
export const statusText = ({ code, continue: token, details, message, reason }: Refusal): string =>
  encodeGoJson({
    kind: "Status",
    apiVersion: "v1",
    metadata: token === undefined ? {} : { continue: token },
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  })

/** `widgets.example.com`, `pods`: how messages name a resource. */
const qualified = ({ group, plural }: Pick<Resource, "group" | "plural">): string => (group === "" ? plural : `${plural}.${group}`)

const detailsOf = ({ group, plural }: Pick<Resource, "group" | "plural">, name?: string) => ({
  ...(name === undefined ? {} : { name }),
  ...(group === "" ? {} : { group }),
  kind: plural,
})

/** What a deletion that took effect at once is answered with. */
export const removedStatus = (resource: Resource, name: string, uid: string): object => ({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  details: { ...detailsOf(resource, name), uid },
})

/** The object is not there. */
export const notFound = (resource: Pick<Resource, "group" | "plural">, name: string): Refusal => ({
  code: 404,
  reason: "NotFound",
  message: `${qualified(resource)} "${name}" not found`,
  details: detailsOf(resource, name),
})

/** The path leads to no resource of a built-in group. */
export const noResource: Refusal = {
  code: 404,
  reason: "NotFound",
  message: "the server could not find the requested resource",
  details: {},
}

/** A creation met an object of that name. */
export const alreadyExists = (resource: Resource, name: string): Refusal => ({
  code: 409,
  reason: "AlreadyExists",
  message: `${qualified(resource)} "${name}" already exists`,
  details: detailsOf(resource, name),
})

/** A write named another version than the present one. */
export const conflict = (resource: Resource, name: string): Refusal => ({
  code: 409,
  reason: "Conflict",
  message:
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ` +
    "the object has been modified; please apply your changes to the latest version and try again",
  details: detailsOf(resource, name),
})

/** The request itself is wrong. */
export const badRequest = (message: string): Refusal => ({ code: 400, reason: "BadRequest", message })

export const unauthorized: Refusal = { code: 401, reason: "Unauthorized", message: "Unauthorized" }

/** The user's roles do not allow the verb, in this namespace or, without one, in the whole cluster. */
export const forbidden = (
  user: string,
  verb: string,
  resource: Pick<Resource, "group" | "plural">,
  namespace: string | undefined,
): Refusal => ({
  code: 403,
  reason: "Forbidden",
  message:
    `${qualified(resource)} is forbidden: User "${user}" cannot ${verb} resource "${resource.plural}" in API group "${resource.group}" ` +
    (namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`),
  details: detailsOf(resource),
})

export const methodNotAllowed: Refusal = {
  code: 405,
  reason: "MethodNotAllowed",
  message: "the server does not allow this method on the requested resource",
  details: {},
}

/** The type is served, and cannot be watched. */
export const watchNotSupported = (resource: Resource): Refusal => ({
  code: 405,
  reason: "MethodNotAllowed",
  message: `watch is not supported on resources of kind "${qualified(resource)}"`,
  details: detailsOf(resource),
})

/** @param oldest the last version that is no longer in the watch cache */
export const tooOldVersion = (version: number, oldest: number): Refusal => ({
  code: 410,
  reason: "Expired",
  message: `too old resource version: ${version} (${oldest})`,
})

/** @param token with which the remainder can be had, inconsistently */
export const tooOldToken = (token: string): Refusal => ({
  code: 410,
  reason: "Expired",
  message:
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue " +
    "parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token " +
    "results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned " +
    "and now may show up in the list.",
  continue: token,
})

/** A resourceVersion that is no number: the API server fails at it as at a fault of its own. */
export const badVersion = (text: string): Refusal => ({
  code: 500,
  reason: "",
  message: `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`,
})

const statuses: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  401: ["Unauthorized", "Unauthorized"],
  403: ["Forbidden", "the server does not allow this request"],
  404: ["NotFound", "the server could not find the requested resource"],
  405: ["MethodNotAllowed", "the server does not allow this method on the requested resource"],
  413: ["RequestEntityTooLarge", "the response is too large"],
  // What a definition answers with when it was stored a moment ago.
  429: ["TooManyRequests", "storage is (re)initializing"],
  500: ["InternalError", "an error on the server has prevented the request from succeeding"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: ["Timeout", "the server was unable to return a response in the time allotted"],
}

/** A refusal of which only the status is given. */
export const refusalOf = (code: number, retryAfterSeconds: number | undefined): Refusal => {
  const [reason, message] = statuses[code] ?? ["", `status ${code}`]
  return { code, reason, message, ...(retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } }) }
}
