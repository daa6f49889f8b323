/**
 * What is said about the messages themselves, on `meshery.meshsync.sync`: where a full announcement of a type begins and ends, what a type
 * holds, which types there are. A consumer that takes both subjects through one subscription can keep an exact copy of the cluster by it.
 * Unknown members and marks are to be ignored by consumers: later versions may say more. Does not know when which mark is due.
 */
import { encodeText } from "./writer.ts"

/** Group and version, e.g. `apps/v1`, and kind, e.g. `Deployment`, as in the messages. */
export interface MarkedType {
  readonly apiVersion: string
  readonly kind: string
}

/** Who says it: the run, drawn at the start of the program, and the uid of the namespace kube-system. */
export interface MarkSource {
  readonly run: string
  readonly cluster: string
}

/** What the messages of a type add up to: objects, their digest, and those that are too large to be sent. */
export interface MarkContent {
  readonly count: number
  readonly digest: string
  readonly omitted: ReadonlyArray<{ readonly namespace: string; readonly name: string }>
}

/** What is said about the messages themselves; each member is described in docs/asyncapi.json. */
export type SyncMark =
  | (MarkSource & MarkedType & { readonly mark: "begin"; readonly epoch: string })
  | (MarkSource & MarkedType & MarkContent & { readonly mark: "end"; readonly epoch: string })
  | (MarkSource & MarkedType & MarkContent & { readonly mark: "digest" })
  | (MarkSource & MarkedType & { readonly mark: "closed"; readonly cause: "deselected" | "vanished" })
  | (MarkSource & { readonly mark: "types"; readonly types: ReadonlyArray<MarkedType> })

/** A mark as it goes on the wire. */
export const encodeMark = (mark: SyncMark): Uint8Array => encodeText(JSON.stringify(mark))
