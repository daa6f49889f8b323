/**
 * The built program as a process of its own: flags and environment in; logs, exit status and the answers of its health port out.
 * Nothing of this machine's environment reaches it, but what a test gives.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as path from "node:path"
import { type LaneStatus, type Status } from "../../src/domain/sync/status.ts"
import { endChild, freePort, hasEnded, root, temporaryFolder, tie, until } from "./program.ts"

/** A program that is paused answers nothing. */
const answerWaitMs = 10_000

export const binary = path.resolve(root, process.env["MESHSYNC_BINARY_PATH"] ?? "bin/meshsync")

export interface Exit {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** From start to end, in milliseconds. */
  readonly durationMs: number
}

export interface Run extends AsyncDisposable {
  readonly folder: string
  readonly pid: number | undefined
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exit: Promise<Exit>
  readonly hasEnded: () => boolean
  readonly signal: (signal: NodeJS.Signals) => void
  /** The body of an answer of the health port with status 200; fails otherwise. */
  readonly fetchText: (path: string) => Promise<string>
  readonly status: () => Promise<Status>
  /** Waits until the status is as wanted. */
  readonly awaitStatus: (what: string, limitMs: number, holds: (status: Status) => boolean) => Promise<Status>
}

export interface RunOptions {
  readonly args: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  /** Serve the health port, on a port of its own; without, the flag is not given. */
  readonly health?: boolean
  /** The working folder; a new one if absent. */
  readonly folder?: string
}

export const runMeshsync = async ({ args, environment = {}, folder = temporaryFolder(), health = true }: RunOptions): Promise<Run> => {
  const port = health ? await freePort() : 0
  const all = health ? ["--health-port", String(port), ...args] : args
  const startedMs = performance.now()
  const child = spawn(binary, all, { cwd: folder, env: { HOME: folder, ...environment }, stdio: ["ignore", "pipe", "pipe"] })
  tie(child)
  let [stdout, stderr] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const exit = once(child, "close").then((): Exit => ({
    status: child.exitCode,
    signal: child.signalCode,
    stdout,
    stderr,
    durationMs: performance.now() - startedMs,
  }))
  const fetchText = async (where: string): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${where}`, { signal: AbortSignal.timeout(answerWaitMs) })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${where} answers ${answer.status}: ${text}`)
    return text
  }
  const status = async (): Promise<Status> => JSON.parse(await fetchText("/status")) as Status
  const awaitStatus: Run["awaitStatus"] = (what, limitMs, holds) =>
    until(
      what,
      limitMs,
      async () => {
        if (hasEnded(child)) throw new Error(`meshsync has ended with ${child.exitCode}`)
        const now = await status()
        return holds(now) ? now : undefined
      },
      () => `\n${stdout.slice(-3_000)}\n${stderr.slice(-3_000)}`,
    )
  return {
    folder,
    pid: child.pid,
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    hasEnded: () => hasEnded(child),
    signal: (signal) => void child.kill(signal),
    fetchText,
    status,
    awaitStatus,
    [Symbol.asyncDispose]: () => endChild(child, "SIGKILL"),
  }
}

export const findLane = (status: Status, key: string): LaneStatus | undefined => status.lanes.find((lane) => lane.key === key)
