/**
 * Our own run beside another MeshSync: its changes go nowhere but into the pairing, and what the other one publishes comes in from a
 * broker.
 * Knows no command line and prints nothing.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MeshError } from "../domain/error.ts"
import { compareEveryMs } from "../domain/limit.ts"
import { decodeText } from "../domain/read/text.ts"
import { apiVersionOf, collectionPath } from "../domain/select/resource.ts"
import { isSettled, type Engine } from "../domain/sync/engine.ts"
import {
  closePairing,
  isJudged,
  judgeDue,
  loseHearing,
  makePairing,
  markReady,
  regainHearing,
  resolveDoubt,
  takeMessage,
  type Doubt,
  type Pairing,
} from "../domain/sync/pairing.ts"
import { parseNode } from "../domain/wire/node.ts"
import { requestSubject } from "../domain/wire/subject.ts"
import { ClusterApi } from "../ports/ClusterApi.ts"
import type { Dialer } from "../ports/Dialer.ts"
import type { PodSession } from "../ports/PodSession.ts"
import { accepted, Sink, type SinkError } from "../ports/Sink.ts"
import { layerNoRequests, type Ear, type Listener } from "./layers.ts"
import { startRun, type RunOptions } from "./run.ts"

export interface ComparisonOptions {
  readonly run: RunOptions
  /** Kinds were chosen, so what the other one tells of further kinds is not compared. */
  readonly kindsChosen: boolean
  /** The other one is asked to announce everything again. */
  readonly resync: boolean
  readonly listen: (ear: Ear) => Effect.Effect<Listener, MeshError, Scope.Scope>
  /** Starts the other one; absent: it runs already. The inner effect fails when it ends by itself. */
  readonly startPeer?: Effect.Effect<Effect.Effect<never, MeshError>, MeshError, Scope.Scope>
  /** How long an event waits for its counterpart. */
  readonly graceMs: number
  /** After this long nothing new is compared, and what waits gets its time; undefined: until the fiber is interrupted. */
  readonly durationMs: number | undefined
  /** Told at the start: how things stand is asked of it at any time, also after an interruption. */
  readonly began: (pairing: Pairing) => void
  /** Called once in `compareEveryMs`. */
  readonly show: (pairing: Pairing) => Effect.Effect<void>
}

const textOf = (payload: Uint8Array): string => decodeText(payload, 0, payload.length)

const earOf = (pairing: Pairing, now: () => number): Ear => ({
  hear: (payload) => takeMessage(pairing, "theirs", textOf(payload), false, now()),
  lost: () => loseHearing(pairing),
  regained: () => regainHearing(pairing),
})

const sinkOf = (pairing: Pairing, now: () => number): Sink["Service"] => ({
  deliver: ({ messages, urgency }) =>
    Effect.sync(() => {
      for (const { payload } of messages) takeMessage(pairing, "ours", textOf(payload), urgency === "announcement", now())
      return accepted
    }),
  bytesMax: () => Number.MAX_SAFE_INTEGER,
  status: () => ({ name: "comparison", state: "open", detail: "" }),
  settled: Effect.void,
})

const groupOf = (apiVersion: string): string => apiVersion.slice(0, Math.max(apiVersion.indexOf("/"), 0))

/** Looks at the object of which two messages speak; undefined where it cannot be had. */
const readObject = Effect.fnUntraced(function* (engine: Engine, { about }: Doubt) {
  const { apiVersion, kind, name, namespace } = about
  const lane = [...engine.lanes.values()].find(({ spec }) => spec.type.kind === kind && apiVersionOf(spec.type) === apiVersion)
  if (lane === undefined || name === "") return undefined
  const api = yield* ClusterApi
  const path = `${collectionPath(lane.spec.type, namespace === "" ? undefined : namespace)}/${encodeURIComponent(name)}`
  return yield* Effect.map(api.read(path), (bytes) => parseNode(textOf(bytes))).pipe(Effect.catch(() => Effect.succeed(undefined)))
})

const requestResync = new TextEncoder().encode('{"Request":{"Entity":"resync-discovery"}}')

/** Compares until the duration is over and all is judged. Fails when one of the two cannot go on. */
export const runComparison = (options: ComparisonOptions): Effect.Effect<void, MeshError | SinkError, ClusterApi | Dialer | PodSession> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const begun: { engine: Engine | undefined } = { engine: undefined }
    const namespaces = options.run.outputNamespaces.map((name) => name.trim())
    const pairing = makePairing(
      {
        graceMs: options.graceMs,
        announces: options.resync || options.startPeer !== undefined,
        covers: ({ apiVersion, kind, namespace }) => {
          const types = [...(begun.engine?.lanes.values() ?? [])].map(({ spec }) => spec.type)
          const isChosen = types.some((type) => type.kind === kind && type.group === groupOf(apiVersion))
          return (!options.kindsChosen || isChosen) && (namespaces.length === 0 || namespaces.includes(namespace))
        },
      },
      now(),
    )
    options.began(pairing)
    const listener = yield* options.listen(earOf(pairing, now))
    const peerEnded = options.startPeer === undefined ? Effect.never : yield* options.startPeer
    if (options.resync) listener.send(requestSubject, requestResync)
    const ports = Layer.merge(Layer.succeed(Sink, sinkOf(pairing, now)), layerNoRequests)
    const services = yield* Layer.build(ports)
    const run = yield* Effect.provide(startRun(options.run), services)
    begun.engine = run.engine
    const tend = Effect.gen(function* () {
      for (;;) {
        yield* Effect.sleep(compareEveryMs)
        if (isSettled(run.engine)) markReady(pairing, "ours", now())
        judgeDue(pairing, now())
        for (const doubt of pairing.doubts.splice(0)) resolveDoubt(pairing, doubt, yield* readObject(run.engine, doubt))
        yield* options.show(pairing)
        if (pairing.closed && isJudged(pairing)) return
      }
    })
    const { durationMs } = options
    const close =
      durationMs === undefined
        ? Effect.never
        : Effect.delay(
            Effect.sync(() => closePairing(pairing, now())),
            durationMs,
          )
    const trouble = Effect.raceFirst(Effect.raceFirst(run.failed, peerEnded), listener.refused)
    yield* Effect.raceFirst(tend, Effect.raceFirst(Effect.andThen(close, Effect.never), trouble))
  }).pipe(Effect.scoped)
