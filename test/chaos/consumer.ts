/**
 * A consumer like Meshery Server: it knows an object by apiVersion, kind, namespace and name alone, knows Added, Modified and Deleted and
 * nothing else, and gathers 100 messages or 500 ms, of which it applies upserts before deletes.
 * It comes back by itself when its connection ends, as late as it is told to. It never asks for anything.
 */
import { connect, type NatsConnection } from "nats"
import { addressOf, type Item } from "../integration/cluster.ts"

const subject = "meshery.meshsync.core"
const gatherMessages = 100
const gatherMs = 500
const dialEveryMs = 200

interface Envelope {
  readonly EventType: string
  readonly Object: Item
}

/** What a consumer has heard. */
export interface Heard {
  messages: number
  bytes: number
  /** Upserts that said what was known already. */
  duplicates: number
  /** Messages that are no JSON. */
  broken: number
  /** Messages in which a forbidden text stands. */
  leaks: number
}

export interface Consumer extends AsyncDisposable {
  readonly name: string
  /** `uid@resourceVersion` by address. */
  readonly view: ReadonlyMap<string, string>
  readonly heard: Readonly<Heard>
  /** After the next end of its connection it stays away for so long. */
  lateMs: number
  /** Ends its connection. */
  readonly leave: () => Promise<void>
}

/**
 * @param address host and port of the broker
 * @param forbidden a text that must not stand in any message
 */
export const openConsumer = async (name: string, address: string, forbidden: string): Promise<Consumer> => {
  const view = new Map<string, string>()
  const heard: Heard = { messages: 0, bytes: 0, duplicates: 0, broken: 0, leaks: 0 }
  let gathered: Array<Envelope> = []
  let timer: NodeJS.Timeout | undefined
  let closing = false
  let connection: NatsConnection
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    const batch = gathered
    gathered = []
    for (const { EventType, Object } of batch) {
      if (EventType === "DELETED") continue
      const [address, version] = [addressOf(Object), `${Object.metadata.uid}@${Object.metadata.resourceVersion}`]
      if (view.get(address) === version) heard.duplicates++
      view.set(address, version)
    }
    for (const { EventType, Object } of batch) if (EventType === "DELETED") view.delete(addressOf(Object))
  }
  const take = (text: string): void => {
    heard.messages++
    heard.bytes += text.length
    if (text.includes(forbidden)) heard.leaks++
    try {
      gathered.push(JSON.parse(text) as Envelope)
    } catch {
      heard.broken++
      return
    }
    if (gathered.length >= gatherMessages) flush()
    else timer ??= setTimeout(flush, gatherMs)
  }
  const attach = async (): Promise<void> => {
    connection = await connect({ servers: address, name, reconnect: false, timeout: 2_000 })
    connection.subscribe(subject, { callback: (_, message) => take(message.string()) })
    void connection.closed().then(comeBack)
    await connection.flush()
  }
  const comeBack = async (): Promise<void> => {
    const delayMs = consumer.lateMs
    consumer.lateMs = 0
    await sleep(delayMs)
    while (!closing) {
      try {
        return await attach()
      } catch {
        await sleep(dialEveryMs)
      }
    }
  }
  const consumer: Consumer = {
    name,
    view,
    heard,
    lateMs: 0,
    leave: () => connection.close(),
    [Symbol.asyncDispose]: async () => {
      closing = true
      clearTimeout(timer)
      await connection.close()
    },
  }
  await attach()
  return consumer
}

const sleep = (delayMs: number): Promise<void> => new Promise((resume) => setTimeout(resume, delayMs))
