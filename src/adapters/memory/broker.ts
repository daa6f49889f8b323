/**
 * A broker inside one process, for embedders and tests: the subjects of the wire without a network. Consumers get the bytes that NATS would
 * have carried, copied, in order of publication.
 *
 * Invariants, as in the Go MeshSync's in-process broker: per subject and queue one buffer of `brokerQueueMax` messages; within a queue one
 * consumer gets each message; publishing where nobody subscribes succeeds silently; a full buffer makes the publisher wait at most
 * `brokerQueueWaitMs` a queue, then publishing fails naming the queues that lack the message. Subjects are compared as they are: no
 * wildcards.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { brokerQueueMax, brokerQueueWaitMs } from "../../domain/limit.ts"
import { decodeRequest } from "../../domain/wire/request.ts"
import { coreSubject, isPublishable, requestQueue, requestSubject, syncSubject } from "../../domain/wire/subject.ts"
import { Requests } from "../../ports/Requests.ts"
import { accepted, type Receipt, Sink } from "../../ports/Sink.ts"

/** Some queues did not take a message because their consumers are too slow. */
export class BrokerFull extends Data.TaggedError("BrokerFull")<{
  readonly subject: string
  readonly failed: ReadonlyArray<string>
  readonly successful: ReadonlyArray<string>
}> {
  override get message() {
    const others = this.successful.length === 0 ? "" : `; taken by ${this.successful.join(", ")}`
    return `${this.subject}: full for ${brokerQueueWaitMs / 1000} s: ${this.failed.join(", ")}${others}`
  }
}

export interface Broker {
  /** Gives a copy of the payload to one consumer of each queue of the subject. */
  readonly publish: (subject: string, payload: Uint8Array) => Effect.Effect<void, BrokerFull>
  /** Joins a queue of a subject until the scope closes; with the last of its consumers the queue and what waits in it are gone. */
  readonly subscribe: (subject: string, queue: string) => Effect.Effect<Queue.Dequeue<Uint8Array>, never, Scope.Scope>
  /** The queues of a subject. */
  readonly queues: (subject: string) => ReadonlyArray<string>
}

interface Group {
  readonly messages: Queue.Queue<Uint8Array>
  consumers: number
}

type Groups = Map<string, Group>

const join = (subjects: Map<string, Groups>, subject: string, queue: string): Effect.Effect<Group> =>
  Effect.map(Queue.bounded<Uint8Array>(brokerQueueMax), (messages) => {
    const groups: Groups = subjects.get(subject) ?? new Map<string, Group>()
    subjects.set(subject, groups)
    const group = groups.get(queue) ?? { messages, consumers: 0 }
    groups.set(queue, group)
    group.consumers += 1
    return group
  })

const leave = (subjects: Map<string, Groups>, subject: string, queue: string, group: Group): Effect.Effect<void> =>
  Effect.suspend(() => {
    group.consumers -= 1
    if (group.consumers > 0) return Effect.void
    const groups = subjects.get(subject)
    groups?.delete(queue)
    if (groups?.size === 0) subjects.delete(subject)
    return Effect.asVoid(Queue.shutdown(group.messages))
  })

/** True also when the queue's last consumer leaves meanwhile: then nobody waits for the message any more. */
const offerInTime = (group: Group, payload: Uint8Array): Effect.Effect<boolean> =>
  Effect.suspend(() =>
    Queue.offerUnsafe(group.messages, payload)
      ? Effect.succeed(true)
      : Effect.map(Effect.timeoutOption(Queue.offer(group.messages, payload), brokerQueueWaitMs), Option.isSome),
  )

/** A broker without subscribers. */
export const makeBroker = (): Broker => {
  const subjects = new Map<string, Groups>()
  return {
    publish: (subject, payload) =>
      Effect.gen(function* () {
        const groups = subjects.get(subject)
        if (groups === undefined) return
        const copy = payload.slice()
        const failed: Array<string> = []
        const successful: Array<string> = []
        for (const [queue, group] of groups) ((yield* offerInTime(group, copy)) ? successful : failed).push(queue)
        if (failed.length > 0) yield* new BrokerFull({ subject, failed, successful })
      }),
    subscribe: (subject, queue) =>
      Effect.map(
        Effect.acquireRelease(join(subjects, subject, queue), (group) => leave(subjects, subject, queue, group)),
        ({ messages }) => messages,
      ),
    queues: (subject) => [...(subjects.get(subject)?.keys() ?? [])],
  }
}

const receiptOf = (publishing: Effect.Effect<void, BrokerFull>): Effect.Effect<Receipt> =>
  publishing.pipe(
    Effect.as(accepted),
    Effect.catchTag("BrokerFull", (full) => Effect.succeed<Receipt>({ _tag: "doubtful", reason: full.message })),
  )

const sinkOf = (broker: Broker): Sink["Service"] => ({
  deliver: (batch) => receiptOf(Effect.forEach(batch.messages, ({ payload }) => broker.publish(coreSubject, payload), { discard: true })),
  mark: (payload) => receiptOf(Effect.suspend(() => broker.publish(syncSubject, payload()))),
  bytesMax: () => Number.MAX_SAFE_INTEGER,
  status: () => ({ name: "memory", state: "open", detail: `${broker.queues(coreSubject).length} subscribed` }),
  settled: Effect.void,
})

/** Messages go to the broker's subscribers, requests published on it come in. */
export const layerBroker = (broker: Broker): Layer.Layer<Sink | Requests> =>
  Layer.effectContext(
    Effect.map(broker.subscribe(requestSubject, requestQueue), (messages) =>
      Context.make(Sink, sinkOf(broker)).pipe(
        Context.add(Requests, {
          incoming: Stream.map(Stream.fromQueue(messages), decodeRequest),
          reply: (subject, payload) => (isPublishable(subject) ? Effect.ignore(broker.publish(subject, payload)) : Effect.void),
          subscribe: (subject) => broker.subscribe(subject, subject),
        }),
      ),
    ),
  )
