/**
 * How an object stands in a snapshot: as a document of YAML, an item of a List, or a line. Text only; knows no files.
 */
import { documentOf } from "../../domain/wire/manifest.ts"
import { payloadSpan } from "../../domain/wire/message.ts"
import { listHead, listTail } from "../../domain/wire/whole.ts"
import type { Message } from "../../ports/Sink.ts"

/** Ends each document of YAML. */
export const delimiter = "---\n"

/** The text of `Object` in a message: JSON. */
const objectText = ({ payload }: Message): string => {
  const [start, end] = payloadSpan(payload)
  return Buffer.from(payload.buffer, payload.byteOffset + start, end - start).toString("utf8")
}

/** The document of YAML of a message's object, without the delimiter. */
export const documentText = (message: Message): string => documentOf(objectText(message))

/** A way to write many objects into one text. */
export interface Layout {
  /** An object, with what separates it from others. */
  readonly item: (message: Message) => string
  readonly head: string
  readonly tail: string
  /** Characters of ASCII that the first item has too many at its beginning. */
  readonly overlap: number
}

export const layouts = {
  yaml: { item: (message) => documentText(message) + delimiter, head: "", tail: "", overlap: 0 },
  /** A List of v1, one item a line. */
  json: { item: (message) => `,\n${objectText(message)}`, head: `${listHead}\n`, tail: `\n${listTail}\n`, overlap: 2 },
  /** One object a line. */
  ndjson: { item: (message) => `${objectText(message)}\n`, head: "", tail: "", overlap: 0 },
  /** One message a line, as on standard output. */
  messages: { item: ({ payload }) => `${Buffer.from(payload).toString("utf8")}\n`, head: "", tail: "", overlap: 0 },
} as const satisfies Record<string, Layout>

export type LayoutName = keyof typeof layouts
