/**
 * The watch-list of the MeshSync custom resource, `spec.watch-list`: a ConfigMap whose `data.whitelist` or `data.blacklist` is a text of
 * JSON. The reading follows Go's JSON decoder where that is visible: members in any case, null for nothing, unknown members ignored. Beyond
 * the Go MeshSync both may be given, and an entry may hold `namespaces`, `selector` and `depth`. An entry in which one of these is wrong,
 * or looks misspelt, is kept with its fault and does not count: it would select more than was meant. Does not know which of the names
 * exist.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { type MeshError, meshError } from "../error.ts"
import { faultOfSelector } from "./labelSelector.ts"
import { measureDistance } from "./names.ts"

/** What an entry reads of its types, where that is not everything. */
export interface Limits {
  /** Only objects of these namespaces; at least one. */
  readonly namespaces?: ReadonlyArray<string>
  /** A label selector in kubectl's grammar. */
  readonly selector?: string
  readonly depth?: "full" | "metadata"
}

export interface WhitelistEntry extends Limits {
  readonly resource: string
  /** As written; empty: watched, never published. */
  readonly events: ReadonlyArray<string>
  /** Why the entry does not count. Its types are no other entry's either. */
  readonly fault?: string
}

/** At least one of the lists. What the blacklist names is never published, whatever the whitelist says. */
export interface WatchList {
  readonly whitelist?: ReadonlyArray<WhitelistEntry>
  readonly blacklist?: ReadonlyArray<string>
}

const Record = Schema.Record(Schema.String, Schema.Unknown)
const decodeRecord = Schema.decodeUnknownResult(Record)
const decodeData = Schema.decodeUnknownResult(Schema.NullishOr(Schema.Record(Schema.String, Schema.NullOr(Schema.String))))
const decodeBlacklist = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.NullOr(Schema.Array(Schema.NullOr(Schema.String)))))
const decodeWhitelist = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.NullOr(Schema.Array(Schema.NullOr(Record)))))
const decodeEntry = Schema.decodeUnknownResult(
  Schema.Struct({
    resource: Schema.optional(Schema.NullOr(Schema.String)),
    events: Schema.optional(Schema.NullOr(Schema.Array(Schema.NullOr(Schema.String)))),
    namespaces: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
    selector: Schema.optional(Schema.NullOr(Schema.String)),
    depth: Schema.optional(Schema.NullOr(Schema.String)),
  }),
)

const refuse = (detail: string): Result.Result<never, MeshError> => Result.fail(meshError("ErrInitConfig", detail))

const parseBlacklist = (text: string): Result.Result<ReadonlyArray<string>, string> =>
  decodeBlacklist(text).pipe(
    Result.map((names) => (names ?? []).map((name) => name ?? "")),
    Result.mapError((error) => error.message),
  )

const depths = ["full", "metadata"] as const
const ownMembers = ["namespaces", "selector", "depth"] as const
const knownMembers: ReadonlySet<string> = new Set(["resource", "events", ...ownMembers])

/** A label of DNS, as the API server wants a namespace's name. */
const namespacePattern = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/

/** Words that differ in at most a third of their letters look like a slip of the pen. */
const findNearest = (word: string, known: ReadonlyArray<string>): string | undefined =>
  known.find((one) => measureDistance(word.toLowerCase(), one, 2) <= Math.floor(one.length / 3))

const hintOf = (word: string, known: ReadonlyArray<string>): string => {
  const nearest = findNearest(word, known)
  return nearest === undefined ? `it must be one of ${known.join(", ")}` : `the nearest is ${nearest}`
}

type DecodedEntry = Result.Result.Success<ReturnType<typeof decodeEntry>>

/** The members of an entry that the Go MeshSync does not know. */
const readLimits = ({ depth, namespaces, selector }: DecodedEntry, members: ReadonlyArray<string>): Result.Result<Limits, string> => {
  for (const member of members.filter((one) => !knownMembers.has(one))) {
    const meant = findNearest(member, ownMembers)
    if (meant !== undefined) return Result.fail(`it has a member ${JSON.stringify(member)}; the nearest is ${meant}`)
  }
  const known = depths.find((one) => one === (depth ?? "full"))
  if (known === undefined) return Result.fail(`depth ${JSON.stringify(depth)} is unknown: ${hintOf(depth ?? "", depths)}`)
  const names = (namespaces ?? []).map((name) => name.trim())
  const wrong = names.find((name) => !namespacePattern.test(name))
  if (wrong !== undefined) return Result.fail(`${JSON.stringify(wrong)} cannot be a namespace`)
  const fault = faultOfSelector(selector ?? "")
  if (fault !== undefined) return Result.fail(`in its selector: ${fault}`)
  return Result.succeed({
    ...(names.length === 0 ? {} : { namespaces: names }),
    ...((selector ?? "").trim() === "" ? {} : { selector: (selector ?? "").trim() }),
    ...(known === "full" ? {} : { depth: known }),
  })
}

const parseEntry = (item: Readonly<Record<string, unknown>>): Result.Result<WhitelistEntry, string> => {
  const lower = Object.fromEntries(Object.entries(item).map(([member, value]) => [member.toLowerCase(), value]))
  const decoded = decodeEntry(lower)
  if (Result.isFailure(decoded)) return Result.fail(decoded.failure.message)
  const { events, resource } = decoded.success
  return Result.succeed({
    resource: resource ?? "",
    events: (events ?? []).map((event) => event ?? ""),
    ...Result.getOrElse(readLimits(decoded.success, Object.keys(lower)), (fault) => ({ fault })),
  })
}

const parseWhitelist = (text: string): Result.Result<ReadonlyArray<WhitelistEntry>, string> => {
  const list = decodeWhitelist(text)
  if (Result.isFailure(list)) return Result.fail(`is no JSON array of {"Resource", "Events"}: ${list.failure.message}`)
  const entries: Array<WhitelistEntry> = []
  for (const item of list.success ?? []) {
    const entry = parseEntry(item ?? {})
    if (Result.isFailure(entry)) {
      const resource = Object.entries(item ?? {}).find(([member]) => member.toLowerCase() === "resource")?.[1]
      const named = typeof resource === "string" && resource !== "" ? ` (${resource})` : ""
      return Result.fail(`cannot be used: entry ${entries.length + 1}${named}: ${entry.failure}`)
    }
    entries.push(entry.success)
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
    return refuse(`spec.watch-list.data.whitelist ${whitelist.failure}`)
  }
  const given = {
    ...(whitelist.success.length > 0 ? { whitelist: whitelist.success } : {}),
    ...(blacklist.success.length > 0 ? { blacklist: blacklist.success } : {}),
  }
  return Object.keys(given).length > 0 ? Result.succeed(given) : refuse("neither whitelist nor blacklist is given")
}

/** The entries that do not count, and why, for a person; undefined when all of them do. */
export const describeRefusals = ({ whitelist = [] }: WatchList): string | undefined => {
  const refusals = whitelist.flatMap(({ fault, resource }, at) => (fault === undefined ? [] : [`entry ${at + 1} (${resource}): ${fault}`]))
  return refusals.length === 0 ? undefined : `spec.watch-list.data.whitelist cannot be used as a whole: ${refusals.join("; ")}`
}
