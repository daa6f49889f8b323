/**
 * The state of the fake API server, and how it changes: shelves of objects, a log of events each, one version for all.
 *
 * Deterministic: the same calls give the same bytes. No clock and no randomness: times are arguments, uids follow from the seed.
 * Every change raises the global version by one and is the last entry of exactly one log. A log is ordered by version and has no holes
 * above `oldest`. A snapshot is what a continue token points to; compaction forgets snapshots.
 * Does not know what writes are allowed (write.ts), how objects are read (list.ts, watch.ts), nor how bytes travel (server.ts,
 * clusterApi.ts).
 */
import { fakeEventsMax, fakeSnapshotsMax } from "../../domain/limit.ts"
import { typeKey } from "../../domain/select/resource.ts"
import type { Fault } from "./fault.ts"
import { decodeText, encodeBody, type KubeObject, type Meta, parseExact } from "./object.ts"
import { builtinResources, type Resource } from "./resources.ts"

/** One object in one version. */
export interface Stored {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly version: number
  readonly labels: Readonly<Record<string, string>>
  /** See object.ts. A function makes the bytes of a generated object; they are valid until its next call. */
  readonly body: Uint8Array | (() => Uint8Array)
}

/** A change: created without `before`, deleted without `after`. */
export interface LogEntry {
  readonly version: number
  readonly before: Stored | undefined
  readonly after: Stored | undefined
}

/** Everything of one resource. */
export interface Shelf {
  resource: Resource
  readonly key: string
  /** By `namespace/name`. */
  readonly items: Map<string, Stored>
  /** The items by key; undefined after a change. Never changed in place: snapshots share it. */
  sorted: ReadonlyArray<Stored> | undefined
  readonly log: Array<LogEntry>
  /** The last version that the log no longer tells about; a watch from before it is refused with 410. */
  oldest: number
  /** Raised when the storage is built anew (a definition changed): watches of an older epoch end. */
  epoch: number
  /** Raised when the connections of its watches are broken. */
  cuts: number
  /** The definition is gone: watches end once they have told the log. */
  closed: boolean
  /** What continue tokens point to, by version. */
  readonly snapshots: Map<number, ReadonlyArray<Stored>>
}

export interface User {
  readonly name: string
  readonly token: string
  /** Whether everything is allowed; else nothing but discovery is. */
  readonly admin: boolean
}

export interface Cluster {
  readonly seed: number
  /** The last resourceVersion given. */
  version: number
  /** How many uids have been given. */
  uids: number
  /** Raised by a restart of the server: open connections are cut. */
  restarts: number
  readonly shelves: Map<string, Shelf>
  readonly faults: Array<Fault>
  readonly users: ReadonlyArray<User>
  /** When a definition is deleted, watches of it are told of at most this many deletions before they end. */
  deletionsTold: number
  /** Called after every change; adapters wake their watches with it. */
  readonly listeners: Set<() => void>
}

export const administrator: User = { name: "admin", token: "admin-token", admin: true }
export const stranger: User = { name: "jane", token: "jane-token", admin: false }

const makeShelf = (resource: Resource, oldest: number): Shelf => ({
  resource,
  key: typeKey(resource),
  items: new Map(),
  sorted: [],
  log: [],
  oldest,
  epoch: 0,
  cuts: 0,
  closed: false,
  snapshots: new Map(),
})

/** An empty cluster that serves the built-in resources. Equal seeds give equal uids. */
export const makeCluster = (seed: number): Cluster => {
  const shelves = builtinResources.map((resource) => makeShelf(resource, 1))
  return {
    seed,
    version: 1,
    uids: 0,
    restarts: 0,
    shelves: new Map(shelves.map((shelf) => [shelf.key, shelf])),
    faults: [],
    users: [administrator, stranger],
    deletionsTold: Number.POSITIVE_INFINITY,
    listeners: new Set(),
  }
}

