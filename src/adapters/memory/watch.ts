/**
 * Watching the fake API server: a cursor in a log, and the lines that it shows next.
 *
 * A watch from a version shows every later event once and in order. Without a version, or from 0, it first shows what is there. Too old
 * a version gives one ERROR line with 410 and ends. A version from the future shows nothing until it is reached, and no watch shows a
 * bookmark of the version from which it was opened. An object that leaves the selector is shown as DELETED, one that enters it as ADDED.
 * Knows no time: whoever drives it says when to bookmark.
 */
import * as Result from "effect/Result"
import { apiVersionOf } from "../../domain/select/resource.ts"
import { meetsTrouble, takeTrouble } from "./fault.ts"
import { bodyOf, type Cluster, type LogEntry, type Shelf, sortedItems, type Stored, treeOf, withVersion } from "./model.ts"
import { decodeText, encodeText, objectHead, partialText } from "./object.ts"
import { badRequest, badVersion, type Refusal, statusText, tooOldVersion } from "./refusal.ts"
import type { Resource } from "./resources.ts"
import { matchLabels, parseSelector, type Selector } from "./selector.ts"

export interface WatchQuery {
  readonly namespace: string | undefined
  readonly selector: string
  /** Only the object of this name; undefined: all. */
  readonly name?: string | undefined
  /** Objects are shown as PartialObjectMetadata. */
  readonly partial?: boolean
  readonly resourceVersion: string
  readonly bookmarks: boolean
}

/** An open watch. */
export interface Watch {
  readonly shelf: Shelf
  readonly resource: Resource
  readonly apiVersion: string
  readonly namespace: string | undefined
  readonly selector: Selector
  readonly name: string | undefined
  readonly partial: boolean
  readonly bookmarks: boolean
  /** The version from which it was opened. */
  readonly from: number
  readonly epoch: number
  readonly restarts: number
  readonly cuts: number
  /** The version up to which it has shown everything. */
  cursor: number
  /** What comes before the log: the objects that are there, or the refusal of the version. */
  pending: "objects" | "refusal" | undefined
  /** Bytes that are still let through before the connection breaks; undefined: no such fault. */
  bytesLeft: number | undefined
}

/** What a watch shows now. `ended`: the server ends the answer in order; `cut`: the connection breaks. */
export interface Shown {
  readonly bytes: Uint8Array
  readonly state: "open" | "ended" | "cut"
}

/** Opens a watch; a refusal is the whole answer. */
export const openWatch = (cluster: Cluster, shelf: Shelf, version: string, query: WatchQuery): Result.Result<Watch, Refusal> => {
  const selector = parseSelector(query.selector)
  if (selector === undefined) return Result.fail(badRequest(`unable to parse requirement: ${query.selector}`))
  if (!/^[0-9]*$/.test(query.resourceVersion)) return Result.fail(badVersion(query.resourceVersion))
  const from = Number(query.resourceVersion)
  const expired = takeTrouble(cluster.faults, shelf.key, "watch", "Expired") !== undefined
  const cut = takeTrouble(cluster.faults, shelf.key, "watch", "Cut")
  return Result.succeed({
    shelf,
    resource: shelf.resource,
    apiVersion: apiVersionOf({ group: shelf.resource.group, version }),
    namespace: query.namespace,
    selector,
    name: query.name,
    partial: query.partial === true,
    bookmarks: query.bookmarks,
    from,
    epoch: shelf.epoch,
    restarts: cluster.restarts,
    cuts: shelf.cuts,
    cursor: from,
    pending: expired || (from !== 0 && from < shelf.oldest) ? "refusal" : from === 0 ? "objects" : undefined,
    bytesLeft: cut?.afterBytes,
  })
}

const shownText = (watch: Watch, stored: Stored): string =>
  watch.partial ? partialText(treeOf(stored)) : `${objectHead(watch.resource, watch.apiVersion)}${decodeText(bodyOf(stored))}`

const eventLine = (watch: Watch, event: string, stored: Stored): string => `{"type":"${event}","object":${shownText(watch, stored)}}\n`

const admits = (watch: Watch, stored: Stored | undefined): stored is Stored =>
  stored !== undefined &&
  (watch.namespace === undefined || stored.namespace === watch.namespace) &&
  (watch.name === undefined || stored.name === watch.name) &&
  matchLabels(watch.selector, stored.labels)

