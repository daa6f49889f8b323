/**
 * Which lanes are to run: the served types, seen through the watch-list of the custom resource and the flags.
 * Pure and repeatable: it is asked again after every discovery, so its notices repeat too; the shell says each of them once.
 * What a blacklist names is never published, whatever else names it. Does not know what runs at present; that is plan's.
 */
import type { Notice } from "../notice.ts"
import { defaultNames, tableNames } from "./builtin.ts"
import type { Discovery, ServedType } from "./discovery.ts"
import { pluralSpellings, type Resolution, resolveName } from "./names.ts"
import { type ResourceType, typeKey } from "./resource.ts"
import type { Limits, WatchList, WhitelistEntry } from "./watchList.ts"

export type EventName = "ADDED" | "MODIFIED" | "DELETED"

export const allEvents: ReadonlySet<EventName> = new Set(["ADDED", "MODIFIED", "DELETED"])
const noEvents: ReadonlySet<EventName> = new Set()

/** What one lane reads and what of it goes out. */
export interface LaneSpec {
  readonly type: ResourceType
  /** Events that are published; empty: watched, never published. */
  readonly events: ReadonlySet<EventName>
  /** Only this namespace is read; undefined: all. */
  readonly namespace: string | undefined
  /** All namespaces are read, objects of these are published; undefined: of all. */
  readonly namespaces: ReadonlySet<string> | undefined
  /** A label selector in kubectl's grammar; empty: all. */
  readonly selector: string
  /** Read for our own sake, never published. */
  readonly hidden: boolean
  /** How much of each object is read; absent: all of it. */
  readonly depth?: Depth
}

/** `metadata`: the API server is asked for no more than that, so neither `spec` nor `status` ever comes here. */
export type Depth = "full" | "metadata"

export interface SelectionInput {
  /** `absent`: the cluster has no MeshSync custom resource. `broken`: it has one that cannot be used. */
  readonly watchList: "absent" | "broken" | WatchList
  /** An empty element admits cluster-scoped objects; no element at all: no filter. */
  readonly outputNamespaces: ReadonlyArray<string>
  readonly outputResources: ReadonlyArray<string>
  readonly selector: string
  /** As if `*` were an element of `outputResources`. */
  readonly everything?: boolean
  /**
   * Keys of the types that a custom resource definition has defined: the names of the definitions. A deleted definition's name stays in the
   * set: its type leaves the selection when discovery no longer serves it, not before, so that its objects are announced as deleted.
   */
  readonly customTypes: ReadonlySet<string>
}

export interface Selection {
  readonly lanes: ReadonlyArray<LaneSpec>
  /** By key, the types whose entry in the whitelist does not count: for these nothing is decided. */
  readonly refused: ReadonlyMap<string, ResourceType>
  readonly notices: ReadonlyArray<Notice>
}

/** A type on its way to become a lane. */
interface Choice {
  readonly type: ServedType
  readonly events: ReadonlySet<EventName>
  readonly limits?: Limits
  /** An entry of the whitelist names it, alone. */
  readonly isNamed?: boolean
  /** Its entry does not count. */
  readonly isRefused?: boolean
}
type Choices = Map<string, Choice>

/** The type whose objects are the definitions of custom resources. */
export const definitionsKey = "customresourcedefinitions.apiextensions.k8s.io"

/** They change all the time and say little: watched only when named. */
const highChurn: ReadonlySet<string> = new Set(["events", "events.events.k8s.io", "leases.coordination.k8s.io"])

const isEvent = (name: string): name is EventName => (allEvents as ReadonlySet<string>).has(name)

const dropHighChurn = (types: ReadonlyArray<ServedType>, name: string): ReadonlyArray<ServedType> =>
  name.trim() === "*" ? types.filter((type) => !highChurn.has(typeKey(type))) : types

const explainUnknown = ({ nearest, old }: Extract<Resolution, { _tag: "Unknown" }>, staleGroup: string | undefined): string => {
  if (staleGroup !== undefined) return ` at present: ${staleGroup} does not answer`
  if (old) return ": its API is not installed or was removed"
  return nearest === undefined ? "" : `; the nearest name is ${nearest}`
}

/**
 * The types that a name stands for; one notice when there are none.
 * @param author `person`: somebody wrote the name and expects it to count; `table`: it is built in, and unserved on most clusters
 */
const findTypes = (name: string, author: "person" | "table", discovery: Discovery, notices: Array<Notice>): ReadonlyArray<ServedType> => {
  const resolution = resolveName(name, discovery)
  const level = author === "table" ? "debug" : "warning"
  switch (resolution._tag) {
    case "Found":
      return dropHighChurn(resolution.types, name)
    case "Unwatchable":
      notices.push({ error: "ErrNewInformer", subject: name, detail: `${typeKey(resolution.type)} does not offer list and watch`, level })
      return []
    case "Unknown": {
      const group = [...discovery.staleGroups].find((stale) => stale !== "" && name.trim().endsWith(`.${stale}`))
      notices.push({
        error: "ErrUnknownResource",
        subject: name,
        detail: `this cluster serves no ${name}${explainUnknown(resolution, group)}`,
        level,
      })
      return []
    }
  }
}

