/**
 * The addresses under which a Service can be reached, by the rule of the Go MeshSync: the last port counts, an external address comes
 * before the internal one, and a load balancer that does not answer takes all addresses away.
 * Pure: which addresses answer is an argument. Parses the one object, since Services are few and the rule needs its parts.
 */
import { Field, endOf, startOf, type Records } from "../read/record.ts"
import { decodeText, textOf } from "../read/text.ts"
import type { ResourceType } from "../select/resource.ts"
import { compareCodePoints } from "./pairs.ts"
import { fits, foldName, isObject, serviceShape } from "./serviceShape.ts"

/** The kind to which the rule applies, whatever its group. */
export const serviceKind = "Service"

interface Endpoint {
  readonly address: string
  readonly port: number
}

interface Endpoints {
  readonly internal: Endpoint
  /** undefined: there is none, and nothing has to answer. */
  readonly external: Endpoint | undefined
}

/** A member by its name in any case; of several spellings the last one in byte order that is not null. */
const member = (value: unknown, name: string): unknown => {
  if (!isObject(value)) return undefined
  const folded = foldName(name)
  const names = Object.keys(value).filter((key) => foldName(key) === folded && value[key] !== null)
  return value[names.sort(compareCodePoints).at(-1) ?? name] ?? undefined
}

const textIn = (value: unknown, name: string): string => {
  const found = member(value, name)
  return typeof found === "string" ? found : ""
}

const numberIn = (value: unknown, name: string): number => {
  const found = member(value, name)
  return typeof found === "number" ? found : 0
}

const listIn = (value: unknown, name: string): ReadonlyArray<unknown> => {
  const found = member(value, name)
  return Array.isArray(found) ? found : []
}

const endpointsOf = (records: Records, record: number): Endpoints | undefined => {
  const start = startOf(records, record, Field.object)
  if (start < 0) return undefined
  let service: unknown
  try {
    service = JSON.parse(decodeText(records.bytes, start, endOf(records, record, Field.object)))
  } catch {
    return undefined
  }
  return endpointsIn(service)
}

/** The parts of a Service that its addresses are made of; undefined when it does not have a Service's types. */
const endpointsIn = (service: unknown): Endpoints | undefined => {
  if (!fits(service, serviceShape)) return undefined
  const spec = member(service, "spec")
  const clusterIP = textIn(spec, "clusterIP")
  const last = listIn(spec, "ports").at(-1)
  const port = numberIn(last, "port")
  const ingress = listIn(member(member(service, "status"), "loadBalancer"), "ingress")
  const external = ingress.length > 0 ? balancerOf(ingress[0], clusterIP, port) : { address: "localhost", port: numberIn(last, "nodePort") }
  return { internal: { address: clusterIP, port }, external: external.port === 0 ? undefined : external }
}

const balancerOf = (ingress: unknown, clusterIP: string, port: number): Endpoint => {
  const ip = textIn(ingress, "ip")
  if (ip === "") return { address: textIn(ingress, "hostname"), port }
  return { address: ip === "<pending>" ? clusterIP : ip, port }
}

const addressOf = (endpoint: Endpoint): string => `${endpoint.address}:${endpoint.port}`

/** Whether a dial can succeed: the Go MeshSync dials without brackets, so an IPv6 literal never answers. */
const isDialable = (endpoint: Endpoint): boolean => !endpoint.address.includes(":") && endpoint.port > 0 && endpoint.port <= 65_535

/** `localhost` counts as reachable without being asked: it means the node, not this machine. */
const needsAnswer = (endpoint: Endpoint): boolean => endpoint.address !== "localhost"

/**
 * The `host:port` that must be dialled before a Service is announced; an empty host is this machine.
 * @param type the lane's type, for items of lists, which carry no kind
 * @returns empty when nothing has to be dialled, for other kinds too
 */
export const serviceAddresses = (
  records: Records,
  record: number,
  type: Pick<ResourceType, "kind"> = { kind: serviceKind },
): ReadonlyArray<string> => {
  if ((textOf(records, record, Field.kind) || type.kind) !== serviceKind) return []
  const external = endpointsOf(records, record)?.external
  return external !== undefined && needsAnswer(external) && isDialable(external) ? [addressOf(external)] : []
}

/**
 * `component_metadata` of a Service, as JSON.
 * @param reachable those of its `serviceAddresses` that accept a connection
 */
export const componentMetadata = (records: Records, record: number, reachable: ReadonlySet<string>): string => {
  const endpoints = endpointsOf(records, record)
  if (endpoints === undefined) return "null"
  const { external } = endpoints
  if (external !== undefined && needsAnswer(external) && !(isDialable(external) && reachable.has(addressOf(external)))) return "null"
  return metadataOf(endpoints)
}

const metadataOf = ({ external, internal }: Endpoints): string => {
  const urls = (external === undefined ? [internal] : [external, internal]).filter(isUrl).map(urlOf)
  return JSON.stringify({ capabilities: { connection: true, urls } })
}

/**
 * `component_metadata` of a Service if what has to be dialled answers, as JSON; undefined where nothing has to.
 * @param service parsed JSON; `spec` and `status` are enough
 */
export const answeredMetadata = (service: unknown): string | undefined => {
  const endpoints = endpointsIn(service)
  const external = endpoints?.external
  return endpoints !== undefined && external !== undefined && needsAnswer(external) && isDialable(external)
    ? metadataOf(endpoints)
    : undefined
}

const urlOf = (endpoint: Endpoint): string => `${endpoint.port === 443 ? "https" : "http"}://${addressOf(endpoint)}`

/**
 * Whether Go 1.26 parses the endpoint's URL: no control characters, a host of allowed characters with at most one colon, a port of digits.
 * An address that contains `none`, as a headless Service's does, is no address.
 */
const isUrl = (endpoint: Endpoint): boolean => {
  if (/none/i.test(endpoint.address) || endpoint.port < 0) return false
  if (/^\[[0-9a-f:.]+\]$/i.test(endpoint.address)) return true
  return /^[\w.~!$&'()*+,;=<>"\u0080-\u{10ffff}-]*$/u.test(endpoint.address)
}
