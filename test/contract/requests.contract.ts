/**
 * What every request over a broker is answered with: one script for a cluster and a broker in this process, and for a real API server with
 * kubelets and a real nats-server. The tests of a stage share one run and go on where the one before ended.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Status } from "../../src/domain/sync/status.ts"
import { coreSubject, requestSubject } from "../../src/domain/wire/subject.ts"
import { until } from "../integration/program.ts"

/** A run that publishes on a broker, with the pod `pod` in the namespace `shop`, whose one container is `nginx`. */
export interface RequestStage extends AsyncDisposable {
  readonly pod: string
  /** The version that the run tells. */
  readonly version: string
  readonly publish: (subject: string, payload: string) => Promise<void>
  /** Calls for each message of a subject from now on. */
  readonly subscribe: (subject: string, take: (payload: string) => void) => Promise<void>
  /** Writes into the container's log. */
  readonly writeLog: (line: string) => void
  readonly log: () => string
  /** What `/status` answers. */
  readonly status: () => Promise<Status>
}

interface Message {
  readonly ObjectType: string
  readonly EventType: string
  readonly Request: null
  readonly Object: unknown
}

interface Item {
  readonly kind: string
  readonly metadata: { readonly namespace?: string; readonly name: string; readonly uid: string; readonly resourceVersion: string }
}

const limitMs = 30_000
const lists = "active_sessions.exec"
const logs = "meshery.meshsync.logs"

/** Words from whoever may publish, each with what has to be ignored in it. */
const hostile: ReadonlyArray<string> = [
  "",
  "\u0000",
  "not JSON",
  "[]",
  "null",
  '{"Request":[]}',
  '{"Request":{"Entity":7}}',
  '{"Request":{"Entity":"delete-everything"}}',
  '{"Request":{"Entity":"informer-store","Payload":{"Reply":"all.>"}}}',
  '{"Request":{"Entity":"informer-store","Payload":{"Reply":"two words"}}}',
  '{"Request":{"Entity":"informer-store","Payload":{"Reply":"meshery.meshsync.core"}}}',
  '{"Request":{"Entity":"exec-request","Payload":{"0":{"id":"*","name":"web","namespace":"shop"}}}}',
  '{"Request":{"Entity":"exec-request","Payload":{"0":{"id":"a b","name":"web","namespace":"shop"}}}}',
  '{"Request":{"Entity":"log-stream","Payload":{"0":{"name":"../secrets","namespace":"shop"}}}}',
  '{"Request":{"Entity":"log-stream","Payload":{"0":{"name":"web","namespace":"shop","follow":"yes"}}}}',
  `{"Request":{"Entity":"log-stream","Payload":${"[".repeat(400_000)}${"]".repeat(400_000)}}}`,
]

/** A stage with ears: what is said on a subject since the first time that it was listened to. */
const setEars = (stage: RequestStage) => {
  const heard = new Map<string, Array<Message>>()
  const hear = async (subject: string): Promise<Array<Message>> => {
    const known = heard.get(subject)
    if (known !== undefined) return known
    const messages: Array<Message> = []
    heard.set(subject, messages)
    await stage.subscribe(subject, (payload) => messages.push(JSON.parse(payload) as Message))
    return messages
  }
  const ask = (Entity: string, Payload: unknown = null) => stage.publish(requestSubject, JSON.stringify({ Request: { Entity, Payload } }))
  const wait = (what: string, holds: () => boolean) => until(what, limitMs, () => (holds() ? true : undefined), stage.log)
  return { hear, ask, wait }
}

const objectsOf = (messages: ReadonlyArray<Message>): ReadonlyArray<unknown> => messages.map(({ Object: object }) => object)
const addressOf = ({ kind, metadata }: Item): string => `${kind} ${metadata.namespace ?? ""}/${metadata.name} ${metadata.uid}`
const versionOf = (item: Item): string => `${addressOf(item)} ${item.metadata.resourceVersion}`

/** What a terminal has shown. */
const textOf = (messages: ReadonlyArray<Message>, sort: "exec-output" | "error"): string =>
  messages.flatMap(({ Object: text, ObjectType }) => (ObjectType === sort ? [String(text)] : [])).join("")

