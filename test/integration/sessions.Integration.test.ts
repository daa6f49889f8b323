/**
 * Logs and terminals the whole way: NATS, MeshSync, the API server, a kubelet, and back.
 */
import { connect, type NatsConnection } from "nats"
import { appendFileSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type Broker, requestSubject, startBroker } from "./broker.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { runMeshsync } from "./meshsync.ts"
import { findProgram, temporaryFolder, until } from "./program.ts"
import { createNamespace, deployNginx } from "./workload.ts"

const folder = temporaryFolder()
const logFile = path.join(folder, "container.log")
const limitMs = 30_000

let plane: ControlPlane
let broker: Broker
let pod: string

const line = (text: string): string => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`

beforeAll(async () => {
  writeFileSync(logFile, line("one") + line("zwei ü"))
  plane = await startControlPlane({ controllers: true, pods: { logFile, folder } })
  broker = await startBroker()
  await createNamespace(plane, "shop")
  await deployNginx(plane, "shop")
  pod = String((await plane.admin.list("/api/v1/namespaces/shop/pods"))[0]?.metadata.name)
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

/** Not every folder of programs has kubelets: without them nothing runs in a pod, and there is nothing to test. */
const kubelets = findProgram("kwok") === undefined ? [] : ["kwok"]

interface Message {
  readonly ObjectType: string
  readonly EventType: string
  readonly Object: unknown
}

/** All that is said on a subject. */
const hear = (connection: NatsConnection, subject: string): ReadonlyArray<Message> => {
  const heard: Array<Message> = []
  connection.subscribe(subject, { callback: (_, message) => heard.push(message.json<Message>()) })
  return heard
}

const ask = (connection: NatsConnection, Entity: string, ...wishes: ReadonlyArray<object>): void =>
  connection.publish(requestSubject, JSON.stringify({ Request: { Entity, Payload: Object.fromEntries(wishes.entries()) } }))

const runWith = async (environment: Readonly<Record<string, string>> = {}) => {
  const settings = { KUBECONFIG: plane.kubeconfig("admin"), BROKER_URL: broker.address, ...environment }
  const run = await runMeshsync({ args: [], environment: settings })
  await run.awaitStatus("everything is announced", 60_000, ({ settled }) => settled)
  return run
}

const textOf = (messages: ReadonlyArray<Message>, sort: string): string =>
  messages.flatMap(({ Object: text, ObjectType }) => (ObjectType === sort ? [String(text)] : [])).join("")

it.each(kubelets)(
  "with %s, streams a log, follows it, ends it, and says why one cannot be opened",
  async () => {
    await using connection = await open()
    await using run = await runWith()
    const logs = hear(connection.nats, "meshery.meshsync.logs")
    const lists = hear(connection.nats, "active_sessions.exec")
    const text = (): string => logs.map(({ Object: piece }) => (piece as { readonly data: string }).data).join("")
    const wish = { id: "client-1", name: pod, namespace: "shop", container: "nginx", follow: true, taillines: 10 }
    ask(connection.nats, "log-stream", wish, wish)
    await until("the history comes", limitMs, () => (text().includes("zwei ü") ? true : undefined), run.stdout)
    appendFileSync(logFile, line("three"))
    await until("what is written meanwhile comes", limitMs, () => (text().includes("three") ? true : undefined), run.stdout)
    expect(logs[0]).toMatchObject({
      ObjectType: "log-stream",
      EventType: "ADDED",
      Object: { id: "client-1", primary: pod, secondary: "nginx" },
    })
    expect(text().split("one")).toHaveLength(2)
    expect(lists.map(({ Object: ids }) => ids)).toEqual([[`logs.shop.${pod}.nginx`]])
    ask(connection.nats, "log-stream", { ...wish, stop: true })
    await until("the list is empty", limitMs, () => (JSON.stringify(lists.at(-1)?.Object) === "[]" ? true : undefined))
    ask(connection.nats, "log-stream", { name: "nope", namespace: "shop", container: "nginx" })
    await until("the refusal is logged", limitMs, () => (/1010.*nope|nope.*not found/.test(run.stdout() + run.stderr()) ? true : undefined))
    expect(run.stdout()).toMatch(/the log of shop\/\S+ \(nginx\) has ended after .* bytes out, 0 bytes in: it was stopped/)
  },
  120_000,
)

it.each(kubelets)(
  "with %s, runs a terminal, the pod's default container in its name, and survives its failures",
  async () => {
    await using connection = await open()
    await using run = await runWith()
    const lists = hear(connection.nats, "active_sessions.exec")
    const id = `exec.shop.${pod}.nginx.t1`
    const shown = hear(connection.nats, id)
    const type = (text: string): void =>
      connection.nats.publish(`input.${id}`, JSON.stringify({ ObjectType: "exec-input", EventType: "", Request: null, Object: text }))
    const wish = { id: "t1", name: pod, namespace: "shop" }
    ask(connection.nats, "exec-request", wish)
    await until("the list names the session", limitMs, () => (JSON.stringify(lists).includes(id) ? true : undefined), run.stdout)
    await until(
      "the shell answers",
      limitMs,
      () => {
        if (textOf(shown, "exec-output").includes("sum 42 ü")) return true
        type("echo sum $((40 + 2)) ü")
        return undefined
      },
      run.stdout,
    )
    type("exit 3")
    await until("the status is told", limitMs, () => (textOf(shown, "error") === "" ? undefined : true), run.stdout)
    // The fake kubelet's own words: a real one's status names the exit code.
    expect(textOf(shown, "error")).toContain("exit status 3")
    await until("the list is empty", limitMs, () => (JSON.stringify(lists.at(-1)?.Object) === "[]" ? true : undefined))
    expect(lists.at(-1)).toEqual({ ObjectType: "active-exec", EventType: "", Request: null, Object: [] })
    const refused = hear(connection.nats, "exec.shop.nope.nginx.t2")
    ask(connection.nats, "exec-request", { id: "t2", name: "nope", namespace: "shop", container: "nginx" })
    await until("the refusal is told", limitMs, () => (refused.length > 0 ? true : undefined), run.stdout)
    expect(textOf(refused, "error")).toContain('pods "nope" not found')
    ask(connection.nats, "exec-request", wish)
    await until("it runs again", limitMs, () => (JSON.stringify(lists.at(-1)).includes(id) ? true : undefined), run.stdout)
    ask(connection.nats, "exec-request", { ...wish, stop: true })
    await until("it is stopped", limitMs, () => (JSON.stringify(lists.at(-1)?.Object) === "[]" ? true : undefined), run.stdout)
    expect(run.hasEnded()).toBe(false)
  },
  120_000,
)

it("opens nothing that the policy or the namespaces forbid", async () => {
  await using connection = await open()
  const subject = `exec.shop.${pod}.nginx.t3`
  const shown = hear(connection.nats, subject)
  const wish = { id: "t3", name: pod, namespace: "shop", container: "nginx" }
  for (const [environment, reason] of [
    [{ MESHSYNC_INTERACTIVE: "logs" }, "forbidden by MESHSYNC_INTERACTIVE=logs"],
    [{ MESHSYNC_NAMESPACES: "default" }, "the namespace is not selected"],
  ] as const) {
    await using run = await runWith(environment)
    const before = shown.length
    ask(connection.nats, "exec-request", wish)
    await until("the refusal is told", limitMs, () => (shown.length > before ? true : undefined), run.stdout)
    expect(shown.at(-1)).toMatchObject({ ObjectType: "error", Object: reason })
  }
}, 120_000)

const open = async () => {
  const nats = await connect({ servers: broker.address, reconnect: false })
  return { nats, [Symbol.asyncDispose]: () => nats.close() }
}
