/**
 * Keeps one session with one of the brokers: dials at the start, and again whenever a session has ended, for ever. Says so in the log, one
 * line for each change and at most one every `brokerWarnEveryMs` while nothing succeeds.
 *
 * At the start a refusal of the credentials, an unusable credentials file, and `probeGiveUpMs` in which neither NATS nor the monitoring
 * port of any server ever answered are fatal; later nothing is, because a broker that was there once comes back. Everything can be
 * interrupted. Does not know what is sent.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { errorText, meshError, type MeshError } from "../../domain/error.ts"
import { brokerWarnEveryMs, probeGiveUpMs, reconnectEveryMs } from "../../domain/limit.ts"
import type { SinkStatus } from "../../ports/Sink.ts"
import { type BrokerServer, parseAddress, showServer } from "./address.ts"
import { authOptions, type Credentials } from "./credentials.ts"
import { type DialFailure, dialServer } from "./dial.ts"
import { answersAny } from "./monitor.ts"
import { makeSession, type Session } from "./session.ts"

export interface Connection {
  /** Suspends until a session stands. */
  readonly session: Effect.Effect<Session>
  readonly current: () => Session | undefined
  readonly status: () => Pick<SinkStatus, "state" | "detail">
}

/** What the owner wants to be told. */
export interface ConnectionEvents {
  /** Deliveries may be under way already; the start waits for its end. */
  readonly opened: (session: Session) => Effect.Effect<void>
  readonly lost: Effect.Effect<void>
}

/** Clients that lost the same broker do not come back in the same moment. */
const spreadMs = 100

type Round = Result.Result<Session, { readonly fatal: MeshError | undefined; readonly answered: boolean; readonly text: string }>

/** Tries every server once, in order; a server that wants TLS gets it. The session ends with the scope. */
const dialRound = (servers: ReadonlyArray<BrokerServer>, words: Credentials): Effect.Effect<Round, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const attempt = (server: BrokerServer, tls: boolean): Effect.Effect<Session, DialFailure | MeshError, Scope.Scope> =>
      Effect.flatMap(authOptions(server, words, tls), (auth) =>
        Effect.acquireRelease(
          Effect.map(dialServer(server, auth), (nc) => makeSession(server, nc, () => clock.currentTimeMillisUnsafe())),
          (session) => session.drain,
          { interruptible: true },
        ),
      ).pipe(Effect.catch((failure) => ("kind" in failure && failure.kind === "needsTls" ? attempt(server, true) : Effect.fail(failure))))
    const texts: Array<string> = []
    let fatal: MeshError | undefined
    let answered = false
    for (const server of servers) {
      const result = yield* Effect.result(attempt(server, false))
      if (Result.isSuccess(result)) return Result.succeed(result.success)
      const failure = result.failure
      if ("kind" in failure) {
        texts.push(failure.text)
        if (failure.kind === "unauthorized") fatal ??= meshError("ErrBrokerConnect", failure.text)
        answered ||= failure.kind !== "unreachable"
      } else {
        texts.push(failure.detail)
        fatal ??= failure
      }
    }
    return Result.fail({ fatal, answered, text: texts.join("; ") })
  })

/** Servers that the last broker named beside those of the address; they take its login. */
const withNeighbours = (servers: ReadonlyArray<BrokerServer>, last: Session | undefined): ReadonlyArray<BrokerServer> => {
  if (last === undefined) return servers
  const known = new Set(servers.map(showServer))
  const neighbours = last.broker.addresses.flatMap((address) => Result.getOrElse(parseAddress(address), () => []))
  return [
    ...servers,
    ...neighbours.filter((one) => !known.has(showServer(one))).map((one) => ({ ...last.server, host: one.host, port: one.port })),
  ]
}

const describe = (session: Session): string =>
  `${session.broker.name === session.broker.id ? "" : `${session.broker.name} `}at ${showServer(session.server)} (nats-server ${session.broker.version})`