/** What a log entry is to this watch; empty when it is nothing. */
const entryLine = (watch: Watch, { after, before, version }: LogEntry): string => {
  if (admits(watch, after)) return eventLine(watch, admits(watch, before) ? "MODIFIED" : "ADDED", after)
  return admits(watch, before) ? eventLine(watch, "DELETED", withVersion(watch.resource, before, version)) : ""
}

/** Custom objects say their kind in the body. */
const bookmarkBody = ({ custom, kind }: Resource, metadata: string): string =>
  custom ? `"kind":"${kind}","metadata":{${metadata}}}` : `"metadata":{${metadata}}}`

const bookmark = (watch: Watch, version: number, initial: boolean): string => {
  const shown = `"resourceVersion":"${version}"`
  const end = `"annotations":{"k8s.io/initial-events-end":"true"}`
  const members = watch.resource.custom ? [end, shown] : [shown, end]
  const metadata = initial ? members.join(",") : shown
  return `{"type":"BOOKMARK","object":${objectHead(watch.resource, watch.apiVersion)}${bookmarkBody(watch.resource, metadata)}}\n`
}

/** Index of the first entry after a version. */
const indexAfter = (log: ReadonlyArray<LogEntry>, version: number): number => {
  let [low, high] = [0, log.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (log[middle]!.version <= version) low = middle + 1
    else high = middle
  }
  return low
}

const showObjects = (cluster: Cluster, watch: Watch): string => {
  const lines = sortedItems(watch.shelf)
    .filter((stored) => admits(watch, stored))
    .map((stored) => eventLine(watch, "ADDED", stored))
  watch.cursor = cluster.version
  return lines.join("") + (watch.bookmarks ? bookmark(watch, cluster.version, true) : "")
}

const showLog = (watch: Watch, rebuilt: boolean): string => {
  const { log, oldest } = watch.shelf
  let lines = ""
  for (let at = indexAfter(log, watch.cursor); at < log.length; at += 1) {
    const entry = log[at]!
    if (rebuilt && entry.version > oldest) break
    lines += entryLine(watch, entry)
    watch.cursor = entry.version
  }
  return lines
}

/** Lets only as many bytes through as a fault allows. */
const limitBytes = (watch: Watch, text: string, state: "open" | "ended"): Shown => {
  const bytes = encodeText(text)
  if (watch.bytesLeft === undefined) return { bytes, state }
  if (bytes.length < watch.bytesLeft) {
    watch.bytesLeft -= bytes.length
    return { bytes, state }
  }
  return { bytes: bytes.subarray(0, watch.bytesLeft), state: "cut" }
}

/** What the watch shows now: all that has happened since the last call. */
export const readWatch = (cluster: Cluster, watch: Watch): Shown => {
  const nothing = new Uint8Array(0)
  if (watch.restarts !== cluster.restarts || watch.cuts !== watch.shelf.cuts) return { bytes: nothing, state: "cut" }
  if (meetsTrouble(cluster.faults, watch.shelf.key, "watch", "Silence")) return { bytes: nothing, state: "open" }
  if (watch.pending === "refusal") {
    const status = statusText(tooOldVersion(watch.cursor, watch.shelf.oldest))
    return limitBytes(watch, `{"type":"ERROR","object":${status}}\n`, "ended")
  }
  const first = watch.pending === "objects" ? showObjects(cluster, watch) : ""
  watch.pending = undefined
  const rebuilt = watch.epoch !== watch.shelf.epoch
  const overtaken = !rebuilt && watch.cursor < watch.shelf.oldest
  if (overtaken) return limitBytes(watch, first, "ended")
  return limitBytes(watch, first + showLog(watch, rebuilt), rebuilt || watch.shelf.closed ? "ended" : "open")
}

/**
 * A bookmark of the current version. Empty when the watch wants none, or when nothing has happened in the cluster since the version from
 * which it was opened. Call it right after `readWatch`.
 */
export const readBookmark = (cluster: Cluster, watch: Watch): Shown => {
  const silent = meetsTrouble(cluster.faults, watch.shelf.key, "watch", "Silence")
  if (!watch.bookmarks || silent || watch.pending !== undefined || cluster.version <= watch.from) {
    return { bytes: new Uint8Array(0), state: "open" }
  }
  watch.cursor = cluster.version
  const line = bookmark(watch, cluster.version, false)
  const twice = takeTrouble(cluster.faults, watch.shelf.key, "watch", "BookmarkTwice") !== undefined
  return limitBytes(watch, twice ? line + line : line, "open")
}
