/**
 * What the program shows besides its messages: /status, /metrics, logs and files; and what it must not show: the values of Secrets.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { readExposition } from "../domain/sync/exposition.ts"
import { type Consumer, makeConsumer } from "./broker.ts"
import { findLane, type Run, runMeshsync } from "./meshsync.ts"
import { temporaryFolder, until } from "./program.ts"
import { openShop, type Shop } from "./shop.ts"
import { addressAt, configMap } from "./workload.ts"

let shop: Shop

beforeAll(async () => {
  shop = await openShop()
})

afterAll(() => shop?.[Symbol.asyncDispose]())

const start = async (user: "admin" | "guest", environment: Readonly<Record<string, string>> = {}): Promise<[Run, Consumer]> => {
  const consumer = makeConsumer()
  await consumer.attach(shop.broker.address)
  const run = await runMeshsync({
    args: [],
    environment: { KUBECONFIG: shop.plane.kubeconfig(user), BROKER_URL: shop.broker.address, ...environment },
  })
  await run.awaitStatus("every kind is announced once or in trouble", 60_000, ({ settled }) => settled)
  return [run, consumer]
}

const stop = async (run: Run): Promise<string> => {
  run.signal("SIGTERM")
  const { signal, status, stderr, stdout } = await run.exit
  expect({ signal, status }, stderr).toEqual({ signal: null, status: 0 })
  return `${stdout}${stderr}`
}

/** What the guest may read, by API group: 11 of the 21 kinds that are watched. */
const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
  "": ["namespaces", "configmaps", "nodes", "pods", "services", "persistentvolumes"],
  apps: ["deployments", "replicasets", "statefulsets", "daemonsets"],
  "storage.k8s.io": ["storageclasses"],
}

const allowGuest = async (): Promise<void> => {
  const rbac = "/apis/rbac.authorization.k8s.io/v1"
  const rules = Object.entries(allowed).map(([group, resources]) => ({ apiGroups: [group], resources, verbs: ["get", "list", "watch"] }))
  await shop.plane.admin.write("POST", `${rbac}/clusterroles`, { metadata: { name: "half" }, rules })
  await shop.plane.admin.write("POST", `${rbac}/clusterrolebindings`, {
    metadata: { name: "half" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "half" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "guest" }],
  })
}

describe("rights to half the kinds", () => {
  it("run that half, and /status alone names the others and why they pause", async () => {
    await allowGuest()
    const [run, consumer] = await start("guest")
    await using _ = run
    const { lanes, ready } = await run.status()
    const readable = Object.entries(allowed).flatMap(([group, names]) => names.map((name) => (group === "" ? name : `${name}.${group}`)))
    const running = lanes.filter(({ trouble }) => trouble === undefined)
    expect(running.map(({ key }) => key).toSorted()).toEqual(readable.toSorted())
    expect(running.every(({ state, synced }) => state === "watching" && synced)).toBe(true)
    const paused = lanes.filter(({ trouble }) => trouble !== undefined)
    expect(paused.length).toBe(10)
    for (const { key, state, trouble } of paused) {
      expect({ key, state, reason: trouble?.reason }).toEqual({ key, state: "paused", reason: "Forbidden" })
      expect(trouble?.text).toContain("guest")
      expect(trouble?.text).toContain(key.split(".")[0])
    }
    expect(ready).toBe(true)
    await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/configmaps", configMap("shop", "for-guests"))
    await until("a change of an allowed kind arrives", 10_000, () =>
      consumer.state.has(addressAt("v1", "ConfigMap", "shop", "for-guests")) ? true : undefined,
    )
    const logs = (await stop(run)).split("\n").filter((line) => /level=(warning|error)/.test(line))
    for (const { key } of paused) {
      const name = new RegExp(`\\b${key.split(".")[0]}\\b`)
      expect(
        logs.filter((line) => name.test(line)),
        `lines about ${key}`,
      ).toHaveLength(1)
    }
  })
})

