/**
 * The port PodSession over HTTP: logs as a body that comes by and by, terminals over a WebSocket (`v5.channel.k8s.io`: the first byte of a
 * message names its stream). Sends no terminal size, as the Go MeshSync never does.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import { randomBytes } from "node:crypto"
import type { Duplex } from "node:stream"
import { sessionIdleMs, terminalFrameBytesMax } from "../../domain/limit.ts"
import { unavailable } from "../../domain/read/failure.ts"
import { encodeFrame, type Frame, Opcode, splitFrames } from "../../domain/read/webSocket.ts"
import type { Failure } from "../../domain/sync/fact.ts"
import { ApiError, type WatchStream } from "../../ports/ClusterApi.ts"
import { type ContainerRef, type LogRequest, PodSession, type Terminal } from "../../ports/PodSession.ts"
import { openStream } from "./http.ts"
import { explainCause, type NetworkError } from "./network.ts"

/** What is needed of the client of the API server. */
export interface SessionClient {
  /** An answer of status 200, asked for with the client's credentials. */
  readonly ask: (path: string, waitMs: number) => Effect.Effect<Http.IncomingMessage, Failure, Scope.Scope>
  /** A connection that speaks WebSocket in one of the protocols. */
  readonly upgrade: (path: string, protocols: string) => Effect.Effect<Duplex, Failure, Scope.Scope>
  readonly explain: (error: NetworkError) => Failure
}

const protocols = "v5.channel.k8s.io, v4.channel.k8s.io"
/** The streams of a terminal's connection; stderr is empty where there is a terminal, but is shown all the same. */
const Channel = { stdin: 0, stdout: 1, stderr: 2, status: 3 } as const

