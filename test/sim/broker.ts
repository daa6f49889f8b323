/**
 * A broker of core NATS as a sink sees it: what it takes is gone from us, whoever hears it. Batches are accepted, or their fate is in
 * doubt: delivered, lost, or delivered in half. While it is away nothing is taken. What is created anew goes out once more, as the NATS
 * sink does. Marks take the same way.
 */
import { recreationRepeatMs } from "../../src/domain/limit.ts"
import { typeKey } from "../../src/domain/select/resource.ts"
import type { Message } from "../../src/ports/Sink.ts"
import type { Cluster } from "../../src/adapters/memory/model.ts"
import { consume, makeConsumer, readMessage, type Consumer } from "./consumer.ts"
import { hearChange, hearMark, makeExact, type Exact } from "./exact.ts"
import type { Judge } from "./judge.ts"
import type { Subject } from "./subject.ts"
import { after, note, type World } from "./world.ts"

export interface Broker {
  readonly world: World
  readonly subject: Subject
  /** Those that know an object by its address. */
  readonly consumers: ReadonlyArray<Consumer>
  /** The one that knows the marks. */
  readonly exact: Exact
  /** The memory of the sink that fills it. */
  recreations: ReturnType<Subject["recreations"]["makeRecreations"]>
  isAway: boolean
  /** Percent of batches whose acceptance is in doubt. */
  doubt: number
  isSlow: boolean
  /** Batches that wait for its return. */
  readonly waiting: Array<() => void>
  /** Messages that reached it, repetitions included. */
  messages: number
  lastMessageMs: number
  /** Marks of an announcement that were given up because the broker refused them again and again. */
  marksGivenUp: number
  /** The consumer with marks wants everything again, because a mark was given up: that is what digests are for. */
  onAsked: () => void
}

export const makeBroker = (judge: Judge, cluster: Cluster, subject: Subject): Broker => ({
  world: judge.world,
  subject,
  consumers: [makeConsumer("in order", false), makeConsumer("in batches", true)],
  exact: makeExact(judge, cluster),
  recreations: subject.recreations.makeRecreations(),
  isAway: false,
  doubt: 0,
  isSlow: false,
  waiting: [],
  messages: 0,
  lastMessageMs: 0,
  marksGivenUp: 0,
  onAsked: () => {},
})

/** Whoever may be away. */
export const listenersOf = ({ consumers, exact }: Broker): ReadonlyArray<{ awayUntilMs: number }> => [...consumers, exact]

const decoder = new TextDecoder("utf-8", { fatal: true })

const publish = (broker: Broker, message: Message): void => {
  const { recreations, subject, world } = broker
  const delivered = readMessage(message.payload)
  note(world, `${delivered.event} ${delivered.type} ${delivered.address} ${delivered.seen.uid.slice(0, 8)} @${delivered.seen.version}`)
  broker.messages++
  broker.lastMessageMs = world.nowMs
  subject.recreations.noteMessage(recreations, message, world.nowMs)
  for (const consumer of broker.consumers) consume(world, consumer, delivered)
  hearChange(broker.exact, delivered, decoder.decode(message.payload))
}

const publishMark = (broker: Broker, payload: Uint8Array): void => {
  const text = decoder.decode(payload)
  // Of what is said every half minute a trace would be made.
  if (isNeeded(text)) note(broker.world, `mark ${text}`)
  if (hearMark(broker.exact, text) && broker.marksGivenUp > 0) broker.onAsked()
}

/** Whether a mark is said until it is accepted. */
export const isNeeded = (mark: string): boolean => /"mark":"(begin|end|closed)"/.test(mark)

/** What has been handed over and not been taken yet: while the broker is away it waits, unless it is withdrawn. */
interface Handover {
  withdrawn: boolean
}

/**
 * Delivers a mark.
 * @param payload is asked for it when it goes out
 * @param settle is told whether it was accepted
 */
export const deliverMark = (
  broker: Broker,
  payload: () => Uint8Array,
  settle: (accepted: boolean) => void,
  handover: Handover = { withdrawn: false },
): Handover => {
  const { waiting, world } = broker
  const { chance } = world
  if (broker.isAway) {
    waiting.push(() => void (handover.withdrawn || deliverMark(broker, payload, settle, handover)))
    return handover
  }
  const isDoubtful = chance.below(100) < broker.doubt
  if (!isDoubtful || chance.below(2) === 0) publishMark(broker, payload())
  after(world, isDoubtful ? 200 + chance.below(3_000) : 1 + chance.below(10), () => settle(!isDoubtful && !broker.isAway))
  return handover
}

/** Sends again what is due; looks again when the next is. */
const repeatDue = (broker: Broker): void => {
  const { recreations, subject, world } = broker
  const { dueRepetitions, nextDueMs, settleRepetition } = subject.recreations
  if (!broker.isAway) {
    for (const repetition of dueRepetitions(recreations, world.nowMs, 100, 1 << 20)) {
      publish(broker, repetition.message)
      settleRepetition(recreations, repetition, true, world.nowMs)
    }
  }
  const next = nextDueMs(recreations)
  if (next !== undefined) after(world, Math.max(50, next - world.nowMs), () => repeatDue(broker))
}

/** @param settle is told whether the batch was accepted */
export const deliver = (broker: Broker, messages: ReadonlyArray<Message>, settle: (accepted: boolean) => void): void => {
  const { recreations, subject, waiting, world } = broker
  const { chance } = world
  if (broker.isAway) {
    waiting.push(() => deliver(broker, messages, settle))
    return
  }
  const isDoubtful = chance.below(100) < broker.doubt
  const published = isDoubtful ? chance.pick([0, messages.length >> 1, messages.length]) : messages.length
  const quiet = subject.recreations.nextDueMs(recreations) === undefined
  for (const message of messages.slice(0, published)) publish(broker, message)
  if (quiet && subject.recreations.nextDueMs(recreations) !== undefined) after(world, recreationRepeatMs, () => repeatDue(broker))
  const takesMs = isDoubtful ? 200 + chance.below(3_000) : broker.isSlow ? 300 + chance.below(4_000) : 1 + chance.below(10)
  // A connection that is lost before the answer leaves a doubt, whatever the broker has.
  after(world, takesMs, () => settle(!isDoubtful && !broker.isAway))
}

export const returnBroker = (broker: Broker): void => {
  broker.isAway = false
  for (const again of broker.waiting.splice(0)) again()
}

/** A repetition of a type that is no longer selected may be of an object that is gone by now: nothing is promised of it. */
export const forgetRepetitions = ({ recreations }: Broker, key: string): void => {
  for (const [address, { message }] of recreations.waiting) {
    if (typeKey(message.type) !== key) continue
    recreations.waiting.delete(address)
    recreations.bytes -= message.payload.byteLength
  }
}