const canary = "canary-7f3a91c2d4"
const encoded = Buffer.from(canary).toString("base64")

/** A Secret as kubectl apply makes it, with the value in every place that the API knows. */
const plantCanary = async (name: string): Promise<void> => {
  const applied = { apiVersion: "v1", kind: "Secret", metadata: { name }, data: { password: encoded }, stringData: { plain: canary } }
  await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/secrets", {
    ...applied,
    metadata: { name, annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(applied) } },
  })
}

const expectNoCanary = (where: string, text: string): void => {
  expect(text, `${where} has something to search in`).not.toBe("")
  for (const form of [canary, encoded]) expect(text.includes(form), `${form} in ${where}`).toBe(false)
}

describe("the value of a Secret", () => {
  it("with redaction: in no message, log line, metric, status or state file, from Added to Deleted", async () => {
    await plantCanary("listed")
    const stateFile = path.join(temporaryFolder(), "state")
    const [run, consumer] = await start("admin", { MESHSYNC_REDACT_SECRETS: "true", DEBUG: "true", MESHSYNC_STATE_FILE: stateFile })
    await using _ = run
    await plantCanary("watched")
    await shop.plane.admin.write("PATCH", "/api/v1/namespaces/shop/secrets/watched", { stringData: { more: canary } })
    await shop.plane.admin.write("DELETE", "/api/v1/namespaces/shop/secrets/watched")
    const secrets = () => consumer.messages.filter(({ Object }) => Object.kind === "Secret")
    await until("the Deleted arrives", 10_000, () => secrets().find(({ EventType }) => EventType === "DELETED"))
    expect(new Set(secrets().map(({ EventType }) => EventType))).toEqual(new Set(["ADDED", "MODIFIED", "DELETED"]))
    expect(secrets().find(({ Object }) => Object.metadata.name === "listed")?.Object.data).toContain("password")
    const [metrics, status] = [await run.fetchText("/metrics"), await run.fetchText("/status")]
    expectNoCanary("messages", consumer.texts.join("\n"))
    expectNoCanary("/metrics", metrics)
    expectNoCanary("/status", status)
    expectNoCanary("logs", await stop(run))
    const remembered = fs.readFileSync(stateFile, "utf8")
    expect(remembered).toContain("listed")
    expectNoCanary("the state file", remembered)
  })

  it("with redaction: in neither file", async () => {
    await plantCanary("filed")
    const environment = { KUBECONFIG: shop.plane.kubeconfig("admin"), MESHSYNC_REDACT_SECRETS: "true" }
    await using run = await runMeshsync({ args: ["--output", "file", "--once", "--outputFile", "redacted.yaml"], environment })
    expect(await run.exit).toMatchObject({ status: 0 })
    for (const name of ["redacted.yaml", "redacted-extended.yaml"]) {
      const text = fs.readFileSync(path.join(run.folder, name), "utf8")
      expect(text).toContain("name: filed")
      expectNoCanary(name, text)
    }
  })

  const showing = [
    "--output stdout --once",
    "snapshot",
    "snapshot --format folder --output-file objects",
    "snapshot --format json",
    "snapshot --format json --clean",
  ]
  it.each(showing)("%s shows it to nobody who does not ask for it", async (line) => {
    const name = `shown-by-${showing.indexOf(line)}`
    await plantCanary(name)
    await using run = await runMeshsync({
      args: line.split(" "),
      environment: { KUBECONFIG: shop.plane.kubeconfig("admin") },
      health: false,
    })
    const { status, stderr, stdout } = await run.exit
    expect(status, stderr).toBe(0)
    const entries = fs.readdirSync(run.folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((file) => fs.readFileSync(path.join(file.parentPath, file.name), "utf8"))
    const text = [stdout, stderr, ...files].join("\n")
    expect(text).toContain(name)
    expectNoCanary("what it says and writes", text)
  })

  it("without redaction it is published, as the Go MeshSync does: the search finds what is there", async () => {
    await plantCanary("open")
    const [run, consumer] = await start("admin")
    await using _ = run
    const open = consumer.texts.find((text) => text.includes('"name":"open"'))
    expect(open).toContain(encoded)
    expect(open).toContain(canary)
    await stop(run)
  })
})

describe("a value that a rule hides", () => {
  it("is in no message, file or log line, and what stands beside it is", async () => {
    const applied = { data: { password: canary, colour: "blue" } }
    await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/configmaps", {
      metadata: { name: "ruled", annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(applied) } },
      ...applied,
    })
    const rules = "configmaps:data.password"
    const [run, consumer] = await start("admin", { MESHSYNC_REDACT_PATHS: rules, MESHSYNC_REDACT_SECRETS: "true", DEBUG: "true" })
    await using _ = run
    const ruled = consumer.messages.find(({ Object }) => Object.metadata.name === "ruled")
    expect(JSON.parse(ruled?.Object.data ?? "")).toEqual({ password: "[REDACTED]", colour: "blue" })
    expectNoCanary("messages", consumer.texts.join("\n"))
    expectNoCanary("logs", await stop(run))
    const args = ["snapshot", "configmaps", "--format", "json", "--show-secrets", "--redact-path", rules]
    await using shot = await runMeshsync({ args, environment: { KUBECONFIG: shop.plane.kubeconfig("admin") }, health: false })
    const { status, stderr, stdout } = await shot.exit
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('"name":"ruled"')
    expectNoCanary("the snapshot", stdout)
  })
})

