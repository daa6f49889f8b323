/**
 * The sink of the simulated engine: the broker of the lanes' simulation behind the real port, and the judge of what is handed to it.
 * Oracles: one batch of a type at a time; a batch in doubt comes again, byte for byte; bounds of a batch; what is announced, in order
 * (judge.ts), each batch judged once.
 */
import * as Effect from "effect/Effect"
import { batchBytesMax, batchMessagesMax, markAttemptsMax } from "../../../src/domain/limit.ts"
import { apiVersionOf, typeKey, typeName } from "../../../src/domain/select/resource.ts"
import { accepted, type Batch, type Message, type Receipt, type Sink } from "../../../src/ports/Sink.ts"
import { deliver, deliverMark, isNeeded } from "../broker.ts"
import { readMessage } from "../consumer.ts"
import { judgeChange, reviveType } from "../judge.ts"
import { definitionName } from "../stage.ts"
import { Finding } from "../world.ts"
import type { Life } from "./mortality.ts"
import { isAnnouncing, type Network } from "./network.ts"
import { strikes } from "./tripwire.ts"

interface Outlet {
  readonly network: Network
  readonly life: Life
  /** By type key, what is being delivered. */
  readonly inFlight: Set<string>
  /** By type key, the payloads of the batch whose fate is in doubt. */
  readonly doubted: Map<string, ReadonlyArray<string>>
  /** By mark, how often in a row it was refused. */
  readonly refusals: Map<string, number>
  /** By type and life, when its last state was accepted. */
  readonly acceptedMs: Map<string, number>
}

const decoder = new TextDecoder("utf-8", { fatal: true })

const expect = (holds: boolean, finding: () => string): void => {
  if (!holds) throw new Finding(finding())
}

const judgeBounds = ({ messages }: Batch): void => {
  const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0)
  expect(messages.length > 0 && messages.length <= batchMessagesMax, () => `a batch of ${messages.length} messages`)
  expect(messages.length === 1 || bytes <= batchBytesMax, () => `a batch of ${bytes} bytes`)
}

const judgeMessage = (network: Network, { event, payload, type }: Message): void => {
  const { engine, stage } = network
  const { address, event: told, seen, type: apiType } = readMessage(payload)
  expect(told === event.toUpperCase(), () => `a message says ${told} and is handed over as ${event}`)
  expect(apiType === `${apiVersionOf(type)} ${type.kind}`, () => `a message of ${apiType} is handed over as ${typeKey(type)}`)
  // Deletions are repeated after an announcement, and after a dump of the store.
  const { announcements = 0, requests_store: dumps = 0 } = engine?.counters ?? {}
  // Where versions move to and fro, three lanes of a type may be at work, and only they know which of them speaks. The lanes' simulation
  // knows.
  const isMoving = typeKey(type) === definitionName
  if (isMoving) reviveType(stage.judge, apiType)
  const isAgain = isMoving ? announcements + network.deaths > 0 : isAnnouncing(network, type)
  judgeChange(stage.judge, { event, type: apiType, address, seen }, isAgain, announcements + dumps > 0)
}

const lifeOf = ({ name, namespace, type, uid }: Message): string => `${typeName(type)} ${namespace}/${name} ${uid}`

/** Changes of a watch are sent no sooner after each other than the interval, unless somebody asks for a dump, which begins with them. */
const judgeIntervals = ({ acceptedMs, network }: Outlet, { messages, urgency }: Batch): void => {
  const { minIntervalMs, stage } = network
  const { requests_store: dumps = 0 } = network.engine?.counters ?? {}
  if (minIntervalMs === 0 || urgency === "announcement" || dumps > 0) return
  for (const message of messages) {
    const gapMs = stage.world.nowMs - (acceptedMs.get(lifeOf(message)) ?? -Infinity)
    const isEarly = message.event === "Modified" && gapMs < minIntervalMs
    expect(!isEarly, () => `${lifeOf(message)}: sent again after ${gapMs} ms of ${minIntervalMs}`)
  }
}

