/**
 * The golden vectors: objects as an API server sent them, with the messages that the Go MeshSync made of them; and the way from an object
 * to our message, through the scanner.
 */
import { readFileSync } from "node:fs"
import * as Result from "effect/Result"
import { makeRecords, type Records } from "../../src/domain/read/record.ts"
import { scanLines, scanPage } from "../../src/domain/read/scan.ts"
import type { ResourceType } from "../../src/domain/select/resource.ts"
import type { Change, ChangeEvent } from "../../src/domain/sync/fact.ts"
import { encodeChange, type EncodeSettings } from "../../src/domain/wire/message.ts"
import { makeWriter } from "../../src/domain/wire/writer.ts"

export interface Vector {
  readonly id: string
  readonly source: "list" | "watch"
  readonly list: { readonly apiVersion: string; readonly kind: string } | null
  readonly event: "ADDED" | "MODIFIED" | "DELETED"
  readonly raw: string
  readonly message: string
  readonly env: { readonly redact: boolean; readonly clusterId: string; readonly dial?: Readonly<Record<string, boolean>> }
  readonly origin?: "synthetic"
}

export const vectors: ReadonlyArray<Vector> = readFileSync(new URL("vectors.ndjson", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Vector)

/** The type of which a message speaks. */
export const typeOf = (vector: Vector): ResourceType => {
  const own = JSON.parse(vector.raw) as { readonly apiVersion?: string; readonly kind?: string }
  const apiVersion = vector.list?.apiVersion ?? own.apiVersion ?? ""
  const kind = vector.list?.kind.replace(/List$/, "") ?? own.kind ?? ""
  const slash = apiVersion.indexOf("/")
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), plural: "things", kind, namespaced: true }
}

const events: Readonly<Record<Vector["event"], ChangeEvent>> = { ADDED: "Added", MODIFIED: "Modified", DELETED: "Deleted" }

/** The vector's object as a block of its own, scanned. */
export const recordsOf = (vector: Vector): Records => {
  const records = makeRecords(1)
  const encoder = new TextEncoder()
  if (vector.list === null) {
    scanLines(encoder.encode(`{"type":"${vector.event}","object":${vector.raw}}\n`), records)
    return records
  }
  const { apiVersion, kind } = vector.list
  const page = `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":{"resourceVersion":"1"},"items":[${vector.raw}]}`
  Result.getOrThrow(scanPage(encoder.encode(page), records))
  return records
}

export const settingsOf = (vector: Vector): EncodeSettings => ({
  clusterId: vector.env.clusterId,
  redact: vector.env.redact,
  reachable: new Set(Object.entries(vector.env.dial ?? {}).flatMap(([address, answers]) => (answers ? [address] : []))),
})

/** Our message for a vector. */
export const encodeVector = (vector: Vector): string => {
  const writer = makeWriter(1024)
  const change: Change = { event: events[vector.event], record: 0 }
  encodeChange(writer, change, recordsOf(vector), typeOf(vector), settingsOf(vector))
  return new TextDecoder("utf-8", { fatal: true }).decode(writer.bytes.subarray(0, writer.at))
}
