/**
 * NATS as the way out and the way in: the ports Sink and Requests over one connection that is kept.
 *
 * Invariants: a batch is accepted only when its PONG has come on the connection that took it; while there is no connection, deliveries wait
 * and nothing is buffered; announcements are paced, live changes never; payloads are not referred to once `deliver` has returned.
 * When everything must be announced again is the announcer's decision; it leaves here as a request like any other.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { errorText, meshError, type MeshError } from "../../domain/error.ts"
import * as Limit from "../../domain/limit.ts"
import { decodeRequest, type Request } from "../../domain/wire/request.ts"
import { coreSubject, isPublishable, oversizeSubject, requestQueue, requestSubject, syncSubject } from "../../domain/wire/subject.ts"
import { Requests } from "../../ports/Requests.ts"
import { accepted, Sink, type Batch, type Message, type Receipt } from "../../ports/Sink.ts"
import { parseAddress } from "./address.ts"
import { dueAnnouncement, idleAnnouncer, isOwing, mustAsk, observeFact, type Announcer, type AnnouncerFact } from "./announcer.ts"
import { keepConnection, type Connection } from "./connection.ts"
import type { Credentials } from "./credentials.ts"
import { countSubscriptions, monitorPortDefault } from "./monitor.ts"
import { emptyLoad, loadBatch, messagesGoing, type Load } from "./parcels.ts"
import { fullBucket, paceDefault, takeBatch, type Bucket } from "./pacing.ts"
import {
  dueRepetitions,
  isOverfull,
  makeRecreations,
  noteMessage,
  noteOversize,
  settleRepetition,
  type Recreations,
} from "./recreations.ts"
import type { Outcome, Session } from "./session.ts"

/** `chunks`: in pieces, on a subject of their own. `drop`: an error, and no message. */
export type OversizePolicy = "drop" | "chunks"

export interface NatsOptions extends Credentials {
  /** `BROKER_URL`: one or several addresses, with or without scheme and user info. */
  readonly url: string
  /** Hold announcements to a rate that a consumer with default limits can take. */
  readonly pace: boolean
  /** What becomes of a message above the broker's `max_payload`; `drop` if absent. */
  readonly oversize?: OversizePolicy
  /** The brokers' monitoring port; 8222 if absent. */
  readonly monitorPort?: number
}

interface Broker {
  readonly options: NatsOptions
  readonly clock: Clock.Clock
  readonly requests: Queue.Queue<Request>
  /** Batches on their way, over all lanes. */
  readonly flights: Semaphore.Semaphore
  /** Those of them that hold something that goes in pieces. */
  readonly oversizeFlights: Semaphore.Semaphore
  readonly recreations: Recreations
  readonly repeating: Semaphore.Semaphore
  /** Subscriptions of sessions: they are made again on every new connection. */
  readonly inputs: Set<Input>
  announcer: Announcer
  bucket: Bucket
  payloadBytesMax: number
  /** Of the server that was connected to last: a server draws its id when it starts. */
  serverId: string
  /** Requests that found the queue full since the last line about them, and when that was. */
  dropped: number
  droppedSaidMs: number
  /** The broker's refusal of the subscription to requests, until it is logged. */
  deafness: string | undefined
  /** It has been said that marks do not go out. */
  marklessSaid: boolean
  /** Refusals to publish are logged once until one succeeds. */
  refusalSaid: boolean
  /** This connection may not publish pieces. */
  piecesForbidden: boolean
}

interface Input {
  readonly subject: string
  readonly messages: Queue.Queue<Uint8Array>
  leave: () => void
}

const now = ({ clock }: Broker): number => clock.currentTimeMillisUnsafe()

const observe = (broker: Broker, fact: AnnouncerFact): void => {
  broker.announcer = observeFact(broker.announcer, fact, now(broker))
}

// The way out ------------------------------------------------------------------------------------------------------------

const deliverBatch = Effect.fnUntraced(function* (broker: Broker, connection: Connection, batch: Batch) {
  if (batch.messages.length === 0) return accepted
  if (broker.options.pace && batch.urgency === "announcement") {
    yield* connection.session
    yield* awaitTurn(broker, batch)
  }
  if (isOverfull(broker.recreations)) yield* repeatRecreations(broker, connection)
  const flight = broker.flights.withPermits(1)(
    Effect.flatMap(connection.session, (session) => launchBatch(broker, session, batch.messages)),
  )
  const isOversize =
    broker.options.oversize === "chunks" && batch.messages.some(({ payload }) => payload.byteLength > broker.payloadBytesMax)
  const { load, outcome } = yield* isOversize ? broker.oversizeFlights.withPermits(1)(flight) : flight
  return yield* receiptOf(broker, load, outcome)
})

