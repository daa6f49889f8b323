/**
 * One connection to a broker, from login to its end. It never redials: whatever comes between makes an end of it, and all that was on
 * its way is lost with it. So what the `nats` package does on a redial (it empties its buffer, and answers a flush whose first half went
 * with it) cannot happen, and a PONG vouches for everything published before it on this connection.
 *
 * Invariants: a batch and its PING leave in one synchronous turn, after which the package holds no reference to the payloads (its
 * buffer has been copied to the socket, or the session is over and nobody reads it). `flushWaitMs` without any PONG ends the session, so
 * that no more than `batchesInFlightMax` batches ever wait in a stalled socket. Does not know what messages mean, nor when to dial again.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { createInbox, headers as makeHeaders, type MsgHdrs, type NatsConnection, type ServerInfo } from "nats"
import { brokerPayloadBytesMax, drainWaitMs, flushWaitMs, probeEveryMs, repliesAwayBytesMax } from "../../domain/limit.ts"
import { pieceBytesFor } from "../../domain/wire/oversize.ts"
import type { BrokerServer } from "./address.ts"
import { textOf } from "./dial.ts"

/** One message of the protocol. Headers only where `pieceBytesMax` is above 0. */
export interface Parcel {
  readonly subject: string
  readonly payload: Uint8Array
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>
}

/**
 * What became of a batch. `heard`: whether somebody subscribes to its first parcel without headers; undefined when there is none, or the
 * broker does not say.
 */
export type Outcome =
  | { readonly _tag: "taken"; readonly heard: boolean | undefined }
  /** The broker's permissions forbid it; the connection lives on. `subjects`: on these alone, it has what was on others; absent: all. */
  | { readonly _tag: "refused"; readonly reason: string; readonly subjects?: ReadonlySet<string> }
  /** The broker may or may not have it. */
  | { readonly _tag: "lost"; readonly reason: string }

export interface Session {
  readonly server: BrokerServer
  readonly broker: { readonly id: string; readonly name: string; readonly version: string; readonly addresses: ReadonlyArray<string> }
  /** Largest payload that the broker accepts, in bytes, as it last said. */
  readonly payloadBytesMax: () => number
  /** The most that a piece of a message may hold beside its headers; 0 where the broker knows no headers, or has no room for any. */
  readonly pieceBytesMax: () => number
  /** Completed with the reason when the connection is over. */
  readonly ended: Deferred.Deferred<string>
  readonly isOver: () => boolean
  /**
   * Publishes parcels in order and asks for a PONG, all before it returns. The payloads may be reused when the effect has ended.
   * Without parcels it asks whether all that went before has arrived, subscriptions included.
   * @returns waits for what became of them
   */
  readonly launch: (parcels: ReadonlyArray<Parcel>) => Effect.Effect<Outcome>
  /** Publishes one payload and forgets it. False: it did not go out. */
  readonly send: (subject: string, payload: Uint8Array) => boolean
  /** Waits while more than `repliesAwayBytesMax` of what was sent may not have reached the broker, at most `flushWaitMs`. */
  readonly relief: Effect.Effect<void>
  /** Subscribes until the end, or until the returned function is called. `refused` is called when the permissions forbid it. */
  readonly subscribe: (
    subject: string,
    queue: string | undefined,
    receive: (payload: Uint8Array) => void,
    refused: (reason: string) => void,
  ) => () => void
  /** Ends the session when the broker falls silent; to be run as long as it lasts. */
  readonly watch: Effect.Effect<never>
  /** Sends what is buffered, then closes; at most `drainWaitMs`. */
  readonly drain: Effect.Effect<void>
}

/** A batch on its way. */
interface Flight {
  readonly subjects: ReadonlySet<string>
  readonly startedMs: number
  readonly outcome: Deferred.Deferred<Outcome>
  refusal: Extract<Outcome, { readonly _tag: "refused" }> | undefined
  /** Undefined where nothing was published, or the broker would not say. */
  heard: boolean | undefined
}

