import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { errorBodyBytesMax, retryAfterMaxMs } from "../../../src/domain/limit.ts"
import { failureOfAnswer, failureOfEvent } from "../../../src/domain/read/failure.ts"
import { makeRecords } from "../../../src/domain/read/record.ts"
import { scanLines } from "../../../src/domain/read/scan.ts"
import type { Failure } from "../../../src/domain/sync/fact.ts"
import { bytesOf } from "./oracle.ts"

const streams = new URL("../../golden/streams/", import.meta.url)
const read = (name: string): string => readFileSync(new URL(name, streams), "utf8")

interface Recorded {
  readonly file: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}
const recorded = JSON.parse(read("index.json")) as ReadonlyArray<Recorded>

const status = (code: number, reason: string, message: string, more: object = {}): string =>
  JSON.stringify({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code, ...more })

const eventFailure = (line: string): Failure => {
  const records = makeRecords(1)
  scanLines(bytesOf(line), records)
  return failureOfEvent(records, 0)
}

describe("failureOfAnswer", () => {
  it("maps every refusal of a real API server", () => {
    const refusals = recorded.filter((answer) => answer.status >= 400)
    const tags = refusals.map((answer) => {
      const failure = failureOfAnswer(answer.status, read(answer.file), answer.headers["retry-after"])
      return [answer.file, failure._tag, failure._tag === "Unavailable" ? failure.retryAfterMs : undefined]
    })
    expect(Object.fromEntries(tags.map(([file, ...rest]) => [file, rest]))).toEqual({
      "anonymous-401.json": ["Unauthorized", undefined],
      "bad-continue-400.json": ["Gone", undefined],
      "crd-unserved-404.txt": ["NotServed", undefined],
      "forbidden-403.json": ["Forbidden", undefined],
      "future-rv-504.json": ["Unavailable", 1000],
      "get-404.json": ["NotServed", undefined],
      "invalid-422.json": ["Refused", undefined],
      "list-404.txt": ["NotServed", undefined],
      "list-exact-410.json": ["Gone", undefined],
      "method-405.json": ["Refused", undefined],
      "not-acceptable-406.json": ["Refused", undefined],
      "throttled-429.txt": ["Unavailable", 1000],
    })
  })

  it("goes by the status where the body says nothing", () => {
    const tags: ReadonlyArray<readonly [number, Failure["_tag"]]> = [
      [302, "Unavailable"],
      [400, "Refused"],
      [401, "Unauthorized"],
      [403, "Forbidden"],
      [404, "NotServed"],
      [405, "Refused"],
      [406, "Refused"],
      [409, "Unavailable"],
      [410, "Gone"],
      [413, "TooLarge"],
      [422, "Refused"],
      [429, "Unavailable"],
      [500, "Unavailable"],
      [502, "Unavailable"],
      [503, "Unavailable"],
      [504, "Unavailable"],
    ]
    for (const [code, tag] of tags) {
      for (const body of ["", "<html><body></body></html>", "null", "[]", '{"kind":"Status"}', "{", "\u0000"]) {
        const failure = failureOfAnswer(code, body, undefined)
        expect([code, body, failure._tag]).toEqual([code, body, tag])
        expect(failure.text).not.toBe("")
      }
    }
    expect(failureOfAnswer(502, "", undefined).text).toBe("HTTP 502")
  })

  it("takes reasons for what they are, whatever the status says", () => {
    expect(failureOfAnswer(500, status(500, "Expired", "too old"), undefined)._tag).toBe("Gone")
    expect(failureOfAnswer(400, status(400, "BadRequest", "invalid continue token"), undefined)._tag).toBe("Gone")
    expect(failureOfAnswer(400, status(400, "BadRequest", "the field selector is malformed"), undefined)._tag).toBe("Refused")
    const tooLarge = status(400, "Invalid", "x", { details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 2 } })
    expect(failureOfAnswer(400, tooLarge, undefined)).toEqual({ _tag: "Unavailable", text: "x", retryAfterMs: 2000 })
  })

  it("knows a broken conversion webhook from a broken API server", () => {
    const conversion = 'conversion webhook for ver.example.com/v1, Kind=Twin failed: Post "https://hook.svc:443/": connection refused'
    expect(failureOfAnswer(500, status(500, "", conversion), undefined)).toEqual({ _tag: "Refused", text: conversion })
    expect(failureOfAnswer(500, status(500, "InternalError", "etcdserver: request timed out"), undefined)).toMatchObject({
      _tag: "Unavailable",
      answered: true,
    })
    expect(failureOfAnswer(503, status(503, "ServiceUnavailable", "starting"), undefined)).not.toHaveProperty("answered")
  })

  it("honours Retry-After in seconds, from the header first, and cuts it", () => {
    const body = status(503, "ServiceUnavailable", "x", { details: { retryAfterSeconds: 3 } })
    const wait = (header: string | undefined, text = ""): number | undefined => {
      const failure = failureOfAnswer(503, text, header)
      return failure._tag === "Unavailable" ? failure.retryAfterMs : -1
    }
    expect(wait("7")).toBe(7000)
    expect(wait(" 7 ", body)).toBe(7000)
    expect(wait(undefined, body)).toBe(3000)
    expect(wait("Wed, 21 Oct 2026 07:28:00 GMT", body)).toBe(3000)
    expect(wait("-1")).toBeUndefined()
    expect(wait("1e9")).toBeUndefined()
    expect(wait("")).toBeUndefined()
    expect(wait("99999999999999999999")).toBe(retryAfterMaxMs)
    expect(wait(undefined, status(503, "", "x", { details: { retryAfterSeconds: "3" } }))).toBeUndefined()
  })

  it("makes one short line without tags of any body", () => {
    const line = (body: string): string => failureOfAnswer(503, body, undefined).text
    expect(
      line("<html><head><style>b{}</style><script>if (a<b) x()</script></head>\n<body><h1>Bad\tGateway</h1>\r\nnginx</body></html>"),
    ).toBe("Bad Gateway nginx")
    expect(line(status(503, "", "one\n\ntwo \u001b[31mred\u0000"))).toBe("one two [31mred")
    expect(line("a < b and c > d")).toBe("a < b and c > d")
    expect(line("cut in a tag <div class=")).toBe("cut in a tag")
    const long = line("é😀".repeat(1000))
    expect(long.length).toBeLessThanOrEqual(300)
    expect(long.endsWith("…")).toBe(true)
    expect(long.isWellFormed()).toBe(true)
    // Texts that a careless expression would chew on for minutes.
    expect(line("<script>".repeat(200_000)).length).toBeLessThanOrEqual(300)
    expect(line(status(500, "", "conversion for ".repeat(200_000))).length).toBeLessThanOrEqual(300)
    expect(line(`${" ".repeat(errorBodyBytesMax * 100)}x`)).toBe("HTTP 503")
  })
})

