/**
 * The port ClusterApi held to one budget, and counted. A decorator and not a part of the HTTP adapter, so that every cluster has it, the
 * one in memory and the simulated one too. What waits goes in the order of its coming. A watch that runs is not touched.
 * Does not know lanes, nor what an answer says.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Engine } from "../domain/sync/engine.ts"
import { heedFailure, listHoldMs, makeRequestBudget, takeToken, type RequestBudget } from "../domain/sync/requestBudget.ts"
import { answerName, countAnswer, noteListed, noteListing, type RequestVerb } from "../domain/sync/requestCounts.ts"
import { ClusterApi, type ApiError } from "../ports/ClusterApi.ts"

interface Gate {
  readonly budget: RequestBudget
  readonly queue: Semaphore.Semaphore
  readonly engine: Engine
}

/** Returns with a token; whoever is interrupted while it waits has taken none. */
const awaitToken = ({ budget }: Gate) =>
  Effect.gen(function* () {
    while (true) {
      const waitMs = takeToken(budget, yield* Clock.currentTimeMillis)
      if (waitMs === 0) return
      yield* Effect.sleep(waitMs)
    }
  })

/** Waits until the request may go out. A list is held once: a server that goes on refusing is the reflector's matter. */
const pass = Effect.fnUntraced(function* (gate: Gate, verb: RequestVerb) {
  const fromMs = yield* Clock.currentTimeMillis
  const heldMs = verb === "list" ? listHoldMs(gate.budget, fromMs) : 0
  if (heldMs > 0) yield* Effect.sleep(heldMs)
  yield* gate.queue.withPermits(1)(awaitToken(gate))
  gate.engine.requests.waitedMs += Math.max(0, (yield* Clock.currentTimeMillis) - fromMs)
})

const within =
  (gate: Gate, verb: RequestVerb) =>
  <A, R>(request: Effect.Effect<A, ApiError, R>): Effect.Effect<A, ApiError, R> =>
    Effect.andThen(pass(gate, verb), request).pipe(
      Effect.tap(() => Effect.sync(() => countAnswer(gate.engine.requests, verb, "ok"))),
      Effect.tapError(({ failure }) =>
        Effect.map(Clock.currentTimeMillis, (nowMs) => {
          countAnswer(gate.engine.requests, verb, answerName(failure))
          heedFailure(gate.budget, failure, nowMs)
        }),
      ),
    )

const counting = <A, R>({ engine }: Gate, list: Effect.Effect<A, ApiError, R>): Effect.Effect<A, ApiError, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => noteListing(engine.requests)),
    () => list,
    () => Effect.sync(() => noteListed(engine.requests)),
  )

/**
 * The same API server, every request of which waits for the run's budget and is counted in the engine.
 * @param api what performs the requests
 */
export const holdToBudget = (api: ClusterApi["Service"], engine: Engine): ClusterApi["Service"] => {
  const gate: Gate = { budget: makeRequestBudget(engine.startedMs), queue: Semaphore.makeUnsafe(1), engine }
  return ClusterApi.of({
    ...api,
    list: (request) => within(gate, "list")(counting(gate, api.list(request))),
    watch: (request) => within(gate, "watch")(api.watch(request)),
    read: (path, accept) => within(gate, "get")(api.read(path, accept)),
    review: (path, document) => within(gate, "create")(api.review(path, document)),
    apply: (path, document) => within(gate, "patch")(api.apply(path, document)),
  })
}
