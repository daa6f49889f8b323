/**
 * The contract of lists and refusals, as scripts: each changes the cluster, reads it through the port, and says what it saw.
 * What is said holds no versions, uids or times, so that it can be compared between API servers.
 */
import * as Effect from "effect/Effect"
import { collectionPath, type ResourceType } from "../../src/domain/select/resource.ts"
import { Environment, type RawAnswer } from "./environment.ts"
import {
  ask,
  change,
  configMaps,
  createConfigMaps,
  createCustom,
  createNamespace,
  customType,
  define,
  listPage,
  objectPath,
  type SeenPage,
} from "./reading.ts"

/** What of a page is compared: names, what an item looks like, what the list says about itself, and in which order. */
const tellPage = (page: SeenPage) => ({
  members: Object.keys(page),
  metadata: Object.keys(page.metadata),
  kind: page.kind,
  apiVersion: page.apiVersion,
  remaining: page.metadata.remainingItemCount,
  more: (page.metadata.continue ?? "") !== "",
  items: page.items.map((item) => `${item.kind ?? "-"} ${item.apiVersion ?? "-"} ${item.metadata.namespace}/${item.metadata.name}`),
  first: page.items.slice(0, 1).map((item) => Object.keys(item)),
})

/** A paged list is consistent: what is written between its pages is not in it. */
const pageThrough = (type: ResourceType, namespace: string) =>
  Effect.gen(function* () {
    const { admin } = yield* Environment
    const first = yield* listPage(admin, type, { namespace, limit: 2 })
    yield* change("DELETE", objectPath(type, namespace, "c"))
    yield* change("PATCH", objectPath(type, namespace, "d"), { metadata: { labels: { changed: "yes" } } })
    const second = yield* listPage(admin, type, { namespace, limit: 2, token: first.metadata.continue ?? "" })
    const third = yield* listPage(admin, type, { namespace, limit: 2, token: second.metadata.continue ?? "" })
    const fresh = yield* listPage(admin, type, { namespace })
    const pages = [first, second, third]
    return {
      pages: pages.map(tellPage),
      oneVersion: new Set(pages.map((page) => page.metadata.resourceVersion)).size === 1,
      labelsOfD: second.items.find((item) => item.metadata.name === "d")?.metadata.labels ?? null,
      fresh: tellPage(fresh),
      newer: Number(fresh.metadata.resourceVersion) > Number(first.metadata.resourceVersion),
    }
  })

const pagedBuiltin = Effect.gen(function* () {
  yield* createNamespace("paging")
  yield* createConfigMaps("paging", ["a", "b", "c", "d", "e"])
  return yield* pageThrough(configMaps, "paging")
})

const pagedCustom = Effect.gen(function* () {
  const type = customType("lamps", "Lamp")
  yield* createNamespace("paging-custom")
  yield* define(type)
  yield* createCustom(type, "paging-custom", ["a", "b", "c", "d", "e"])
  return yield* pageThrough(type, "paging-custom")
})

/** Over all namespaces a list is in the order of namespace and name. */
const orderAcrossNamespaces = Effect.gen(function* () {
  const { admin } = yield* Environment
  for (const namespace of ["order", "order-b", "order-a"]) {
    yield* createNamespace(namespace)
    yield* createConfigMaps(namespace, ["z", "a"], { scenario: "order" })
  }
  const first = yield* listPage(admin, configMaps, { selector: "scenario=order", limit: 4 })
  const last = yield* listPage(admin, configMaps, { selector: "scenario=order", limit: 4, token: first.metadata.continue ?? "" })
  return [tellPage(first), tellPage(last)]
})

const selectors = Effect.gen(function* () {
  const { admin } = yield* Environment
  yield* createNamespace("selecting")
  yield* createConfigMaps("selecting", ["plain"])
  yield* createConfigMaps("selecting", ["red"], { colour: "red", size: "1" })
  yield* createConfigMaps("selecting", ["blue"], { colour: "blue" })
  const texts = [
    "colour=red",
    "colour==red",
    "colour!=red",
    "colour in (red, blue)",
    "colour notin (red)",
    "colour",
    "!colour",
    "colour,size=1",
  ]
  return yield* Effect.forEach(texts, (selector) =>
    Effect.map(listPage(admin, configMaps, { namespace: "selecting", selector }), (page) => ({
      selector,
      names: page.items.map((item) => item.metadata.name),
    })),
  )
})

/** A token that is too old is refused, with a token for the rest as it is now. */
const expiredToken = Effect.gen(function* () {
  const { admin, expire } = yield* Environment
  yield* createNamespace("expiring")
  yield* createConfigMaps("expiring", ["a", "b", "c", "d"])
  const first = yield* listPage(admin, configMaps, { namespace: "expiring", limit: 2 })
  yield* createConfigMaps("expiring", ["bb"])
  const token = first.metadata.continue ?? ""
  const path = `${collectionPath(configMaps, "expiring")}?limit=2&continue=${token}`
  yield* expire(path)
  const failure = yield* Effect.flip(listPage(admin, configMaps, { namespace: "expiring", limit: 2, token }))
  const raw = yield* ask("GET", path)
  const status = JSON.parse(raw.text) as { readonly metadata: { readonly continue: string } }
  const rest = yield* listPage(admin, configMaps, { namespace: "expiring", limit: 10, token: status.metadata.continue })
  return {
    failure: failure.failure._tag,
    raw: { ...tellRaw(raw), body: { ...status, metadata: Object.keys(status.metadata) } },
    rest: tellPage(rest),
  }
})

