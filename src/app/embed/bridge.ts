/**
 * From the plain face to the ports: options as layers, sinks and brokers of embedders as Sink and Requests, errors as MeshSyncError.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { MeshError, meshError, errorRegistry, type ErrorName } from "../../domain/error.ts"
import { requestsWaitingMax, terminalInputsMax } from "../../domain/limit.ts"
import { decodeRequest, type Request } from "../../domain/wire/request.ts"
import { coreSubject, isPublishable, requestQueue, requestSubject, syncSubject } from "../../domain/wire/subject.ts"
import type { ClusterApi } from "../../ports/ClusterApi.ts"
import type { Dialer } from "../../ports/Dialer.ts"
import { Requests } from "../../ports/Requests.ts"
import { accepted, Sink, SinkError, type Receipt } from "../../ports/Sink.ts"
import type { StateFile } from "../../ports/StateFile.ts"
import { brokerName, layerBrokerOf, layerClusterOf, layerNoRequests, layerSnapshotOf, layerStateOf } from "../layers.ts"
import { layerLogTo } from "../telemetry.ts"
import { copyChange } from "./changes.ts"
import { clusterKey, MeshSyncError, type Broker, type ChangeSink, type ClusterOptions, type LogLine, type RunOptions } from "./face.ts"

const textOf = (content: string | Uint8Array): string => (typeof content === "string" ? content : new TextDecoder().decode(content))

/** The cluster that the options name. */
export const layerClusterFrom = (options: ClusterOptions, version: string): Layer.Layer<ClusterApi | Dialer, MeshError> => {
  const { cluster, context, kubeconfig, kubeconfigPath } = options
  if (cluster !== undefined) return cluster[clusterKey] as Layer.Layer<ClusterApi | Dialer>
  return layerClusterOf({ ...(kubeconfig === undefined ? {} : { kubeconfigText: textOf(kubeconfig) }), kubeconfigPath, context, version })
}

/** The log as the embedder wants it: not at all, unless asked for. */
export const layerLogFrom = (log: ((line: LogLine) => void) | undefined): Layer.Layer<never> =>
  layerLogTo(log !== undefined, ({ date, fields, level, message }) => log?.({ level, message, fields, timeMs: date.getTime() }))

// Errors -----------------------------------------------------------------------------------------------------------------

const describeCause = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const errorOf = (key: ErrorName, message: string, cause?: unknown): MeshSyncError =>
  new MeshSyncError(message, { key, ...errorRegistry[key] }, cause)

/** What an embedder catches: always a MeshSyncError, whatever went wrong inside. */
export const publicError = (error: unknown): MeshSyncError => {
  if (error instanceof SinkError) return errorOf(error.error.key, error.error.message, error.cause)
  if (error instanceof MeshError) return errorOf(error.key, error.message)
  return errorOf("ErrInternal", meshError("ErrInternal", describeCause(error)).message, error)
}

/** The error of a run that failed; undefined when it was merely interrupted. */
export const publicFailure = (cause: Cause.Cause<unknown>): MeshSyncError | undefined =>
  Cause.hasInterruptsOnly(cause) ? undefined : publicError(Cause.squash(cause))

// Outputs ----------------------------------------------------------------------------------------------------------------

const refused = (cause: unknown): SinkError =>
  Object.assign(new SinkError({ error: meshError("ErrWriteOutput", `the sink failed: ${describeCause(cause)}`) }), { cause })

/** An embedder's sink as the port. Its changes are copies, so that it may keep them. */
const layerSinkFrom = (sink: ChangeSink): Layer.Layer<Sink | Requests> => {
  const close = Effect.suspend(() => (sink.close === undefined ? Effect.void : Effect.promise(async () => sink.close?.())))
  const make = Effect.as(
    Effect.addFinalizer(() => Effect.catchCause(close, (cause) => Effect.logWarning("the sink could not be closed", cause))),
    Sink.of({
      deliver: ({ messages, urgency }) =>
        Effect.tryPromise({
          try: async (): Promise<Receipt> => {
            const answer = await sink.deliver({ urgency, changes: messages.map(copyChange) })
            return answer === undefined ? accepted : { _tag: "doubtful", reason: answer.doubtful }
          },
          catch: refused,
        }),
      bytesMax: () => Number.MAX_SAFE_INTEGER,
      status: () => ({ name: "sink", state: "open", detail: "" }),
      settled: Effect.void,
    }),
  )
  return Layer.merge(Layer.effect(Sink, make), layerNoRequests)
}

