/**
 * The contract of watches, as scripts: each changes the cluster while it is watched through the port, and says what it saw.
 * What is said holds no versions, uids or times, so that it can be compared between API servers.
 */
import * as Effect from "effect/Effect"
import { collectionPath } from "../../src/domain/select/resource.ts"
import { Environment } from "./environment.ts"
import {
  askUntil,
  change,
  changesOf,
  configMaps,
  countChanges,
  createConfigMaps,
  createCustom,
  createNamespace,
  customType,
  define,
  definitionOf,
  definitionPath,
  listPage,
  objectPath,
  openWatch,
  readAll,
  readEvents,
  type SeenEvent,
} from "./reading.ts"

/** What of an event is compared. */
const tellEvent = ({ object, type }: SeenEvent) => ({
  type,
  members: Object.keys(object).slice(0, 2),
  kind: object.kind,
  apiVersion: object.apiVersion,
  name: object.metadata.name,
  namespace: object.metadata.namespace,
  labels: object.metadata.labels ?? null,
})

const ascending = (events: ReadonlyArray<SeenEvent>): boolean =>
  events.every(
    (event, at) => at === 0 || Number(event.object.metadata.resourceVersion) > Number(events[at - 1]?.object.metadata.resourceVersion),
  )

const versionNow = (namespace: string) =>
  Effect.gen(function* () {
    const { admin } = yield* Environment
    return (yield* listPage(admin, configMaps, { namespace })).metadata.resourceVersion
  })

/** Every change after the version, once and in order, whether it came before the watch or after. */
const changes = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("watching")
  yield* createConfigMaps("watching", ["old"])
  const from = yield* versionNow("watching")
  yield* createConfigMaps("watching", ["a"])
  const stream = yield* openWatch(admin, configMaps, { namespace: "watching", from })
  yield* change("PATCH", objectPath(configMaps, "watching", "a"), { data: { value: "b" } })
  yield* change("PATCH", objectPath(configMaps, "watching", "a"), { data: { value: "b" } })
  yield* change("PATCH", objectPath(configMaps, "watching", "old"), { metadata: { labels: { seen: "yes" } } })
  yield* change("DELETE", objectPath(configMaps, "watching", "a"))
  const events = changesOf(yield* readEvents(stream, countChanges(4)))
  return { events: events.map(tellEvent), ascending: ascending(events) }
})

const recreation = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("recreating")
  yield* createConfigMaps("recreating", ["a"])
  const stream = yield* openWatch(admin, configMaps, { namespace: "recreating", from: yield* versionNow("recreating") })
  yield* change("DELETE", objectPath(configMaps, "recreating", "a"))
  yield* createConfigMaps("recreating", ["a"])
  const events = changesOf(yield* readEvents(stream, countChanges(2)))
  return {
    events: events.map(tellEvent),
    lives: new Set(events.map(({ object }) => object.metadata.uid)).size,
    ascending: ascending(events),
  }
})

/** A finalizer holds the object; the deletion shows what was stored last. */
const finalizers = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("finalizing")
  yield* createConfigMaps("finalizing", ["a"])
  const path = objectPath(configMaps, "finalizing", "a")
  yield* change("PATCH", path, { metadata: { finalizers: ["contract.example/hold"] } })
  const stream = yield* openWatch(admin, configMaps, { namespace: "finalizing", from: yield* versionNow("finalizing") })
  yield* change("DELETE", path)
  yield* change("PATCH", path, { metadata: { finalizers: null } })
  const events = changesOf(yield* readEvents(stream, countChanges(2)))
  return {
    events: events.map(({ object, type }) => ({
      type,
      finalizers: object.metadata.finalizers ?? null,
      marked: object.metadata.deletionTimestamp !== undefined,
      graceSeconds: object.metadata["deletionGracePeriodSeconds"],
    })),
    ascending: ascending(events),
  }
})

/** What leaves a selector is shown as deleted, as it was before it left. */
const selection = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("leaving")
  yield* createConfigMaps("leaving", ["a"], { in: "yes" })
  yield* createConfigMaps("leaving", ["b"])
  const stream = yield* openWatch(admin, configMaps, { namespace: "leaving", selector: "in=yes", from: yield* versionNow("leaving") })
  yield* change("PATCH", objectPath(configMaps, "leaving", "a"), { metadata: { labels: { in: "no" } } })
  yield* change("PATCH", objectPath(configMaps, "leaving", "b"), { data: { value: "unseen" } })
  yield* change("PATCH", objectPath(configMaps, "leaving", "b"), { metadata: { labels: { in: "yes" } } })
  yield* change("PATCH", objectPath(configMaps, "leaving", "b"), { data: { value: "seen" } })
  const events = changesOf(yield* readEvents(stream, countChanges(3)))
  return { events: events.map(tellEvent), ascending: ascending(events) }
})

