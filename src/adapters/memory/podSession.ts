/**
 * The port PodSession in-process, over the pods of the model: logs that somebody writes, and terminals with a very small shell.
 * Refuses what is not there in the API server's words. Knows no kubelet: a container runs as long as somebody talks to it, and has no past.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { fakeLogLinesMax, terminalInputsMax } from "../../domain/limit.ts"
import { unavailable } from "../../domain/read/failure.ts"
import { decodeText } from "../../domain/read/text.ts"
import { encodeText } from "../../domain/wire/writer.ts"
import { ApiError, type WatchStream } from "../../ports/ClusterApi.ts"
import { type ContainerRef, type LogRequest, PodSession, type Terminal } from "../../ports/PodSession.ts"
import { makeClusterApi } from "./clusterApi.ts"
import type { Cluster } from "./model.ts"

/** What happens inside the pods of a cluster. */
export interface Containers {
  readonly sessions: PodSession["Service"]
  /** Adds a line to a log, with the time before it. */
  readonly write: (container: ContainerRef, line: string, nowMs: number) => void
}

/** A log: the last lines, how many came before them, and who waits for the next one. */
interface Log {
  readonly lines: Array<string>
  forgotten: number
  readonly waiting: Set<() => void>
}

interface Pod {
  readonly spec?: { readonly containers?: ReadonlyArray<{ readonly name: string }> }
}

const refuse = (path: string, text: string): ApiError => new ApiError({ failure: { _tag: "Refused", text }, path })
const failWith = (path: string, text: string): Effect.Effect<never, ApiError> =>
  Effect.fail(new ApiError({ failure: unavailable(text), path }))

const keyOf = ({ container, namespace, pod }: ContainerRef): string => `${namespace}/${pod}/${container}`

/** The containers of a cluster's pods, as its administrator finds them. */
export const makeContainers = (cluster: Cluster): Containers => {
  const api = makeClusterApi(cluster)
  const logs = new Map<string, Log>()
  const logOf = (container: ContainerRef): Log => {
    const log = logs.get(keyOf(container)) ?? { lines: [], forgotten: 0, waiting: new Set() }
    logs.set(keyOf(container), log)
    return log
  }
  /** The container, its name filled in where the pod has but one. */
  const find = Effect.fnUntraced(function* (wanted: ContainerRef) {
    const { container, namespace, pod } = wanted
    const path = `/api/v1/namespaces/${namespace}/pods/${pod}`
    const body = yield* api.read(path)
    const { spec } = JSON.parse(decodeText(body, 0, body.length)) as Pod
    const names = (spec?.containers ?? []).map(({ name }) => name)
    const [only = "", ...others] = names
    if (container === "" && others.length > 0) {
      return yield* refuse(path, `a container name must be specified for pod ${pod}, choose one of: [${names.join(" ")}]`)
    }
    const found = container === "" ? only : container
    if (!names.includes(found)) return yield* refuse(path, `container ${found} is not valid for pod ${pod}`)
    return { path, container: { namespace, pod, container: found } }
  })
  const openLog = Effect.fnUntraced(function* (request: LogRequest) {
    const { container, path } = yield* find(request)
    if (request.previous) {
      return yield* refuse(path, `previous terminated container "${container.container}" in pod "${container.pod}" not found`)
    }
    return readLog(logOf(container), request)
  })
  const openTerminal = (wanted: ContainerRef) => Effect.flatMap(find(wanted), ({ path }) => startShell(path))
  return {
    sessions: PodSession.of({ openLog, openTerminal }),
    write: (container, line, nowMs) => appendLine(logOf(container), `${new Date(nowMs).toISOString()} ${line}\n`),
  }
}

const appendLine = (log: Log, line: string): void => {
  log.lines.push(line)
  if (log.lines.length > fakeLogLinesMax) {
    log.lines.shift()
    log.forgotten += 1
  }
  for (const wake of log.waiting) wake()
}

const readLog = (log: Log, { follow, tailLines }: LogRequest): WatchStream => {
  let position = log.forgotten + Math.max(0, log.lines.length - tailLines)
  const written = Effect.callback<void>((resume) => {
    const wake = (): void => {
      log.waiting.delete(wake)
      resume(Effect.void)
    }
    log.waiting.add(wake)
    return Effect.sync(() => void log.waiting.delete(wake))
  })
  const next: Effect.Effect<Uint8Array | undefined> = Effect.suspend(() => {
    const lines = log.lines.slice(Math.max(0, position - log.forgotten))
    position = log.forgotten + log.lines.length
    if (lines.length > 0) return Effect.succeed(encodeText(lines.join("")))
    return follow ? Effect.andThen(written, next) : Effect.succeed(undefined)
  })
  return { next }
}

/** What a shell does with one line: text that it shows, or the status that it ends with. */
const obey = (line: string): string | number => {
  const [command = "", ...words] = line.replaceAll(/['"]/g, "").trim().split(/\s+/)
  switch (command) {
    case "":
      return ""
    case "echo":
      return `${words.join(" ")}\r\n`
    case "exit":
      return Number(words[0] ?? "0")
    default:
      return `/bin/sh: ${command}: not found\r\n`
  }
}

/** A shell on a terminal: it echoes what is typed, as terminals do. */
const startShell = Effect.fnUntraced(function* (path: string) {
  const output = yield* Queue.bounded<Effect.Effect<Uint8Array | undefined, ApiError>>(terminalInputsMax)
  const show = (text: string) => Queue.offer(output, Effect.succeed(encodeText(text)))
  const end = (status: number) =>
    Queue.offer(output, status === 0 ? Effect.succeed(undefined) : failWith(path, `command terminated with exit code ${status}`))
  yield* show("$ ")
  let typed = ""
  const type = Effect.fnUntraced(function* (bytes: Uint8Array) {
    typed += decodeText(bytes, 0, bytes.length)
    const lines = typed.split("\n")
    typed = lines.pop() ?? ""
    for (const line of lines) {
      yield* show(`${line}\r\n`)
      const outcome = obey(line)
      yield* typeof outcome === "number" ? end(outcome) : show(`${outcome}$ `)
    }
  })
  return { next: Effect.flatten(Queue.take(output)), type } satisfies Terminal
})