describe("a snapshot with --once", () => {
  it("of an idle cluster is the same twice, byte by byte, and nobody else may read it", async () => {
    const folder = temporaryFolder()
    const shoot = async (file: string): Promise<Buffer> => {
      const environment = { KUBECONFIG: shop.plane.kubeconfig("admin") }
      await using run = await runMeshsync({ args: ["--output", "file", "--once", "--outputFile", file], environment, folder })
      const exit = await run.exit
      expect(exit, exit.stderr).toMatchObject({ status: 0, stderr: "" })
      expect(fs.statSync(path.join(folder, file)).mode & 0o777).toBe(0o600)
      return fs.readFileSync(path.join(folder, file))
    }
    const [first, second] = [await shoot("first.yaml"), await shoot("second.yaml")]
    expect(first.length).toBeGreaterThan(10_000)
    expect(first.equals(second)).toBe(true)
    expect(fs.readdirSync(folder).toSorted()).toEqual(["first-extended.yaml", "first.yaml", "second-extended.yaml", "second.yaml"])
  })
})

describe("/metrics", () => {
  it("during a run is what Prometheus reads, and counts what the consumer got", async () => {
    const [run, consumer] = await start("admin")
    await using _ = run
    await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/configmaps", configMap("shop", "metered"))
    await shop.plane.admin.write("DELETE", "/api/v1/namespaces/shop/configmaps/metered")
    const at = (event: string) =>
      consumer.messages.find(({ EventType, Object }) => EventType === event && Object.metadata.name === "metered")
    await until("the Deleted arrives", 10_000, () => at("DELETED"))
    const published = await until("the counters stand still", 10_000, async () => {
      const { series } = readExposition(await run.fetchText("/metrics"))
      const counted = series.filter(({ name }) => name === "meshsync_published_total")
      return counted.reduce((sum, { value }) => sum + value, 0) === consumer.messages.length ? counted : undefined
    })
    const deleted = published.find(({ labels }) => labels["resource"] === "configmaps" && labels["event"] === "deleted")
    expect(deleted?.value).toBe(1)
    const { series } = readExposition(await run.fetchText("/metrics"))
    const pods = series.find(({ labels, name }) => name === "meshsync_objects" && labels["resource"] === "pods")
    expect(pods?.value).toBe((await shop.plane.admin.list("/api/v1/pods")).length)
    expect(findLane(await run.status(), "pods")?.objects).toBe(pods?.value)
    await stop(run)
  })
})
