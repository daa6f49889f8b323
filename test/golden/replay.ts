/**
 * The golden vectors as a cluster: an API server over HTTP on the loopback whose lists and watches give the recorded objects to the byte,
 * in the order of their versions. What a vector's object was before its first recorded event is made up as version 1 of it.
 */
import { createServer, type Server } from "node:http"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { apiVersionOf, collectionPath, type ResourceType } from "../../src/domain/select/resource.ts"
import { aggregatedMediaType } from "../../src/adapters/memory/discovery.ts"
import { typeOf, type Vector } from "./vector.ts"

interface Metadata {
  readonly name?: string
  readonly namespace?: string
  readonly uid: string
  readonly resourceVersion: string
}

interface Occurrence {
  readonly vector: Vector
  readonly metadata: Metadata
}

/** What one type's list holds, and what its watch tells after it. */
interface Shelf {
  readonly type: ResourceType
  readonly items: ReadonlyArray<string>
  readonly lines: ReadonlyArray<string>
  readonly byName: ReadonlyMap<string, string>
}

const metadataOf = (vector: Vector): Metadata => (JSON.parse(vector.message) as { Object: { metadata: Metadata } }).Object.metadata

/** The version of what no vector tells. */
export const madeUpVersion = "1"

const earlier = ({ metadata, vector }: Occurrence): string =>
  vector.raw.replace(new RegExp(`("resourceVersion"\\s*:\\s*)"${metadata.resourceVersion}"`), `$1"${madeUpVersion}"`)

const lineOf = (event: Vector["event"], raw: string): string => `{"type":"${event}","object":${raw.replaceAll("\n", " ")}}`

const makeShelf = (type: ResourceType, vectors: ReadonlyArray<Vector>): Shelf => {
  const occurrences = vectors
    .map((vector): Occurrence => ({ vector, metadata: metadataOf(vector) }))
    .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
  const [items, lines]: [Array<string>, Array<string>] = [[], []]
  const addresses = new Set<string>()
  const known = new Set<string>()
  for (const occurrence of occurrences) {
    const { metadata, vector } = occurrence
    const address = `${metadata.namespace ?? ""}/${metadata.name ?? ""}`
    const isNew = !known.has(metadata.uid)
    const mayBeListed = !addresses.has(address)
    known.add(metadata.uid)
    addresses.add(address)
    if (isNew && mayBeListed && vector.source === "list") {
      items.push(vector.raw)
      continue
    }
    if (isNew && vector.event !== "ADDED") {
      if (mayBeListed) items.push(earlier(occurrence))
      else lines.push(lineOf("ADDED", earlier(occurrence)))
    }
    lines.push(lineOf(vector.event, vector.raw))
  }
  const byName = new Map(occurrences.map(({ metadata, vector }) => [`${metadata.namespace ?? ""}/${metadata.name ?? ""}`, vector.raw]))
  return { type, items, lines, byName }
}

const shelvesOf = (vectors: ReadonlyArray<Vector>): ReadonlyMap<string, Shelf> => {
  const byPath = new Map<string, { type: ResourceType; vectors: Array<Vector> }>()
  for (const vector of vectors) {
    const plain = typeOf(vector)
    const type = { ...plain, plural: `${plain.kind.toLowerCase()}s` }
    const place = byPath.get(collectionPath(type)) ?? { type, vectors: [] }
    byPath.set(collectionPath(type), place)
    place.vectors.push(vector)
  }
  return new Map([...byPath].map(([path, shelf]) => [path, makeShelf(shelf.type, shelf.vectors)]))
}

const discoveryOf = (shelves: Iterable<Shelf>, core: boolean): object => {
  const groups = new Map<string, Map<string, Array<object>>>()
  for (const { type } of shelves) {
    if ((type.group === "") !== core) continue
    const versions = groups.get(type.group) ?? new Map<string, Array<object>>()
    groups.set(type.group, versions)
    const resource = {
      resource: type.plural,
      responseKind: { group: type.group, version: type.version, kind: type.kind },
      scope: "Namespaced",
      singularResource: type.kind.toLowerCase(),
      verbs: ["get", "list", "watch"],
    }
    versions.set(type.version, [...(versions.get(type.version) ?? []), resource])
  }
  const items = [...groups].map(([name, versions]) => ({
    metadata: { name },
    versions: [...versions].map(([version, resources]) => ({ version, resources, freshness: "Current" })),
  }))
  return { kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", metadata: {}, items }
}

export interface Replay {
  readonly url: string
  readonly kubeconfigText: string
  readonly close: () => Promise<void>
}

const single = (shelves: ReadonlyMap<string, Shelf>, path: string): string | undefined => {
  const found = /^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)\/([^/]+)$/.exec(path)
  return found === null ? undefined : shelves.get(`${found[1]}/${found[3]}`)?.byName.get(`${found[2] ?? ""}/${decodeURIComponent(found[4] ?? "")}`)
}

const serve = (shelves: ReadonlyMap<string, Shelf>, clusterId: string): Server =>
  createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1")
    const send = (type: string, text: string) => response.writeHead(200, { "content-type": type }).end(text)
    if (url.pathname === "/api" || url.pathname === "/apis") {
      return send(aggregatedMediaType, JSON.stringify(discoveryOf(shelves.values(), url.pathname === "/api")))
    }
    if (url.pathname === "/api/v1/namespaces/kube-system") return send("application/json", JSON.stringify({ metadata: { uid: clusterId } }))
    const shelf = shelves.get(url.pathname)
    if (shelf === undefined) {
      const raw = single(shelves, url.pathname)
      if (raw !== undefined) return send("application/json", raw)
      const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 }
      return response.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify(status))
    }
    if (url.searchParams.has("watch")) {
      response.writeHead(200, { "content-type": "application/json" })
      return response.write(shelf.lines.map((line) => `${line}\n`).join(""))
    }
    const { items, type } = shelf
    const head = `{"kind":"${type.kind}List","apiVersion":"${apiVersionOf(type)}","metadata":{"resourceVersion":"2"},"items":[`
    return send("application/json", `${head}${items.join(",")}]}`)
  })

/** Serves vectors of one cluster, until it is closed. */
export const replayVectors = async (vectors: ReadonlyArray<Vector>): Promise<Replay> => {
  const server = serve(shelvesOf(vectors), vectors[0]?.env.clusterId ?? "")
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfigText = JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "replay", cluster: { server: url } }],
    users: [{ name: "user", user: { token: "any" } }],
    contexts: [{ name: "replay", context: { cluster: "replay", user: "user" } }],
    "current-context": "replay",
  })
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, "close")
  }
  return { url, kubeconfigText, close }
}

/** What the Go MeshSync published of these vectors, in the order of the versions. */
export const publishedOf = (vectors: ReadonlyArray<Vector>): ReadonlyArray<string> =>
  vectors.toSorted((a, b) => Number(metadataOf(a).resourceVersion) - Number(metadataOf(b).resourceVersion)).map(({ message }) => message)
