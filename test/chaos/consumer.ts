/**
 * Two consumers that know only what comes over NATS. They come back by themselves when their connection ends, as late as they are told to,
 * and never ask for anything.
 *
 * `address-keyed` is like Meshery Server: it knows an object by apiVersion, kind, namespace and name alone, knows Added, Modified and
 * Deleted and nothing else, and gathers 100 messages or 500 ms, of which it applies upserts before deletes. `exact` is the one of the
 * examples: it knows the marks.
 */
import { connect, type NatsConnection } from "nats"
import { applyMessage } from "../../examples/consumer/consumer.ts"
import { makeCopy } from "../../examples/consumer/copy.ts"
import { addressOf, type Item } from "../integration/cluster.ts"

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
  /** Objects that an end mark made it forget, and digests that differed from its own. */
  pruned: number
  differed: number
  /** Messages that are no JSON. */
  broken: number
  /** Messages in which a forbidden text stands. */
  leaks: number
}

/** What becomes of messages. */
interface Mind {
  readonly subject: string
  /** Throws when the text is no message. */
  readonly take: (subject: string, text: string, heard: Heard) => void
  /** `uid@resourceVersion` by address. */
  readonly view: () => ReadonlyMap<string, string>
}

export interface Consumer extends AsyncDisposable {
  readonly name: string
  readonly view: () => ReadonlyMap<string, string>
  readonly heard: Readonly<Heard>
  /** After the next end of its connection it stays away for so long. */
  lateMs: number
  /** Ends its connection. */
  readonly leave: () => Promise<void>
}

const versionOf = ({ metadata }: Item): string => `${metadata.uid}@${metadata.resourceVersion}`

export const makeAddressKeyed = (): Mind => {
  const view = new Map<string, string>()
  let gathered: Array<Envelope> = []
  let timer: NodeJS.Timeout | undefined
  const flush = (heard: Heard): void => {
    clearTimeout(timer)
    timer = undefined
    const batch = gathered
    gathered = []
    for (const { EventType, Object } of batch) {
      if (EventType === "DELETED") continue
      const [address, version] = [addressOf(Object), versionOf(Object)]
      if (view.get(address) === version) heard.duplicates++
      view.set(address, version)
    }
    for (const { EventType, Object } of batch) if (EventType === "DELETED") view.delete(addressOf(Object))
  }
  return {
    subject: "meshery.meshsync.core",
    take: (_, text, heard) => {
      gathered.push(JSON.parse(text) as Envelope)
      if (gathered.length >= gatherMessages) flush(heard)
      else timer ??= setTimeout(() => flush(heard), gatherMs)
    },
    view: () => view,
  }
}

export const makeExact = (): Mind => {
  const copy = makeCopy()
  return {
    subject: "meshery.meshsync.>",
    take: (subject, text, heard) => {
      applyMessage(copy, subject, text)
      heard.pruned = copy.counts.pruned
      heard.differed = copy.counts.differed
    },
    view: () => {
      const objects = [...copy.types.values()].flatMap((held) => [...held.objects.values()].map(({ object }) => object as Item))
      return new Map(objects.map((object) => [addressOf(object), versionOf(object)]))
    },
  }
}

/**
 * @param address host and port of the broker
 * @param forbidden a text that must not stand in any message
 */
export const openConsumer = async (name: string, mind: Mind, address: string, forbidden: string): Promise<Consumer> => {
  const heard: Heard = { messages: 0, bytes: 0, duplicates: 0, pruned: 0, differed: 0, broken: 0, leaks: 0 }
  let closing = false
  let connection: NatsConnection
  const take = (subject: string, text: string): void => {
    heard.messages++
    heard.bytes += text.length
    if (text.includes(forbidden)) heard.leaks++
    try {
      mind.take(subject, text, heard)
    } catch {
      heard.broken++
    }
  }
  const attach = async (): Promise<void> => {
    connection = await connect({ servers: address, name, reconnect: false, timeout: 2_000 })
    connection.subscribe(mind.subject, { callback: (_, message) => take(message.subject, message.string()) })
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
    view: mind.view,
    heard,
    lateMs: 0,
    leave: () => connection.close(),
    [Symbol.asyncDispose]: async () => {
      closing = true
      await connection.close()
    },
  }
  await attach()
  return consumer
}

const sleep = (delayMs: number): Promise<void> => new Promise((resume) => setTimeout(resume, delayMs))
