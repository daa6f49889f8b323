/**
 * The fake API server as a function: a request and a time in, an answer or an open watch out. Both adapters (HTTP and in-process) ask it.
 * Knows the paths and the order in which kube-apiserver refuses: credentials first, then permission, then whether the path exists.
 */
import * as Result from "effect/Result"
import {
  aggregatedDiscovery,
  aggregatedMediaType,
  coreVersions,
  groupDocument,
  groupList,
  resourceList,
  versionDocument,
} from "./discovery.ts"
import { meetsTrouble, takeTrouble } from "./fault.ts"
import { encodeObject, findShelf, listPage } from "./list.ts"
import { type Cluster, itemKey, type Shelf, type User } from "./model.ts"
import { encodeGoJson, encodeText, type KubeObject, parseExact } from "./object.ts"
import {
  badRequest,
  conflict,
  forbidden,
  methodNotAllowed,
  notFound,
  type Refusal,
  refusalOf,
  removedStatus,
  statusText,
  unauthorized,
  watchNotSupported,
} from "./refusal.ts"
import { reviewDocument } from "./review.ts"
import { openWatch, type Watch } from "./watch.ts"
import { createObject, patchObject, removeObject, replaceObject, type Written } from "./write.ts"

export interface Request {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly accept: string
  /** Bearer token; empty without one. */
  readonly token: string
  readonly body: string
  /** Milliseconds since the epoch. */
  readonly nowMs: number
}

/** A whole answer. */
export interface Reply {
  readonly _tag: "Reply"
  readonly status: number
  readonly contentType: string
  readonly retryAfterSeconds: number | undefined
  readonly body: Uint8Array
  /** The connection breaks after this many bytes of the body; undefined: it does not. */
  readonly cutAfter: number | undefined
}

export type Answer =
  | Reply
  | { readonly _tag: "Watching"; readonly watch: Watch; readonly timeoutSeconds: number | undefined }
  /** No answer for now: ask again when the cluster has changed. */
  | { readonly _tag: "Stalled" }

const reply = (status: number, contentType: string, body: Uint8Array, retryAfterSeconds?: number): Reply => ({
  _tag: "Reply",
  status,
  contentType,
  retryAfterSeconds,
  body,
  cutAfter: undefined,
})

const jsonReply = (status: number, value: unknown, contentType = "application/json"): Reply =>
  reply(status, contentType, encodeText(`${encodeGoJson(value)}\n`))

const refuse = (refusal: Refusal): Reply => {
  const seconds = refusal.details?.["retryAfterSeconds"]
  return reply(refusal.code, "application/json", encodeText(`${statusText(refusal)}\n`), typeof seconds === "number" ? seconds : undefined)
}

const pageNotFound = reply(404, "text/plain; charset=utf-8", encodeText("404 page not found\n"))

/** A path taken apart: of a collection when `name` is undefined. */
interface Target {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly subresource: string | undefined
}

const parseTarget = (pathname: string): Target | undefined => {
  const words = pathname.split("/").slice(1).map(decodeURIComponent)
  const rest = words[0] === "api" ? words.slice(1) : words[0] === "apis" ? words.slice(2) : []
  const group = words[0] === "apis" ? (words[1] ?? "") : ""
  const [version = "", ...tail] = rest
  const namespaced = tail[0] === "namespaces" && tail.length >= 3 && tail[2] !== "status"
  const [plural, name, subresource] = namespaced ? tail.slice(2) : tail
  if (plural === undefined) return undefined
  return { group, version, plural, namespace: namespaced ? tail[1] : undefined, name, subresource }
}

const answerDiscovery = (cluster: Cluster, pathname: string, accept: string): Reply | undefined => {
  const aggregated = accept.includes("as=APIGroupDiscoveryList")
  const [, root, first, second, ...more] = pathname.replace(/\/$/, "").split("/")
  if (pathname === "/version") return jsonReply(200, versionDocument)
  if (pathname === "/readyz" || pathname === "/livez" || pathname === "/healthz")
    return reply(200, "text/plain; charset=utf-8", encodeText("ok"))
  if ((root !== "api" && root !== "apis") || more.length > 0) return undefined
  if (first === undefined) {
    if (aggregated) return jsonReply(200, aggregatedDiscovery(cluster, root === "api"), aggregatedMediaType)
    return jsonReply(200, root === "api" ? coreVersions() : groupList(cluster))
  }
  if (root === "api" && second !== undefined) return undefined
  const document =
    root === "api"
      ? resourceList(cluster, "", first)
      : second === undefined
        ? groupDocument(cluster, first)
        : resourceList(cluster, first, second)
  return document === undefined ? pageNotFound : jsonReply(200, document)
}

