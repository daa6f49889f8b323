/**
 * An HTTPS proxy before the API server, with the API server's own certificate. It counts requests by collection, and treats those of a
 * collection badly on request: no answer, an answer that is none, an expired watch, a list that breaks off.
 * Answers that are not treated pass through byte by byte as they come.
 */
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { type IncomingMessage, type ServerResponse } from "node:http"
import { Agent, createServer, request as sendRequest } from "node:https"
import type { AddressInfo } from "node:net"

/** What becomes of a request. */
export type Treatment =
  | { readonly _tag: "Pass" }
  /** Never answered. */
  | { readonly _tag: "Hang" }
  /** Passed on; of the answer come the headers and nothing of the body, for as long as it lasts. */
  | { readonly _tag: "Mute" }
  | { readonly _tag: "Answer"; readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> }
  /** Passed on with at most so many objects a page. */
  | { readonly _tag: "SmallPages"; readonly objects: number }
  /** Breaks off after so many bytes of the body. */
  | { readonly _tag: "BreakOff"; readonly bytes: number; readonly whenDone: () => void }

export interface Asked {
  readonly verb: "list" | "watch" | "other"
  /** Without the query. */
  readonly path: string
  readonly query: URLSearchParams
}

export interface Gateway extends AsyncDisposable {
  readonly port: number
  /** Decides over every request; undefined: all pass. */
  treat: ((asked: Asked) => Treatment) | undefined
  /** Requests so far by `verb path`, with the times of the last 1,000 on performance.now()'s scale. */
  readonly requests: ReadonlyMap<string, { count: number; readonly timesMs: Array<number> }>
  /** Ends the running watches of a collection. */
  readonly endWatches: (path: string) => void
}

const pass: Treatment = { _tag: "Pass" }

const read = (incoming: IncomingMessage): Asked => {
  const { pathname, searchParams } = new URL(incoming.url ?? "/", "https://localhost")
  const verb = searchParams.has("watch") ? "watch" : searchParams.has("limit") ? "list" : "other"
  return { verb, path: pathname, query: searchParams }
}

/**
 * @param target the API server's URL
 * @param pair paths of its certificate and key
 */
export const openGateway = async (target: string, pair: { readonly cert: string; readonly key: string }): Promise<Gateway> => {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  const watches = new Map<ServerResponse, string>()
  const requests = new Map<string, { count: number; readonly timesMs: Array<number> }>()
  const count = ({ path, verb }: Asked): void => {
    const key = `${verb} ${path}`
    const one = requests.get(key) ?? { count: 0, timesMs: [] }
    one.count++
    if (one.timesMs.push(performance.now()) > 1_000) one.timesMs.shift()
    requests.set(key, one)
  }
  const passOn = (incoming: IncomingMessage, answer: ServerResponse, asked: Asked, treatment: Treatment): void => {
    if (treatment._tag === "SmallPages") asked.query.set("limit", String(treatment.objects))
    const query = asked.query.size === 0 ? "" : `?${asked.query.toString()}`
    const { host: _, ...headers } = incoming.headers
    const outgoing = sendRequest(`${target}${asked.path}${query}`, { agent, method: incoming.method ?? "GET", headers })
    const fail = (): void => void answer.destroy()
    outgoing.on("error", fail)
    answer.on("error", () => outgoing.destroy())
    answer.on("close", () => outgoing.destroy())
    outgoing.on("response", (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      answer.flushHeaders()
      reply.on("error", fail)
      if (treatment._tag === "BreakOff") breakOff(reply, answer, treatment)
      else if (treatment._tag === "Mute") reply.resume()
      else reply.pipe(answer)
    })
    incoming.pipe(outgoing)
  }
  const server = createServer({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }, (incoming, answer) => {
    const asked = read(incoming)
    count(asked)
    if (asked.verb === "watch") {
      watches.set(answer, asked.path)
      answer.on("close", () => watches.delete(answer))
    }
    const treatment = gateway.treat?.(asked) ?? pass
    if (treatment._tag === "Hang") return
    if (treatment._tag !== "Answer") return passOn(incoming, answer, asked, treatment)
    answer.writeHead(treatment.status, { "content-type": "application/json", ...treatment.headers })
    answer.end(treatment.body)
  })
  // A client that is gone in the middle of a handshake is no news.
  server.on("tlsClientError", () => undefined)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const gateway: Gateway = {
    port: (server.address() as AddressInfo).port,
    treat: undefined,
    requests,
    endWatches: (path) => {
      for (const [answer, watched] of watches) if (watched === path) answer.destroy()
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close")
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await closed
    },
  }
  return gateway
}

const breakOff = (
  reply: IncomingMessage,
  answer: ServerResponse,
  { bytes, whenDone }: Extract<Treatment, { readonly _tag: "BreakOff" }>,
): void => {
  let left = bytes
  reply.on("data", (chunk: Buffer) => {
    if (left <= 0) return
    const piece = chunk.subarray(0, left)
    left -= piece.length
    answer.write(piece, () => {
      if (left > 0) return
      answer.destroy()
      whenDone()
    })
  })
  reply.on("end", () => {
    answer.destroy()
    whenDone()
  })
}

/** The body of a refusal as the API server writes it. */
export const refusal = (code: number, reason: string, message: string): string =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code })