/** The batches on their way: who waits for which PONG, and since when nothing was heard. */
const makeFlights = (now: () => number) => {
  const flights = new Map<number, Flight>()
  let last = 0
  let heardMs = now()
  const conclude = (number: number, flight: Flight, outcome: Outcome) => {
    flights.delete(number)
    Deferred.doneUnsafe(flight.outcome, Effect.succeed(outcome))
  }
  return {
    begin: (subjects: ReadonlySet<string>, heard: boolean | undefined) => {
      const outcome = Deferred.makeUnsafe<Outcome>()
      const number = ++last
      flights.set(number, { subjects, startedMs: now(), outcome, refusal: undefined, heard })
      return { number, outcome: Effect.onInterrupt(Deferred.await(outcome), () => Effect.sync(() => flights.delete(number))) }
    },
    /** Nobody subscribes to the batch of that number. */
    unheard: (number: number) => {
      const flight = flights.get(number)
      if (flight !== undefined) flight.heard = false
    },
    /** A refusal does not say which batch it is about, so it is about all of its subject; without one, about all. */
    refuse: (subject: string | undefined, reason: string) => {
      for (const flight of flights.values()) {
        const { refusal, subjects } = flight
        if (subject === undefined) flight.refusal = { _tag: "refused", reason }
        else if (subjects.has(subject) && (refusal === undefined || refusal.subjects !== undefined)) {
          flight.refusal = { _tag: "refused", reason, subjects: new Set([...(refusal?.subjects ?? []), subject]) }
        }
      }
    },
    /** The PONG of a batch has come. */
    settle: (number: number, knowsHearing: boolean) => {
      heardMs = now()
      const flight = flights.get(number)
      if (flight === undefined) return
      if (flight.refusal === undefined) conclude(number, flight, { _tag: "taken", heard: knowsHearing ? flight.heard : undefined })
      else conclude(number, flight, flight.refusal)
    },
    /** To be called when nothing can be launched any more. */
    lose: (reason: string) => {
      for (const [number, flight] of flights) conclude(number, flight, { _tag: "lost", reason })
    },
    /** Whether a PING has been waiting for `flushWaitMs` since it was sent or since the last PONG, whichever is later. */
    isSilent: (): boolean => {
      const oldest = flights.values().next()
      return oldest.done !== true && now() - Math.max(oldest.value.startedMs, heardMs) >= flushWaitMs
    },
  }
}

const brokerOf = (info: ServerInfo | undefined): Session["broker"] => ({
  id: info?.server_id ?? "",
  name: info?.server_name ?? "",
  version: info?.version ?? "",
  addresses: info?.connect_urls ?? [],
})

const headersOf = ({ headers }: Parcel): { readonly headers?: MsgHdrs } => {
  if (headers === undefined) return {}
  const all = makeHeaders()
  for (const [name, value] of headers) all.set(name, value)
  return { headers: all }
}

/** Publishing with an account of what became of it. */
const makeLaunch = (nc: NatsConnection, flights: ReturnType<typeof makeFlights>, end: (reason: string) => void): Session["launch"] => {
  const inbox = createInbox()
  // A broker without headers says nothing about missing subscribers, and neither does one that forbids the inbox.
  let knowsHearing = nc.info?.headers === true
  nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error === null) flights.unheard(Number(message.subject.slice(inbox.length + 1)))
      else knowsHearing = false
    },
  })
  return (parcels) => {
    if (nc.isClosed() || nc.isDraining()) return Effect.succeed({ _tag: "lost", reason: "the connection is over" })
    const asking = knowsHearing ? parcels.findIndex(({ headers }) => headers === undefined) : -1
    const subjects = new Set(parcels.map(({ subject }) => subject))
    const { number, outcome } = flights.begin(subjects, asking < 0 ? undefined : true)
    for (const [index, parcel] of parcels.entries()) {
      const reply = index === asking ? { reply: `${inbox}.${number}` } : {}
      nc.publish(parcel.subject, parcel.payload, { ...reply, ...headersOf(parcel) })
    }
    // After the PONG one turn of the event loop: the package hands refusals on through two asynchronous iterators.
    nc.flush().then(
      () => setImmediate(() => flights.settle(number, knowsHearing)),
      () => end("the connection was lost"),
    )
    return outcome
  }
}

