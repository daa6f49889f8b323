/**
 * The files of the image as a container runs them, made of the kernel's parts instead of a container runtime: a root file system of its own
 * that is read-only, namespaces for mounts, processes and network, a user without rights or home, no environment but the given one.
 *
 * The network is a loopback with nothing else. Servers of this machine are reached at their own addresses through relays over Unix sockets.
 * Needs Linux and root.
 */
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { connect, createServer } from "node:net"
import * as path from "node:path"
import { endChild, hasEnded, root, temporaryFolder, tie, until } from "./program.ts"

/** Where a pod finds its account's token. */
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"
/** What the kubelet calls for its probes: any address but the loopback's usual one. */
const podAddress = "10.244.0.7"

/** Why containers cannot be made here; undefined where they can. */
export const findObstacle = (): string | undefined => {
  if (process.platform !== "linux") return "this is no Linux"
  if (process.getuid?.() !== 0) return "only root may"
  const trial = spawnSync("unshare", ["--mount", "--net", "--pid", "--fork", "sh", "-ec", "ip link set lo up && mount -t tmpfs t /mnt"], {
    encoding: "utf8",
  })
  return trial.status === 0 ? undefined : `unshare fails: ${trial.stderr}`
}

/** Lays out the files of the image, and tells what the layout said of their size. */
export const layOutImage = (): { readonly folder: string; readonly report: string } => {
  const folder = path.join(temporaryFolder(), "root")
  const report = execFileSync(process.execPath, ["scripts/imageRootfs.ts", folder], { cwd: root, encoding: "utf8" })
  return { folder, report: report.trim() }
}

interface Place {
  readonly host: string
  readonly port: number
}

export interface ContainerOptions {
  /** The folder with the image's files. */
  readonly image: string
  /** `command` and `args` of a pod's container. */
  readonly command: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  readonly user?: number
  /** Files of the service account. */
  readonly account?: Readonly<Record<string, string>>
  /** Empty folders that may be written to. */
  readonly scratch?: ReadonlyArray<string>
  /** Servers of this machine that are to be reached from inside. */
  readonly servers?: ReadonlyArray<Place>
}