/** A batch and what became of it. */
interface Launched {
  readonly load: Load
  readonly outcome: Outcome
}

/** Publishes what the broker accepts by size: its bound may have shrunk since the messages were encoded. */
const launchBatch = (broker: Broker, session: Session, messages: ReadonlyArray<Message>): Effect.Effect<Launched> => {
  if (session.isOver()) return Effect.succeed({ load: emptyLoad, outcome: { _tag: "lost", reason: "the connection is over" } })
  const nowMs = now(broker)
  const load = loadBatch(messages, session.payloadBytesMax(), pieceBytesMax(broker, session))
  for (const [message, way] of load.ways) {
    if (way === "core") noteMessage(broker.recreations, message, nowMs)
    else if (way === "pieces") noteOversize(broker.recreations, message)
  }
  const launched = Effect.map(session.launch(load.parcels), (outcome) => ({ load, outcome }))
  const tooLarge = messagesGoing(load, "none")
  return tooLarge.length === 0 ? launched : Effect.andThen(sayTooLarge(tooLarge, load), launched)
}

/** What a piece may hold; 0: nothing goes in pieces. */
const pieceBytesMax = ({ options, piecesForbidden }: Broker, session: Session): number =>
  options.oversize === "chunks" && !piecesForbidden ? session.pieceBytesMax() : 0

/** Before the first connection nobody knows what the broker can do; what turns out to be too large is left out then. */
const oversizeBytesMax = (broker: Broker, session: Session | undefined): number =>
  session !== undefined && pieceBytesMax(broker, session) === 0 ? 0 : Limit.oversizeBytesMax

/**
 * Says something about the changes. A broker that will not have it (an account that may publish on the other subjects only) must not hold
 * up the changes: it is said once, and goes without.
 */
const deliverMark = Effect.fnUntraced(function* (broker: Broker, connection: Connection, payload: () => Uint8Array) {
  const launch = (session: Session): Effect.Effect<Outcome> => {
    if (session.isOver()) return Effect.succeed({ _tag: "lost", reason: "the connection is over" })
    const bytes = payload()
    const isTooLarge = bytes.byteLength > session.payloadBytesMax()
    return isTooLarge
      ? Effect.succeed({ _tag: "refused", reason: `a mark of ${bytes.byteLength} bytes on ${syncSubject} is too large` })
      : session.launch([{ subject: syncSubject, payload: bytes }])
  }
  const outcome = yield* broker.flights.withPermits(1)(Effect.flatMap(connection.session, launch))
  if (outcome._tag === "lost") return { _tag: "doubtful", reason: outcome.reason } as const
  if (outcome._tag === "refused" && !broker.marklessSaid) {
    broker.marklessSaid = true
    yield* Effect.logWarning(errorText("ErrPublishRefused", outcome.reason))
  }
  return accepted
})

const sayTooLarge = (messages: ReadonlyArray<Message>, { payloadBytesMax }: Load, more = ""): Effect.Effect<void> =>
  Effect.forEach(messages, (message) => Effect.logError(errorText("ErrMessageTooLarge", tooLargeText(message, payloadBytesMax) + more)), {
    discard: true,
  })

const tooLargeText = ({ name, namespace, payload, type }: Message, bytesMax: number): string =>
  `the message of ${type.kind} ${namespace === "" ? "" : `${namespace}/`}${name} has ${payload.byteLength} bytes, the broker accepts ${bytesMax}`

/** Waits until the batch may go without outrunning a consumer. */
const awaitTurn = (broker: Broker, { messages }: Batch): Effect.Effect<void> =>
  Effect.suspend(() => {
    const bytes = messages.reduce((sum, { payload }) => sum + payload.byteLength, 0)
    const { bucket, waitMs } = takeBatch(paceDefault, broker.bucket, messages.length, bytes, now(broker))
    broker.bucket = bucket
    return waitMs > 0 ? Effect.sleep(waitMs) : Effect.void
  })

const acceptedBut = (leftOut: ReadonlyArray<Message>): Receipt =>
  leftOut.length === 0 ? accepted : { _tag: "accepted", leftOut: new Set(leftOut) }

const isAboutPieces = ({ subjects }: Extract<Outcome, { readonly _tag: "refused" }>): boolean =>
  subjects?.size === 1 && subjects.has(oversizeSubject)

