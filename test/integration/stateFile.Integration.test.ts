/**
 * The built program is killed and started again with the state file of the run before, over a fake API server and a real NATS server: what
 * it says is what changed meanwhile, object by object.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { makeFakeCluster, type FakeCluster, type Manifest, type ServedCluster, type Stored } from "../../src/testing.ts"
import { makeChance } from "../domain/wire/seeded.ts"
import { awaitQuiet, makeConsumer, startBroker, type Broker, type Consumer } from "./broker.ts"
import { runMeshsync, type Run } from "./meshsync.ts"
import { temporaryFolder, until } from "./program.ts"

let broker: Broker
let cluster: FakeCluster
let served: ServedCluster
let consumer: Consumer
let folder: string

beforeAll(async () => {
  broker = await startBroker()
  console.log(`nats-server ${broker.version}`)
})
afterAll(() => broker?.[Symbol.asyncDispose]())

beforeEach(async () => {
  cluster = makeFakeCluster()
  served = await cluster.serve()
  folder = temporaryFolder()
  writeFileSync(path.join(folder, "kubeconfig"), served.kubeconfig)
  consumer = makeConsumer()
  await consumer.attach(broker.address)
})
afterEach(() => served.close())

const stateFile = (): string => path.join(folder, "state")

const start = (): Promise<Run> =>
  runMeshsync({
    args: ["--state-file", stateFile(), "--outputResources", "configmaps,secrets"],
    environment: { KUBECONFIG: path.join(folder, "kubeconfig"), BROKER_URL: broker.address },
    folder,
  })

const settle = async (run: Run): Promise<void> => {
  await run.awaitStatus("everything is announced once", 30_000, ({ settled }) => settled)
  await awaitQuiet(consumer, 500, 30_000)
}

const kill = async (run: Run): Promise<void> => {
  run.signal("SIGKILL")
  expect((await run.exit).signal).toBe("SIGKILL")
}

const address = (name: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace: "default", name })
const configMap = (name: string, data: object = { colour: "blue" }): Manifest =>
  ({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data }) as Manifest

const said = (from: number): ReadonlyArray<string> =>
  consumer.messages.slice(from).map(({ EventType, Object: { kind, metadata } }) => `${EventType} ${kind} ${metadata.name}`)

const uidsSaidGone = (from: number): ReadonlyArray<string | undefined> =>
  consumer.messages.slice(from).flatMap(({ EventType, Object: { metadata } }) => (EventType === "DELETED" ? [metadata.uid] : []))

/** Status, metrics and table say of the file what is on the disk; `doctor` beside the run says who holds it. */
const expectShown = async (run: Run, objects: number): Promise<void> => {
  const { stateFile: shown } = await run.awaitStatus("the file is as it stays", 20_000, ({ stateFile: now }) => {
    const content = readFileSync(stateFile(), "utf8")
    return now?.bytes === content.length && now.entries === content.split("\n").length - 1 && now.syncedMs > 0
  })
  expect(shown).toMatchObject({ path: stateFile(), state: "kept", recollected: { objects, kinds: 2, owed: false } })
  const metrics = await run.fetchText("/metrics")
  expect(metrics).toContain(`meshsync_state_file_bytes ${shown?.bytes}\n`)
  expect(metrics).toContain(`meshsync_state_file_recollected{what="objects"} ${objects}\n`)
  const args = ["doctor", "--state-file", stateFile(), "-o", "json", "--health-port", "0", "configmaps"]
  const environment = { KUBECONFIG: path.join(folder, "kubeconfig"), BROKER_URL: broker.address }
  const { stdout } = await (await runMeshsync({ args, environment, folder, health: false })).exit
  const { checks } = JSON.parse(stdout) as { readonly checks: ReadonlyArray<Record<string, string>> }
  expect(checks.filter(({ subject }) => subject === "state file").map(({ detail, outcome }) => `${outcome}: ${detail}`)).toStrictEqual([
    expect.stringMatching(/^warning: .* is held by another process/),
    expect.stringMatching(/^ok: it tells of 342 objects of 2 kinds and of \d+ deletions, for this cluster and this output$/),
  ])
}

