/** What the consumer reads, and what it keeps. The whole of it is described in docs/asyncapi.json. */

export interface TypeName {
  readonly apiVersion: string
  readonly kind: string
}

export interface Payload extends TypeName {
  readonly metadata: { readonly namespace?: string; readonly name?: string; readonly uid: string; readonly resourceVersion?: string }
}

/** On `meshery.meshsync.core`. */
export interface Change {
  readonly EventType: "ADDED" | "MODIFIED" | "DELETED"
  readonly Object: Payload
}

/** What a type's messages add up to. Omitted objects are too large to be sent. */
export interface Content {
  readonly count: number
  readonly digest: string
  readonly omitted: ReadonlyArray<{ readonly namespace: string; readonly name: string }>
}

/** On `meshery.meshsync.sync`. */
export type Mark =
  | (TypeName & { readonly mark: "begin"; readonly epoch: string })
  | (TypeName & Content & { readonly mark: "end"; readonly epoch: string })
  | (TypeName & Content & { readonly mark: "digest" })
  | (TypeName & { readonly mark: "closed" })
  | { readonly mark: "types"; readonly types: ReadonlyArray<TypeName> }

/** One object. `epoch`: the announcement that mentioned it last. */
export interface Held {
  readonly object: Payload
  readonly hash: bigint
  readonly epoch: string
}

export interface HeldType {
  /** By `namespace/name`. */
  readonly objects: Map<string, Held>
  /** The announcement that began last. */
  epoch: string
  /** Digests in a row that differed. */
  wrong: number
}

export interface Copy {
  /** By `apiVersion kind`. */
  readonly types: Map<string, HeldType>
  readonly counts: { messages: number; pruned: number; differed: number; resyncs: number }
}

export const makeCopy = (): Copy => ({ types: new Map(), counts: { messages: 0, pruned: 0, differed: 0, resyncs: 0 } })