/** A broker that takes changes but no pieces must not hold up the changes: what goes in pieces is too large for it. */
const receiptOf = (broker: Broker, load: Load, outcome: Outcome): Effect.Effect<Receipt> => {
  switch (outcome._tag) {
    case "taken":
      broker.refusalSaid = false
      if (outcome.heard !== undefined) observe(broker, { _tag: outcome.heard ? "Heard" : "Unheard" })
      return Effect.succeed(acceptedBut(messagesGoing(load, "none")))
    case "refused":
      if (isAboutPieces(outcome)) {
        const inPieces = messagesGoing(load, "pieces")
        broker.piecesForbidden = true
        return Effect.as(
          sayTooLarge(inPieces, load, `, and no pieces of it: ${outcome.reason}`),
          acceptedBut([...inPieces, ...messagesGoing(load, "none")]),
        )
      }
      return Effect.as(refusePublishing(broker, outcome.reason), { _tag: "doubtful", reason: outcome.reason })
    case "lost":
      return Effect.succeed({ _tag: "doubtful", reason: outcome.reason })
  }
}

/** Somebody has to change the broker's permissions: say so once, and try again rarely. */
const refusePublishing = (broker: Broker, reason: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const say = broker.refusalSaid ? Effect.void : Effect.logError(errorText("ErrPublishRefused", reason))
    broker.refusalSaid = true
    return Effect.andThen(say, Effect.sleep(Limit.publishRefusedMs))
  })

/** Sends recreated objects once more whose time has come. One at a time, so that none goes out twice. */
const repeatRecreations = (broker: Broker, connection: Connection): Effect.Effect<void> =>
  broker.repeating.withPermits(1)(
    Effect.gen(function* () {
      while (true) {
        const session = connection.current()
        const due = dueRepetitions(broker.recreations, now(broker), Limit.batchMessagesMax, Limit.batchBytesMax)
        if (session === undefined || due.length === 0) return
        const outcome = yield* session.launch(due.map(({ message: { payload } }) => ({ subject: coreSubject, payload })))
        for (const repetition of due) settleRepetition(broker.recreations, repetition, outcome._tag === "taken", now(broker))
        if (outcome._tag !== "taken") return
      }
    }),
  )

// The way in -------------------------------------------------------------------------------------------------------------

/** Ends when the broker knows the subscription: who sees the connection may send a request. */
const listen = (broker: Broker, session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const receive = (payload: Uint8Array): void => {
      if (!Queue.offerUnsafe(broker.requests, decodeRequest(payload))) broker.dropped++
    }
    const refused = (reason: string): void => {
      broker.deafness = reason
    }
    session.subscribe(requestSubject, requestQueue, receive, refused)
    for (const input of broker.inputs) joinInput(session, input)
    return Effect.asVoid(session.launch([]))
  })

/** A refusal leaves the session deaf, and it ends when it has been idle for long. */
const joinInput = (session: Session, input: Input): void => {
  const { messages, subject } = input
  input.leave = session.subscribe(
    subject,
    undefined,
    (payload) => void Queue.offerUnsafe(messages, payload.slice()),
    () => undefined,
  )
}

const subscribeInput = (broker: Broker, connection: Connection, subject: string) =>
  Effect.gen(function* () {
    const input: Input = { subject, messages: yield* Queue.dropping<Uint8Array>(Limit.terminalInputsMax), leave: () => undefined }
    const session = connection.current()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        broker.inputs.add(input)
        if (session !== undefined) joinInput(session, input)
      }),
      () =>
        Effect.sync(() => {
          broker.inputs.delete(input)
          input.leave()
        }),
    )
    return input.messages
  })

/** What callbacks of the connection have left to be said. */
const logLeftovers = (broker: Broker): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { deafness, dropped } = broker
    if (deafness !== undefined) {
      broker.deafness = undefined
      yield* Effect.logError(errorText("ErrSubscribeRequest", deafness))
    }
    if (dropped > 0 && now(broker) - broker.droppedSaidMs >= Limit.requestsDroppedEveryMs) {
      broker.dropped = 0
      broker.droppedSaidMs = now(broker)
      yield* Effect.logWarning(`${dropped} requests were dropped because ${Limit.requestsWaitingMax} wait already`)
    }
  })

// The announcer ----------------------------------------------------------------------------------------------------------