describe("killed and started again", () => {
  it("it announces what was deleted meanwhile, object by object, and nothing that stayed", async () => {
    const names = Array.from({ length: 400 }, (_, i) => `c${i}`)
    const uids = new Map(names.map((name) => [name, cluster.create(configMap(name)).uid]))
    const canary = "Y2FuYXJ5LXZhbHVl"
    cluster.create({ apiVersion: "v1", kind: "Secret", metadata: { namespace: "default", name: "s" }, data: { key: canary } } as Manifest)
    const first = await start()
    await settle(first)
    expect(consumer.messages.length).toBe(401)
    await kill(first)
    const goneNames = names.slice(0, 60)
    for (const name of goneNames) cluster.remove(address(name))
    for (const name of ["c100", "c101"]) cluster.patch(address(name), { data: { colour: "red" } })
    cluster.remove(address("c200"))
    cluster.create(configMap("c200"))
    cluster.create(configMap("new"))
    const second = await start()
    await settle(second)
    const expected = [
      ...goneNames.map((name) => `DELETED ConfigMap ${name}`),
      "MODIFIED ConfigMap c100",
      "MODIFIED ConfigMap c101",
      "DELETED ConfigMap c200",
      "ADDED ConfigMap c200",
      "ADDED ConfigMap new",
    ]
    // A life that follows another one within 2 s goes out once more.
    await until("the repetition has come", 10_000, () => (said(401).length > expected.length ? true : undefined))
    await awaitQuiet(consumer, 500, 10_000)
    expect(said(401).toSorted()).toStrictEqual([...expected, "ADDED ConfigMap c200"].toSorted())
    expect(new Set(uidsSaidGone(401))).toStrictEqual(new Set([...goneNames, "c200"].map((name) => uids.get(name))))
    // Until then what was created anew counts as not sure to have reached everybody.
    await until("the run has rested", 20_000, () => /\["at",\d+\]\n$/.test(readFileSync(stateFile(), "utf8")) || undefined)
    await kill(second)
    const third = await start()
    await settle(third)
    expect(said(401).length).toBe(expected.length + 1)
    expect(statSync(stateFile()).mode & 0o777).toBe(0o600)
    expect(readFileSync(stateFile(), "utf8")).not.toContain(canary)
    expect(statSync(stateFile()).size / 342).toBeLessThan(130)
    await expectShown(third, 342)
    third.signal("SIGTERM")
    expect((await third.exit).status).toBe(0)
  })

  it("at any moment of any batch, it leaves a consumer that was always there with the cluster's state", async () => {
    const chance = makeChance(20_261_125)
    /** As the consumer keeps them: `uid@resourceVersion` by address. */
    const alive = new Map<string, string>()
    const keep = (name: string, { resourceVersion, uid }: Stored): void =>
      void alive.set(`ConfigMap.v1.default.${name}`, `${uid}@${resourceVersion}`)
    const change = (): void => {
      const name = `c${chance.below(80)}`
      if (!alive.has(`ConfigMap.v1.default.${name}`)) keep(name, cluster.create(configMap(name)))
      else if (chance.below(3) === 0) keep(name, cluster.patch(address(name), { data: { colour: String(chance.below(1_000_000)) } }))
      else {
        cluster.remove(address(name))
        alive.delete(`ConfigMap.v1.default.${name}`)
      }
    }
    for (let round = 0; round < 12; round++) {
      const run = await start()
      const endMs = performance.now() + 300 + chance.below(900)
      while (performance.now() < endMs) {
        for (let i = 0; i < 5; i++) change()
        await new Promise((resolve) => setImmediate(resolve))
      }
      await kill(run)
      for (let i = 0; i < 20; i++) change()
    }
    const last = await start()
    await settle(last)
    expect(consumer.messages.length).toBeGreaterThan(1_000)
    expect(consumer.state).toStrictEqual(alive)
    expect(last.stdout()).not.toContain("set aside")
    await kill(last)
  })
})

describe("the broker killed as well", () => {
  it("a consumer that comes back behind another one, when all has been said, is exact in the end; the next start says nothing", async () => {
    const late = makeConsumer()
    await late.attach(broker.address)
    const truth = new Map<string, string>()
    const keep = (name: string, { resourceVersion, uid }: Stored): void =>
      void truth.set(`ConfigMap.v1.default.${name}`, `${uid}@${resourceVersion}`)
    for (let i = 0; i < 20; i++) keep(`c${i}`, cluster.create(configMap(`c${i}`)))
    const first = await start()
    await settle(first)
    await until("the first life is confirmed", 5_000, () => readFileSync(stateFile(), "utf8").endsWith('["ok",1]\n') || undefined)
    await kill(first)
    await broker.kill()
    for (let i = 0; i < 5; i++) {
      cluster.remove(address(`c${i}`))
      truth.delete(`ConfigMap.v1.default.c${i}`)
    }
    keep("c5", cluster.patch(address("c5"), { data: { colour: "red" } }))
    keep("new", cluster.create(configMap("new")))
    await broker.start()
    await consumer.attach(broker.address)
    const second = await start()
    await settle(second)
    expect(consumer.state).toStrictEqual(truth)
    // Up to here nothing but what changed was said, and not to everybody.
    expect(consumer.messages.length).toBe(20 + 7)
    await late.attach(broker.address)
    expect(late.messages.length).toBe(20)
    await until("the late one is exact", 20_000, () => (late.messages.length >= 20 + 16 + 5 ? true : undefined))
    await awaitQuiet(late, 500, 10_000)
    expect(late.state).toStrictEqual(truth)
    expect(second.stdout()).toContain("the broker is another process than before")
    await until("the debt is paid on disk", 5_000, () => readFileSync(stateFile(), "utf8").includes('["announced",') || undefined)
    await kill(second)
    const told = consumer.messages.length
    const third = await start()
    await settle(third)
    expect(third.stdout()).not.toContain("another process")
    expect(readFileSync(stateFile(), "utf8")).not.toContain('["owed"')
    expect(consumer.messages.length).toBe(told)
    await kill(third)
  })
})

describe("one process at a time", () => {
  it("a second one with the same file ends at once and says why; the first goes on", async () => {
    cluster.create(configMap("a"))
    const first = await start()
    await settle(first)
    const second = await start()
    const { status, stderr } = await second.exit
    expect(status).toBe(1)
    expect(stderr).toContain("Another process uses the state file")
    cluster.create(configMap("b"))
    await until("the first still tells", 10_000, () => (said(0).includes("ADDED ConfigMap b") ? true : undefined))
    await kill(first)
  })

  it("a snapshot cannot be made from it", async () => {
    const run = await runMeshsync({ args: ["--output", "file", "--state-file", stateFile()], health: false })
    const { status, stderr } = await run.exit
    expect(status).not.toBe(0)
    expect(stderr).toContain("--state-file goes with --output broker and stdout")
  })
})