const addTypes = (
  choices: Choices,
  types: ReadonlyArray<ServedType>,
  events: ReadonlySet<EventName>,
  more: Pick<Choice, "limits" | "isNamed" | "isRefused"> = {},
): void => {
  for (const type of types) {
    const key = typeKey(type)
    if (!choices.has(key)) choices.set(key, { type, events, ...more })
  }
}

const isWild = ({ resource }: WhitelistEntry): boolean => resource.includes("*")

/** The first entry of a type counts, but one that names it counts before a wildcard. */
const chooseWhitelisted = (
  choices: Choices,
  whitelist: ReadonlyArray<WhitelistEntry>,
  discovery: Discovery,
  notices: Array<Notice>,
): void => {
  for (const entry of [...whitelist.filter((one) => !isWild(one)), ...whitelist.filter(isWild)]) {
    const { events, fault, resource, ...limits } = entry
    if (fault !== undefined) {
      const detail = `the whitelist's entry for ${resource} does not count until it is mended: ${fault}`
      notices.push({ error: "ErrInitConfig", subject: resource, detail, level: "warning" })
    }
    for (const event of events.filter((name) => !isEvent(name))) {
      const detail = `the whitelist gives ${resource} the event ${event}`
      notices.push({ error: "ErrUnknownEvent", subject: resource, detail, level: "warning" })
    }
    const types = findTypes(resource, "person", discovery, notices)
    addTypes(choices, types, new Set(events.filter(isEvent)), { limits, isNamed: !isWild(entry), isRefused: fault !== undefined })
  }
}

/** What the watch-list alone selects, in its order; custom resources come after it. */
const chooseListed = (discovery: Discovery, { customTypes, watchList }: SelectionInput, notices: Array<Notice>): Choices => {
  const choices: Choices = new Map()
  if (watchList === "absent") {
    for (const name of defaultNames) addTypes(choices, findTypes(name, "table", discovery, notices), allEvents)
    return choices
  }
  if (watchList !== "broken" && watchList.whitelist !== undefined) {
    chooseWhitelisted(choices, watchList.whitelist, discovery, notices)
  } else {
    for (const name of tableNames) {
      const types = findTypes(name, "table", discovery, notices).filter((type) => !highChurn.has(typeKey(type)))
      addTypes(choices, types, allEvents)
    }
  }
  addTypes(
    choices,
    discovery.types.filter((type) => type.watchable && customTypes.has(typeKey(type))),
    allEvents,
  )
  return choices
}

/**
 * Applies `outputResources`: only what they name, with the watch-list's events where it has some. A name also holds the listed types whose
 * plural is spelt like it in whatever group, as in the Go MeshSync (`service` keeps the Services of Knative that are watched anyway); `*`
 * holds them all.
 */
const chooseNamed = (names: ReadonlyArray<string>, listed: Choices, discovery: Discovery, notices: Array<Notice>): Choices => {
  const choices: Choices = new Map()
  for (const name of names) {
    const spellings = pluralSpellings(name)
    const alike = [...listed.values()].filter(({ type }) => name === "*" || spellings.includes(type.plural))
    for (const type of findTypes(name, "person", discovery, alike.length === 0 ? notices : [])) {
      const { events = allEvents, ...more } = listed.get(typeKey(type)) ?? {}
      addTypes(choices, [type], events, more)
    }
    for (const { events, type, ...more } of alike) addTypes(choices, [type], events, more)
  }
  return choices
}

/** Keys of what the blacklist names. Old names that nobody serves any more are no mistake there. */
const findDenied = (discovery: Discovery, { watchList }: SelectionInput, notices: Array<Notice>): ReadonlySet<string> => {
  const denied = new Set<string>()
  if (watchList === "absent" || watchList === "broken" || watchList.blacklist === undefined) return denied
  for (const name of watchList.blacklist) {
    const resolution = resolveName(name, discovery)
    if (resolution._tag === "Found") for (const type of resolution.types) denied.add(typeKey(type))
    else if (resolution._tag === "Unknown" && !resolution.old) findTypes(name, "person", discovery, notices)
  }
  return denied
}

/** The namespaces of the output's filter, and whether cluster-scoped types pass it. */
const readNamespaces = (elements: ReadonlyArray<string>) => ({
  filtered: elements.length > 0,
  // A blank element is a slip of the pen, an empty one is a wish.
  clusterScoped: elements.length === 0 || elements.includes(""),
  names: new Set(elements.map((element) => element.trim()).filter((name) => name !== "")),
})

type Reach = Pick<LaneSpec, "namespace" | "namespaces">

const everywhere: Reach = { namespace: undefined, namespaces: undefined }

