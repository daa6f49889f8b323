/**
 * The life of one pod, as docs/ARCHITECTURE.md tells it. The block in the document is the script: a line at the margin is something that
 * comes in, and is run here through the real domain; the indented lines behind it are what must come of it.
 */
import { readFileSync } from "node:fs"
import * as path from "node:path"
import * as Result from "effect/Result"
import { expect, it } from "vitest"
import { lineBytesMax } from "../../src/domain/limit.ts"
import { frame, makeFramer } from "../../src/domain/read/frame.ts"
import { Field, makeRecords, Source, startOf } from "../../src/domain/read/record.ts"
import { scanLines, scanPage } from "../../src/domain/read/scan.ts"
import { textOf } from "../../src/domain/read/text.ts"
import { allEvents } from "../../src/domain/select/selection.ts"
import { makeDepartures } from "../../src/domain/sync/departures.ts"
import { type Command, type Fact, makeOutput } from "../../src/domain/sync/fact.ts"
import { makeLane } from "../../src/domain/sync/lane.ts"
import { digestText } from "../../src/domain/sync/digest.ts"
import { holds } from "../../src/domain/sync/ledger.ts"
import { departedOf, encodeBatch, noRecords, takeTurn } from "../../src/domain/sync/turn.ts"
import { makeWriter } from "../../src/domain/wire/writer.ts"

const architecture = readFileSync(path.resolve(import.meta.dirname, "../../docs/ARCHITECTURE.md"), "utf8")
const script = /```text life of a pod\n([^]*?)```/.exec(architecture)?.[1] ?? ""

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const settings = { clusterId: "c1", redact: true, reachable: new Set<string>(), bytesMax: 1024 * 1024 }
const sources = Object.keys(Source)

const showCommand = (command: Command): string => {
  switch (command._tag) {
    case "List":
      return `List, ${command.limit} objects a page`
    case "Watch":
      return `Watch from ${command.resourceVersion}`
    case "Pause":
      return `Pause, ${command.slow ? "long" : "short"} scale, ${command.attempt} failures so far`
    default:
      return command._tag
  }
}

/** A pod's lane with nothing around it: the script's lines are all that ever happens to it. */
const makeWorld = () => {
  const type = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true }
  const lane = makeLane({ type, events: allEvents, namespace: undefined, namespaces: undefined, selector: "", hidden: false })
  const records = makeRecords()
  const framer = makeFramer(lineBytesMax)
  const departures = makeDepartures()

  const showRecords = (): ReadonlyArray<string> =>
    Array.from({ length: records.count }, (_, record) => {
      const text = (field: Field) => textOf(records, record, field)
      const name = text(Field.name) === "" ? "" : ` ${text(Field.namespace)}/${text(Field.name)}`
      const version = text(Field.resourceVersion) === "" ? "" : `, version ${text(Field.resourceVersion)}`
      const spec = startOf(records, record, Field.spec)
      return `record   ${sources[records.sources[record] ?? 0]}${name}${version}${spec < 0 ? "" : `, spec at byte ${spec}`}`
    })

  const take = (fact: Fact): ReadonlyArray<string> => {
    const output = makeOutput()
    const state = lane.state._tag
    const digest = digestText(lane.ledger)
    takeTurn(lane, fact, 0, departures, output)
    const block = "records" in fact ? fact.records : noRecords
    const writer = makeWriter(64)
    const { messages } = encodeBatch(lane, block, output, 0, writer, settings)
    const changes = output.changes.map((change) => {
      const { name, namespace } = departedOf(change, block)
      return `change   ${change.event} ${namespace}/${name}${change.departed === undefined ? "" : ", from the ledger's memory"}`
    })
    const payloads = messages.map(({ end, start }) => `message  ${new TextDecoder().decode(writer.bytes.subarray(start, end))}`)
    const content = holds(lane.ledger, "shop", "web") ? "shop/web" : "nothing"
    return [
      `fact     ${fact._tag}: ${state} -> ${lane.state._tag}`,
      ...changes,
      ...(digestText(lane.ledger) === digest ? [] : [`ledger   holds ${content}, digest ${digestText(lane.ledger)}`]),
      ...payloads,
      ...output.commands.map((command) => `command  ${showCommand(command)}`),
    ]
  }

  const takePage = (text: string): ReadonlyArray<string> => {
    const head = Result.getOrThrow(scanPage(bytesOf(text), records))
    const { continue: token, resourceVersion } = head
    return [...showRecords(), ...take({ _tag: "PageListed", records, resourceVersion, continue: token })]
  }

  const takeChunk = (text: string): ReadonlyArray<string> => {
    const lines = frame(framer, bytesOf(text.replaceAll("⏎", "\n")))
    if (lines === undefined) return [`framer   no whole line yet, ${framer.pending} bytes wait`]
    scanLines(lines, records)
    return [...showRecords(), ...take({ _tag: "Observed", records })]
  }

  const steps: Readonly<Record<string, (input: string) => ReadonlyArray<string>>> = {
    start: () => take({ _tag: "Started" }),
    page: takePage,
    chunk: takeChunk,
    end: () => take({ _tag: "WatchEnded" }),
    elapsed: () => take({ _tag: "PauseElapsed" }),
  }

  return (line: string): ReadonlyArray<string> => {
    const [, word = "", input = ""] = /^(\S+) ?(.*)$/.exec(line) ?? []
    const step = steps[word]
    if (step === undefined) throw new Error(`the script has no step ${JSON.stringify(word)}`)
    return step(input)
  }
}

it("goes as the document says", () => {
  const play = makeWorld()
  const inputs = script.split("\n").filter((line) => /^\S/.test(line))
  const played = inputs.flatMap((line) => [line, ...play(line).map((text) => `    ${text}`)])
  expect(script).toBe(`${played.join("\n")}\n`)
  expect(inputs.length).toBe(8)
})
