/**
 * Sessions in pods at the platform's wish: which run, which may begin, and the list of them.
 * Invariants: a session is a fiber of its own, so none touches another or the run; their numbers are bounded; nothing begins in a namespace
 * that is not selected, or that the policy forbids; each one's beginning and end is one line of the log. Who asked cannot be known.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberMap from "effect/FiberMap"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { errorText } from "../domain/error.ts"
import { execSessionsMax, logSessionsMax, sessionsListedEveryMs } from "../domain/limit.ts"
import { encodeSessions, encodeTerminal, sessionsSubject } from "../domain/wire/sessionMessage.ts"
import { execKey, logKey, type SessionWish } from "../domain/wire/sessionRequest.ts"
import { type ApiError, ClusterApi } from "../ports/ClusterApi.ts"
import { PodSession } from "../ports/PodSession.ts"
import { Requests } from "../ports/Requests.ts"
import { runTerminal } from "./execSession.ts"
import { streamLog } from "./logSession.ts"
import { makeComplaints } from "./notices.ts"
import type { SessionPorts, Tally } from "./sessionTally.ts"

/** What may be opened in pods: logs and terminals, logs only, or nothing. */
export const interactives = ["on", "logs", "off"] as const
export type Interactive = (typeof interactives)[number]

export interface SessionPolicy {
  readonly interactive: Interactive
  /** Only in these namespaces; empty: in all. */
  readonly namespaces: ReadonlyArray<string>
}

type Kind = "Logs" | "Terminals"

interface Book {
  readonly policy: SessionPolicy
  readonly ports: SessionPorts
  readonly fibers: FiberMap.FiberMap<string, void, ApiError>
  /** By key, in order of their beginning. */
  readonly running: Map<string, Tally>
  readonly complain: ReturnType<typeof makeComplaints>
}

const prefixOf: Readonly<Record<Kind, string>> = { Logs: "logs.", Terminals: "exec." }
const boundOf: Readonly<Record<Kind, number>> = { Logs: logSessionsMax, Terminals: execSessionsMax }

/**
 * The sessions of a run. They end with the scope.
 * @returns `ask` starts and ends sessions and does not wait for them; `list` has the list published from now on; `work` does it, for ever
 */
export const makeSessions = Effect.fnUntraced(function* (policy: SessionPolicy) {
  const [api, requests] = [yield* ClusterApi, yield* Requests]
  const pods = yield* Effect.serviceOption(PodSession)
  const fibers = yield* FiberMap.make<string, void, ApiError>()
  const complain = makeComplaints()
  const wanted = yield* Queue.sliding<void>(1)
  const book: Book | undefined = Option.isSome(pods)
    ? { policy, ports: { api, pods: pods.value, requests }, fibers, running: new Map(), complain }
    : undefined
  const ask = (kind: Kind, wishes: ReadonlyArray<SessionWish>): Effect.Effect<void> =>
    book === undefined
      ? complain("no sessions", "a request for a session in a pod was ignored: this run has none")
      : Effect.forEach(wishes, (wish) => (wish.stop ? endSession(book, kind, wish) : beginSession(book, kind, wish)), { discard: true })
  const publish = requests.reply(sessionsSubject, encodeSessions([]))
  const listed = Effect.suspend(() => (book === undefined ? publish : publishList(book)))
  const work = Effect.andThen(Queue.take(wanted), Effect.forever(Effect.delay(listed, sessionsListedEveryMs)))
  return { ask, list: Effect.asVoid(Queue.offer(wanted, undefined)), work }
})

const publishList = ({ ports, running }: Book): Effect.Effect<void> =>
  Effect.suspend(() => ports.requests.reply(sessionsSubject, encodeSessions([...running.values()].map(({ id }) => id))))

const keyOf = (kind: Kind, wish: SessionWish): string => (kind === "Logs" ? logKey(wish) : execKey(wish))

/** A terminal may be named by the wish that began it, or by its name in the list. */
const endSession = ({ fibers, running }: Book, kind: Kind, wish: SessionWish): Effect.Effect<void> => {
  const name = keyOf(kind, wish)
  const key = running.has(name) ? name : [...running].find(([, { id }]) => id === name)?.[0]
  return key === undefined ? Effect.void : FiberMap.remove(fibers, key)
}

