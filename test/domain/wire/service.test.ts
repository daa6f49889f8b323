import { describe, expect, it } from "vitest"
import { componentMetadata, serviceAddresses } from "../../../src/domain/wire/service.ts"
import { messageOf, plainSettings, recordsOf } from "./block.ts"

const service = (spec: string, status = "{}", rest = ""): string =>
  `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":${spec},"status":${status}${rest}}`

const ingress = (first: string): string => `{"loadBalancer":{"ingress":[${first},{"ip":"ignored"}]}}`

const http = '{"clusterIP":"10.96.0.10","ports":[{"port":80,"nodePort":31000}]}'

interface Row {
  readonly what: string
  readonly json: string
  readonly dialled: ReadonlyArray<string>
  /** The urls when all that is dialled answers; undefined: `component_metadata` is null. */
  readonly urls: ReadonlyArray<string> | undefined
  /** The same when nothing answers, where that differs. */
  readonly silent?: ReadonlyArray<string> | undefined
}

const quiet = (what: string, json: string, urls: ReadonlyArray<string> | undefined): Row => ({
  what,
  json,
  dialled: [],
  urls,
  silent: urls,
})

const table: ReadonlyArray<Row> = [
  quiet("ClusterIP", service('{"clusterIP":"10.96.0.10","ports":[{"port":80}]}'), ["http://10.96.0.10:80"]),
  quiet("ports 80 then 443", service('{"clusterIP":"10.96.0.10","ports":[{"port":80},{"port":443}]}'), ["https://10.96.0.10:443"]),
  quiet("headless", service('{"clusterIP":"None","ports":[{"port":80}]}'), []),
  quiet("headless without ports", service('{"clusterIP":"None"}'), []),
  quiet("NodePort", service(http), ["http://localhost:31000", "http://10.96.0.10:80"]),
  quiet("ExternalName without ports", service('{"type":"ExternalName","externalName":"example.com"}'), ["http://:0"]),
  quiet("ClusterIP without ports", service('{"clusterIP":"10.96.0.10"}'), ["http://10.96.0.10:0"]),
  quiet(
    "another group without clusterIP",
    '{"apiVersion":"serving.knative.dev/v1","kind":"Service","metadata":{},"spec":{"template":{}}}',
    ["http://:0"],
  ),
  quiet("IPv6 ClusterIP", service('{"clusterIP":"fd00::1","ports":[{"port":80}]}'), []),
  quiet("an IPv6 load balancer", service(http, ingress('{"ip":"2001:db8::1"}')), undefined),
  quiet("a load balancer called localhost", service(http, ingress('{"hostname":"localhost"}')), [
    "http://localhost:80",
    "http://10.96.0.10:80",
  ]),
  quiet("a load balancer without ports", service('{"clusterIP":"10.96.0.10"}', ingress('{"ip":"203.0.113.7"}')), ["http://10.96.0.10:0"]),
  quiet("an empty list of ingresses", service(http, '{"loadBalancer":{"ingress":[]}}'), ["http://localhost:31000", "http://10.96.0.10:80"]),
  quiet("a port that no URL has", service('{"clusterIP":"10.96.0.10","ports":[{"port":-1}]}'), []),
  quiet(
    "an external port that no address has",
    service('{"clusterIP":"10.0.0.1","ports":[{"port":70000}]}', ingress('{"ip":"203.0.113.7"}')),
    undefined,
  ),
  quiet("names in another case", service('{"ClusterIP":"10.96.0.7","Ports":[{"Port":80}]}'), ["http://10.96.0.7:80"]),
  quiet("a name in two cases", service('{"clusterIP":"10.96.0.7","ClusterIP":"10.0.0.1","ports":[{"port":80}]}'), ["http://10.96.0.7:80"]),
  quiet("no spec", '{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"}}', ["http://:0"]),
  quiet("null parts", service('{"clusterIP":null,"ports":[null]}', '{"loadBalancer":null}'), ["http://:0"]),
  quiet("a host that no URL has", service('{"clusterIP":"a b","ports":[{"port":80}]}'), []),
  {
    what: "a load balancer with an address",
    json: service(http, ingress('{"ip":"203.0.113.7","hostname":"unused"}')),
    dialled: ["203.0.113.7:80"],
    urls: ["http://203.0.113.7:80", "http://10.96.0.10:80"],
  },
  {
    what: "a load balancer with a name",
    json: service('{"clusterIP":"10.96.0.10","ports":[{"port":443}]}', ingress('{"hostname":"lb.example.com"}')),
    dialled: ["lb.example.com:443"],
    urls: ["https://lb.example.com:443", "https://10.96.0.10:443"],
  },
  {
    what: "a pending load balancer",
    json: service(http, ingress('{"ip":"<pending>"}')),
    dialled: ["10.96.0.10:80"],
    urls: ["http://10.96.0.10:80", "http://10.96.0.10:80"],
  },
  { what: "an empty ingress", json: service(http, ingress("{}")), dialled: [":80"], urls: ["http://:80", "http://10.96.0.10:80"] },
]