/** Takes in what is published on a subject until the scope closes; what finds the queue full is dropped. */
const subscribeTo = <A>(broker: Broker, subject: string, queue: string, waitingMax: number, decode: (payload: Uint8Array) => A) =>
  Effect.gen(function* () {
    const messages = yield* Queue.dropping<A>(waitingMax)
    const subscription = yield* Effect.acquireRelease(
      Effect.sync(() => broker.subscribe(subject, queue)),
      ({ unsubscribe }) => Effect.ignoreCause(Effect.promise(async () => unsubscribe())),
    )
    const consume = async (): Promise<void> => {
      for await (const payload of subscription) Queue.offerUnsafe(messages, decode(payload))
    }
    const deaf = (cause: unknown) => new MeshError({ key: "ErrSubscribeRequest", detail: describeCause(cause) })
    yield* Effect.forkScoped(Effect.catch(Effect.tryPromise({ try: consume, catch: deaf }), (error) => Effect.logError(error.message)))
    return messages
  })

/** An embedder's broker as both ports. A message that it refuses makes the batch doubtful, so all of it is published again. */
const layerBrokerFrom = (broker: Broker): Layer.Layer<Sink | Requests> => {
  const publish = (subject: string, payload: Uint8Array) =>
    Effect.tryPromise({ try: () => broker.publish(subject, payload), catch: describeCause })
  const receiptOf = (publishing: Effect.Effect<void, string>): Effect.Effect<Receipt> =>
    publishing.pipe(
      Effect.as(accepted),
      Effect.catch((reason) => Effect.succeed<Receipt>({ _tag: "doubtful", reason })),
    )
  const sink = Sink.of({
    deliver: ({ messages }) =>
      receiptOf(Effect.forEach(messages, ({ payload }) => publish(coreSubject, payload.slice()), { discard: true })),
    mark: (payload) => receiptOf(Effect.suspend(() => publish(syncSubject, payload()))),
    bytesMax: () => Number.MAX_SAFE_INTEGER,
    status: () => ({ name: "broker", state: "open", detail: "" }),
    settled: Effect.void,
  })
  return Layer.effectContext(
    Effect.map(subscribeTo<Request>(broker, requestSubject, requestQueue, requestsWaitingMax, decodeRequest), (requests) =>
      Context.make(Sink, sink).pipe(
        Context.add(Requests, {
          incoming: Stream.fromQueue(requests),
          reply: (subject, payload) => (isPublishable(subject) ? Effect.ignore(publish(subject, payload)) : Effect.void),
          subscribe: (subject) => subscribeTo(broker, subject, subject, terminalInputsMax, (payload) => payload.slice()),
        }),
      ),
    ),
  )
}

/** Where the messages go: NATS under the name that it has for the program, so that a state file may go from one to the other. */
export const audienceFrom = (options: RunOptions): Effect.Effect<string> =>
  options.output === "broker" && "url" in options.broker ? brokerName(options.broker.url) : Effect.succeed(options.output)

/** The state file that the options name. */
export const layerStateFrom = (options: RunOptions): Layer.Layer<StateFile, MeshError> | Layer.Layer<never> =>
  options.output === "file" || options.stateFile === undefined ? Layer.empty : layerStateOf(options.stateFile)

/** The output that the options name. */
export const layerOutputFrom = (options: RunOptions): Layer.Layer<Sink | Requests, MeshError | SinkError> => {
  switch (options.output) {
    case "sink":
      return layerSinkFrom(options.sink)
    case "file":
      return Layer.merge(
        layerSnapshotOf({ file: options.file, extended: options.extended ?? false, append: options.append ?? false }),
        layerNoRequests,
      )
    case "broker": {
      const { broker } = options
      if ("publish" in broker) return layerBrokerFrom(broker)
      const {
        caPath,
        certPath,
        credsPath,
        keyPath,
        monitorPort,
        nkeyPath,
        oversize = "drop",
        pace = true,
        password,
        token,
        url,
        user,
      } = broker
      const credentials = { user, password, token, credsPath, nkeyPath, certPath, keyPath, caPath }
      return layerBrokerOf({ url, pace, oversize, ...credentials, ...(monitorPort === undefined ? {} : { monitorPort }) })
    }
  }
}
