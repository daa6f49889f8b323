/**
 * What an API server says it serves, read from its discovery documents: aggregated ones (`apidiscovery.k8s.io`), or the classic ones of
 * older servers. Each (group, plural) appears once, in the version that the server prefers; sub-resources do not appear. Does not know
 * which types are wanted, nor how the documents were asked for.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { apiVersionOf, type ResourceType, typeKey } from "./resource.ts"

/** A type with the names that people call it by. */
export interface ServedType extends ResourceType {
  /** May be empty: aggregated APIs leave it out. */
  readonly singular: string
  readonly shortNames: ReadonlyArray<string>
  readonly categories: ReadonlyArray<string>
  /** It offers both `list` and `watch`. */
  readonly watchable: boolean
}

export interface Discovery {
  /** The core group first, then the groups in the server's order of preference. */
  readonly types: ReadonlyArray<ServedType>
  /** Groups of which the server knows only an old or no answer: that a type of them is missing says nothing. */
  readonly staleGroups: ReadonlySet<string>
}

/** The Accept header that asks `/api` and `/apis` for aggregated discovery; a server without it answers with the classic documents. */
export const aggregatedAccept = [
  "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
  "application/json",
].join(",")

/** One version of one group, as `classicPlan` found it. */
export interface GroupVersion {
  /** Where its resources are listed, e.g. `/apis/apps/v1`. */
  readonly path: string
  readonly group: string
  readonly version: string
  /** The server's preferred version of the group. */
  readonly preferred: boolean
}

/** The body that `path` gave; undefined when it gave none (not 200). */
export interface ClassicAnswer extends GroupVersion {
  readonly text: string | undefined
}

// Go writes an empty list as [], as null, or leaves it out.
const text = Schema.optional(Schema.NullOr(Schema.String))
const listOf = <Item extends Schema.Codec<unknown>>(item: Item) => Schema.optional(Schema.NullOr(Schema.Array(item)))

const AggregatedResource = Schema.Struct({
  resource: Schema.String,
  responseKind: Schema.optional(Schema.NullOr(Schema.Struct({ kind: text }))),
  scope: text,
  singularResource: text,
  shortNames: listOf(Schema.String),
  categories: listOf(Schema.String),
  verbs: listOf(Schema.String),
})

const AggregatedList = Schema.Struct({
  kind: Schema.Literal("APIGroupDiscoveryList"),
  items: listOf(
    Schema.Struct({
      metadata: Schema.optional(Schema.NullOr(Schema.Struct({ name: text }))),
      versions: listOf(Schema.Struct({ version: Schema.String, resources: listOf(AggregatedResource), freshness: text })),
    }),
  ),
})

const ApiVersions = Schema.Struct({ kind: Schema.Literal("APIVersions"), versions: listOf(Schema.String) })

const ApiGroupList = Schema.Struct({
  kind: Schema.Literal("APIGroupList"),
  groups: listOf(
    Schema.Struct({
      name: Schema.String,
      versions: listOf(Schema.Struct({ version: Schema.String })),
      preferredVersion: Schema.optional(Schema.NullOr(Schema.Struct({ version: text }))),
    }),
  ),
})

const ApiResourceList = Schema.Struct({
  kind: Schema.Literal("APIResourceList"),
  resources: listOf(
    Schema.Struct({
      name: Schema.String,
      singularName: text,
      namespaced: Schema.optional(Schema.NullOr(Schema.Boolean)),
      kind: text,
      verbs: listOf(Schema.String),
      shortNames: listOf(Schema.String),
      categories: listOf(Schema.String),
    }),
  ),
})

const decodeAggregated = Schema.decodeUnknownResult(Schema.fromJsonString(AggregatedList))
const decodeVersions = Schema.decodeUnknownResult(Schema.fromJsonString(ApiVersions))
const decodeGroups = Schema.decodeUnknownResult(Schema.fromJsonString(ApiGroupList))
const decodeResources = Schema.decodeUnknownResult(Schema.fromJsonString(ApiResourceList))

const watchable = (verbs: ReadonlyArray<string>): boolean => verbs.includes("list") && verbs.includes("watch")

/**
 * Keeps the first version that serves a type. A first version that can only be read one object at a time gives way to a later one that
 * can be watched: an object that is served at all is to be seen.
 */
