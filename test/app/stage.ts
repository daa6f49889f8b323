/**
 * Ports that do nothing by themselves: every list, watch and delivery waits until the test has looked at it and answers.
 * What a lane does next is what the test takes next, so nothing depends on time.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import type { Intervals } from "../../src/domain/select/interval.ts"
import { makeEngine } from "../../src/domain/sync/engine.ts"
import type { ChangeEvent, Fact, Failure } from "../../src/domain/sync/fact.ts"
import { makeLane } from "../../src/domain/sync/lane.ts"
import { makeDesk } from "../../src/app/desk.ts"
import { runLane } from "../../src/app/laneLoop.ts"
import { ApiError, ClusterApi, type ListRequest, type WatchRequest } from "../../src/ports/ClusterApi.ts"
import { Dialer } from "../../src/ports/Dialer.ts"
import { accepted, Sink, type Batch, type Receipt, type SinkError } from "../../src/ports/Sink.ts"
import { bookmark, line, specOf, type Thing } from "../domain/sync/block.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const pageText = (things: ReadonlyArray<Thing>, version: string, token = ""): Uint8Array => {
  const items = things.map(({ name, namespace, uid, version: resourceVersion }) => ({
    metadata: { name, namespace, uid, resourceVersion },
    spec: {},
  }))
  const metadata = { resourceVersion: version, ...(token === "" ? {} : { continue: token }) }
  return encoder.encode(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata, items }))
}

export const linesText = (...lines: ReadonlyArray<string>): Uint8Array => encoder.encode(lines.map((text) => `${text}\n`).join(""))
export { bookmark, line }

interface Asked<Request, Answer, Error> {
  readonly request: Request
  readonly answer: Deferred.Deferred<Answer, Error>
}

export interface Watching {
  readonly request: WatchRequest
  /** `undefined` ends the watch in order. */
  readonly come: (bytes: Uint8Array | undefined) => Effect.Effect<void>
  readonly fail: (failure: Failure) => Effect.Effect<void>
  /** Completed when the lane has let go of it. */
  readonly closed: Deferred.Deferred<void>
}

interface Delivery {
  readonly urgency: Batch["urgency"]
  /** `Added a`, with each payload as it was when it came. */
  readonly told: ReadonlyArray<string>
  readonly payloads: ReadonlyArray<string>
  readonly messages: Batch["messages"]
  readonly answer: Deferred.Deferred<Receipt, SinkError>
}

export const failed = (failure: Failure): ApiError => new ApiError({ failure, path: "/api/v1/pods" })

const makeWatching = Effect.fnUntraced(function* (request: WatchRequest, watches: Queue.Queue<Watching>) {
  const blocks = yield* Queue.unbounded<Effect.Effect<Uint8Array | undefined, ApiError>>()
  const closed = yield* Deferred.make<void>()
  yield* Effect.addFinalizer(() => Deferred.succeed(closed, undefined))
  yield* Queue.offer(watches, {
    request,
    closed,
    come: (bytes) => Effect.asVoid(Queue.offer(blocks, Effect.succeed(bytes))),
    fail: (failure) => Effect.asVoid(Queue.offer(blocks, Effect.fail(failed(failure)))),
  })
  return { next: Effect.flatten(Queue.take(blocks)) }
})

/** A lane of pods at work, and the strings it hangs on. */
export const setStage = Effect.fnUntraced(function* (contentDedup = false, takesMarks = false, minIntervals?: Intervals) {
  const lists = yield* Queue.unbounded<Asked<ListRequest, Uint8Array, ApiError>>()
  const watches = yield* Queue.unbounded<Watching>()
  const deliveries = yield* Queue.unbounded<Delivery>()
  const recycled: Array<Uint8Array> = []
  const counts = { renewals: 0, surveys: 0 }
  const api = ClusterApi.of({
    list: (request) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<Uint8Array, ApiError>()
        yield* Queue.offer(lists, { request, answer })
        return yield* Deferred.await(answer)
      }),
    recycle: (page) => recycled.push(page),
    watch: (request) => makeWatching(request, watches),
    read: () => Effect.die("nothing is read"),
    review: () => Effect.die("nothing is reviewed"),
    apply: () => Effect.die("nothing is written"),
    renewCredentials: Effect.sync(() => counts.renewals++),
    address: "stage",
  })
  const mark = (payload: () => Uint8Array) =>
    Effect.gen(function* () {
      const answer = yield* Deferred.make<Receipt, SinkError>()
      const text = decoder.decode(payload())
      const said = JSON.parse(text) as { readonly mark: string; readonly count?: number }
      const told = said.count === undefined ? said.mark : `${said.mark} ${said.count}`
      yield* Queue.offer(deliveries, { urgency: "live", told: [told], payloads: [text], messages: [], answer })
      return yield* Deferred.await(answer)
    })
  const sink = Sink.of({
    ...(takesMarks ? { mark } : {}),
    deliver: ({ messages, urgency }) =>
      Effect.gen(function* () {
        const answer = yield* Deferred.make<Receipt, SinkError>()
        const told = messages.map(({ event, name }: { readonly event: ChangeEvent; readonly name: string }) => `${event} ${name}`)
        const payloads = messages.map(({ payload }) => decoder.decode(payload))
        yield* Queue.offer(deliveries, { urgency, told, payloads, messages, answer })
        return yield* Deferred.await(answer)
      }),
    bytesMax: () => 1 << 20,
    status: () => ({ name: "stage", state: "connected", detail: "" }),
    settled: Effect.void,
  })
  const engine = makeEngine("test", "stage", 0)
  const desk = yield* makeDesk({
    engine,
    redact: false,
    contentDedup,
    minIntervals,
    onTypesMayHaveChanged: Effect.sync(() => counts.surveys++),
  }).pipe(
    Effect.provideService(ClusterApi, api),
    Effect.provideService(Sink, sink),
    Effect.provideService(Dialer, Dialer.of({ reachable: () => Effect.succeed(new Set<string>()) })),
  )
  const lane = makeLane(specOf())
  const signals = yield* Queue.sliding<Fact>(16)
  const running = yield* Effect.forkChild(runLane(desk, lane, signals), { startImmediately: true })
  return {
    desk,
    lane,
    signals,
    running,
    recycled,
    counts,
    nextList: Queue.take(lists),
    nextWatch: Queue.take(watches),
    nextDelivery: Queue.take(deliveries),
    unseenDeliveries: Queue.size(deliveries),
    unseenLists: Queue.size(lists),
    signal: (fact: Fact) => Effect.asVoid(Queue.offer(signals, fact)),
    ended: Fiber.await(running),
  }
})

export const accept = ({ answer }: Delivery) => Deferred.succeed(answer, accepted)
export const doubt = ({ answer }: Delivery) => Deferred.succeed(answer, { _tag: "doubtful", reason: "the connection broke" })