export const describeRequestContract = (name: string, open: () => Promise<RequestStage>, isPossible = true): void => {
  describe.skipIf(!isPossible)(`requests: ${name}`, () => {
    let stage: RequestStage
    let ears: ReturnType<typeof setEars>
    let listed: ReadonlyArray<Message>
    let told: ReadonlyArray<Message>

    beforeAll(async () => {
      stage = await open()
      ears = setEars(stage)
      listed = await ears.hear(lists)
      told = await ears.hear(coreSubject)
      // Its answer comes by the clock: the last test looks for it.
      await ears.ask("active-exec")
    }, 180_000)
    afterAll(() => stage?.[Symbol.asyncDispose]())

    it("meshsync-meta: the version", async () => {
      const versions = await ears.hear("meshsync-meta")
      await ears.ask("meshsync-meta")
      await ears.wait("the version is told", () => versions.length > 0)
      expect(versions).toEqual([{ ObjectType: "", EventType: "", Request: null, Object: stage.version }])
    })

    it("resync-discovery: everything as ADDED; informer-store: the same, five at a time, and nothing of it on core", async () => {
      await ears.ask("resync-discovery")
      await ears.wait("the pod is announced again", () => told.some(({ Object: item }) => (item as Item).metadata.name === stage.pod))
      const store = await ears.hear("_INBOX.store")
      const items = (): ReadonlyArray<Item> => store.flatMap(({ Object: some }) => some as ReadonlyArray<Item>)
      await ears.ask("informer-store", { Reply: "_INBOX.store" })
      const last = () => new Map(told.map(({ Object: item }) => [addressOf(item as Item), versionOf(item as Item)]))
      await ears.wait("all that was announced has come", () => {
        const versions = new Set(items().map(versionOf))
        return [...last().values()].every((version) => versions.has(version))
      })
      expect(items().map(({ metadata }) => metadata.name)).toContain(stage.pod)
      for (const message of store) {
        expect(message).toMatchObject({ ObjectType: "", EventType: "", Request: null })
        expect((message.Object as ReadonlyArray<Item>).length).toBeLessThanOrEqual(5)
      }
      const announced = told.filter(({ Object: item }) => (item as Item).metadata.name === stage.pod)
      expect(announced.map(({ EventType, ObjectType }) => [EventType, ObjectType])).toEqual([["ADDED", "meshsync-data"]])
    })

    it("log-stream: history, what is written meanwhile, one stream however often it is asked for, and its end", async () => {
      const pieces = await ears.hear(logs)
      const text = (): string =>
        objectsOf(pieces)
          .map((piece) => (piece as { readonly data: string }).data)
          .join("")
      const wish = { id: "client-1", name: stage.pod, namespace: "shop", container: "nginx", follow: true, taillines: 2 }
      for (const line of ["one", "two", "drei ü"]) stage.writeLog(line)
      await ears.ask("log-stream", { "0": wish, again: wish })
      await ears.wait("the history comes", () => text().includes("drei ü"))
      stage.writeLog("four")
      await ears.wait("the next line comes", () => text().includes("four"))
      expect(text()).not.toContain("one")
      expect(text().split("drei ü")).toHaveLength(2)
      expect(pieces[0]).toMatchObject({ ObjectType: "log-stream", EventType: "ADDED", Object: { id: "client-1", primary: stage.pod } })
      const id = `logs.shop.${stage.pod}.nginx`
      expect(objectsOf(listed)).toContainEqual([id])
      await ears.ask("log-stream", { "0": { ...wish, stop: true } })
      await ears.wait("the list is empty", () => JSON.stringify(listed.at(-1)?.Object) === "[]")
      await ears.ask("log-stream", { "0": { ...wish, name: "nope" } })
      await ears.wait("the refusal is logged", () => /nope.*not found/.test(stage.log()))
    })

    it("exec-request: the pod's container in its name, what is typed and shown, its status, and its end", async () => {
      const wish = { id: "t1", name: stage.pod, namespace: "shop" }
      const id = `exec.shop.${stage.pod}.nginx.t1`
      const shown = await ears.hear(id)
      const type = (text: string) => stage.publish(`input.${id}`, JSON.stringify({ ObjectType: "exec-input", Object: text }))
      await ears.ask("exec-request", { "0": wish })
      await ears.wait("the list names it", () => JSON.stringify(listed.at(-1)).includes(id))
      await until("the shell obeys", limitMs, async () => {
        if (textOf(shown, "exec-output").includes("quoted ü")) return true
        // What is typed before the subscription stands is lost, as the Go MeshSync loses it.
        await type("echo quo''ted ü")
        return undefined
      })
      await type("exit 3")
      await ears.wait("the status is told", () => textOf(shown, "error").includes("3"))
      await ears.wait("the list is empty", () => JSON.stringify(listed.at(-1)?.Object) === "[]")
      await ears.ask("exec-request", { "0": wish })
      await ears.wait("it runs again", () => JSON.stringify(listed.at(-1)).includes(id))
      await ears.ask("exec-request", { "0": { ...wish, container: "nginx", stop: true } })
      await ears.wait("it is stopped", () => JSON.stringify(listed.at(-1)?.Object) === "[]")
      const refused = await ears.hear("exec.shop.nope.nginx.t2")
      await ears.ask("exec-request", { "0": { id: "t2", name: "nope", namespace: "shop", container: "nginx" } })
      await ears.wait("the refusal is told", () => refused.length > 0)
      expect(textOf(refused, "error")).toContain('pods "nope" not found')
    })

    it("what is no request is ignored, and the next one is answered", async () => {
      const versions = await ears.hear("meshsync-meta")
      const [before, sessions, announced] = [versions.length, listed.length, told.length]
      for (const text of [...hostile, ...hostile]) await stage.publish(requestSubject, text)
      await ears.ask("meshsync-meta")
      await ears.wait("the version is told", () => versions.length > before)
      expect(versions).toHaveLength(before + 1)
      expect(told).toHaveLength(announced)
      const complaints = stage.log().match(/a request (?:was ignored: |for ).*/g) ?? []
      expect(complaints.length).toBeGreaterThan(4)
      expect(complaints).toEqual([...new Set(complaints)])
      const { counters } = await stage.status()
      expect([counters["requests_invalid"], counters["requests_unknown"]]).toEqual([2 * (hostile.length - 1), 2])
      // Nothing has begun: but for the list that comes by the clock.
      expect(listed.slice(sessions).filter(({ Object: ids }) => (ids as ReadonlyArray<string>).length > 0)).toEqual([])
    })

    it("active-exec: the list, by the clock from then on", async () => {
      const before = listed.length
      await ears.wait("the list is told although nothing changes", () => listed.length > before)
      expect(listed.at(-1)).toEqual({ ObjectType: "active-exec", EventType: "", Request: null, Object: [] })
    })
  })
}