/** Why a session may not begin; undefined when it may. */
const refusalOf = ({ policy, running }: Book, kind: Kind, { namespace }: SessionWish): string | undefined => {
  const { interactive, namespaces } = policy
  if (interactive === "off" || (interactive === "logs" && kind === "Terminals")) return `forbidden by MESHSYNC_INTERACTIVE=${interactive}`
  if (namespaces.length > 0 && !namespaces.includes(namespace)) return "the namespace is not selected"
  const count = [...running.keys()].filter((key) => key.startsWith(prefixOf[kind])).length
  return count >= boundOf[kind] ? `${boundOf[kind]} run already` : undefined
}

const beginSession = Effect.fnUntraced(function* (book: Book, kind: Kind, wish: SessionWish) {
  const { complain, fibers, ports, running } = book
  const key = keyOf(kind, wish)
  if (running.has(key) || [...running.values()].some(({ id }) => id === key)) return
  const refusal = refusalOf(book, kind, wish)
  if (refusal !== undefined) {
    // Without a container the subject is none, and nothing goes out.
    if (kind === "Terminals") yield* ports.requests.reply(key, encodeTerminal("error", refusal))
    return yield* complain(`${kind} ${refusal}`, `${describe(kind, wish)} was refused: ${refusal}`)
  }
  const tally: Tally = { id: key, sentBytes: 0, typedBytes: 0, saidMs: yield* Clock.currentTimeMillis }
  running.set(key, tally)
  const body = kind === "Logs" ? streamLog(ports, wish, tally) : runTerminal(ports, wish, tally, renameIn(book, tally))
  yield* FiberMap.run(fibers, key, audited(book, kind, wish, tally, body))
})

/** Asked for with and without its container, a terminal is one: what is typed would be typed twice. */
const renameIn =
  (book: Book, tally: Tally) =>
  (id: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if ([...book.running.values()].some((other) => other !== tally && other.id === id)) return Effect.interrupt
      tally.id = id
      return publishList(book)
    })

const describe = (kind: Kind, { container, namespace, pod }: SessionWish): string =>
  `${kind === "Logs" ? "the log of" : "a terminal in"} ${namespace}/${pod}${container === "" ? "" : ` (${container})`}`

/** A session with its two lines of the log, and with the list before and after it. */
const audited = (
  book: Book,
  kind: Kind,
  wish: SessionWish,
  tally: Tally,
  body: Effect.Effect<void, ApiError, Scope.Scope>,
): Effect.Effect<void, ApiError> => {
  const beganMs = tally.saidMs
  const key = tally.id
  const end = Effect.fnUntraced(function* (exit: Exit.Exit<void, ApiError>) {
    book.running.delete(key)
    const seconds = ((yield* Clock.currentTimeMillis) - beganMs) / 1000
    const bytes = `${tally.sentBytes} bytes out, ${tally.typedBytes} bytes in`
    yield* Effect.logInfo(`${describe(kind, wish)} has ended after ${seconds} s, ${bytes}: ${outcomeOf(exit)}`)
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) {
      const name = kind === "Terminals" ? "ErrExecTerminal" : tally.sentBytes === 0 ? "ErrLogStream" : "ErrCopyBuffer"
      yield* Effect.logError(errorText(name, `${describe(kind, wish)}: ${outcomeOf(exit)}`))
    }
    yield* publishList(book)
  })
  return Effect.logInfo(`${describe(kind, wish)} begins`).pipe(
    Effect.andThen(publishList(book)),
    Effect.andThen(Effect.scoped(body)),
    Effect.onExit(end),
  )
}

const outcomeOf = (exit: Exit.Exit<void, ApiError>): string => {
  if (Exit.isSuccess(exit)) return "its end was reached"
  if (Cause.hasInterruptsOnly(exit.cause)) return "it was stopped"
  const error = Cause.squash(exit.cause)
  return error instanceof Error ? error.message : String(error)
}
