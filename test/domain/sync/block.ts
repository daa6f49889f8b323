/** Blocks for tests of lanes and ledgers: list pages and watch lines made of addresses, through the scanner. */
import * as Result from "effect/Result"
import { makeRecords, type Records } from "../../../src/domain/read/record.ts"
import { scanLines, scanPage } from "../../../src/domain/read/scan.ts"
import type { ResourceType } from "../../../src/domain/select/resource.ts"
import { allEvents, type LaneSpec } from "../../../src/domain/select/selection.ts"
import type { Fact } from "../../../src/domain/sync/fact.ts"

export interface Thing {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly version: string
}

export const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true }

export const specOf = (more: Partial<LaneSpec> = {}): LaneSpec => ({
  type: pods,
  events: allEvents,
  namespace: undefined,
  namespaces: undefined,
  selector: "",
  hidden: false,
  ...more,
})

const encoder = new TextEncoder()

/** JSON as Go writes it: `<`, `>` and `&` are escaped. */
const goJson = (value: unknown): string => JSON.stringify(value).replaceAll(/[<>&]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`)

const objectText = ({ name, namespace, uid, version }: Thing): string => {
  const metadata = {
    name,
    ...(namespace === "" ? {} : { namespace }),
    ...(uid === "" ? {} : { uid }),
    ...(version === "" ? {} : { resourceVersion: version }),
  }
  return `{"metadata":${goJson(metadata)},"spec":{}}`
}

export const thing = (name: string, version = "1", uid = uidOf(name), namespace = "shop"): Thing => ({ namespace, name, uid, version })

/** A UUID that follows from a text. */
export const uidOf = (text: string): string => {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193)
  const hex = (hash >>> 0).toString(16).padStart(8, "0")
  return `${hex}-${hex.slice(0, 4)}-4${hex.slice(1, 4)}-a${hex.slice(5)}-${hex}${hex.slice(0, 4)}`
}

export const pageOf = (things: ReadonlyArray<Thing>): Records => {
  const records = makeRecords(1)
  const text = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[${things.map(objectText).join(",")}]}`
  Result.getOrThrow(scanPage(encoder.encode(text), records))
  return records
}

export const linesOf = (...lines: ReadonlyArray<string>): Records => {
  const records = makeRecords(1)
  scanLines(encoder.encode(lines.map((line) => `${line}\n`).join("")), records)
  return records
}

export const line = (type: "ADDED" | "MODIFIED" | "DELETED", of: Thing): string => `{"type":"${type}","object":${objectText(of)}}`
export const bookmark = (version: string): string =>
  `{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"${version}"}}}`
export const errorLine = (code: number, reason: string): string =>
  `{"type":"ERROR","object":{"kind":"Status","metadata":{},"status":"Failure","message":"too old","reason":"${reason}","code":${code}}}`

export const listed = (things: ReadonlyArray<Thing>, resourceVersion: string, token = ""): Fact => ({
  _tag: "PageListed",
  records: pageOf(things),
  resourceVersion,
  continue: token,
})

export const observed = (...lines: ReadonlyArray<string>): Fact => ({ _tag: "Observed", records: linesOf(...lines) })