/** Dials until a session stands. `last` is the session before; undefined at the start, when it may fail. */
const dialUntilConnected = (
  servers: ReadonlyArray<BrokerServer>,
  words: Credentials,
  monitorPort: number,
  last: Session | undefined,
): Effect.Effect<Session, MeshError, Scope.Scope> =>
  Effect.gen(function* () {
    const startedMs = yield* Clock.currentTimeMillis
    const candidates = withNeighbours(servers, last)
    const hosts = [...new Set(servers.map((server) => server.host))]
    let answered = last !== undefined
    let warnedMs = -Infinity
    while (true) {
      const round = yield* dialRound(candidates, words)
      if (Result.isSuccess(round)) return round.success
      const { failure } = round
      if (last === undefined && failure.fatal !== undefined) return yield* failure.fatal
      answered ||= failure.answered
      const nowMs = yield* Clock.currentTimeMillis
      if (nowMs - warnedMs >= brokerWarnEveryMs) {
        warnedMs = nowMs
        yield* Effect.logWarning(`the broker cannot be reached: ${failure.text}; trying again every ${reconnectEveryMs / 1000} s`)
      }
      answered ||= yield* answersAny(hosts, monitorPort)
      if (!answered && nowMs - startedMs >= probeGiveUpMs) return yield* meshError("ErrBrokerConnect", failure.text)
      yield* Effect.sleep(reconnectEveryMs + (yield* Random.nextIntBetween(0, spreadMs)))
    }
  })

/** What is known of the connection now; changed by the loop alone. */
interface Keeper {
  /** Open while a session stands. */
  readonly opened: Latch.Latch
  /** Done with the first session, or with the reason why there is none. */
  readonly ready: Deferred.Deferred<void, MeshError>
  current: Session | undefined
  state: SinkStatus["state"]
  detail: string
}

/** From dialling to the end of one session, which is returned. */
const keepOnce = (
  keeper: Keeper,
  dialled: Effect.Effect<Session, MeshError, Scope.Scope>,
  events: ConnectionEvents,
): Effect.Effect<Session, MeshError> =>
  Effect.gen(function* () {
    const session = yield* dialled
    const word = keeper.state === "connecting" ? "connected" : "reconnected"
    const where = describe(session)
    Object.assign(keeper, { current: session, state: "connected", detail: where })
    const begin = Effect.gen(function* () {
      yield* Effect.logInfo(`${word} to the broker ${where}`)
      yield* events.opened(session)
      yield* Latch.open(keeper.opened)
      yield* Deferred.succeed(keeper.ready, undefined)
    })
    const run = Effect.all([begin, session.watch], { concurrency: "unbounded", discard: true })
    const reason = yield* Effect.raceFirst(Deferred.await(session.ended), Effect.andThen(run, Effect.never))
    yield* Latch.close(keeper.opened)
    Object.assign(keeper, { current: undefined, state: "disconnected", detail: reason })
    yield* events.lost
    yield* Effect.logWarning(`disconnected from the broker ${where}: ${reason}`)
    return session
  }).pipe(Effect.scoped)

/** Suspends until a session stands. */
const awaitSession = (keeper: Keeper): Effect.Effect<Session> =>
  Effect.suspend(() => {
    const { current, opened } = keeper
    if (current !== undefined && !current.isOver()) return Effect.succeed(current)
    // The session is over, but the loop has not run yet: without this the latch would let us through again and again.
    Latch.closeUnsafe(opened)
    return Effect.andThen(Latch.await(opened), awaitSession(keeper))
  })

/**
 * Connects, and stays connected until the scope closes; then what is buffered is sent within `drainWaitMs`.
 * @returns when the first session stands; fails as the file's head says
 */
export const keepConnection = (
  servers: ReadonlyArray<BrokerServer>,
  words: Credentials,
  monitorPort: number,
  events: ConnectionEvents,
): Effect.Effect<Connection, MeshError, Scope.Scope> =>
  Effect.gen(function* () {
    const keeper: Keeper = {
      opened: yield* Latch.make(false),
      ready: yield* Deferred.make<void, MeshError>(),
      current: undefined,
      state: "connecting",
      detail: servers.map(showServer).join(", "),
    }
    const loop = Effect.gen(function* () {
      let last: Session | undefined
      while (true) {
        last = yield* keepOnce(keeper, dialUntilConnected(servers, words, monitorPort, last), events)
        yield* Effect.sleep(yield* Random.nextIntBetween(0, spreadMs))
      }
    })
    yield* loop.pipe(
      Effect.onExit(() => Effect.sync(() => void (keeper.state = "closed"))),
      // After the start only a defect gets here: it must not vanish, for nothing would be delivered any more.
      Effect.catchCause((cause) =>
        Effect.flatMap(Deferred.failCause(keeper.ready, cause), (first) =>
          first || Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError(errorText("ErrInternal", Cause.pretty(cause))),
        ),
      ),
      Effect.forkScoped,
    )
    yield* Deferred.await(keeper.ready)
    return {
      session: awaitSession(keeper),
      current: () => keeper.current,
      status: () => ({ state: keeper.state, detail: keeper.detail }),
    }
  })