/** Mixes 32 bits (the finaliser of MurmurHash3). */
export const mixBits = (bits: number): number => {
  let mixed = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

/** The n-th uid of a seed, in the form of a random UUID. */
export const uidOf = (seed: number, n: number): string => {
  const word = (salt: number) =>
    mixBits(mixBits(seed + salt * 0x9e3779b9) ^ n)
      .toString(16)
      .padStart(8, "0")
  const [a, b, c, d] = [word(1), word(2), word(3), word(4)]
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${d}`
}

/** The next uid of the cluster: the same seed draws the same ones. */
export const nextUid = (cluster: Cluster): string => {
  cluster.uids += 1
  return uidOf(cluster.seed, cluster.uids)
}

/** `2026-01-31T12:00:00Z`, as Kubernetes writes times. */
export const timestampOf = (nowMs: number): string => `${new Date(nowMs).toISOString().slice(0, 19)}Z`

export const itemKey = (namespace: string | undefined, name: string): string => `${namespace ?? ""}/${name}`

/** The object as JSON; of a herd it is written when it is asked for. */
export const bodyOf = (stored: Stored): Uint8Array => (typeof stored.body === "function" ? stored.body() : stored.body)

/** The object as a tree, without the members that depend on the form. */
export const treeOf = (stored: Stored): KubeObject => parseExact(`{${decodeText(bodyOf(stored))}`) as KubeObject

/** An object as it is stored: its metadata must hold name, uid and resourceVersion. */
export const storedOf = (resource: Resource, object: KubeObject): Stored => ({
  namespace: object.metadata.namespace ?? "",
  name: object.metadata.name ?? "",
  uid: object.metadata.uid ?? "",
  version: Number(object.metadata.resourceVersion),
  labels: object.metadata.labels ?? {},
  body: encodeBody(resource, object),
})

/** The same content under another version: what a deletion shows. */
export const withVersion = (resource: Resource, stored: Stored, version: number): Stored => {
  const tree = treeOf(stored)
  return storedOf(resource, { ...tree, metadata: { ...tree.metadata, resourceVersion: String(version) } })
}

/** Calls the listeners there are now: one that comes back while it is called waits for the next change. */
export const wake = (cluster: Cluster): void => {
  const listeners = Array.from(cluster.listeners)
  for (const listener of listeners) listener()
}

/** Forgets the older half of a log that has grown too long, as a watch cache does. */
const trimLog = (shelf: Shelf): void => {
  if (shelf.log.length <= fakeEventsMax) return
  const forgotten = shelf.log.splice(0, shelf.log.length >> 1)
  shelf.oldest = Math.max(shelf.oldest, forgotten.at(-1)?.version ?? 0)
}

/** Makes a change visible: one version more, one log entry more. `after` must already carry that version. */
export const commit = (cluster: Cluster, shelf: Shelf, before: Stored | undefined, after: Stored | undefined): void => {
  cluster.version += 1
  const key = after === undefined ? itemKey(before?.namespace, before?.name ?? "") : itemKey(after.namespace, after.name)
  if (after === undefined) shelf.items.delete(key)
  else shelf.items.set(key, after)
  shelf.sorted = undefined
  shelf.log.push({ version: cluster.version, before, after })
  trimLog(shelf)
  wake(cluster)
}

/** Stores an object under the next version, in place of what was there before. */
export const storeObject = (cluster: Cluster, shelf: Shelf, before: Stored | undefined, object: KubeObject): Stored => {
  const metadata: Meta = { ...object.metadata, resourceVersion: String(cluster.version + 1) }
  const after = storedOf(shelf.resource, { ...object, metadata })
  commit(cluster, shelf, before, after)
  return after
}

/** Puts objects there without events, as if they had been there before the server started. Their versions must be new and ascending. */
export const loadStored = (cluster: Cluster, shelf: Shelf, objects: Iterable<Stored>): void => {
  for (const stored of objects) {
    shelf.items.set(itemKey(stored.namespace, stored.name), stored)
    cluster.version = Math.max(cluster.version, stored.version)
  }
  shelf.sorted = undefined
  shelf.oldest = cluster.version
}

/** The items of a shelf in the order of a list: by namespace and name. */
export const sortedItems = (shelf: Shelf): ReadonlyArray<Stored> => {
  shelf.sorted ??= [...shelf.items].toSorted(([left], [right]) => (left < right ? -1 : 1)).map(([, stored]) => stored)
  return shelf.sorted
}

/** Keeps what a page showed, so that the next page shows the same; the oldest snapshot beyond the bound is forgotten. */
export const keepSnapshot = (shelf: Shelf, version: number, items: ReadonlyArray<Stored>): void => {
  shelf.snapshots.set(version, items)
  for (const old of shelf.snapshots.keys()) {
    if (shelf.snapshots.size <= fakeSnapshotsMax) return
    shelf.snapshots.delete(old)
  }
}

/** Serves a resource from now on, or in other versions from now on: then its watches end and its log begins anew. */
export const serveResource = (cluster: Cluster, resource: Resource): void => {
  const shelf = cluster.shelves.get(typeKey(resource))
  if (shelf === undefined) {
    cluster.shelves.set(typeKey(resource), makeShelf(resource, cluster.version))
  } else {
    shelf.resource = resource
    shelf.epoch += 1
    shelf.oldest = cluster.version
  }
  wake(cluster)
}

/** Serves a resource no more: its objects are deleted, its watches are told of some of that and end. */
export const withdrawResource = (cluster: Cluster, key: string): void => {
  const shelf = cluster.shelves.get(key)
  if (shelf === undefined) return
  let told = 0
  for (const stored of sortedItems(shelf)) {
    if (told < cluster.deletionsTold) commit(cluster, shelf, stored, undefined)
    else cluster.version += 1
    told += 1
  }
  shelf.items.clear()
  shelf.sorted = []
  shelf.closed = true
  cluster.shelves.delete(key)
  wake(cluster)
}

/** Compaction: continue tokens given so far expire. Watches live on, they are served from memory. */
export const compact = (cluster: Cluster): void => {
  for (const shelf of cluster.shelves.values()) shelf.snapshots.clear()
}

/** The server restarts: connections are cut, and what happened before can no longer be watched. */
export const restartServer = (cluster: Cluster): void => {
  cluster.restarts += 1
  for (const shelf of cluster.shelves.values()) {
    shelf.log.length = 0
    shelf.oldest = cluster.version
  }
  wake(cluster)
}

/** Breaks the connections of one type's watches; a new watch can go on where they stopped. */
export const cutWatches = (cluster: Cluster, key: string): void => {
  const shelf = cluster.shelves.get(key)
  if (shelf === undefined) return
  shelf.cuts += 1
  wake(cluster)
}
