/**
 * A real nats-server for tests, and consumers of it that keep what Meshery Server would: the latest version of each object by its address.
 */
import { connect, type NatsConnection } from "nats"
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import { addressOf, type Item } from "./cluster.ts"
import { freePort, type Program, requireProgram, startProgram, temporaryFolder, until } from "./program.ts"

const coreSubject = "meshery.meshsync.core"
export const requestSubject = "meshery.meshsync.request"

export interface Broker extends AsyncDisposable {
  /** Without a scheme, as deployments write it. */
  readonly address: string
  readonly host: string
  readonly port: number
  readonly monitorUrl: string
  /** What it says of itself, e.g. `2.15.2`. */
  readonly version: string
  readonly kill: () => Promise<void>
  /** E.g. SIGSTOP and SIGCONT. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** Starts it again on the same ports. */
  readonly start: () => Promise<void>
}

/** The port that MeshSync asks for subscribers: fixed, so each broker gets an address of the loopback of its own where there are many. */
const monitorPort = 8222

/** Linux serves all of 127.0.0.0/8; elsewhere only 127.0.0.1 is sure, and the monitoring port is another one. */
const pickPlace = async (): Promise<{ readonly host: string; readonly port: number; readonly monitor: number }> => {
  if (process.platform !== "linux") return { host: "127.0.0.1", port: await freePort(), monitor: await freePort() }
  const byte = (): number => 1 + Math.floor(Math.random() * 250)
  const host = `127.${byte()}.${byte()}.${byte()}`
  return { host, port: await freePort(host), monitor: monitorPort }
}

export interface BrokerOptions {
  /** Further lines of nats-server's configuration. */
  readonly configuration?: string
}

export const startBroker = async ({ configuration = "" }: BrokerOptions = {}): Promise<Broker> => {
  const folder = temporaryFolder()
  const { host, monitor, port } = await pickPlace()
  const file = path.join(folder, "nats.conf")
  writeFileSync(file, `listen: "${host}:${port}"\nhttp: "${host}:${monitor}"\n${configuration}`)
  const monitorUrl = `http://${host}:${monitor}`
  let server: Program
  const start = async (): Promise<string> => {
    server = startProgram(requireProgram("nats-server"), ["-c", file], { folder })
    const ask = async (): Promise<string> => {
      if (server.child.exitCode !== null) throw new Error("it has ended")
      return ((await (await fetch(`${monitorUrl}/varz`)).json()) as { readonly version: string }).version
    }
    return until("nats-server answers", 20_000, ask, () => `\n${server.log().slice(-2_000)}`)
  }
  const version = await start()
  return {
    address: `${host}:${port}`,
    host,
    port,
    monitorUrl,
    version,
    kill: () => server.end("SIGKILL"),
    signal: (signal) => void server.child.kill(signal),
    start: async () => void (await start()),
    [Symbol.asyncDispose]: () => server.end("SIGKILL"),
  }
}

export interface Message {
  readonly ObjectType: string
  readonly EventType: "ADDED" | "MODIFIED" | "DELETED"
  readonly Object: Item & {
    readonly spec?: { readonly attribute: string }
    readonly status?: { readonly attribute: string }
    readonly cluster_id: string
    readonly data?: string
  }
}

/** A consumer over any number of connections. Messages keep the order of their arrival. */
export interface Consumer {
  readonly messages: ReadonlyArray<Message>
  /** The bytes as they came, for searches. */
  readonly texts: ReadonlyArray<string>
  /** Texts that are no JSON. */
  readonly broken: ReadonlyArray<string>
  /** `uid@resourceVersion` by address, as upserts and deletions left it. */
  readonly state: ReadonlyMap<string, string>
  /** When the last message came, on performance.now()'s scale. */
  readonly lastMs: () => number
  readonly attach: (address: string) => Promise<NatsConnection>
}

export const makeConsumer = (): Consumer => {
  const messages: Array<Message> = []
  const texts: Array<string> = []
  const broken: Array<string> = []
  const state = new Map<string, string>()
  let lastMs = performance.now()
  const take = (text: string): void => {
    texts.push(text)
    lastMs = performance.now()
    let message: Message
    try {
      message = JSON.parse(text) as Message
    } catch {
      broken.push(text)
      return
    }
    messages.push(message)
    const { metadata } = message.Object
    if (message.EventType === "DELETED") state.delete(addressOf(message.Object))
    else state.set(addressOf(message.Object), `${metadata.uid}@${metadata.resourceVersion}`)
  }
  const attach = async (address: string): Promise<NatsConnection> => {
    const connection = await connect({ servers: address, name: "consumer", reconnect: false })
    connection.subscribe(coreSubject, { callback: (_, message) => take(message.string()) })
    await connection.flush()
    return connection
  }
  return { messages, texts, broken, state, lastMs: () => lastMs, attach }
}

/** Waits until no message has come for a while. */
export const awaitQuiet = (consumer: Consumer, quietMs: number, limitMs: number): Promise<boolean> =>
  until(`${quietMs} ms without a message`, limitMs, () => (performance.now() - consumer.lastMs() >= quietMs ? true : undefined))
