import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { type BrokerServer, maskAddress, parseAddress, showServer } from "../../../src/adapters/nats/address.ts"

const server = (host: string, over: Partial<BrokerServer> = {}): BrokerServer => ({
  host,
  port: 4222,
  tls: false,
  login: undefined,
  ...over,
})
const token = (text: string) => ({ _tag: "Token", token: text }) as const
const user = (name: string, password: string) => ({ _tag: "User", user: name, password }) as const

const good: ReadonlyArray<readonly [string, ReadonlyArray<BrokerServer>]> = [
  ["broker", [server("broker")]],
  ["broker:4333", [server("broker", { port: 4333 })]],
  [" nats://broker:4222 ", [server("broker")]],
  ["nats://broker:4222/", [server("broker")]],
  ["nats://meshery-nats.meshery.svc.cluster.local:4222", [server("meshery-nats.meshery.svc.cluster.local")]],
  ["NATS://broker", [server("broker")]],
  ["tls://broker:4443", [server("broker", { port: 4443, tls: true })]],
  ["http://broker:4222", [server("broker")]],
  ["nats://10.96.0.7:4222", [server("10.96.0.7")]],
  ["nats://[::1]:4222", [server("::1")]],
  ["[fd00::7]", [server("fd00::7")]],
  ["nats://t0123@10.96.0.7:4222", [server("10.96.0.7", { login: token("t0123") })]],
  ["nats://u:p@broker", [server("broker", { login: user("u", "p") })]],
  ["nats://u:@broker", [server("broker", { login: user("u", "") })]],
  ["nats://u:a%40b%2Fc%25@broker", [server("broker", { login: user("u", "a@b/c%") })]],
  ["nats://u:p@ss@broker", [server("broker", { login: user("u", "p@ss") })]],
  ["nats://u:100%@broker", [server("broker", { login: user("u", "100%") })]],
  ["nats://@broker", [server("broker")]],
  ["tls://u:p@[::1]:7", [server("::1", { port: 7, tls: true, login: user("u", "p") })]],
  ["a:1, b:2 ,", [server("a", { port: 1 }), server("b", { port: 2 })]],
  [
    "nats://x@a,b:2,nats://y@c",
    [server("a", { login: token("x") }), server("b", { port: 2, login: token("x") }), server("c", { login: token("y") })],
  ],
]

const bad: ReadonlyArray<readonly [string, RegExp]> = [
  ["", /is empty/],
  ["  ,, ", /is empty/],
  ["nats://", /host is missing/],
  ["nats://:4222", /host is missing/],
  ["nats://tok@", /host is missing/],
  ["nats://ho st:4222", /host is malformed/],
  ["nats://ho\nst", /host is malformed/],
  ["nats://broker:0", /port/],
  ["nats://broker:65536", /port/],
  ["nats://broker:42x", /port/],
  ["nats://broker:-1", /port/],
  ["::1", /brackets/],
  ["nats://::1:4222", /brackets/],
  ["[broker]:4222", /host is malformed/],
  ["nats://[::1", /malformed|brackets/],
  ["ws://broker:80", /WebSocket/],
  ["good:4222,bad:port", /port/],
]

describe("a broker's address", () => {
  it.each(good)("reads %j", (text, servers) => {
    assert.deepStrictEqual(parseAddress(text), Result.succeed(servers))
  })

  it.each(bad)("refuses %j", (text, reason) => {
    const result = parseAddress(text)
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) {
      assert.strictEqual(result.failure.key, "ErrBrokerUrl")
      assert.match(result.failure.detail, reason)
    }
  })

  it.each([
    "nats://s3cret@ho st",
    "nats://u:s3cret@broker:x",
    "nats://u:s3,cret@broker:x",
    "u:s3cret@broker:x",
    "nats://a,nats://u:s3cret@broker:x",
    "nats://u:s3/@cret@broker:x",
    "nats://u:s3\ncret@broker:x",
  ])("shows no credentials of %j", (text) => {
    const result = parseAddress(text)
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) assert.notMatch(result.failure.message, /s3|cret/)
    assert.notMatch(maskAddress(text), /s3|cret/)
  })

  it("is shown with IPv6 in brackets and without credentials", () => {
    assert.strictEqual(showServer(server("::1", { login: token("x") })), "[::1]:4222")
    assert.strictEqual(showServer(server("broker", { port: 1 })), "broker:1")
  })
})