const urlsOf = (json: string): ReadonlyArray<string> | undefined =>
  (JSON.parse(json) as { readonly capabilities: { readonly urls: ReadonlyArray<string> } } | null)?.capabilities.urls

describe("addresses of a Service", () => {
  it.each(table)("$what", ({ dialled, json, silent, urls }) => {
    const records = recordsOf(json)
    expect(serviceAddresses(records, 0)).toEqual(dialled)
    expect(urlsOf(componentMetadata(records, 0, new Set(dialled)))).toEqual(urls)
    expect(urlsOf(componentMetadata(records, 0, new Set()))).toEqual(silent)
  })

  it.each([
    ["ports a text", service('{"ports":"x"}')],
    ["a port a text", service('{"ports":[{"port":"80"}]}')],
    ["a port with a fraction", service('{"ports":[{"port":80.5}]}')],
    ["a port beyond 32 bits", service('{"ports":[{"port":2147483648}]}')],
    ["a clusterIP a number", service('{"clusterIP":5}')],
    ["a label a number", '{"kind":"Service","apiVersion":"v1","metadata":{"labels":{"a":5}}}'],
    ["a time that is none", '{"kind":"Service","apiVersion":"v1","metadata":{"creationTimestamp":"garbage"}}'],
    ["spec an array", service("[]")],
    ["an ingress a text", service(http, '{"loadBalancer":{"ingress":["x"]}}')],
    ["a wrong type far from the addresses", service('{"externalIPs":[1]}')],
  ])("%s: none", (_, json) => {
    const records = recordsOf(json)
    expect(serviceAddresses(records, 0)).toEqual([])
    expect(componentMetadata(records, 0, new Set())).toBe("null")
  })

  it("are no matter of unknown members, whole fractions and named target ports", () => {
    const json = service(
      '{"clusterIP":"10.0.0.1","foo":{"x":1},"ports":[{"port":80.0,"targetPort":"http","zzz":[]}]}',
      '{"url":"http://x"}',
    )
    expect(urlsOf(componentMetadata(recordsOf(json), 0, new Set()))).toEqual(["http://10.0.0.1:80"])
  })

  it("are asked of Services only", () => {
    const balanced = '"metadata":{"name":"a"},"spec":{"ports":[{"port":80}]},"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"}]}}}'
    expect(serviceAddresses(recordsOf(`{"kind":"service",${balanced}`), 0)).toEqual([])
    expect(serviceAddresses(recordsOf(`{"kind":"Ingress",${balanced}`), 0)).toEqual([])
    expect(serviceAddresses(recordsOf(`{${balanced}`), 0, { kind: "Ingress" })).toEqual([])
    expect(serviceAddresses(recordsOf(`{${balanced}`), 0, { kind: "Service" })).toEqual(["203.0.113.7:80"])
  })

  it("are in the message of a Service that lives, not in that of a Deleted", () => {
    const settings = { ...plainSettings, reachable: new Set(["203.0.113.7:80"]) }
    const json = service(http, ingress('{"ip":"203.0.113.7"}'))
    const component = (event: "Added" | "Deleted"): unknown =>
      (JSON.parse(messageOf(json, event, settings)) as { Object: { component_metadata: unknown } }).Object.component_metadata
    expect(component("Added")).toEqual({ capabilities: { connection: true, urls: ["http://203.0.113.7:80", "http://10.96.0.10:80"] } })
    expect(component("Deleted")).toBeNull()
  })
})