const noteAccepted = ({ acceptedMs, network }: Outlet, { messages }: Batch): void => {
  for (const message of messages) acceptedMs.set(lifeOf(message), network.stage.world.nowMs)
}

/** What is on its way is remembered: a death makes it doubtful. */
const noteSaid = ({ life }: Outlet, { messages }: Batch, atMs: number): void => {
  for (const { event, name, namespace, type } of messages) {
    const address = `${apiVersionOf(type)} ${type.kind} ${namespace}/${name}`
    life.saidMs.set(address, atMs)
    if (event === "Deleted") life.deleted.add(address)
  }
}

const take = (outlet: Outlet, batch: Batch): void => {
  noteSaid(outlet, batch, Infinity)
  const { doubted, inFlight, network } = outlet
  const key = typeKey(batch.messages[0]!.type)
  expect(!inFlight.has(key), () => `${key}: two batches at a time`)
  inFlight.add(key)
  judgeBounds(batch)
  const texts = batch.messages.map(({ payload }) => decoder.decode(payload))
  const before = doubted.get(key)
  if (before === undefined) {
    judgeIntervals(outlet, batch)
    for (const message of batch.messages) judgeMessage(network, message)
  } else expect(before.join("\n") === texts.join("\n"), () => `${key}: another batch was sent than the one whose fate is in doubt`)
  doubted.set(key, texts)
}

const doubtful: Receipt = { _tag: "doubtful", reason: "the connection broke" }

/** A mark that was refused as often as it may be is given up: only then may the consumer that lacks it ask. */
const noteRefusal = ({ network, refusals }: Outlet, text: string, isAccepted: boolean): void => {
  const count = (refusals.get(text) ?? 0) + 1
  if (isAccepted) refusals.delete(text)
  else refusals.set(text, count)
  if (!isAccepted && count === markAttemptsMax) network.stage.broker.marksGivenUp++
}

/** The port, and the messages it took. */
export const makeOutlet = (network: Network): (typeof Sink)["Service"] => {
  const { life } = network
  const outlet: Outlet = { network, life, inFlight: new Set(), doubted: new Map(), refusals: new Map(), acceptedMs: new Map() }
  const { stage, tripwire } = network
  return {
    deliver: (batch) =>
      Effect.callback<Receipt>((resume) => {
        if (life.isDead) return
        take(outlet, batch)
        if (life.doom?.at === "delivery") {
          const published = Math.floor(batch.messages.length * life.doom.share)
          if (!stage.broker.isAway) deliver(stage.broker, batch.messages.slice(0, published), () => {})
          return life.die()
        }
        const key = typeKey(batch.messages[0]!.type)
        const struck = strikes(tripwire, `deliver ${key}`)
        const settle = (isAccepted: boolean): void => {
          noteSaid(outlet, batch, isAccepted ? stage.world.nowMs : Infinity)
          outlet.inFlight.delete(key)
          if (isAccepted) {
            outlet.doubted.delete(key)
            noteAccepted(outlet, batch)
          }
          resume(Effect.succeed(isAccepted ? accepted : doubtful))
        }
        if (!struck) return deliver(stage.broker, batch.messages, settle)
        const { length } = batch.messages
        const published = [0, length >> 1, length][tripwire.way % 3]
        deliver(stage.broker, batch.messages.slice(0, published), () => settle(false))
      }),
    mark: (payload) =>
      Effect.callback<Receipt>((resume) => {
        if (life.isDead) return
        const text = decoder.decode(payload())
        const struck = isNeeded(text) && strikes(tripwire, "mark")
        const handover = deliverMark(stage.broker, payload, (isAccepted) => {
          if (isNeeded(text)) noteRefusal(outlet, text, isAccepted && !struck)
          resume(Effect.succeed(isAccepted && !struck ? accepted : doubtful))
        })
        return Effect.sync(() => {
          handover.withdrawn = true
        })
      }),
    bytesMax: () => 1 << 20,
    status: () => ({ name: "simulated", state: stage.broker.isAway ? "disconnected" : "connected", detail: "" }),
    owes: () => stage.broker.isAway || stage.debts > 0,
    settled: Effect.void,
  }
}