const containerQuery = (container: string): string => (container === "" ? "" : `&container=${encodeURIComponent(container)}`)
const podPath = ({ namespace, pod }: ContainerRef): string =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`

const failAt = (path: string) => (failure: Failure) => new ApiError({ failure, path })
const openLogWith = (client: SessionClient) =>
  Effect.fnUntraced(function* (request: LogRequest): Effect.fn.Return<WatchStream, ApiError, Scope.Scope> {
    const path = `${podPath(request)}/log`
    const { container, follow, previous, tailLines } = request
    const query = `timestamps=true&tailLines=${tailLines}${follow ? "&follow=true" : ""}${previous ? "&previous=true" : ""}`
    // The kubelet sends its headers with the first line, which may take long.
    const response = yield* Effect.mapError(client.ask(`${path}?${query}${containerQuery(container)}`, sessionIdleMs), failAt(path))
    const next = yield* openStream(response, { idleMs: sessionIdleMs, marker: "", lifeMs: sessionIdleMs })
    return { next: Effect.mapError(next, (error) => failAt(path)(client.explain(error))) }
  })

/** What a terminal's last word says, in client-go's words; undefined when the shell ended with status 0. */
const failureOfStatus = (text: string): string | undefined => {
  try {
    const { details, message, reason, status } = JSON.parse(text) as {
      readonly status?: string
      readonly message?: string
      readonly reason?: string
      readonly details?: { readonly causes?: ReadonlyArray<{ readonly reason?: string; readonly message?: string }> }
    }
    if (status === "Success") return undefined
    const code = details?.causes?.find((cause) => cause.reason === "ExitCode")?.message
    return reason === "NonZeroExitCode" && code !== undefined ? `command terminated with exit code ${code}` : (message ?? "it failed")
  } catch {
    return "the end of the terminal cannot be understood"
  }
}

/** What the frames of a terminal have said so far. */
interface Conversation {
  readonly shown: Array<Uint8Array>
  /** The stream of a message whose continuation is yet to come. */
  channel: number | undefined
  statusText: string
  /** The last word: undefined until it is there. */
  end: { readonly failure: string | undefined } | undefined
}

const hearFrame = (conversation: Conversation, { final, opcode, payload }: Frame): void => {
  if (opcode === Opcode.close) {
    conversation.end ??= { failure: "the connection was cut" }
    return
  }
  if (opcode !== Opcode.continuation && opcode !== Opcode.text && opcode !== Opcode.binary) return
  const isFirst = conversation.channel === undefined
  const channel = conversation.channel ?? payload[0]
  const content = isFirst ? payload.subarray(1) : payload
  conversation.channel = final ? undefined : channel
  if (content.length > 0 && (channel === Channel.stdout || channel === Channel.stderr)) conversation.shown.push(content.slice())
  if (channel !== Channel.status) return
  // More than a status is no status, and is not kept.
  if (conversation.statusText.length < terminalFrameBytesMax) conversation.statusText += Buffer.from(content).toString("utf8")
  if (final) conversation.end ??= { failure: failureOfStatus(conversation.statusText) }
}

/** Waits until there is something to read, or the connection is over. */
const awaitBytes = (socket: Duplex): Effect.Effect<Buffer, Failure> =>
  Effect.callback((resume) => {
    const leave = (): void => void socket.off("readable", look).off("end", look).off("close", look).off("error", fail)
    const finish = (outcome: Effect.Effect<Buffer, Failure>): void => {
      leave()
      resume(outcome)
    }
    const fail = (cause: Error): void => finish(Effect.fail(unavailable(explainCause(cause))))
    const look = (): void => {
      const bytes = socket.read() as Buffer | null
      if (bytes !== null) finish(Effect.succeed(bytes))
      else if (socket.readableEnded || socket.destroyed) finish(Effect.fail(unavailable("the connection was cut")))
    }
    socket.on("readable", look).on("end", look).on("close", look).on("error", fail)
    look()
    return Effect.sync(leave)
  })

const openTerminalWith = (client: SessionClient) =>
  Effect.fnUntraced(function* (container: ContainerRef): Effect.fn.Return<Terminal, ApiError, Scope.Scope> {
    const path = `${podPath(container)}/exec`
    const query = `command=${encodeURIComponent("/bin/sh")}&stdin=true&stdout=true&stderr=true&tty=true${containerQuery(container.container)}`
    const socket = yield* Effect.mapError(client.upgrade(`${path}?${query}`, protocols), failAt(path))
    const conversation: Conversation = { shown: [], channel: undefined, statusText: "", end: undefined }
    let rest: Uint8Array = new Uint8Array(0)
    const write = (opcode: number, payload: Uint8Array): Effect.Effect<void> =>
      Effect.callback((resume) => void socket.write(encodeFrame(opcode, payload, randomBytes(4)), () => resume(Effect.void)))
    const hear = Effect.gen(function* () {
      const split = splitFrames(Buffer.concat([rest, yield* awaitBytes(socket)]), terminalFrameBytesMax)
      if (Result.isFailure(split)) return yield* Effect.fail(unavailable(split.failure))
      rest = split.success.rest
      for (const frame of split.success.frames) {
        if (frame.opcode === Opcode.ping) yield* write(Opcode.pong, frame.payload)
        else hearFrame(conversation, frame)
      }
    })
    const next = Effect.gen(function* () {
      while (true) {
        const shown = conversation.shown.shift()
        if (shown !== undefined) return shown
        const { end } = conversation
        if (end !== undefined) return end.failure === undefined ? undefined : yield* Effect.fail(unavailable(end.failure))
        yield* hear
      }
    })
    return {
      next: Effect.mapError(next, failAt(path)),
      type: (bytes) => write(Opcode.binary, Buffer.concat([Uint8Array.of(Channel.stdin), bytes])),
    }
  })

/** Logs and terminals over the client's connections. */
export const makePodSession = (client: SessionClient): PodSession["Service"] =>
  PodSession.of({ openLog: openLogWith(client), openTerminal: openTerminalWith(client) })
