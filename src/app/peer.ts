/**
 * Another MeshSync as a process beside this one, for a comparison. It lives as long as the scope: it is asked to end, then killed, by
 * its pid.
 * What it writes is not shown; the last of it explains an end that nobody asked for.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn, type ChildProcess } from "node:child_process"
import { meshError, type MeshError } from "../domain/error.ts"
import { peerEndWaitMs } from "../domain/limit.ts"

/** The words of a command line: separated by spaces, kept together by quotes of either kind. There is no shell in it. */
export const splitCommand = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"))

/** The last of a peer's output that is kept, in characters. */
const tailCharsMax = 2_000

const endPeer = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
    const late = setTimeout(() => child.kill("SIGKILL"), peerEndWaitMs)
    child.once("exit", () => {
      clearTimeout(late)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
  })

/**
 * Starts a command.
 * @param environment what is different from our own
 * @returns an effect that fails with ErrCompare when the peer ends by itself, and never succeeds
 */
export const startPeer = (
  command: string,
  environment: Readonly<Record<string, string>>,
): Effect.Effect<Effect.Effect<never, MeshError>, MeshError, Scope.Scope> =>
  Effect.gen(function* () {
    const [file, ...words] = splitCommand(command)
    if (file === undefined) return yield* Effect.fail(meshError("ErrUsage", "--peer names no command"))
    let tail = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(file, words, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] })),
      endPeer,
    )
    const keep = (text: string): void => {
      tail = (tail + text).slice(-tailCharsMax)
    }
    child.stdout.setEncoding("utf8").on("data", keep)
    child.stderr.setEncoding("utf8").on("data", keep)
    return Effect.callback<never, MeshError>((resume) => {
      const fail = (why: string) => resume(Effect.fail(meshError("ErrCompare", `the peer ${file} ${why}`)))
      const ended = () => fail(`has ended with ${child.signalCode ?? `status ${child.exitCode}`}: ${tail.trim()}`)
      if (child.exitCode !== null || child.signalCode !== null) return ended()
      child.once("error", ({ message }) => fail(`cannot be started: ${message}`))
      // After its output: `exit` may come before the last words.
      child.once("close", ended)
    })
  })
