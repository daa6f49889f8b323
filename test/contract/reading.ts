/**
 * Reading through the port and writing as the administrator, in the words of the scenarios; and what of an answer is compared.
 */
import * as Effect from "effect/Effect"
import { collectionPath, type ResourceType } from "../../src/domain/select/resource.ts"
import type { Depth } from "../../src/domain/select/selection.ts"
import type { ApiError, WatchStream } from "../../src/ports/ClusterApi.ts"
import { Environment, type Port, type RawAnswer } from "./environment.ts"

interface SeenObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly resourceVersion: string
    readonly labels?: Readonly<Record<string, string>>
    readonly finalizers?: ReadonlyArray<string>
    readonly deletionTimestamp?: string
    readonly [member: string]: unknown
  }
  readonly [member: string]: unknown
}

export interface SeenPage {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string; readonly remainingItemCount?: number }
  readonly items: ReadonlyArray<SeenObject>
}

export interface SeenEvent {
  readonly type: string
  readonly object: SeenObject
}

export const configMaps: ResourceType = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true }

const parseText = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString())

export interface ListOptions {
  readonly namespace?: string
  readonly selector?: string
  readonly limit?: number
  readonly token?: string
  readonly name?: string
  readonly depth?: Depth
}

export const listPage = (
  port: Port,
  type: ResourceType,
  { limit = 0, namespace, selector = "", token = "", ...narrowed }: ListOptions,
): Effect.Effect<SeenPage, ApiError> =>
  Effect.map(port.list({ type, namespace, selector, limit, continue: token, ...narrowed }), (bytes) => parseText(bytes) as SeenPage)

export interface WatchOptions {
  readonly namespace?: string
  readonly selector?: string
  readonly from: string
  readonly timeoutSeconds?: number
  readonly name?: string
  readonly depth?: Depth
}

export const openWatch = (
  port: Port,
  type: ResourceType,
  { from, namespace, selector = "", timeoutSeconds = 20, ...narrowed }: WatchOptions,
) => port.watch({ type, namespace, selector, resourceVersion: from, timeoutSeconds, ...narrowed })

/** What came of a watch, and whether the server ended it. */
export interface Seen {
  readonly events: ReadonlyArray<SeenEvent>
  readonly ended: boolean
}

/** Reads a watch until there is enough, or it ends. */
export const readEvents = (stream: WatchStream, enough: (events: ReadonlyArray<SeenEvent>) => boolean): Effect.Effect<Seen, ApiError> =>
  Effect.gen(function* () {
    let rest = ""
    const events: Array<SeenEvent> = []
    while (!enough(events)) {
      const bytes = yield* stream.next
      if (bytes === undefined) return { events, ended: true }
      const lines = (rest + Buffer.from(bytes).toString()).split("\n")
      rest = lines.pop() ?? ""
      events.push(...lines.map((line) => JSON.parse(line) as SeenEvent))
    }
    return { events, ended: false }
  })

/** Reads a watch to its end. */
export const readAll = (stream: WatchStream): Effect.Effect<Seen, ApiError> => readEvents(stream, () => false)

/** Events but for bookmarks, whose time nobody promises. */
export const changesOf = ({ events }: Seen): ReadonlyArray<SeenEvent> => events.filter(({ type }) => type !== "BOOKMARK")

export const countChanges =
  (wanted: number) =>
  (events: ReadonlyArray<SeenEvent>): boolean =>
    events.filter(({ type }) => type !== "BOOKMARK").length >= wanted

/** Asks the API server directly. */
export const ask = (method: string, path: string, body?: unknown, as: "admin" | "stranger" | "nobody" = "admin") =>
  Effect.flatMap(Environment, ({ request }) => request({ method, path, ...(body === undefined ? {} : { body }), as }))

/** Asks for a change that must succeed. */
export const change = (method: string, path: string, body?: unknown) =>
  Effect.flatMap(ask(method, path, body), (given) =>
    given.status < 300 ? Effect.succeed(given) : Effect.die(new Error(`${method} ${path}: ${given.status} ${given.text}`)),
  )

export const createNamespace = (name: string) => change("POST", "/api/v1/namespaces", { metadata: { name } })

export const objectPath = (type: ResourceType, namespace: string, name: string): string => `${collectionPath(type, namespace)}/${name}`

/** Creates ConfigMaps one after the other. */
export const createConfigMaps = (namespace: string, names: ReadonlyArray<string>, labels?: Readonly<Record<string, string>>) =>
  Effect.forEach(
    names,
    (name) =>
      change("POST", collectionPath(configMaps, namespace), {
        metadata: { name, ...(labels === undefined ? {} : { labels }) },
        data: { value: name },
      }),
    { discard: true },
  )

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

/** A custom resource of the scenarios. */
export const customType = (plural: string, kind: string, version = "v1"): ResourceType => ({
  group: `${plural}.contract.example`,
  version,
  plural,
  kind,
  namespaced: true,
})

/** Served versions with one of them stored. */
export const definitionOf = ({ group, kind, plural }: ResourceType, served: ReadonlyArray<string>, unserved: ReadonlyArray<string>) => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: "Namespaced",
    names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
    versions: [...served, ...unserved].map((name) => ({
      name,
      served: served.includes(name),
      storage: name === served.at(-1),
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    })),
  },
})

/** Asks again until the answer is as wanted; each question is a round trip, and there is an end to them. */
export const askUntil = (path: string, wanted: (given: RawAnswer) => boolean): Effect.Effect<RawAnswer, never, Environment> =>
  Effect.gen(function* () {
    for (let asked = 0; asked < 600; asked += 1) {
      const given = yield* ask("GET", path)
      if (wanted(given)) return given
      yield* Effect.sleep(50)
    }
    return yield* Effect.die(new Error(`${path} never answered as expected`))
  })

/** Stores a definition and waits until its resource is listed. */
export const define = (type: ResourceType, served: ReadonlyArray<string> = ["v1"], unserved: ReadonlyArray<string> = []) =>
  Effect.andThen(
    change("POST", definitionsPath, definitionOf(type, served, unserved)),
    askUntil(collectionPath(type), ({ status }) => status === 200),
  )

export const definitionPath = ({ group, plural }: ResourceType): string => `${definitionsPath}/${plural}.${group}`

/** Creates custom objects one after the other. */
export const createCustom = (type: ResourceType, namespace: string, names: ReadonlyArray<string>) =>
  Effect.forEach(
    names,
    (name) =>
      change("POST", collectionPath(type, namespace), {
        apiVersion: `${type.group}/${type.version}`,
        kind: type.kind,
        metadata: { name },
        spec: { size: 3, colour: "<red> & blue" },
      }),
    { discard: true },
  )