interface Answer {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Container extends AsyncDisposable {
  readonly stdout: () => string
  readonly stderr: () => string
  readonly exit: Promise<Answer>
  readonly signal: (signal: NodeJS.Signals) => void
  /** Status and body of an answer on the pod's address. */
  readonly ask: (port: number, path: string) => Promise<{ readonly status: number; readonly text: string }>
  /** Runs a command beside the program, as the kubelet does for probes. */
  readonly run: (command: ReadonlyArray<string>, limitMs: number) => Promise<Answer>
  /** What the kernel says of the program: a file of /proc/PID. */
  readonly inspect: (name: string) => string
}

/** Inside: listens where the servers are outside, and passes bytes on. Arguments: HOST PORT SOCKET, repeated. */
const innerRelay = `const net = require("node:net")
const words = process.argv.slice(1)
let open = 0
for (let i = 0; i < words.length; i += 3) {
  const server = net.createServer((from) => {
    const to = net.connect(words[i + 2])
    from.on("error", () => to.destroy()).pipe(to).on("error", () => from.destroy()).pipe(from)
  })
  server.listen(Number(words[i + 1]), words[i], () => ++open === words.length / 3 && console.log("ready"))
}`

/** Arguments: ROOT SCRATCH READY NODE RELAY RELAY-ARGUMENT... -- COMMAND...; the relay's readiness comes through a pipe with a name. */
const start = `root=$1 scratch=$2 ready=$3 node=$4 relay=$5; shift 5
ip link set lo up
ip address add ${podAddress}/32 dev lo
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
for folder in $scratch; do mount -t tmpfs -o mode=1777 scratch "$root$folder"; done
arguments=""
count=0
for word; do [ "$word" = -- ] && break; count=$((count + 1)); arguments="$arguments '$word'"; done
if [ "$count" -gt 0 ]; then
  mkfifo "$ready"
  eval "$node -e \\"\\$relay\\" $arguments" > "$ready" 2>&1 &
  read -r line < "$ready"
  [ "$line" = ready ] || { echo "relay: $line" >&2; exit 125; }
fi
shift $((count + 1))
exec setpriv --no-new-privs env -i "$@"`

/** Outside: passes what comes through a Unix socket to the server. */
const openRelay = async ({ host, port }: Place, socket: string): Promise<() => void> => {
  const server = createServer((from) => {
    const to = connect(port, host)
    from.on("error", () => to.destroy())
    to.on("error", () => from.destroy())
    from.pipe(to).pipe(from)
  })
  server.listen(socket)
  await once(server, "listening")
  server.unref()
  return () => server.close()
}

const call = (file: string, args: ReadonlyArray<string>, limitMs: number, environment?: NodeJS.ProcessEnv): Promise<Answer> =>
  new Promise((resolve) => {
    const child = execFile(file, args, { timeout: limitMs, ...(environment && { env: environment }) }, (_, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    )
  })

const writeAccount = (image: string, account: Readonly<Record<string, string>>): void => {
  const folder = path.join(image, accountFolder)
  // A runtime makes the places that it mounts to.
  for (const each of [folder, path.join(image, "proc")]) mkdirSync(each, { recursive: true })
  for (const [name, text] of Object.entries(account)) writeFileSync(path.join(folder, name), text)
}

/** The program is the only child of `unshare`, and process 1 of its own namespace. A number that no process has if it has ended already. */
const findProgramPid = (parent: ChildProcess): Promise<number> =>
  until("the namespace has a process", 10_000, () => {
    if (hasEnded(parent)) return 2 ** 30
    const children = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, "utf8").trim()
    return children === "" ? undefined : Number(children.split(" ")[0])
  })

/** Starts a container. Its failure to start is an exit status, as of any program. */
export const startContainer = async (options: ContainerOptions): Promise<Container> => {
  const { account = {}, command, environment = {}, image, scratch = [], servers = [], user = 65532 } = options
  writeAccount(image, account)
  for (const each of scratch) mkdirSync(path.join(image, each), { recursive: true })
  const folder = temporaryFolder()
  const sockets = servers.map((_, i) => path.join(folder, `${i}.sock`))
  const closers = await Promise.all(servers.map((place, i) => openRelay(place, sockets[i] ?? "")))
  const relays = servers.flatMap(({ host, port }, i) => [host, String(port), sockets[i] ?? ""])
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const outer = ["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", start, "sh"]
  const inner = [image, scratch.join(" "), path.join(folder, "ready"), process.execPath, innerRelay, ...relays, "--"]
  const chroot = ["/usr/sbin/chroot", `--userspec=${user}:${user}`, "--groups=", image, ...command]
  const child = spawn("unshare", [...outer, ...inner, ...variables, ...chroot], { stdio: ["ignore", "pipe", "pipe"] })
  tie(child)
  let [stdout, stderr] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  const exit = once(child, "close").then((): Answer => ({ status: child.exitCode, stdout, stderr }))
  const pid = await findProgramPid(child)
  const enter = (...words: ReadonlyArray<string>): ReadonlyArray<string> => [`--target=${pid}`, "--net", ...words]
  const fetching = `fetch(process.argv[1]).then(async (a) => console.log(JSON.stringify({ status: a.status, text: await a.text() })))`
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    exit,
    signal: (signal) => void process.kill(pid, signal),
    ask: async (port, where) => {
      const url = `http://${podAddress}:${port}${where}`
      const answer = await call("nsenter", enter(process.execPath, "-e", fetching, url), 10_000)
      if (answer.status !== 0) throw new Error(`${url}: ${answer.stderr.slice(-500)}`)
      return JSON.parse(answer.stdout) as { readonly status: number; readonly text: string }
    },
    run: (words, limitMs) =>
      call("nsenter", enter("--mount", "--pid", "--root", "--wd", "-S", `${user}`, "-G", `${user}`, ...words), limitMs, environment),
    inspect: (name) => readFileSync(`/proc/${pid}/${name}`, "utf8"),
    [Symbol.asyncDispose]: async () => {
      await endChild(child, "SIGKILL")
      for (const close of closers) close()
    },
  }
}
