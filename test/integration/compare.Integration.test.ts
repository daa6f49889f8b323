/**
 * `meshsync compare` as people run it: beside another process that publishes to a real nats-server, started by itself or by us, and beside
 * the recorded messages of the Go MeshSync.
 */
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import { connect } from "nats"
import { afterAll, beforeAll, expect, it } from "vitest"
import { publishedOf, replayVectors } from "../golden/replay.ts"
import { vectors } from "../golden/vector.ts"
import { binary, runMeshsync, type Exit } from "./meshsync.ts"
import { temporaryFolder, until } from "./program.ts"
import { openShop, type Shop } from "./shop.ts"
import { configMap } from "./workload.ts"

let shop: Shop

beforeAll(async () => {
  shop = await openShop()
})

afterAll(() => shop?.[Symbol.asyncDispose]())

interface Document {
  readonly counts: Readonly<Record<string, number>>
  readonly decisions: ReadonlyArray<{ readonly number: number }>
  readonly findings: ReadonlyArray<{ readonly outcome: string; readonly paths: ReadonlyArray<string>; readonly resourceVersion: string }>
}

const readDocument = ({ stderr, stdout }: Exit): Document => {
  expect(stdout, stderr).toContain('"counts"')
  return JSON.parse(stdout) as Document
}

it("with --peer our own program is equal to itself, and is stopped at the end", async () => {
  const run = await runMeshsync({
    args: ["compare", "--peer", `'${binary}' --health-port 0`, "--duration", "15s", "-o", "json"],
    environment: { KUBECONFIG: shop.plane.kubeconfig("admin"), BROKER_URL: shop.broker.address },
    health: false,
  })
  await until("it has begun", 30_000, () => (run.stderr().includes("wait for their counterpart") ? true : undefined), run.stderr)
  await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/configmaps", configMap("shop", "live", { a: "1" }))
  const exit = await run.exit
  const { counts, findings } = readDocument(exit)
  expect({ status: exit.status, findings }, exit.stderr).toEqual({ status: 0, findings: [] })
  expect(counts["equal"]).toBeGreaterThan(50)
  expect(counts).toMatchObject({ explained: 0, different: 0, missingHere: 0, missingThere: 0 })
  const connections = async () => {
    const { connections: list } = (await (await fetch(`${shop.broker.monitorUrl}/connz`)).json()) as { connections: ReadonlyArray<unknown> }
    return list.length === 0 ? true : undefined
  }
  await until("nobody is connected any more", 10_000, connections)
}, 120_000)

it("--resync beside a running one, ended by Ctrl-C: the table of all that was compared, and status 0", async () => {
  const environment = { KUBECONFIG: shop.plane.kubeconfig("admin"), BROKER_URL: shop.broker.address }
  await using other = await runMeshsync({ args: [], environment })
  await other.awaitStatus("it has announced everything", 60_000, ({ settled }) => settled)
  const run = await runMeshsync({ args: ["compare", "--resync"], environment, health: false })
  const isWhole = (): true | undefined => {
    const line =
      run
        .stderr()
        .split("\n")
        .findLast((text) => text.includes("wait for their counterpart")) ?? ""
    const [, equal = "0", waiting = "1"] = /(\d+) equal, .*; (\d+) wait/.exec(line) ?? []
    return Number(equal) > 50 && waiting === "0" ? true : undefined
  }
  await until("everything has been compared", 60_000, isWhole, run.stderr)
  run.signal("SIGINT")
  const exit = await run.exit
  expect(exit.status, exit.stderr).toBe(0)
  expect(exit.stdout).toMatch(/^KIND +EQUAL +EXPLAINED +DIFFERENT +MISSING HERE +MISSING THERE/)
  expect(exit.stdout).toMatch(/\nConfigMap\.v1 +\d+ /)
  expect(exit.stdout).toMatch(/\nAll \d+ events that were compared are equal or explained, and none is missing\.\n$/)
}, 180_000)

it("where nobody else publishes nothing can be compared: status 2", async () => {
  const run = await runMeshsync({
    args: ["compare", "configmaps", "-n", "shop", "--duration", "1s"],
    environment: { KUBECONFIG: shop.plane.kubeconfig("admin"), BROKER_URL: shop.broker.address },
    health: false,
  })
  const exit = await run.exit
  expect(exit.status, exit.stderr).toBe(2)
  expect(exit.stderr).toContain("nothing could be compared")
}, 120_000)

it("against the recorded stream of the Go MeshSync everything is explained, and what was tampered with is not", async () => {
  const plain = vectors.filter(({ env }) => !env.redact)
  const replay = await replayVectors(plain)
  const kubeconfig = path.join(temporaryFolder(), "kubeconfig")
  writeFileSync(kubeconfig, replay.kubeconfigText)
  const kinds = ["*", "events", "events.events.k8s.io", "leases.coordination.k8s.io"]
  const run = await runMeshsync({
    args: ["compare", ...kinds, "--kubeconfig", kubeconfig, "--duration", "20s", "-o", "json"],
    environment: { BROKER_URL: shop.broker.address },
    health: false,
  })
  await until("it listens", 30_000, () => (run.stderr().includes("connected to the broker") ? true : undefined), run.stderr)
  const messages = publishedOf(plain)
  const tampered = messages.findIndex((message) => message.includes('"kind":"Node"') && message.includes('"EventType":"ADDED"'))
  const connection = await connect({ servers: shop.broker.address, reconnect: false })
  messages.forEach((message, index) =>
    connection.publish(
      "meshery.meshsync.core",
      index === tampered ? message.replace(/(\\"kubeletVersion\\":\\")[^\\]*/, "$1tampered") : message,
    ),
  )
  await connection.drain()
  const exit = await run.exit
  await replay.close()
  const { counts, decisions, findings } = readDocument(exit)
  expect(
    findings.filter(({ resourceVersion }) => resourceVersion !== "1").map(({ outcome, paths }) => [outcome, ...paths]),
    exit.stderr,
  ).toEqual([["different", "Object.status.attribute!.nodeInfo.kubeletVersion"]])
  expect(exit.status).toBe(1)
  expect(counts["missingHere"]).toBe(0)
  expect(decisions.map(({ number }) => number)).toEqual(expect.arrayContaining([15, 16, 26]))
}, 180_000)
