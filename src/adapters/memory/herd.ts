/**
 * Very many distinct pods of about 8 KB that cost 300 bytes each: one template, and for every pod the few bytes that differ.
 * For measurements: the bytes are made when they are asked for, faster than a reader can take them.
 */
import { fillTemplate } from "./corpus.ts"
import { type Shelf, type Stored, storedOf, uidOf } from "./model.ts"
import { decodeText, type KubeObject } from "./object.ts"

/** Pods that one ReplicaSet owns. */
const podsPerOwner = 10
const namespaceCount = 20
/** Versions begin here so that all of them have six digits, as all values of a slot have one width. */
const versionFirst = 100_001

/** What differs between pods. All values of a slot are as long as its mark, so that the template's offsets hold for every pod. */
interface Slot {
  readonly mark: string
  readonly valueOf: (index: number) => string
}

/** A mark that occurs nowhere else, as long as the values. */
const slot = (name: string, valueOf: (index: number) => string): Slot => ({ mark: `@${name}`.padEnd(valueOf(0).length, "@"), valueOf })

const digits = (value: number, width: number): string => String(value).padStart(width, "0")
const ownerOf = (index: number): number => Math.trunc(index / podsPerOwner)
const namespaceOf = (index: number): string => `team-${digits(ownerOf(index) % namespaceCount, 2)}`
const appOf = (index: number): string => `app-${digits(ownerOf(index), 5)}`
const podOf = (index: number): string => `${appOf(index)}-7d9c6b8f5d-${digits(index, 6)}`

const slotsOf = (seed: number): ReadonlyArray<Slot> => [
  slot("ns", namespaceOf),
  slot("pod", podOf),
  slot("app", appOf),
  slot("node", (index) => `node-${digits(index % 997, 3)}`),
  slot("ip", (index) => `10.1${digits(index % 97, 2)}.1${digits(index % 89, 2)}.1${digits(index % 83, 2)}`),
  slot("owner", (index) => uidOf(seed + 1, ownerOf(index))),
  slot("uid", (index) => uidOf(seed, index)),
  // Stored objects carry their version as a number, so this mark is one.
  { mark: "999999", valueOf: (index) => String(versionFirst + index) },
]

/** A pod with a second container, so that it is as large as pods of a real cluster are. */
const templatePod = ([namespace, pod, app, node, ip, owner, uid, version]: ReadonlyArray<string>): KubeObject => {
  const filled = fillTemplate("Pod", {
    name: app!,
    namespace: namespace!,
    hash: "7d9c6b8f5d",
    pod: pod!,
    node: node!,
    ip: ip!,
    owner: owner!,
    uid: owner!,
    time: "2026-01-31T12:00:00Z",
  })
  const spec = filled["spec"] as { readonly containers: ReadonlyArray<object> }
  const status = filled["status"] as { readonly containerStatuses: ReadonlyArray<object> }
  const sidecar = (list: ReadonlyArray<object>) => [...list, { ...list[0], name: "sidecar" }]
  return {
    ...filled,
    metadata: { ...filled.metadata, uid: uid!, resourceVersion: version!, creationTimestamp: "2026-01-31T12:00:00Z" },
    spec: { ...spec, containers: sidecar(spec.containers) },
    status: { ...status, containerStatuses: sidecar(status.containerStatuses) },
  }
}

/** Where the marks of a slot stand in the template. */
const offsetsOf = (text: string, mark: string): ReadonlyArray<number> => {
  const offsets: Array<number> = []
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) offsets.push(at)
  return offsets
}

/**
 * Pods for a shelf of pods, in the order of their versions; their namespaces are `team-00` to `team-19`.
 * @param count how many; at most 800,000
 */
export const makeHerd = (shelf: Shelf, count: number, seed: number): ReadonlyArray<Stored> => {
  const slots = slotsOf(seed)
  const { body } = storedOf(shelf.resource, templatePod(slots.map(({ mark }) => mark)))
  const template = Buffer.from(typeof body === "function" ? body() : body)
  const text = decodeText(template)
  const places = slots.map(({ mark, valueOf }) => ({ valueOf, offsets: offsetsOf(text, mark) }))
  const scratch = Buffer.from(template)
  const bodyAt = (index: number) => () => {
    for (const { offsets, valueOf } of places) {
      const value = valueOf(index)
      for (const offset of offsets) scratch.write(value, offset, "latin1")
    }
    return scratch
  }
  return Array.from({ length: count }, (_, index) => ({
    namespace: namespaceOf(index),
    name: podOf(index),
    uid: uidOf(seed, index),
    version: versionFirst + index,
    labels: { app: appOf(index), "pod-template-hash": "7d9c6b8f5d", tier: "" },
    body: bodyAt(index),
  }))
}

/** The namespaces that the pods of a herd lie in, by key. */
export const herdNamespaces: ReadonlyArray<string> = Array.from({ length: namespaceCount }, (_, at) => `team-${digits(at, 2)}`)