const tendAnnouncer = (broker: Broker, connection: Connection): Effect.Effect<void> =>
  Effect.gen(function* () {
    const session = connection.current()
    if (session !== undefined && mustAsk(broker.announcer, now(broker))) {
      observe(broker, { _tag: "Asked" })
      const port = broker.options.monitorPort ?? monitorPortDefault
      const listeners = yield* countSubscriptions(session.server.host, port, coreSubject)
      if (listeners !== undefined && connection.current() === session) observe(broker, { _tag: listeners > 0 ? "Heard" : "Unheard" })
    }
    const origin = dueAnnouncement(broker.announcer, now(broker))
    if (origin === undefined) return
    // With a full queue it stays due and is tried again at the next look.
    if (Queue.offerUnsafe(broker.requests, { _tag: "Resync", origin })) observe(broker, { _tag: "Announced" })
  })

// The layer --------------------------------------------------------------------------------------------------------------

const makeBroker = Effect.fnUntraced(function* (options: NatsOptions) {
  const clock = yield* Clock.Clock
  const broker: Broker = {
    options,
    clock,
    requests: yield* Queue.dropping<Request>(Limit.requestsWaitingMax),
    flights: yield* Semaphore.make(Limit.batchesInFlightMax),
    oversizeFlights: yield* Semaphore.make(Limit.oversizeInFlightMax),
    recreations: makeRecreations(),
    repeating: yield* Semaphore.make(1),
    inputs: new Set(),
    announcer: idleAnnouncer,
    bucket: fullBucket(paceDefault, clock.currentTimeMillisUnsafe()),
    payloadBytesMax: Limit.brokerPayloadBytesMax,
    serverId: "",
    dropped: 0,
    droppedSaidMs: -Infinity,
    deafness: undefined,
    refusalSaid: false,
    piecesForbidden: false,
    marklessSaid: false,
  }
  return broker
})

/** A duty in the background. A defect in it is said and does not end it. */
const every = (ms: number, work: Effect.Effect<void>) =>
  work.pipe(
    Effect.catchDefect((defect) => Effect.logError(errorText("ErrInternal", String(defect)))),
    Effect.delay(ms),
    Effect.forever,
    Effect.forkScoped,
  )

const make = Effect.fnUntraced(function* (options: NatsOptions) {
  const servers = parseAddress(options.url)
  if (Result.isFailure(servers)) return yield* Effect.fail<MeshError>(servers.failure)
  if (servers.success.length === 0) return yield* Effect.fail(meshError("ErrBrokerUrl", "no broker is named"))
  const broker = yield* makeBroker(options)
  const connection = yield* keepConnection(servers.success, options, options.monitorPort ?? monitorPortDefault, {
    opened: (session) =>
      Effect.suspend(() => {
        observe(broker, { _tag: "Connected" })
        broker.serverId = session.broker.id
        broker.piecesForbidden = false
        return listen(broker, session)
      }),
    lost: Effect.sync(() => observe(broker, { _tag: "Disconnected" })),
  })
  yield* every(Limit.repeatEveryMs, repeatRecreations(broker, connection))
  yield* every(Limit.probeEveryMs, Effect.andThen(tendAnnouncer(broker, connection), logLeftovers(broker)))
  const sink = Sink.of({
    deliver: (batch) => deliverBatch(broker, connection, batch),
    mark: (payload) => deliverMark(broker, connection, payload),
    ...(options.oversize === "chunks" ? { oversizeBytesMax: () => oversizeBytesMax(broker, connection.current()) } : {}),
    bytesMax: () => (broker.payloadBytesMax = connection.current()?.payloadBytesMax() ?? broker.payloadBytesMax),
    owes: () => isOwing(broker.announcer),
    receiver: () => (broker.serverId === "" ? undefined : broker.serverId),
    status: () => ({ name: "nats", ...connection.status() }),
    settled: Effect.void,
  })
  const requests = Requests.of({
    incoming: Stream.fromQueue(broker.requests),
    unpaced: !options.pace,
    reply: (subject, payload) =>
      Effect.suspend(() => {
        const session = connection.current()
        const went = isPublishable(subject) && session?.send(subject, payload) === true
        return went ? session.relief : Effect.logDebug(`a reply on ${JSON.stringify(subject.slice(0, 100))} did not go out`)
      }),
    subscribe: (subject) => subscribeInput(broker, connection, subject),
  })
  return Context.make(Sink, sink).pipe(Context.add(Requests, requests))
})

/**
 * Connects and stays connected. Fails only at the start: a malformed address, unusable credentials, or a broker that never answers.
 */
export const layer = (options: NatsOptions): Layer.Layer<Sink | Requests, MeshError> => Layer.effectContext(make(options))
