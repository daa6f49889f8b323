/** One object as the block that the scanner makes of a watch line, and messages as text. */
import { makeRecords, type Records } from "../../../src/domain/read/record.ts"
import { scanLines } from "../../../src/domain/read/scan.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"
import type { Change, ChangeEvent } from "../../../src/domain/sync/fact.ts"
import { encodeChange, type EncodeSettings } from "../../../src/domain/wire/message.ts"
import { makeWriter, type Writer } from "../../../src/domain/wire/writer.ts"

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Fails on anything that is not UTF-8. */
export const writtenText = (writer: Writer): string =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(writer.bytes.subarray(0, writer.at))

export const recordsOf = (json: string): Records => {
  const records = makeRecords(1)
  scanLines(bytesOf(`{"type":"ADDED","object":${json}}\n`), records)
  return records
}

export const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true }

export const plainSettings: EncodeSettings = { clusterId: "cluster", redact: false, reachable: new Set() }

/** The message of an object given as JSON text. */
export const messageOf = (json: string, event: ChangeEvent = "Added", settings: EncodeSettings = plainSettings, type = pods): string => {
  const writer = makeWriter(64)
  const change: Change = { event, record: 0 }
  encodeChange(writer, change, recordsOf(json), type, settings)
  return writtenText(writer)
}

/** The payload of that message, parsed. */
export const payloadOf = (json: string, settings: EncodeSettings = plainSettings): Record<string, unknown> =>
  (JSON.parse(messageOf(json, "Added", settings)) as { readonly Object: Record<string, unknown> }).Object
