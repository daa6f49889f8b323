/**
 * Throughput and memory of the built binary, beside the same work done by an informer of @kubernetes/client-node, in one run:
 * embedded API server -> program -> nats-server -> counting subscriber, each a process of its own, all on this machine.
 *   node bench/bench.ts [--pods N] [--rounds N]
 * Figures of one machine at one time: compare only rows of one run.
 */
import { spawn, execFileSync, type ChildProcess } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

const option = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : Number(process.argv[at + 1])
}
const pods = option("pods", 20_000)
const rounds = option("rounds", 3)
const binary = "bin/meshsync"
const giveUpMs = 60_000

const folder = mkdtempSync(join(tmpdir(), "meshsync-bench-"))
const children = new Set<ChildProcess>()

const start = (command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = process.env): ChildProcess => {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "inherit"] })
  children.add(child)
  return child
}

const stop = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    children.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once("exit", () => resolve())
    child.kill("SIGKILL")
  })

const lines = new WeakMap<ChildProcess, AsyncIterator<string>>()

/** The next line that a child prints. One reader for its whole life: a second one would miss what the first has buffered. */
const nextLine = async (child: ChildProcess): Promise<string> => {
  const reader = lines.get(child) ?? createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  lines.set(child, reader)
  const tooLate = AbortSignal.timeout(giveUpMs)
  const late = new Promise<never>((_, reject) => {
    tooLate.addEventListener("abort", () => reject(new Error(`${child.spawnfile} printed nothing within ${giveUpMs / 1000} s`)))
  })
  const line = await Promise.race([reader.next(), late])
  if (line.done === true) throw new Error(`${child.spawnfile} ended`)
  return line.value
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

const natsServer = (): string => {
  try {
    execFileSync("nats-server", ["--version"], { stdio: "ignore" })
    return "nats-server"
  } catch {
    const cache = execFileSync("sh", ["scripts/control-plane-build.sh", "nats-server"], { encoding: "utf8" }).trim().split("\n").at(-1)
    return join(cache ?? "", "nats-server")
  }
}

/** The largest resident set of a running process so far, in MiB. */
const peakMiB = (pid: number | undefined): number => {
  const line = readFileSync(`/proc/${pid}/status`, "utf8").match(/VmHWM:\s+(\d+) kB/)
  return Number(line?.[1] ?? 0) / 1024
}

/** User and system time of a running process, in microseconds (100 ticks a second on Linux). */
const cpuMicros = (pid: number | undefined): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

interface Row {
  readonly name: string
  /** From the start of the program to the last message at the subscriber. */
  readonly objectsPerSecond: number
  readonly wholeSeconds: number
  readonly peakMiB: number
  readonly cpuMicrosPerObject: number
  readonly dropped: number
}

const measure = async (name: string, command: string, args: ReadonlyArray<string>, env: NodeJS.ProcessEnv, url: string): Promise<Row> => {
  const subscriber = start(process.execPath, ["bench/subscriber.ts", url, String(pods), "0.5"])
  await nextLine(subscriber)
  const startedMs = performance.timeOrigin + performance.now()
  const program = start(command, args, env)
  program.stdout?.resume()
  const result = JSON.parse(await nextLine(subscriber)) as { lastMs: number; dropped: number; distinct: number }
  const row = {
    name,
    objectsPerSecond: pods / ((result.lastMs - startedMs) / 1000),
    wholeSeconds: (result.lastMs - startedMs) / 1000,
    peakMiB: peakMiB(program.pid),
    cpuMicrosPerObject: cpuMicros(program.pid) / pods,
    dropped: result.dropped,
  }
  await stop(program)
  await stop(subscriber)
  // The peer's messages name their owner's uid first, so only ours can be told apart by the first one.
  if (command === binary && result.distinct !== pods) throw new Error(`${name}: ${result.distinct} of ${pods} objects arrived`)
  return row
}

const median = (numbers: ReadonlyArray<number>): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

const print = (rows: ReadonlyArray<Row>): void => {
  console.log(
    `\n${"".padEnd(34)}${"objects/s".padStart(12)}${"start to end".padStart(14)}${"peak RSS".padStart(12)}${"CPU/object".padStart(12)}${"dropped".padStart(9)}`,
  )
  for (const name of new Set(rows.map((row) => row.name))) {
    const mine = rows.filter((row) => row.name === name)
    const of = (figure: (row: Row) => number): number => median(mine.map(figure))
    console.log(
      name.padEnd(34) +
        of((row) => row.objectsPerSecond)
          .toFixed(0)
          .padStart(12) +
        `${of((row) => row.wholeSeconds).toFixed(2)} s`.padStart(14) +
        `${Math.max(...mine.map((row) => row.peakMiB)).toFixed(0)} MiB`.padStart(12) +
        `${of((row) => row.cpuMicrosPerObject).toFixed(0)} us`.padStart(12) +
        String(Math.max(...mine.map((row) => row.dropped))).padStart(9),
    )
  }
}

const run = async (): Promise<void> => {
  const cluster = start(process.execPath, ["bench/cluster.ts", String(pods), folder])
  const kubeconfig = await nextLine(cluster)
  const [port, monitor] = [await freePort(), await freePort()]
  start(natsServer(), ["-a", "127.0.0.1", "-p", String(port), "-m", String(monitor), "-l", join(folder, "nats.log")])
  const url = `nats://127.0.0.1:${port}`
  await new Promise((resolve) => setTimeout(resolve, 500))
  const env = { PATH: process.env["PATH"], HOME: folder, BROKER_URL: url }
  const args = ["--kubeconfig", kubeconfig, "--health-port", "0", "--resources", "pods"]
  const rows: Array<Row> = []
  console.log(`${pods} distinct pods of 8 KB, ${rounds} rounds, interleaved; median, peak RSS: largest.`)
  for (let round = 0; round < rounds; round++) {
    rows.push(await measure("meshsync, pacing off", binary, [...args, "--pace=off"], env, url))
    rows.push(await measure("client-node informer (peer)", process.execPath, ["bench/peer.ts", kubeconfig, url], env, url))
  }
  rows.push(await measure("meshsync, default pacing", binary, args, env, url))
  print(rows)
  console.log("\ndropped: messages that a consumer at 0.5 ms a message with nats.go's 64 MiB would have lost.")
}

try {
  await run()
} finally {
  await Promise.all([...children].map(stop))
  rmSync(folder, { recursive: true, force: true })
}
