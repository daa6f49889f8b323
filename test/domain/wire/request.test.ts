import { describe, expect, it } from "vitest"
import { requestBytesMax } from "../../../src/domain/limit.ts"
import { decodeRequest } from "../../../src/domain/wire/request.ts"
import { bytesOf } from "./block.ts"
import { forSeeds } from "./seeded.ts"

const resync = { _tag: "Resync", origin: "request" }

describe("decodeRequest", () => {
  it.each([
    ['{"Request":{"Entity":"resync-discovery"}}', resync],
    ['{"request":{"entity":"resync-discovery"}}', resync],
    ['{"REQUEST":{"ENTITY":"resync-discovery","Payload":[1]},"ObjectType":5}', resync],
    ['{"reque\u017ft":{"Entity":"resync-discovery"}}', resync],
    ['{"Request":null,"request":{"Entity":"resync-discovery"}}', resync],
    ['{"ObjectType":"request-payload","EventType":"","Request":{"Entity":"meshsync-meta"},"Object":null}', { _tag: "Meta" }],
    ['{"Request":{"Entity":"informer-store","Payload":{"Reply":"_INBOX.a.b"}}}', { _tag: "Store", reply: "_INBOX.a.b" }],
    [
      '{"Request":{"Entity":"informer-store","Payload":{"Reply":"meshery-server.meshsync.store"}}}',
      { _tag: "Store", reply: "meshery-server.meshsync.store" },
    ],
    ['{"request":{"entity":"informer-store","payload":{"reply":"x"}}}', { _tag: "Store", reply: "x" }],
    ['{"Request":{"Entity":"active-exec"}}', { _tag: "Sessions" }],
    ['{"Request":{"Entity":"log-stream","Payload":{}}}', { _tag: "Logs", wishes: [] }],
    ['{"Request":{"Entity":"exec-request","Payload":{}}}', { _tag: "Terminals", wishes: [] }],
    ['{"Request":{"Entity":"Resync-Discovery"}}', { _tag: "Unknown", entity: "Resync-Discovery" }],
    ['{"Request":{}}', { _tag: "Unknown", entity: "" }],
    ['{"Request":{"Entity":null}}', { _tag: "Unknown", entity: "" }],
  ])("reads %s", (text, request) => {
    expect(decodeRequest(bytesOf(text))).toEqual(request)
  })

  it.each([
    "",
    "resync-discovery",
    "null",
    "[]",
    '"Request"',
    "{}",
    '{"Request":null}',
    '{"Request":"resync-discovery"}',
    '{"Request":["Entity"]}',
    '{"Request":{"Entity":5}}',
    '{"Request":{"Entity":"informer-store"}}',
    '{"Request":{"Entity":"informer-store","Payload":"_INBOX.a"}}',
    '{"Request":{"Entity":"informer-store","Payload":{"Reply":""}}}',
    '{"Request":{"Entity":"informer-store","Payload":{"Reply":["a"]}}}',
    '{"Request":{"Entity":"informer-store","Payload":{"Reply":"a.>"}}}',
    '{"Request":{"Entity":"informer-store","Payload":{"Reply":"a b"}}}',
    '{"Request":{"Entity":"informer-store","Payload":{"Reply":"$JS.API.STREAM.PURGE.x"}}}',
    '{"Request":{"Entity":"log-stream"}}',
    '{"Request":{"Entity":"exec-request","Payload":{"a":{"name":"web","namespace":"shop","id":"a b"}}}}',
    '{"Request":{"Entity":["resync-discovery"]}}',
    '{"__proto__":{"Request":{"Entity":"resync-discovery"}}}',
    '{"Request":{"Entity":"resync-discovery"}} x',
  ])("refuses %j", (text) => {
    expect(decodeRequest(bytesOf(text))._tag).toBe("Invalid")
  })

  it.each(["meshery.meshsync.core", "meshery.meshsync.sync", "meshery.meshsync.request", "meshery.meshsync.x", "input.exec.shop.web.c.1"])(
    "sends no dump to %s, where it would be taken for something else",
    (reply) => {
      expect(decodeRequest(bytesOf(JSON.stringify({ Request: { Entity: "informer-store", Payload: { Reply: reply } } })))).toEqual({
        _tag: "Invalid",
        reason: "its reply would go to a subject on which only this program's own messages stand",
      })
    },
  )

  it("survives nesting bombs and refuses what is too large", () => {
    const bomb = "[".repeat(requestBytesMax)
    expect(decodeRequest(bytesOf(bomb))).toEqual({ _tag: "Invalid", reason: "it is not JSON" })
    expect(decodeRequest(bytesOf(`${'{"Request":'.repeat(5000)}1${"}".repeat(5000)}`))._tag).toBe("Unknown")
    expect(decodeRequest(bytesOf(`{"Request":{"Entity":"resync-discovery"}}${" ".repeat(requestBytesMax)}`))).toEqual({
      _tag: "Invalid",
      reason: `it is larger than ${requestBytesMax} bytes`,
    })
  })

  it("shows of a foreign verb at most 64 printable characters", () => {
    const entity = `a\n\u0000\u202e\u2028${"😀".repeat(100)}`
    expect(decodeRequest(bytesOf(JSON.stringify({ Request: { Entity: entity } })))).toEqual({
      _tag: "Unknown",
      entity: `a${"😀".repeat(63)}`,
    })
  })

  it("never throws and never repeats the bytes in a reason", () => {
    forSeeds(500, (chance) => {
      const bytes = Uint8Array.from({ length: chance.below(60) }, () => chance.pick([chance.below(256), 0x7b, 0x22, 0x3a, 0x7d, 0x5b]))
      const request = decodeRequest(bytes)
      expect(["it is not JSON", "it is not a JSON object", "it has no member Request"]).toContain(
        request._tag === "Invalid" ? request.reason : "",
      )
    })
  })
})