const tellRaw = ({ contentType, status, text }: RawAnswer) => ({
  status,
  contentType,
  body: contentType.includes("json") ? (JSON.parse(text) as unknown) : text,
})

/** What the port makes of a refusal, beside the refusal itself. */
const refusedList = (path: string, type: ResourceType, as: "admin" | "stranger", namespace?: string) =>
  Effect.gen(function* () {
    const environment = yield* Environment
    const port = as === "admin" ? environment.admin : environment.stranger
    const failure = yield* Effect.flip(listPage(port, type, namespace === undefined ? {} : { namespace }))
    return { path, failure: failure.failure._tag, raw: tellRaw(yield* ask("GET", path, undefined, as)) }
  })

const typeOf = (group: string, version: string, plural: string, namespaced = true): ResourceType => ({
  group,
  version,
  plural,
  kind: "Thing",
  namespaced,
})

const refusals = Effect.gen(function* () {
  const listed = yield* Effect.forEach(
    [
      ["admin", typeOf("", "v1", "gadgets")],
      ["admin", typeOf("apps", "v1", "gadgets")],
      ["admin", typeOf("apps", "v9", "deployments")],
      ["admin", typeOf("gadgets.example", "v1", "gadgets")],
      ["admin", typeOf("authentication.k8s.io", "v1", "tokenreviews", false)],
      ["stranger", configMaps],
      ["stranger", typeOf("apps", "v1", "deployments")],
    ] as const,
    ([as, type]) => refusedList(collectionPath(type), type, as),
  )
  const inNamespace = yield* refusedList(collectionPath(configMaps, "default"), configMaps, "stranger", "default")
  const raws = yield* Effect.forEach(
    [
      ["GET", "/api/v1/configmaps", "nobody"],
      ["GET", "/api/v1/namespaces/absent", "admin"],
      ["GET", "/api/v1/configmaps?limit=many", "admin"],
      ["GET", "/api/v1/configmaps?watch=true&resourceVersion=soon", "admin"],
      ["GET", "/api/v1/componentstatuses?watch=true", "admin"],
      ["GET", "/api/v1/configmaps?watch=true", "stranger"],
      ["DELETE", "/api/v1/namespaces/default/configmaps/absent", "admin"],
      ["PUT", "/api/v1/namespaces", "admin"],
    ] as const,
    ([method, path, as]) => Effect.map(ask(method, path, undefined, as), (raw) => ({ method, path, as, ...tellRaw(raw) })),
  )
  const { admin } = yield* Environment
  const badToken = yield* Effect.flip(listPage(admin, configMaps, { token: "garbage" }))
  return { listed, inNamespace, raws, badToken: badToken.failure._tag }
})

const writes = Effect.gen(function* () {
  yield* createNamespace("writing")
  const path = collectionPath(configMaps, "writing")
  const created = yield* ask("POST", path, { metadata: { name: "a" }, data: { k: "<v>" } })
  const again = yield* ask("POST", path, { metadata: { name: "a" } })
  const nowhere = yield* ask("POST", collectionPath(configMaps, "absent"), { metadata: { name: "a" } })
  const stale = yield* ask("PUT", `${path}/a`, { metadata: { name: "a", resourceVersion: "1" } })
  const before = JSON.parse(created.text) as { readonly metadata: { readonly resourceVersion: string } }
  const same = yield* ask("PATCH", `${path}/a`, { data: { k: "<v>" } })
  const after = JSON.parse(same.text) as { readonly metadata: { readonly resourceVersion: string } }
  const removed = JSON.parse((yield* ask("DELETE", `${path}/a`)).text) as { readonly details: { readonly uid: string } }
  return {
    removed: { ...removed, details: { ...removed.details, uid: removed.details.uid.length } },
    created: { status: created.status, members: Object.keys(before), escaped: created.text.includes(String.raw`"k":"\u003cv\u003e"`) },
    again: tellRaw(again),
    nowhere: tellRaw(nowhere),
    stale: { status: stale.status, reason: (JSON.parse(stale.text) as { readonly reason: string }).reason },
    unchangedKeepsVersion: before.metadata.resourceVersion === after.metadata.resourceVersion,
  }
})

export const listScenarios = {
  "a paged list with writes in the middle": pagedBuiltin,
  "a paged list of custom resources": pagedCustom,
  "the order across namespaces": orderAcrossNamespaces,
  "label selectors": selectors,
  "an expired continue token": expiredToken,
  refusals: refusals,
  writes: writes,
} as const