const oneNamespace = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("inside")
  yield* createNamespace("outside")
  const stream = yield* openWatch(admin, configMaps, { namespace: "inside", from: yield* versionNow("inside") })
  yield* createConfigMaps("outside", ["a"])
  yield* createConfigMaps("inside", ["b"])
  return changesOf(yield* readEvents(stream, countChanges(1))).map(tellEvent)
})

/** A version that is not yet reached: nothing comes, and the server ends it in order. */
const future = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("future")
  const from = String(Number(yield* versionNow("future")) + 1_000_000)
  const stream = yield* openWatch(admin, configMaps, { namespace: "future", from, timeoutSeconds: 3 })
  yield* createConfigMaps("future", ["a"])
  const seen = yield* readAll(stream)
  return { events: seen.events.map(({ type }) => type), ended: seen.ended }
})

/** When something else has happened in the cluster, a bookmark says how far the watch is; then the server ends it in order. */
const bookmarks = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("bookmarks")
  const from = yield* versionNow("bookmarks")
  const stream = yield* openWatch(admin, configMaps, { namespace: "bookmarks", from, timeoutSeconds: 4 })
  yield* createNamespace("bookmarks-elsewhere")
  const later = yield* versionNow("bookmarks")
  const seen = yield* readAll(stream)
  return {
    ended: seen.ended,
    some: seen.events.length > 0,
    forms: [...new Set(seen.events.map(({ object, type }) => [type, Object.keys(object), Object.keys(object.metadata)].join(" ")))],
    reached: seen.events.every(({ object }) => Number(object.metadata.resourceVersion) >= Number(later)),
  }
})

/** A version from before the type was served is too old: one ERROR line, then the end. */
const beforeTheType = Effect.gen(function* () {
  const { admin } = yield* Environment
  const type = customType("kites", "Kite")
  yield* define(type)
  const seen = yield* readAll(yield* openWatch(admin, type, { from: "1" }))
  return { events: seen.events.map(tellError), ended: seen.ended }
})

const tellError = ({ object, type }: SeenEvent) => {
  const { message, ...status } = object as unknown as { readonly message: string }
  return { type, status, message: message.replaceAll(/[0-9]+/g, "N") }
}

/** A restart forgets what happened: an older version is too old, and the connection breaks. */
const restarted = Effect.gen(function* () {
  const { admin, restart } = yield* Environment
  yield* createNamespace("restarting")
  const from = yield* versionNow("restarting")
  const stream = yield* openWatch(admin, configMaps, { namespace: "restarting", from })
  yield* createConfigMaps("restarting", ["a"])
  const before = yield* readEvents(stream, countChanges(1))
  yield* restart
  const ending = yield* Effect.result(readAll(stream))
  const seen = yield* readAll(yield* openWatch(admin, configMaps, { namespace: "restarting", from }))
  return {
    before: changesOf(before).map(tellEvent),
    over: ending._tag === "Failure" || ending.success.ended,
    after: seen.events.map(tellError),
  }
})

/** A deleted definition takes its objects along; the watch is told of some of them at most, and ends. */
const definitionDeleted = Effect.gen(function* () {
  const { admin } = yield* Environment
  const type = customType("boats", "Boat")
  yield* createNamespace("sinking")
  yield* define(type)
  yield* createCustom(type, "sinking", ["a", "b", "c", "d"])
  const from = (yield* listPage(admin, type, {})).metadata.resourceVersion
  const stream = yield* openWatch(admin, type, { from })
  yield* change("DELETE", definitionPath(type))
  const seen = yield* readAll(stream)
  yield* askUntil(collectionPath(type), ({ status }) => status === 404)
  const failure = yield* Effect.flip(listPage(admin, type, {}))
  const group = yield* askUntil(`/apis/${type.group}`, ({ status }) => status === 404)
  const told = changesOf(seen)
  return {
    kinds: [...new Set(told.map(({ type: event }) => event))].filter((event) => event !== "DELETED"),
    atMostAll: told.length <= 4,
    ended: seen.ended,
    failure: failure.failure._tag,
    group: { status: group.status, text: group.text },
  }
})

