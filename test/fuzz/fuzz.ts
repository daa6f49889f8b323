/**
 * Hostile input by seed: what an API server or a broker could send and none should, through the program's own reading, reflecting and
 * encoding. A seed is one life of a lane with everything that is read beside it.
 * Oracles: nothing throws, every message that comes out is one that consumers can decode, and what is kept is bounded by what came in.
 * Does not judge what a mutant means: the properties of the scanner and the simulation do.
 */
import * as Result from "effect/Result"
import { frame, makeFramer } from "../../src/domain/read/frame.ts"
import { failureOfAnswer } from "../../src/domain/read/failure.ts"
import { makeRecords, type Records } from "../../src/domain/read/record.ts"
import { scanLines, scanPage } from "../../src/domain/read/scan.ts"
import { decodeText } from "../../src/domain/read/text.ts"
import { makeDepartures } from "../../src/domain/sync/departures.ts"
import { clearOutput, makeOutput, type Command, type Fact } from "../../src/domain/sync/fact.ts"
import { makeLane } from "../../src/domain/sync/lane.ts"
import { encodeBatch, noRecords, takeTurn, type MessageSettings } from "../../src/domain/sync/turn.ts"
import { decodeMessageText } from "../../src/domain/wire/envelope.ts"
import { parsePathRules } from "../../src/domain/wire/redactPath.ts"
import { encodeText, makeWriter } from "../../src/domain/wire/writer.ts"
import { bytesOf, writeLine, writePage } from "../domain/read/oracle.ts"
import { specOf } from "../domain/sync/block.ts"
import { type Chance, makeChance, mutate } from "../domain/wire/seeded.ts"
import { mutateAside, type Side, sides } from "./aside.ts"

/** A rule that meets the objects below, and mutants of them. */
const redactPaths = Result.getOrThrow(parsePathRules("pods:spec[*],pods:data[*],services:metadata.labels[*]"))

/** How often something happened: the mutants must reach all of it. */
export type Tally = Record<"inputs" | "messages" | "pages" | "refused" | "watched" | "failures" | Side, number>

export const makeTally = (): Tally => ({
  inputs: 0,
  messages: 0,
  pages: 0,
  refused: 0,
  watched: 0,
  failures: 0,
  ...(Object.fromEntries(sides.map((side) => [side, 0])) as Record<Side, number>),
})

/** Steps in the life of a lane. */
const steps = 40
/** Largest input before its mutation, with much room: a mutation adds at most 90 bytes. */
const inputBytesMax = 64 * 1024

const things = [
  { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true },
  { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true },
  { group: "", version: "v1", plural: "services", kind: "Service", namespaced: true },
] as const

/** An object as a cluster has it, so that mutants of it get far. */
const writeObject = (chance: Chance): string =>
  JSON.stringify({
    metadata: {
      name: `o${chance.below(6)}`,
      namespace: "shop",
      uid: `u${chance.below(9)}`,
      resourceVersion: String(chance.below(99)),
      labels: { app: chance.text(8) },
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": '{"kind":"Secret","data":{"a":"Yg=="}}' },
    },
    spec: chance.json(3),
    data: { [chance.text(4)]: chance.text(9) },
  })

