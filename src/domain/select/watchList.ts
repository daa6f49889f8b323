/**
 * The watch-list of the MeshSync custom resource, `spec.watch-list`: a ConfigMap whose `data.whitelist` or `data.blacklist` is a text of JSON.
 * The reading follows Go's JSON decoder where that is visible: members in any case, null for nothing, unknown members ignored.
 * Does not know which of the names exist.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type MeshError, meshError } from "../error.ts"

export interface WhitelistEntry {
  readonly resource: string
  /** As written; empty: watched, never published. */
  readonly events: ReadonlyArray<string>
}

export type WatchList =
  | { readonly whitelist: ReadonlyArray<WhitelistEntry>; readonly blacklist?: undefined }
  | { readonly blacklist: ReadonlyArray<string>; readonly whitelist?: undefined }

const Record = Schema.Record(Schema.String, Schema.Unknown)
const decodeRecord = Schema.decodeUnknownResult(Record)
const decodeData = Schema.decodeUnknownResult(Schema.NullishOr(Schema.Record(Schema.String, Schema.NullOr(Schema.String))))
const decodeBlacklist = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.NullOr(Schema.Array(Schema.NullOr(Schema.String)))))
const decodeWhitelist = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.NullOr(Schema.Array(Schema.NullOr(Record)))))
const decodeEntry = Schema.decodeUnknownResult(
  Schema.Struct({
    resource: Schema.optional(Schema.NullOr(Schema.String)),
    events: Schema.optional(Schema.NullOr(Schema.Array(Schema.NullOr(Schema.String)))),
  }),
)

const refuse = (detail: string): Result.Result<never, MeshError> => Result.fail(meshError("ErrInitConfig", detail))

const parseBlacklist = (text: string): Result.Result<ReadonlyArray<string>, string> =>
  decodeBlacklist(text).pipe(
    Result.map((names) => (names ?? []).map((name) => name ?? "")),
    Result.mapError((error) => error.message),
  )

const parseWhitelist = (text: string): Result.Result<ReadonlyArray<WhitelistEntry>, string> => {
  const list = decodeWhitelist(text)
  if (Result.isFailure(list)) return Result.fail(list.failure.message)
  const entries: Array<WhitelistEntry> = []
  for (const item of list.success ?? []) {
    const entry = decodeEntry(Object.fromEntries(Object.entries(item ?? {}).map(([member, value]) => [member.toLowerCase(), value])))
    if (Result.isFailure(entry)) return Result.fail(`entry ${entries.length + 1}: ${entry.failure.message}`)
    entries.push({ resource: entry.success.resource ?? "", events: (entry.success.events ?? []).map((event) => event ?? "") })
  }
  return Result.succeed(entries)
}

/** `spec.watch-list.data`, or what is wrong on the way there. */
const readData = (customResource: unknown): Result.Result<Readonly<Record<string, string | null>>, string> => {
  const resource = decodeRecord(customResource)
  if (Result.isFailure(resource)) return Result.fail("the MeshSync resource is no object")
  const spec = decodeRecord(resource.success["spec"])
  if (Result.isFailure(spec)) return Result.fail("spec is missing or no object")
  const watchList = spec.success["watch-list"]
  if (watchList === undefined || watchList === null) return Result.fail("spec.watch-list is missing")
  const configMap = decodeRecord(watchList)
  if (Result.isFailure(configMap)) return Result.fail("spec.watch-list is no object")
  const data = decodeData(configMap.success["data"])
  if (Result.isFailure(data)) return Result.fail(`spec.watch-list.data does not consist of texts: ${data.failure.message}`)
  return Result.succeed(data.success ?? {})
}

/**
 * Reads the watch-list.
 * @param customResource the MeshSync custom resource as parsed JSON
 * @returns a failure is ErrInitConfig with what is wrong; then the whole table is watched (see `select`)
 */
export const parseWatchList = (customResource: unknown): Result.Result<WatchList, MeshError> => {
  const data = readData(customResource)
  if (Result.isFailure(data)) return refuse(data.failure)
  const blacklistText = data.success["blacklist"] ?? ""
  const whitelistText = data.success["whitelist"] ?? ""
  const blacklist = blacklistText === "" ? Result.succeed([]) : parseBlacklist(blacklistText)
  if (Result.isFailure(blacklist)) return refuse(`spec.watch-list.data.blacklist is no JSON array of names: ${blacklist.failure}`)
  const whitelist = whitelistText === "" ? Result.succeed([]) : parseWhitelist(whitelistText)
  if (Result.isFailure(whitelist)) {
    return refuse(`spec.watch-list.data.whitelist is no JSON array of {"Resource", "Events"}: ${whitelist.failure}`)
  }
  if (blacklist.success.length > 0 && whitelist.success.length > 0) return refuse("both whitelist and blacklist are given")
  if (whitelist.success.length > 0) return Result.succeed({ whitelist: whitelist.success })
  if (blacklist.success.length > 0) return Result.succeed({ blacklist: blacklist.success })
  return refuse("neither whitelist nor blacklist is given")
}