/** Another version is served and preferred: watches end, the same objects are listed in it; the old version goes when it is unserved. */
const versionChanged = Effect.gen(function* () {
  const { admin } = yield* Environment
  const old = customType("gears", "Gear")
  const young = customType("gears", "Gear", "v2")
  yield* createNamespace("gearing")
  yield* define(old, ["v1"], ["v2"])
  yield* createCustom(old, "gearing", ["a", "b"])
  const before = yield* listPage(admin, old, {})
  const stream = yield* openWatch(admin, old, { from: before.metadata.resourceVersion })
  yield* change("PATCH", definitionPath(old), { spec: definitionOf(old, ["v1", "v2"], []).spec })
  const ended = (yield* readAll(stream)).ended
  yield* askUntil(collectionPath(young), ({ status }) => status === 200)
  const after = yield* listPage(admin, young, {})
  const tooOld = yield* readAll(yield* openWatch(admin, young, { from: before.metadata.resourceVersion }))
  const group = yield* askUntil(`/apis/${old.group}`, ({ text }) => text.includes("v2"))
  yield* change("PATCH", definitionPath(old), { spec: definitionOf(old, ["v2"], ["v1"]).spec })
  yield* askUntil(collectionPath(old), ({ status }) => status === 404)
  const gone = yield* Effect.flip(listPage(admin, old, {}))
  const identity = (page: typeof before) =>
    page.items.map(({ metadata }) => [metadata.name, metadata.uid, metadata.resourceVersion].join(" "))
  return {
    ended,
    sameObjects: identity(before).join() === identity(after).join(),
    apiVersions: after.items.map(({ apiVersion }) => apiVersion),
    tooOld: tooOld.events.map(tellError),
    group: JSON.parse(group.text) as unknown,
    gone: gone.failure._tag,
  }
})

/** What a definition's own life looks like to its watchers. */
const definitionsLife = Effect.gen(function* () {
  const { admin } = yield* Environment
  const definitions = {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    namespaced: false,
  }
  const type = customType("wheels", "Wheel")
  const from = (yield* listPage(admin, definitions, {})).metadata.resourceVersion
  yield* define(type)
  const stream = yield* openWatch(admin, definitions, { from })
  yield* readEvents(stream, (events) => events.some(({ object }) => JSON.stringify(object).includes("InitialNamesAccepted")))
  yield* change("DELETE", definitionPath(type))
  const seen = yield* readEvents(yield* openWatch(admin, definitions, { from }), (events) =>
    events.some(({ type: event }) => event === "DELETED"),
  )
  return changesOf(seen).map(({ object, type: event }) => ({
    event,
    name: object.metadata.name,
    marked: object.metadata.deletionTimestamp !== undefined,
    graceSeconds: object.metadata["deletionGracePeriodSeconds"] ?? null,
    finalizers: object.metadata.finalizers ?? null,
    generation: object.metadata["generation"],
    conditions: (
      (object["status"] as { readonly conditions?: ReadonlyArray<{ type: string; status: string; reason: string }> | null }).conditions ??
      []
    ).map((condition) => [condition.type, condition.status, condition.reason].join(" ")),
  }))
})

/** One object by its name, and no more of any than its metadata; the documents are applied through the port. */
const narrowed = Effect.gen(function* () {
  const { admin, stranger } = yield* Environment
  yield* createNamespace("narrowing")
  yield* createConfigMaps("narrowing", ["a", "b"])
  const some = { namespace: "narrowing", name: "a", depth: "metadata" } as const
  const page = yield* listPage(admin, configMaps, some)
  const stream = yield* openWatch(admin, configMaps, { ...some, from: page.metadata.resourceVersion })
  const path = objectPath(configMaps, "narrowing", "a")
  const document = (value: string, resourceVersion?: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a", ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    data: { value },
  })
  yield* change("PATCH", objectPath(configMaps, "narrowing", "b"), { data: { value: "other" } })
  yield* admin.apply(path, document("applied"))
  yield* change("DELETE", path)
  const events = changesOf(yield* readEvents(stream, countChanges(2)))
  yield* createConfigMaps("narrowing", ["a"])
  const late = yield* Effect.flip(admin.apply(path, document("late", page.metadata.resourceVersion)))
  const forbidden = yield* Effect.flip(stranger.apply(path, document("forbidden")))
  return {
    list: { kind: page.kind, apiVersion: page.apiVersion },
    items: page.items.map((item) => ({ ...item, metadata: item.metadata.name })),
    events: events.map((event) => ({ ...tellEvent(event), members: Object.keys(event.object) })),
    refusals: [late.failure._tag, forbidden.failure._tag],
  }
})

export const watchScenarios = {
  "every change once and in order": changes,
  "a recreation under the same name": recreation,
  "finalizers hold a deletion": finalizers,
  "leaving and entering a selector": selection,
  "a watch of one namespace": oneNamespace,
  "a version from the future": future,
  "one object's metadata, and documents applied to it": narrowed,
  bookmarks: bookmarks,
  "a version before the type was served": beforeTheType,
  "a definition deleted under its watch": definitionDeleted,
  "a version change of a definition": versionChanged,
  "the life of a definition": definitionsLife,
  "a restart of the API server": restarted,
} as const
