/**
 * The servers that integration tests start, as processes of their own: where their programs are, how they start and how they end.
 *
 * Invariant: whatever a test starts dies with it, also when the test's process is killed. Every pid is told to a leash, a shell that reads
 * from a pipe which only the test's process holds: when the pipe closes, for whatever reason, what is still on the list is killed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync } from "node:fs"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import * as path from "node:path"

export const root = path.resolve(import.meta.dirname, "../..")

/** How often a condition is looked at that nobody announces. */
const lookEveryMs = 50

/**
 * Waits until a condition holds, and fails when it does not in time.
 * @param what the condition in words, for the error
 * @param limitMs how long it may take, in milliseconds
 * @param look returns undefined (or throws) as long as the condition does not hold
 * @param explain what to add to the error
 */
export const until = async <A>(
  what: string,
  limitMs: number,
  look: () => A | undefined | Promise<A | undefined>,
  explain: () => string = () => "",
): Promise<A> => {
  const startedMs = performance.now()
  let fault = ""
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined) return found
      fault = ""
    } catch (error) {
      fault = ` (${String(error)})`
    }
    if (performance.now() - startedMs > limitMs) throw new Error(`not within ${limitMs} ms: ${what}${fault} ${explain()}`)
    await new Promise((resume) => setTimeout(resume, lookEveryMs))
  }
}

let found: string | undefined

/** The folder of etcd, kube-apiserver and the rest: what setup found, else the cache, which is built when it is empty. */
const programsFolder = (): string => {
  if (found !== undefined) return found
  const named = process.env["FOLDER"] ?? process.env["KUBEBUILDER_ASSETS"] ?? ""
  if (named !== "") return (found = named)
  const built = execFileSync("sh", ["scripts/control-plane-build.sh"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  })
  return (found = built.trim().split("\n").at(-1) ?? "")
}

/** The path of a program of the control plane; undefined where the folder has none (envtest's has no controllers). */
export const findProgram = (name: string): string | undefined => {
  if (name === "nats-server" && process.env["NATS_SERVER"]) return process.env["NATS_SERVER"]
  const file = path.join(programsFolder(), name)
  return existsSync(file) ? file : undefined
}

export const requireProgram = (name: string): string => {
  const file = findProgram(name)
  if (file === undefined) throw new Error(`${name} is not in ${programsFolder()}`)
  return file
}

/** What the leash runs: `+PID` puts a pid on the list, `-PID` takes it off, `/FOLDER` names a folder to remove at the end. */
const leashScript = `trap '' INT TERM HUP
pids=" " folders=""
while IFS= read -r line; do
  case $line in
    +*) pids="$pids\${line#+} " ;;
    -*) pids="\${pids%% \${line#-} *} \${pids#* \${line#-} }" ;;
    /*) folders="$folders $line" ;;
  esac
done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
for folder in $folders; do rm -rf "$folder"; done
exit 0`

let leash: ChildProcess | undefined

const tellLeash = (line: string): void => {
  if (leash === undefined) {
    leash = spawn("sh", ["-c", leashScript], { detached: true, stdio: ["pipe", "ignore", "ignore"] })
    leash.unref()
    const pipe = leash.stdin as unknown as { readonly unref?: () => void } | null
    pipe?.unref?.()
  }
  leash.stdin?.write(`${line}\n`)
}

/** A folder that is removed when the test's process ends. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(path.join(tmpdir(), "meshsync-integration-"))
  tellLeash(folder)
  return folder
}

/** A port of the loopback that is free now. */
export const freePort = async (host = "127.0.0.1"): Promise<number> => {
  const server = createServer()
  server.listen(0, host)
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

export interface Program {
  readonly name: string
  readonly child: ChildProcess
  /** What it wrote to stdout and stderr. */
  readonly log: () => string
  /** Sends a signal and waits for the end. */
  readonly end: (signal?: NodeJS.Signals) => Promise<void>
}

export interface ProgramOptions {
  readonly folder: string
  readonly environment?: NodeJS.ProcessEnv
}

/** Starts a program with its output in a file of the folder. */
export const startProgram = (file: string, args: ReadonlyArray<string>, { environment, folder }: ProgramOptions): Program => {
  const name = path.basename(file)
  const logFile = path.join(folder, `${name}.log`)
  const log = openSync(logFile, "a")
  const child = spawn(file, args, { cwd: folder, stdio: ["ignore", log, log], ...(environment === undefined ? {} : { env: environment }) })
  closeSync(log)
  tie(child)
  return { name, child, log: () => readFileSync(logFile, "utf8"), end: (signal = "SIGTERM") => endChild(child, signal) }
}

/** Ties a process to the life of the test's. */
export const tie = (child: ChildProcess): void => {
  const { pid } = child
  if (pid === undefined) return
  tellLeash(`+${pid}`)
  child.once("exit", () => tellLeash(`-${pid}`))
}

export const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** A program that does not end on a polite signal within this time is killed, and the test fails. */
const endLimitMs = 20_000

export const endChild = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (hasEnded(child)) return
  const ended = once(child, "exit")
  const late = setTimeout(() => child.kill("SIGKILL"), endLimitMs)
  child.kill(signal)
  await ended
  clearTimeout(late)
  if (child.signalCode === "SIGKILL" && signal !== "SIGKILL") throw new Error(`process ${child.pid} ignored ${signal}`)
}