/** The status that a fault of this verb gives, if there is one. */
const answerTrouble = (cluster: Cluster, shelf: Shelf, verb: "list" | "watch"): Answer | undefined => {
  if (meetsTrouble(cluster.faults, shelf.key, verb, "Stall")) return { _tag: "Stalled" }
  const trouble = takeTrouble(cluster.faults, shelf.key, verb, "Status", "Html")
  if (trouble === undefined) return undefined
  if (trouble._tag === "Html") {
    return reply(trouble.code, "text/html", encodeText("<html><head><title>Bad Gateway</title></head><body>upstream</body></html>\n"))
  }
  return refuse(refusalOf(trouble.code, trouble.retryAfterSeconds))
}

/** The one field selector that every resource knows. */
const nameOf = (query: URLSearchParams): string | undefined => /^metadata\.name=(.+)$/.exec(query.get("fieldSelector") ?? "")?.[1]

const isPartial = ({ accept }: Request): boolean => /;as=PartialObjectMetadata(?:List)?;/.test(accept)

const answerList = (cluster: Cluster, shelf: Shelf, { namespace, version }: Target, query: URLSearchParams, partial: boolean): Answer => {
  const trouble = answerTrouble(cluster, shelf, "list")
  if (trouble !== undefined) return trouble
  const limit = query.get("limit") ?? "0"
  if (!/^-?[0-9]+$/.test(limit)) return refuse(badRequest(`strconv.ParseInt: parsing "${limit}": invalid syntax`))
  const page = listPage(cluster, shelf, version, {
    namespace,
    selector: query.get("labelSelector") ?? "",
    name: nameOf(query),
    partial,
    limit: Number(limit),
    continue: query.get("continue") ?? "",
  })
  if (Result.isFailure(page)) return refuse(page.failure)
  const cut = takeTrouble(cluster.faults, shelf.key, "list", "Cut")
  return { ...reply(200, "application/json", page.success), cutAfter: cut?.afterBytes }
}

const answerWatch = (cluster: Cluster, shelf: Shelf, { namespace, version }: Target, query: URLSearchParams, partial: boolean): Answer => {
  if (!shelf.resource.verbs.includes("watch")) return refuse(watchNotSupported(shelf.resource))
  const trouble = answerTrouble(cluster, shelf, "watch")
  if (trouble !== undefined) return trouble
  const opened = openWatch(cluster, shelf, version, {
    namespace,
    selector: query.get("labelSelector") ?? "",
    name: nameOf(query),
    partial,
    resourceVersion: query.get("resourceVersion") ?? "",
    bookmarks: query.get("allowWatchBookmarks") === "true" || query.get("allowWatchBookmarks") === "1",
  })
  if (Result.isFailure(opened)) return refuse(opened.failure)
  const seconds = query.get("timeoutSeconds")
  return { _tag: "Watching", watch: opened.success, timeoutSeconds: seconds === null ? undefined : Number(seconds) }
}

const answerWritten = (shelf: Shelf, version: string, status: number, written: Written): Reply =>
  Result.isFailure(written) ? refuse(written.failure) : reply(status, "application/json", encodeObject(shelf, version, written.success))

/** A deletion is answered with a Status, or with the object while finalizers hold it. */
const answerRemoved = (shelf: Shelf, version: string, removed: Written): Reply =>
  Result.isSuccess(removed) && !shelf.items.has(itemKey(removed.success.namespace, removed.success.name))
    ? jsonReply(200, removedStatus(shelf.resource, removed.success.name, removed.success.uid))
    : answerWritten(shelf, version, 200, removed)

const parseBody = (text: string): KubeObject | undefined => {
  try {
    const { metadata, ...rest } = parseExact(text) as KubeObject
    return { ...rest, metadata: metadata ?? {} }
  } catch {
    return undefined
  }
}