describe("failureOfEvent", () => {
  it("reads the recorded expiry of a watch", () => {
    expect(eventFailure(read("watch-410.ndjson"))).toEqual({ _tag: "Gone", text: "too old resource version: 1 (744)" })
  })

  it("maps the Status of an ERROR line as that of an answer", () => {
    const event = (object: string): Failure => eventFailure(`{"type":"ERROR","object":${object}}\n`)
    expect(event(status(410, "Gone", "x"))._tag).toBe("Gone")
    expect(event('{"kind":"Status","reason":"Expired"}')).toEqual({ _tag: "Gone", text: "Expired 410" })
    expect(event('{"kind":"Status","reason":"Forbidden","message":"no"}')).toEqual({ _tag: "Forbidden", text: "no" })
    expect(event(status(500, "InternalError", "conversion webhook for a/v1, Kind=B failed: x"))._tag).toBe("Refused")
    expect(event(status(429, "TooManyRequests", "slow", { details: { retryAfterSeconds: 4 } }))).toEqual({
      _tag: "Unavailable",
      text: "slow",
      retryAfterMs: 4000,
      throttled: true,
    })
    expect(event(status(504, "Timeout", "t", { details: { causes: [{ reason: "ResourceVersionTooLarge" }] } }))._tag).toBe("Unavailable")
  })

  it("counts a line without a Status, or that is no JSON, as a cut connection", () => {
    const lines = [
      '{"type":"ERROR"}',
      '{"type":"ERROR","object":null}',
      '{"type":"ERROR","object":{"kind":"Pod"}}',
      "<html>",
      '{"type":"ADDED",',
    ]
    expect(lines.map((line) => eventFailure(line)._tag)).toEqual(lines.map(() => "Unavailable"))
    expect(eventFailure("<html>").text).toBe("the watch sent a line that is no JSON")
  })
})