/** Where a type is read: in what both the output's filter and the type's entry admit. A text says why that is nowhere. */
const reachOf = ({ limits, type }: Choice, { clusterScoped, filtered, names }: ReturnType<typeof readNamespaces>): Reach | string => {
  const own = limits?.namespaces
  if (!type.namespaced) {
    if (!clusterScoped) return "it belongs to no namespace, and the output is restricted to namespaces"
    return own === undefined ? everywhere : "it belongs to no namespace, and its entry in the whitelist is restricted to namespaces"
  }
  if (!filtered && own === undefined) return everywhere
  if (filtered && names.size === 0) return "the output is restricted to what belongs to no namespace"
  const admitted = own === undefined ? names : new Set(own.filter((name) => !filtered || names.has(name)))
  const [only] = admitted
  if (only === undefined) return "its entry in the whitelist and the output are restricted to different namespaces"
  return admitted.size === 1 ? { namespace: only, namespaces: undefined } : { namespace: undefined, namespaces: admitted }
}

/** Both selectors hold. */
const joinSelectors = (...selectors: ReadonlyArray<string | undefined>): string =>
  selectors.filter((text) => text !== undefined && text !== "").join(",")

const hiddenDefinitions = (type: ResourceType): LaneSpec => ({
  type,
  events: noEvents,
  namespace: undefined,
  namespaces: undefined,
  selector: "",
  hidden: true,
})

/** Whether a type that appears later may belong to the selection: then the definitions of custom resources must be watched. */
const canGrow = ({ watchList }: SelectionInput, names: ReadonlyArray<string>, notices: ReadonlyArray<Notice>): boolean =>
  watchList !== "absent" ||
  names.some((name) => name.includes("*")) ||
  notices.some(({ error, level }) => error === "ErrUnknownResource" && level === "warning")

/**
 * Selects the lanes.
 *
 * - No custom resource: the 21 built-in kinds. A whitelist: its names with their events and limits. A blacklist alone, or a custom resource
 * that cannot be used: the built-in table without the blacklisted names. With a custom resource every type of a custom resource definition
 * comes on top. What the blacklist names stays out in any case.
 * - `outputResources` keep only what they name, and add it where the above lacks it; what a blacklist names stays out.
 * - `outputNamespaces` drop cluster-scoped types (unless an element is empty) and restrict the others.
 * - Wherever types may appear later, the definitions of custom resources are watched, hidden unless selected.
 *
 * @returns the lanes in order of mention, and what a person should know: unknown names (warning), an empty selection (error)
 */
export const select = (discovery: Discovery, input: SelectionInput): Selection => {
  const notices: Array<Notice> = []
  const names = [
    ...(input.everything === true ? ["*"] : []),
    ...input.outputResources.map((name) => name.trim()).filter((name) => name !== ""),
  ]
  const narrowed = input.everything === true || input.outputResources.length > 0
  const denied = findDenied(discovery, input, notices)
  const listed = chooseListed(discovery, input, notices)
  const chosen = narrowed ? chooseNamed(names, listed, discovery, notices) : listed
  const namespaces = readNamespaces(input.outputNamespaces)
  const lanes: Array<LaneSpec> = []
  const refused = new Map<string, ResourceType>()
  for (const [key, choice] of chosen) {
    if (choice.isRefused === true && !denied.has(key)) {
      refused.set(key, choice.type)
      continue
    }
    const { events, limits, type } = choice
    const reach = denied.has(key) ? "the blacklist of the MeshSync resource names it" : reachOf(choice, namespaces)
    if (typeof reach !== "string") {
      const depth = limits?.depth === undefined ? {} : { depth: limits.depth }
      lanes.push({ type, events, ...reach, selector: joinSelectors(input.selector, limits?.selector), hidden: false, ...depth })
    } else if (narrowed ? !names.includes("*") : choice.isNamed === true && limits?.namespaces !== undefined && !denied.has(key)) {
      notices.push({ error: "ErrLeftOut", subject: key, detail: `${key} is left out: ${reach}`, level: "warning" })
    }
  }
  if (lanes.length === 0) {
    notices.push({ error: "ErrNewPipeline", subject: "selection", detail: "no resource of this cluster is selected", level: "error" })
  }
  const definitions = discovery.types.find((type) => type.watchable && typeKey(type) === definitionsKey)
  if (definitions !== undefined && canGrow(input, names, notices)) addDefinitions(lanes, definitions, notices)
  return { lanes, refused, notices }
}

/** Adds the lane of the definitions, or widens the selected one: seen through a label selector, definitions would be missing. */
const addDefinitions = (lanes: Array<LaneSpec>, type: ResourceType, notices: Array<Notice>): void => {
  const at = lanes.findIndex((lane) => typeKey(lane.type) === definitionsKey)
  const selected = lanes[at]
  if (selected === undefined) {
    lanes.push(hiddenDefinitions(type))
  } else if (selected.selector !== "") {
    lanes[at] = hiddenDefinitions(type)
    const detail = `${definitionsKey} is left out: all of them must be read to find custom resources, so a label selector cannot be applied`
    notices.push({ error: "ErrLeftOut", subject: definitionsKey, detail, level: "warning" })
  }
}