const events = ["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]

const drawPage = (chance: Chance): string => {
  if (chance.below(3) === 0) return writePage(chance)
  const token = chance.below(4) === 0 ? ',"continue":"more"' : ""
  const items = Array.from({ length: chance.below(6) }, () => writeObject(chance))
  return `{"kind":"XList","apiVersion":"v1","metadata":{"resourceVersion":"9"${token}},"items":[${items.join(",")}]}`
}

const drawLines = (chance: Chance): string =>
  Array.from({ length: 1 + chance.below(3) }, () =>
    chance.below(3) === 0 ? writeLine(chance) : `{"type":"${chance.pick(events)}","object":${writeObject(chance)}}`,
  )
    .join("\n")
    .concat("\n")

/** A list is left alone now and then: else no lane would come to its watch. */
const answerList = (chance: Chance, tally: Tally, records: Records): Fact => {
  const page = bytesOf(drawPage(chance))
  const isMutant = chance.below(3) > 0
  if (isMutant) tally.inputs++
  const head = scanPage(isMutant ? mutate(page, chance) : page, records)
  if (Result.isSuccess(head)) {
    tally.pages++
    return { _tag: "PageListed", records, resourceVersion: head.success.resourceVersion, continue: head.success.continue }
  }
  tally.refused++
  return { _tag: "ListFailed", failure: { _tag: "Unavailable", text: head.failure.text, retryAfterMs: undefined, answered: true } }
}

/** A refusal with a body that is nearly a Status. */
const answerFailure = (chance: Chance, tally: Tally, _tag: "ListFailed" | "WatchFailed"): Fact => {
  const status = { kind: "Status", code: chance.below(600), reason: "Expired", message: chance.text(40), details: chance.json(2) }
  const body = mutate(encodeText(JSON.stringify(status)), chance)
  tally.inputs++
  tally.failures++
  const retryAfter = chance.pick([undefined, "5", "-1", "1e9", "soon", "\u0000"])
  return { _tag, failure: failureOfAnswer(400 + chance.below(200), decodeText(body, 0, body.length), retryAfter) }
}

interface Life {
  readonly chance: Chance
  readonly tally: Tally
  readonly records: Records
  readonly framer: ReturnType<typeof makeFramer>
}

const answerWatch = ({ chance, framer, records, tally }: Life): Fact | undefined => {
  const bytes = mutate(bytesOf(drawLines(chance)), chance)
  tally.inputs++
  const cut = chance.below(bytes.length + 1)
  // Without a line feed at its end the last line waits, and is joined with what comes next.
  const blocks = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((chunk) => {
    const lines = frame(framer, chunk)
    return lines === undefined ? [] : [lines.slice()]
  })
  if (framer.pending > framer.lineBytesMax) throw new Error(`the framer keeps ${framer.pending} bytes`)
  if (blocks.length === 0) return undefined
  tally.watched++
  scanLines(Buffer.concat(blocks), records)
  return { _tag: "Observed", records }
}

const draw = (life: Life, command: Command | undefined): Fact | undefined => {
  const { chance, records, tally } = life
  if (chance.below(40) === 0) return { _tag: "ResyncAsked" }
  switch (command?._tag) {
    case "List":
      return chance.below(12) === 0 ? answerFailure(chance, tally, "ListFailed") : answerList(chance, tally, records)
    case "Pause":
      return { _tag: "PauseElapsed" }
    default:
      if (chance.below(16) === 0) return answerFailure(chance, tally, "WatchFailed")
      return chance.below(20) === 0 ? { _tag: "WatchEnded" } : answerWatch(life)
  }
}

const judgeMessages = (bytes: Uint8Array, settings: MessageSettings): void => {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  if (settings.whole !== undefined) JSON.parse(text)
  else if (Result.isFailure(decodeMessageText(text))) throw new Error(`nobody can decode this message: ${text}`)
}

/**
 * One life of a lane, and what is read beside it.
 * @throws whatever goes wrong; the caller knows the seed
 */
export const fuzzSeed = (seed: number, tally: Tally): void => {
  const chance = makeChance(seed)
  const lane = makeLane(specOf({ type: chance.pick(things) }))
  const life: Life = { chance, tally, records: makeRecords(1), framer: makeFramer(inputBytesMax) }
  const departures = makeDepartures()
  const output = makeOutput()
  const writer = makeWriter(4096)
  const whole = chance.below(8) === 0 ? ({ _tag: "Object" } as const) : undefined
  const reachable = new Set<string>()
  const settings = { clusterId: "c1", redact: chance.below(2) === 0, redactPaths, reachable, bytesMax: 1 + chance.below(4096), whole }
  let command: Command | undefined
  let fact: Fact | undefined = { _tag: "Started" }
  for (let nowMs = 0; nowMs < steps; nowMs++) {
    if (fact !== undefined) {
      clearOutput(output)
      takeTurn(lane, fact, nowMs, departures, output)
      const records = "records" in fact ? fact.records : noRecords
      for (let from = 0; from < output.changes.length;) {
        const { messages, next } = encodeBatch(lane, records, output, from, writer, settings)
        for (const { end, start } of messages) judgeMessages(writer.bytes.subarray(start, end), settings)
        if (next <= from) throw new Error("a batch takes nothing")
        tally.messages += messages.length
        from = next
      }
      command = output.commands.at(-1) ?? command
    }
    mutateAside(chance, tally)
    fact = draw(life, command)
  }
  if (writer.bytes.length > 16 * inputBytesMax) throw new Error(`a writer of ${writer.bytes.length} bytes for small objects`)
}
