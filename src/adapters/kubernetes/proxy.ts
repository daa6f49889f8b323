/**
 * Which proxy, if any, leads to the API server: `proxy-url` of the kubeconfig, else the environment, read as Go reads it
 * (golang.org/x/net/http/httpproxy): loopback is never proxied, NO_PROXY takes names, suffixes, addresses and CIDR blocks.
 * Knows one server; does not connect.
 */
import * as Net from "node:net"

type Environment = Readonly<Record<string, string | undefined>>

const hostOf = (server: URL): string => server.hostname.replace(/^\[|\]$/g, "")

const portOf = (server: URL): string => (server.port !== "" ? server.port : server.protocol === "https:" ? "443" : "80")

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || (Net.isIPv4(host) && host.startsWith("127."))

const family = (address: string) => (Net.isIPv6(address) ? "ipv6" : "ipv4")

const coversAddress = (entry: string, host: string): boolean => {
  if (Net.isIP(host) === 0) return false
  const [address = "", prefix] = entry.split("/")
  const width = Number(prefix)
  if (Net.isIP(address) === 0 || !Number.isInteger(width) || width < 0 || width > (Net.isIPv6(address) ? 128 : 32)) return false
  const block = new Net.BlockList()
  block.addSubnet(address, width, family(address))
  return block.check(host, family(host))
}

const exempts = (entry: string, host: string, port: string): boolean => {
  if (entry === "*") return true
  if (entry.includes("/")) return coversAddress(entry, host)
  const parts = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry)
  const name = parts === null ? entry : (parts[1] ?? parts[2] ?? "")
  if (parts?.[3] !== undefined && parts[3] !== port) return false
  if (name.startsWith("*.")) return host.endsWith(name.slice(1))
  if (name.startsWith(".")) return host.endsWith(name)
  return host === name || (Net.isIP(name) === 0 && host.endsWith(`.${name}`))
}

/**
 * The proxy to go through, or undefined for a direct connection.
 * @param configured `proxy-url` of the kubeconfig's cluster; it wins over the environment
 * @param environment where HTTPS_PROXY, HTTP_PROXY and NO_PROXY (either case) are looked up
 */
export const chooseProxy = (server: URL, configured: string | undefined, environment: Environment): string | undefined => {
  if (configured !== undefined && configured !== "") return configured
  const host = hostOf(server).toLowerCase()
  if (isLoopback(host)) return undefined
  const lookUp = (name: string) => environment[name] || environment[name.toLowerCase()] || ""
  const proxy = lookUp(server.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY").trim()
  if (proxy === "") return undefined
  const exceptions = lookUp("NO_PROXY").toLowerCase().split(",")
  if (exceptions.some((entry) => entry.trim() !== "" && exempts(entry.trim(), host, portOf(server)))) return undefined
  return proxy.includes("://") ? proxy : `http://${proxy}`
}