const answerWrite = (cluster: Cluster, shelf: Shelf, target: Target, { body, method, nowMs }: Request): Reply => {
  const { name, namespace = "", version } = target
  if ((method === "POST") !== (name === undefined)) return refuse(methodNotAllowed)
  if (method === "DELETE") return answerRemoved(shelf, version, removeObject(cluster, shelf.key, namespace, name ?? "", nowMs))
  const object = parseBody(body)
  if (object === undefined) return refuse(badRequest("the object provided is unrecognized"))
  if (method === "PATCH") {
    const stored = shelf.items.get(itemKey(namespace, name ?? ""))
    const { resourceVersion } = object.metadata
    if (stored !== undefined && resourceVersion !== undefined && resourceVersion !== String(stored.version)) {
      return refuse(conflict(shelf.resource, stored.name))
    }
    return answerWritten(shelf, version, 200, patchObject(cluster, shelf.key, namespace, name ?? "", parseExact(body)))
  }
  const metadata = { ...object.metadata, ...(namespace === "" ? {} : { namespace }), ...(name === undefined ? {} : { name }) }
  if (method === "POST") return answerWritten(shelf, version, 201, createObject(cluster, shelf.key, { ...object, metadata }, nowMs))
  return method === "PUT"
    ? answerWritten(shelf, version, 200, replaceObject(cluster, shelf.key, { ...object, metadata }))
    : refuse(methodNotAllowed)
}

const writeVerbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" }

const verbOf = ({ method }: Request, { name }: Target, watching: boolean): string =>
  writeVerbs[method] ?? (name !== undefined ? "get" : watching ? "watch" : "list")

const answerTarget = (cluster: Cluster, target: Target, request: Request, query: URLSearchParams, watching: boolean): Answer => {
  const { group, name, namespace, plural, subresource, version } = target
  const builtin = [...cluster.shelves.values()].some(({ resource }) => resource.group === group && !resource.custom)
  const found = findShelf(cluster, group, version, plural)
  if (Result.isFailure(found)) return builtin ? refuse(found.failure) : pageNotFound
  const shelf = found.success
  const { custom, namespaced, verbs } = shelf.resource
  const misplaced = namespace === undefined ? namespaced && name !== undefined : !namespaced
  if (misplaced || (subresource !== undefined && subresource !== "status")) {
    return custom
      ? pageNotFound
      : refuse({ ...notFound(shelf.resource, ""), message: "the server could not find the requested resource", details: {} })
  }
  if (request.method !== "GET") return answerWrite(cluster, shelf, target, request)
  if (name !== undefined) {
    const stored = shelf.items.get(itemKey(namespace, name))
    return stored === undefined
      ? refuse(notFound(shelf.resource, name))
      : reply(200, "application/json", encodeObject(shelf, version, stored))
  }
  if (!verbs.includes("list")) return refuse(methodNotAllowed)
  const partial = isPartial(request)
  return watching ? answerWatch(cluster, shelf, target, query, partial) : answerList(cluster, shelf, target, query, partial)
}

const userOf = (cluster: Cluster, token: string): User | undefined => cluster.users.find((user) => user.token === token)

/** What the API server answers. Writes take effect before this returns. */
export const answer = (cluster: Cluster, request: Request): Answer => {
  const [pathname = "", search = ""] = request.path.split("?", 2)
  const query = new URLSearchParams(search)
  const user = userOf(cluster, request.token)
  if (user === undefined) return refuse(unauthorized)
  const document = request.method === "GET" ? answerDiscovery(cluster, pathname, request.accept) : undefined
  if (document !== undefined) return document
  const review = request.method === "POST" ? reviewDocument(pathname, request.body, user, request.nowMs) : undefined
  if (review !== undefined) return jsonReply(201, review)
  const target = parseTarget(pathname)
  if (target === undefined) return pageNotFound
  const watching = query.get("watch") === "1" || query.get("watch") === "true"
  if (!user.admin) return refuse(forbidden(user.name, verbOf(request, target, watching), target, target.namespace))
  return answerTarget(cluster, target, request, query, watching)
}

/** The key of the type that a request lists or watches, for counting; undefined for all others. */
export const countedAs = ({ method, path }: Request): { readonly verb: "list" | "watch"; readonly key: string } | undefined => {
  const [pathname = "", search = ""] = path.split("?", 2)
  const target = parseTarget(pathname)
  if (method !== "GET" || target === undefined || target.name !== undefined) return undefined
  const verb = /(?:^|&)watch=(?:1|true)(?:&|$)/.test(search) ? "watch" : "list"
  return { verb, key: target.group === "" ? target.plural : `${target.plural}.${target.group}` }
}