/** Reads what the broker says beside messages, until the end. */
const followStatus = async (nc: NatsConnection, flights: ReturnType<typeof makeFlights>): Promise<void> => {
  for await (const status of nc.status()) {
    if (status.type !== "error") continue
    const context = status.permissionContext
    if (context === undefined) flights.refuse(undefined, `the broker reports ${typeof status.data === "string" ? status.data : "an error"}`)
    else if (context.operation === "publish") flights.refuse(context.subject, `publishing on ${context.subject} is forbidden`)
  }
}

const closeInOrder = (nc: NatsConnection): Effect.Effect<void> =>
  Effect.promise(() => nc.drain()).pipe(
    Effect.timeoutOption(drainWaitMs),
    // Closing destroys the socket without waiting for anything.
    Effect.andThen(Effect.promise(() => nc.close())),
    Effect.catchCause(() => Effect.void),
  )

/**
 * The session around a connection that has just been made.
 * @param now the time in milliseconds
 */
export const makeSession = (server: BrokerServer, nc: NatsConnection, now: () => number): Session => {
  const flights = makeFlights(now)
  const ended = Deferred.makeUnsafe<string>()
  let payloadBytesMax = brokerPayloadBytesMax
  let awayBytes = 0
  const end = (reason: string) => {
    // First closed, then told: who is told may try again in the same moment, and must find it over.
    void nc.close()
    Deferred.doneUnsafe(ended, Effect.succeed(reason))
    flights.lose(reason)
  }
  const payloadMax = () => (payloadBytesMax = nc.info?.max_payload ?? payloadBytesMax)
  void followStatus(nc, flights)
  void nc.closed().then((cause) => end(cause instanceof Error ? textOf(cause) : "the broker closed the connection"))
  return {
    server,
    broker: brokerOf(nc.info),
    payloadBytesMax: payloadMax,
    pieceBytesMax: () => (nc.info?.headers === true ? pieceBytesFor(payloadMax()) : 0),
    ended,
    isOver: () => nc.isClosed() || nc.isDraining(),
    launch: makeLaunch(nc, flights, end),
    send: (subject, payload) => {
      if (nc.isClosed() || nc.isDraining() || payload.byteLength > (nc.info?.max_payload ?? payloadBytesMax)) return false
      // The package keeps the bytes until it writes them, which may be after the caller has reused them.
      nc.publish(subject, payload.slice())
      awayBytes += payload.byteLength
      return true
    },
    relief: Effect.suspend(() => {
      if (awayBytes < repliesAwayBytesMax) return Effect.void
      awayBytes = 0
      const flushed = Effect.promise(() => nc.flush().catch(() => undefined))
      return Effect.raceFirst(flushed, Deferred.await(ended)).pipe(Effect.timeoutOption(flushWaitMs), Effect.asVoid)
    }),
    subscribe: (subject, queue, receive, refused) => {
      if (nc.isClosed() || nc.isDraining()) return () => undefined
      const subscription = nc.subscribe(subject, {
        ...(queue === undefined ? {} : { queue }),
        callback: (error, message) => (error === null ? receive(message.data) : refused(error.message)),
      })
      return () => subscription.unsubscribe()
    },
    watch: Effect.forever(
      Effect.andThen(
        Effect.sleep(probeEveryMs),
        Effect.sync(() => {
          if (flights.isSilent()) end(`no answer in ${flushWaitMs / 1000} s`)
        }),
      ),
    ),
    drain: Effect.suspend(() => (nc.isClosed() ? Effect.void : closeInOrder(nc))),
  }
}
