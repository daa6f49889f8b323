/**
 * A client of the API server for tests: reads and writes objects over raw HTTPS as whoever a token says. Knows nothing of the program
 * under test.
 */
import { Agent, request } from "node:https"

interface Answer {
  readonly status: number
  readonly body: Json
}

/** JSON as it came; tests name the members that they rely on. */
type Json = Readonly<Record<string, unknown>>

export interface Item {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid: string; readonly resourceVersion: string }
}

export interface Cluster {
  /** Sends a request; any status is an answer. */
  readonly send: (method: string, path: string, body?: object) => Promise<Answer>
  /** Sends a request that must succeed (2xx), and returns the body. */
  readonly write: (method: string, path: string, body?: object) => Promise<Json>
  /** All objects under a collection's path. */
  readonly list: (path: string) => Promise<ReadonlyArray<Item>>
  readonly close: () => void
}

const mediaTypes: Readonly<Record<string, string>> = { PATCH: "application/merge-patch+json" }

/**
 * @param url the API server's; its certificate is not looked at, for it is on the loopback
 * @param waitMs an answer that takes longer is a failure; absent: as long as it takes
 */
export const openCluster = (url: string, token: string, waitMs?: number): Cluster => {
  const agent = new Agent({ keepAlive: true, maxSockets: 32, rejectUnauthorized: false })
  const send = (method: string, path: string, body?: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${token}`,
        "content-type": mediaTypes[method] ?? "application/json",
        "user-agent": "integration-test",
      }
      const patience = waitMs === undefined ? {} : { signal: AbortSignal.timeout(waitMs) }
      const outgoing = request(`${url}${path}`, { method, agent, headers, ...patience }, (incoming) => {
        const chunks: Array<Buffer> = []
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk))
        incoming.on("error", reject)
        incoming.on("end", () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = incoming.headers["content-type"]?.startsWith("application/json") === true
          resolve({ status: incoming.statusCode ?? 0, body: isJson ? (JSON.parse(text) as Json) : { text } })
        })
      })
      outgoing.on("error", reject)
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  const write = async (method: string, path: string, body?: object): Promise<Json> => {
    const answer = await send(method, path, body)
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const list = async (path: string): Promise<ReadonlyArray<Item>> => {
    const { apiVersion, items, kind } = await write("GET", path)
    const itemKind = String(kind).replace(/List$/, "")
    return (items as ReadonlyArray<Item>).map((item) => ({ apiVersion: String(apiVersion), kind: itemKind, ...item }))
  }
  return { send, write, list, close: () => agent.destroy() }
}

/** Runs tasks, at most so many at a time, in their order. */
export const inParallel = async (width: number, tasks: Iterable<() => Promise<unknown>>): Promise<void> => {
  const iterator = tasks[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await next.value()
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** The path of a collection from the name that watch-lists use: `pods.v1.`, `deployments.v1.apps`. */
export const collectionPath = (name: string): string => {
  const [plural = "", version = "", ...group] = name.split(".")
  const groupName = group.join(".")
  return groupName === "" ? `/api/${version}/${plural}` : `/apis/${groupName}/${version}/${plural}`
}

/** What identifies an object to a consumer: it survives recreation. */
export const addressOf = ({
  apiVersion = "",
  kind = "",
  metadata,
}: Pick<Item, "apiVersion" | "kind"> & { readonly metadata: Partial<Item["metadata"]> }): string =>
  `${kind}.${apiVersion}.${metadata.namespace ?? ""}.${metadata.name ?? ""}`

/** The version of each object of the collections by its address: `uid@resourceVersion`. */
export const readState = async (cluster: Cluster, paths: Iterable<string>): Promise<ReadonlyMap<string, string>> => {
  const state = new Map<string, string>()
  for (const path of paths) {
    for (const item of await cluster.list(path)) state.set(addressOf(item), `${item.metadata.uid}@${item.metadata.resourceVersion}`)
  }
  return state
}
