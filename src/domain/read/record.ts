/**
 * The block-shaped result of a scan: where the members of each object lie in the API server's own bytes.
 * No object tree is built; one table serves a whole list page or a whole chunk of watch lines and is filled again for the next.
 * A kernel in another language fills the same table.
 */

/** The members that messages and the ledger need; each is a column of the table. */
export const Field = {
  object: 0,
  apiVersion: 1,
  kind: 2,
  spec: 3,
  status: 4,
  immutable: 5,
  data: 6,
  binaryData: 7,
  stringData: 8,
  type: 9,
  name: 10,
  generateName: 11,
  namespace: 12,
  selfLink: 13,
  uid: 14,
  resourceVersion: 15,
  generation: 16,
  creationTimestamp: 17,
  deletionTimestamp: 18,
  deletionGracePeriodSeconds: 19,
  labels: 20,
  annotations: 21,
  ownerReferences: 22,
  finalizers: 23,
  clusterName: 24,
} as const
export type Field = (typeof Field)[keyof typeof Field]
export const fieldCount = 25

/** How a record came: an item of a list, or the object of a watch line of that type. */
export const Source = { listed: 0, added: 1, modified: 2, deleted: 3, bookmark: 4, error: 5 } as const
export type Source = (typeof Source)[keyof typeof Source]

/** Why a record must be skipped; it is reported by reference. */
export const Flaw = { none: 0, tooDeep: 1, tooLarge: 2, notAnObject: 3, noName: 4, unknownEvent: 5, notJson: 6 } as const
export type Flaw = (typeof Flaw)[keyof typeof Flaw]

export interface Records {
  /** The block. The spans are offsets into it; both are valid only until the block's turn is over. */
  bytes: Uint8Array
  count: number
  /**
   * `fieldCount` pairs a record: first byte of the value, first byte after it. The first is -1 where the member is absent or null; the
   * columns `immutable` to `type`, `ownerReferences` and `finalizers` keep a null as the value `null`, because the wire shows it.
   */
  spans: Int32Array
  /** One `Source` a record. */
  sources: Uint8Array
  /** One `Flaw` a record. */
  flaws: Uint8Array
}

/**
 * An empty table.
 * @param capacity records that it holds before it grows
 */
export const makeRecords = (capacity = 128): Records => ({
  bytes: new Uint8Array(0),
  count: 0,
  spans: new Int32Array(capacity * fieldCount * 2),
  sources: new Uint8Array(capacity),
  flaws: new Uint8Array(capacity),
})

/** First byte of a member's JSON value (quotes included), or -1. */
export const startOf = (records: Records, record: number, field: Field): number => records.spans[(record * fieldCount + field) * 2] ?? -1

/** First byte after a member's JSON value. */
export const endOf = (records: Records, record: number, field: Field): number => records.spans[(record * fieldCount + field) * 2 + 1] ?? -1

/** What stands before and after the items of a list. */
export interface PageHead {
  readonly apiVersion: string
  /** The list's kind, e.g. `PodList`. */
  readonly kind: string
  readonly resourceVersion: string
  /** Token of the next page; empty on the last one. */
  readonly continue: string
  /** Objects after this page as far as the API server says; undefined when it does not. */
  readonly remaining: number | undefined
}
