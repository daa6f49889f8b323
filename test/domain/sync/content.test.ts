/** What is left out where repeats are: rule by rule as the Go MeshSync has them. */
import { describe, expect, it } from "vitest"
import { rememberNews, selectNews, type Contents } from "../../../src/domain/sync/content.ts"
import { makeOutput, type ChangeEvent } from "../../../src/domain/sync/fact.ts"
import { makeLane } from "../../../src/domain/sync/lane.ts"
import { encodeBatch, type EncodedMessage } from "../../../src/domain/sync/turn.ts"
import { makeWriter } from "../../../src/domain/wire/writer.ts"
import { pageOf, specOf, thing, type Thing } from "./block.ts"

const settings = { clusterId: "c", redact: false, reachable: new Set<string>(), bytesMax: 1 << 20 }

/** Messages as they go out, in one buffer. */
const encode = (...told: ReadonlyArray<readonly [ChangeEvent, Thing]>) => {
  const output = makeOutput()
  for (const [record, [event]] of told.entries()) output.changes.push({ event, record })
  const writer = makeWriter(1024)
  const { messages } = encodeBatch(makeLane(specOf()), pageOf(told.map(([, one]) => one)), output, 0, writer, settings)
  return { messages, bytes: writer.bytes }
}

const words = (messages: ReadonlyArray<EncodedMessage>): ReadonlyArray<string> => messages.map(({ event, name }) => `${event} ${name}`)

/** Sends batches one after the other, each accepted; answers what each of them said. */
const send = (contents: Contents, ...batches: ReadonlyArray<ReturnType<typeof encode>>): ReadonlyArray<ReadonlyArray<string>> =>
  batches.map(({ bytes, messages }) => {
    const news = selectNews(contents, messages, bytes)
    rememberNews(contents, news)
    return words(news.messages)
  })

const [a, b] = [thing("a", "1"), thing("b", "1")]

describe("content dedup", () => {
  it("drops what says the same as the last message of its uid, under whatever event", () => {
    expect(send(new Map(), encode(["Added", a]), encode(["Added", a]), encode(["Modified", a]))).toEqual([["Added a"], [], []])
  })

  it("takes another version for other content", () => {
    expect(send(new Map(), encode(["Added", a]), encode(["Modified", { ...a, version: "2" }]), encode(["Added", a]))).toEqual([
      ["Added a"],
      ["Modified a"],
      ["Added a"],
    ])
  })

  it("forwards a deletion always, and forgets its uid", () => {
    const contents: Contents = new Map()
    expect(send(contents, encode(["Added", a]), encode(["Deleted", a]), encode(["Deleted", a]))).toEqual([
      ["Added a"],
      ["Deleted a"],
      ["Deleted a"],
    ])
    expect(contents.size).toBe(0)
    expect(send(contents, encode(["Added", a]))).toEqual([["Added a"]])
  })

  it("forwards what comes behind a deletion in the same batch", () => {
    expect(send(new Map(), encode(["Added", a]), encode(["Deleted", a], ["Added", a]), encode(["Added", a]))).toEqual([
      ["Added a"],
      ["Deleted a", "Added a"],
      [],
    ])
  })

  it("drops a repeat within a batch", () => {
    expect(send(new Map(), encode(["Added", a], ["Added", b], ["Modified", a]))).toEqual([["Added a", "Added b"]])
  })

  it("forwards an object without uid always, and never remembers it", () => {
    const contents: Contents = new Map()
    const bare = thing("a", "1", "")
    expect(send(contents, encode(["Added", bare]), encode(["Added", bare]))).toEqual([["Added a"], ["Added a"]])
    expect(contents.size).toBe(0)
  })

  it("remembers nothing that was not accepted", () => {
    const contents: Contents = new Map()
    const { bytes, messages } = encode(["Added", a])
    expect(words(selectNews(contents, messages, bytes).messages)).toEqual(["Added a"])
    expect(words(selectNews(contents, messages, bytes).messages)).toEqual(["Added a"])
    send(contents, encode(["Added", a]))
    expect(selectNews(contents, messages, bytes).messages).toEqual([])
  })
})
