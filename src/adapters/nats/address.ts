/**
 * A broker's address as people write it: `host`, `host:4222`, `nats://TOKEN@host`, `tls://user:pass@host:4222`, `[::1]:4222`, comma lists.
 * The `nats` package ignores user info and does not know lists, so both are read here. Credentials never reach an error's text.
 * Knows no network: whether a name resolves is found out by dialling.
 */
import * as Result from "effect/Result"
import { meshError, type MeshError } from "../../domain/error.ts"

/** One server of the list. */
export interface BrokerServer {
  /** Name or address; IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** `tls://`: a connection without TLS is refused. */
  readonly tls: boolean
  readonly login: Login | undefined
}

/** User info of the URL: two parts are user and password, one part is a token. */
export type Login =
  | { readonly _tag: "Token"; readonly token: string }
  | { readonly _tag: "User"; readonly user: string; readonly password: string }

const portDefault = 4222

/** The address without credentials, for a person: `host:4222`, `[::1]:4222`. */
export const showServer = (server: Pick<BrokerServer, "host" | "port">): string => `${showHost(server.host)}:${server.port}`

/** A host as it stands in a URL: IPv6 in brackets. */
export const showHost = (host: string): string => (host.includes(":") ? `[${host}]` : host)

/** The text with everything before its last `@` covered, a leading scheme excepted. More than needed is hidden rather than less. */
export const maskAddress = (text: string): string => text.replace(/^([A-Za-z][\w+.-]*:\/\/)?.*@/s, "$1***@")

/** Percent escapes resolved; text that is no valid escape stands for itself (tokens are often pasted unescaped). */
const decodePart = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const parseLogin = (userInfo: string): Login => {
  const colon = userInfo.indexOf(":")
  return colon === -1
    ? { _tag: "Token", token: decodePart(userInfo) }
    : { _tag: "User", user: decodePart(userInfo.slice(0, colon)), password: decodePart(userInfo.slice(colon + 1)) }
}

const parsePort = (text: string): number | undefined => {
  if (text === "") return portDefault
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** Host and port of `host`, `host:port`, `[v6]`, `[v6]:port`; a text is the reason why there are none. */
const parseHostPort = (text: string): { readonly host: string; readonly port: number } | string => {
  const bracketed = /^\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\](?::(.*))?$/.exec(text)
  const plain = /^([^:[\]]*)(?::(.*))?$/.exec(text)
  if (bracketed === null && plain?.[2]?.includes(":") === true) return "an IPv6 address stands in brackets, e.g. [::1]:4222"
  const host = bracketed?.[1] ?? plain?.[1]
  if (host === undefined) return "the host is malformed"
  if (host === "") return "the host is missing"
  if (bracketed !== null && !host.includes(":")) return "only an IPv6 address stands in brackets"
  if (bracketed === null && !/^[\p{L}\p{N}._-]+$/u.test(host)) return "the host is malformed"
  const port = parsePort(bracketed?.[2] ?? plain?.[2] ?? "")
  return port === undefined ? "the port is no number from 1 to 65535" : { host, port }
}

const parseEntry = (entry: string): BrokerServer | string => {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(entry)
  const name = scheme?.[1]?.toLowerCase() ?? "nats"
  if (name === "ws" || name === "wss") return "WebSocket addresses are not supported; use nats:// or tls://"
  const rest = entry.slice(scheme?.[0].length ?? 0)
  const at = rest.lastIndexOf("@")
  // A path has no meaning for a broker; the Go client ignores it too.
  const hostPort = parseHostPort(rest.slice(at + 1).replace(/[/?#].*$/, ""))
  return typeof hostPort === "string"
    ? hostPort
    : { ...hostPort, tls: name === "tls", login: at > 0 ? parseLogin(rest.slice(0, at)) : undefined }
}

/**
 * Reads BROKER_URL. An entry of a list without user info takes that of the entry before it, as one account usually serves all.
 * @returns at least one server, or ErrBrokerUrl with the credentials masked
 */
export const parseAddress = (url: string): Result.Result<ReadonlyArray<BrokerServer>, MeshError> => {
  const entries = url
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
  if (entries.length === 0) return Result.fail(meshError("ErrBrokerUrl", "BROKER_URL is empty"))
  const servers: Array<BrokerServer> = []
  for (const entry of entries) {
    const server = parseEntry(entry)
    if (typeof server === "string") return Result.fail(meshError("ErrBrokerUrl", `BROKER_URL "${maskAddress(url)}": ${server}`))
    servers.push({ ...server, login: server.login ?? servers.at(-1)?.login })
  }
  return Result.succeed(servers)
}