const keepPreferred = (types: Map<string, ServedType>, type: ServedType): void => {
  const key = typeKey(type)
  const known = types.get(key)
  if (known === undefined || (!known.watchable && type.watchable)) types.set(key, type)
}

const readAggregated = (list: typeof AggregatedList.Type, types: Map<string, ServedType>, staleGroups: Set<string>): void => {
  for (const item of list.items ?? []) {
    const group = item.metadata?.name ?? ""
    for (const { freshness, resources, version } of item.versions ?? []) {
      if (freshness === "Stale") staleGroups.add(group)
      for (const resource of resources ?? []) {
        const kind = resource.responseKind?.kind ?? ""
        // An entry without a kind is only the parent of sub-resources.
        if (kind === "") continue
        keepPreferred(types, {
          group,
          version,
          plural: resource.resource,
          kind,
          namespaced: resource.scope === "Namespaced",
          singular: resource.singularResource ?? "",
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          watchable: watchable(resource.verbs ?? []),
        })
      }
    }
  }
}

/**
 * Reads aggregated discovery, `apidiscovery.k8s.io` in v2 and v2beta1.
 * @param api the body of `/api`, the core group
 * @param apis the body of `/apis`, all others
 * @returns a failure says why the bodies are no aggregated discovery: the server is old, then the classic documents are to be asked for
 */
export const discoverAggregated = (api: string, apis: string): Result.Result<Discovery, string> => {
  const types = new Map<string, ServedType>()
  const staleGroups = new Set<string>()
  for (const [path, body] of [
    ["/api", api],
    ["/apis", apis],
  ] as const) {
    const list = decodeAggregated(body)
    if (Result.isFailure(list)) return Result.fail(`${path}: no aggregated discovery: ${list.failure.message}`)
    readAggregated(list.success, types, staleGroups)
  }
  return Result.succeed({ types: [...types.values()], staleGroups })
}

/**
 * Which documents the classic discovery needs: one for each version of each group, preferred versions first within their group.
 * @param api the body of `/api`, an APIVersions
 * @param apis the body of `/apis`, an APIGroupList
 * @returns a failure when one of them is not what it should be (a proxy's page, a cut body): nothing may be concluded from such an answer
 */
export const classicPlan = (api: string, apis: string): Result.Result<ReadonlyArray<GroupVersion>, string> => {
  const versions = decodeVersions(api)
  if (Result.isFailure(versions)) return Result.fail(`/api: no list of versions: ${versions.failure.message}`)
  const groups = decodeGroups(apis)
  if (Result.isFailure(groups)) return Result.fail(`/apis: no list of groups: ${groups.failure.message}`)
  const core = (versions.success.versions ?? []).map((version, index) => ({
    path: `/api/${version}`,
    group: "",
    version,
    preferred: index === 0,
  }))
  const named = (groups.success.groups ?? []).flatMap(({ name, preferredVersion, versions: listed }) => {
    const first = preferredVersion?.version ?? listed?.[0]?.version
    return (listed ?? [])
      .map(({ version }) => ({
        path: `/apis/${apiVersionOf({ group: name, version })}`,
        group: name,
        version,
        preferred: version === first,
      }))
      .toSorted((a, b) => Number(b.preferred) - Number(a.preferred))
  })
  return Result.succeed([...core, ...named])
}

/**
 * Reads the documents of a `classicPlan`, in its order. A missing or unreadable one makes its group stale.
 * @param answers one for each entry of the plan
 */
export const discoverClassic = (answers: ReadonlyArray<ClassicAnswer>): Discovery => {
  const types = new Map<string, ServedType>()
  const staleGroups = new Set<string>()
  for (const { group, text: body, version } of answers) {
    const list = body === undefined ? undefined : decodeResources(body)
    if (list === undefined || Result.isFailure(list)) {
      staleGroups.add(group)
      continue
    }
    for (const resource of list.success.resources ?? []) {
      // `pods/log` is a sub-resource.
      if (resource.name.includes("/")) continue
      keepPreferred(types, {
        group,
        version,
        plural: resource.name,
        kind: resource.kind ?? "",
        namespaced: resource.namespaced ?? false,
        singular: resource.singularName ?? "",
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        watchable: watchable(resource.verbs ?? []),
      })
    }
  }
  return { types: [...types.values()], staleGroups }
}
