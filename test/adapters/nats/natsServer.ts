/**
 * A real nats-server for the adapter's tests, on ports of its own that stay the same when it is started again, and a platform beside it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { connect, type ConnectionOptions, type NatsConnection } from "nats"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { layer, type NatsOptions } from "../../../src/adapters/nats/broker.ts"
import { Requests } from "../../../src/ports/Requests.ts"
import { Sink } from "../../../src/ports/Sink.ts"
import { freePort, type Program, requireProgram, startProgram, temporaryFolder, until } from "../../integration/program.ts"

export interface NatsServer {
  readonly port: number
  readonly monitorPort: number
  readonly folder: string
  /** Starts it, or starts it again after an end. */
  readonly start: Effect.Effect<void>
  readonly end: (signal: "SIGKILL" | "SIGTERM") => Effect.Effect<void>
  /** Done when it stands still, or may go on. */
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => Effect.Effect<void>
  /** A document of the monitoring port. */
  readonly ask: (path: string) => Effect.Effect<Record<string, unknown>>
}

/** Whether no thread of a process runs any more. On a busy machine a signal takes a moment, in which a server still answers. */
const standsStill = (pid: number | undefined): boolean => {
  const tasks = `/proc/${pid}/task`
  return !existsSync(tasks) || readdirSync(tasks).every((task) => readFileSync(`${tasks}/${task}/stat`, "utf8").includes(") T "))
}

/** A server that is not started yet. @param configuration lines of nats-server's configuration file */
export const makeServer = (configuration = "", hold = true): Effect.Effect<NatsServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = temporaryFolder()
    const port = yield* Effect.promise(() => freePort())
    const monitorPort = yield* Effect.promise(() => freePort())
    const file = path.join(folder, "nats.conf")
    writeFileSync(file, `listen: "127.0.0.1:${port}"\nhttp: "127.0.0.1:${monitorPort}"\n${configuration}\n`)
    let program: Program | undefined
    const ask = (document: string) =>
      Effect.promise(async () => (await (await fetch(`http://127.0.0.1:${monitorPort}${document}`)).json()) as Record<string, unknown>)
    const start = Effect.promise(async () => {
      program = startProgram(requireProgram("nats-server"), ["-c", file], { folder })
      const answers = async () => ((await fetch(`http://127.0.0.1:${monitorPort}/healthz`)).ok ? true : undefined)
      await until("nats-server answers", 20_000, answers, () => program?.log().slice(-2_000) ?? "")
    })
    const end = (signal: "SIGKILL" | "SIGTERM") => Effect.promise(async () => program?.end(signal))
    const signal = (name: "SIGSTOP" | "SIGCONT") =>
      Effect.promise(async () => {
        program?.child.kill(name)
        if (name === "SIGSTOP") await until("nats-server stands still", 5_000, () => (standsStill(program?.child.pid) ? true : undefined))
      })
    yield* Effect.addFinalizer(() => end("SIGKILL"))
    if (hold) yield* start
    return { port, monitorPort, folder, start, end, signal, ask }
  })

/** Options for a server on this machine, to be overridden. */
export const optionsFor = (server: NatsServer, over: Partial<NatsOptions> = {}): NatsOptions => ({
  url: `nats://127.0.0.1:${server.port}`,
  user: undefined,
  password: undefined,
  token: undefined,
  credsPath: undefined,
  nkeyPath: undefined,
  certPath: undefined,
  keyPath: undefined,
  caPath: undefined,
  pace: false,
  monitorPort: server.monitorPort,
  ...over,
})

export interface Ports {
  readonly sink: Sink["Service"]
  readonly requests: Requests["Service"]
  /** What the adapter logged. */
  readonly lines: Array<string>
}

/** Builds the adapter; it ends with the scope. */
export const openPorts = (options: NatsOptions, lines: Array<string> = []) => {
  const logging = Logger.layer([
    Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${[message].flat().map(String).join(" ")}`)),
  ])
  return Effect.map(Effect.provide(Layer.build(layer(options)), logging), (services): Ports => {
    const sink = Context.get(services, Sink)
    const mark = (payload: () => Uint8Array) => Effect.provide(sink.mark?.(payload) ?? Effect.die("takes no marks"), logging)
    return {
      sink: { ...sink, deliver: (batch) => Effect.provide(sink.deliver(batch), logging), mark },
      requests: Context.get(services, Requests),
      lines,
    }
  })
}

/** A connection of the platform's, which ends with the scope. */
export const connectPlatform = (server: NatsServer, over: ConnectionOptions = {}): Effect.Effect<NatsConnection, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => connect({ servers: `127.0.0.1:${server.port}`, reconnect: false, ...over })),
    (connection) => Effect.promise(() => connection.close()),
  )

/** Subscribes and waits until the server knows it; the queue gets the payloads. */
export const subscribe = (connection: NatsConnection, subject: string): Effect.Effect<Queue.Dequeue<Uint8Array>> =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<Uint8Array>()
    connection.subscribe(subject, { callback: (_, message) => void Queue.offerUnsafe(queue, message.data) })
    yield* Effect.promise(() => connection.flush())
    return queue
  })

/** Waits for a condition that nobody announces, at most `limitMs`. */
export const awaitCondition = (what: string, limitMs: number, holds: () => boolean): Effect.Effect<void> =>
  Effect.promise(() => until(what, limitMs, () => (holds() ? true : undefined))).pipe(Effect.asVoid)
