/**
 * Runs a credentials plugin of a kubeconfig (client.authentication.k8s.io, `users[].user.exec`) and keeps what it said until it expires.
 * client-node runs plugins too, but without KUBERNETES_EXEC_INFO, which several insist on, and without an end: here the plugin is
 * killed when it takes too long, prints too much, or when whoever waits for it is interrupted. Its output never reaches a message.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { credentialsBytesMax, credentialsWaitMs } from "../../domain/limit.ts"
import { explainCause, firstLine } from "./network.ts"

export interface PluginSettings {
  readonly apiVersion: string
  readonly command: string
  readonly arguments: ReadonlyArray<string>
  /** On top of this process's environment. */
  readonly environment: Readonly<Record<string, string>>
  /** What to tell a person when the command is missing. */
  readonly installHint: string
  /** The cluster's entry, when the plugin wants to know it. */
  readonly cluster: object | undefined
}

/** What a plugin gives: a token, a client certificate with its key, or both. */
export interface PluginCredential {
  readonly token: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  /** Milliseconds since the epoch; undefined: it does not expire. */
  readonly expiresMs: number | undefined
}

const Text = Schema.optional(Schema.NullOr(Schema.String))
const ExecCredential = Schema.fromJsonString(
  Schema.Struct({
    status: Schema.Struct({ token: Text, clientCertificateData: Text, clientKeyData: Text, expirationTimestamp: Text }),
  }),
)

const execInfo = ({ apiVersion, cluster }: PluginSettings): string =>
  JSON.stringify({ apiVersion, kind: "ExecCredential", spec: { interactive: false, ...(cluster === undefined ? {} : { cluster }) } })

/** Runs the command to its end: its standard output, or why there is none. */
const runCommand = (settings: PluginSettings): Effect.Effect<string, string> =>
  Effect.callback((resume) => {
    const child = spawn(settings.command, [...settings.arguments], {
      env: { ...process.env, KUBERNETES_EXEC_INFO: execInfo(settings), ...settings.environment },
      stdio: ["ignore", "pipe", "pipe"],
    })
    const output: Array<Buffer> = []
    let bytes = 0
    let complaint = ""
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > credentialsBytesMax) child.kill("SIGKILL")
      else output.push(chunk)
    })
    child.stderr.on("data", (chunk: Buffer) => {
      if (complaint.length < 1024) complaint += chunk.toString("utf8")
    })
    child.on("error", (cause) => {
      const missing = "code" in cause && cause.code === "ENOENT"
      resume(Effect.fail(missing ? `there is no such command. ${firstLine(settings.installHint)}`.trim() : explainCause(cause)))
    })
    child.on("close", (code) => {
      if (bytes > credentialsBytesMax) resume(Effect.fail("it prints too much"))
      else if (code === 0) resume(Effect.succeed(Buffer.concat(output).toString("utf8")))
      else resume(Effect.fail(firstLine(complaint) || `it ended with status ${code ?? "unknown"}`))
    })
    return Effect.sync(() => {
      child.stdout.destroy()
      child.stderr.destroy()
      child.kill("SIGKILL")
    })
  })

/**
 * Asks a plugin for a credential. Fails with one sentence that names the command.
 * @param waitMs after this the plugin is killed
 */
export const runPlugin = (settings: PluginSettings, waitMs = credentialsWaitMs): Effect.Effect<PluginCredential, string> =>
  runCommand(settings).pipe(
    Effect.timeoutOrElse({ duration: waitMs, orElse: () => Effect.fail(`no answer within ${waitMs / 1000} s`) }),
    Effect.flatMap((output): Effect.Effect<PluginCredential, string> => {
      const decoded = Schema.decodeUnknownResult(ExecCredential)(output)
      if (Result.isFailure(decoded)) return Effect.fail("its answer is no ExecCredential with a status")
      const { clientCertificateData, clientKeyData, expirationTimestamp, token } = decoded.success.status
      if (!token && !(clientCertificateData && clientKeyData))
        return Effect.fail("its answer holds neither a token nor a certificate with a key")
      const expiresMs = Date.parse(expirationTimestamp ?? "")
      return Effect.succeed({
        token: token || undefined,
        certificate: clientCertificateData || undefined,
        key: clientKeyData || undefined,
        expiresMs: Number.isNaN(expiresMs) ? undefined : expiresMs,
      })
    }),
    Effect.mapError((reason) => `the credentials plugin ${settings.command} failed: ${reason}`),
  )

/** Whether a credential may still be used. */
export const isFresh = (credential: PluginCredential): Effect.Effect<boolean> =>
  Effect.map(Clock.currentTimeMillis, (nowMs) => credential.expiresMs === undefined || credential.expiresMs > nowMs)
