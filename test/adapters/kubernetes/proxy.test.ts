import { assert, it } from "@effect/vitest"
import { chooseProxy } from "../../../src/adapters/kubernetes/proxy.ts"

const proxy = "http://proxy.example:3128"

const table: ReadonlyArray<readonly [server: string, environment: Record<string, string>, expected: string | undefined]> = [
  ["https://api.example:6443", {}, undefined],
  ["https://api.example:6443", { HTTPS_PROXY: proxy }, proxy],
  ["https://api.example:6443", { https_proxy: "proxy.example:3128" }, proxy],
  ["https://api.example:6443", { HTTP_PROXY: proxy }, undefined],
  ["http://api.example", { HTTP_PROXY: proxy }, proxy],
  ["https://127.0.0.1:6443", { HTTPS_PROXY: proxy }, undefined],
  ["https://[::1]:6443", { HTTPS_PROXY: proxy }, undefined],
  ["https://localhost:6443", { HTTPS_PROXY: proxy }, undefined],
  ["https://10.96.0.1", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, undefined],
  ["https://11.96.0.1", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, proxy],
  ["https://[fd00::1]", { HTTPS_PROXY: proxy, NO_PROXY: "fd00::/8" }, undefined],
  ["https://10.96.0.1", { HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/nonsense" }, proxy],
  ["https://10.96.0.1", { HTTPS_PROXY: proxy, NO_PROXY: "10.96.0.1" }, undefined],
  ["https://[fd00::1]", { HTTPS_PROXY: proxy, NO_PROXY: "fd00::1" }, undefined],
  ["https://api.example", { HTTPS_PROXY: proxy, NO_PROXY: "other, example" }, undefined],
  ["https://api.example", { HTTPS_PROXY: proxy, NO_PROXY: ".example" }, undefined],
  ["https://api.example", { HTTPS_PROXY: proxy, NO_PROXY: "*.example" }, undefined],
  ["https://example", { HTTPS_PROXY: proxy, NO_PROXY: ".example" }, proxy],
  ["https://notexample", { HTTPS_PROXY: proxy, NO_PROXY: "example" }, proxy],
  ["https://api.example", { HTTPS_PROXY: proxy, no_proxy: "API.EXAMPLE" }, undefined],
  ["https://api.example:6443", { HTTPS_PROXY: proxy, NO_PROXY: "api.example:6443" }, undefined],
  ["https://api.example:6443", { HTTPS_PROXY: proxy, NO_PROXY: "api.example:443" }, proxy],
  ["https://api.example", { HTTPS_PROXY: proxy, NO_PROXY: "api.example:443" }, undefined],
  ["https://api.example", { HTTPS_PROXY: proxy, NO_PROXY: "*" }, undefined],
  ["https://api.example", { HTTPS_PROXY: proxy, NO_PROXY: ",," }, proxy],
]

it.each(table)("%s with %j goes through %s", (server, environment, expected) => {
  assert.strictEqual(chooseProxy(new URL(server), undefined, environment), expected)
})

it("of the kubeconfig wins", () => {
  assert.strictEqual(chooseProxy(new URL("https://127.0.0.1"), "socks5://a:1", { HTTPS_PROXY: proxy, NO_PROXY: "*" }), "socks5://a:1")
})
