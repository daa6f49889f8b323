/**
 * What `rbac` prints is what a run needs, no less and no more: applied by kubectl for a fresh account, everything is synchronised; with one
 * verb taken away, `doctor` and the run name exactly that kind. And `doctor` tells what is wrong with a broker.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Status } from "../../src/domain/sync/status.ts"
import { type Consumer, makeConsumer, startBroker } from "./broker.ts"
import { collectionPath, readState } from "./cluster.ts"
import { type Exit, findLane, type Run, runMeshsync } from "./meshsync.ts"
import { freePort, requireProgram, temporaryFolder, until } from "./program.ts"
import { openShop, type Shop } from "./shop.ts"
import { configMap, createNamespace, define, installMeshsyncResource } from "./workload.ts"

let shop: Shop
let account: string

interface Check {
  readonly subject: string
  readonly outcome: string
  readonly detail: string
  readonly remedy: string
}

interface Rule {
  readonly apiGroups: ReadonlyArray<string>
  readonly resources: ReadonlyArray<string>
  readonly resourceNames?: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<string>
}

/** A kubeconfig of a service account, by a token that the API server has made for it. */
const makeAccount = async (namespace: string, name: string): Promise<string> => {
  await createNamespace(shop.plane, namespace)
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`
  await shop.plane.admin.write("POST", accounts, { metadata: { name } })
  const { status } = await shop.plane.admin.write("POST", `${accounts}/${name}/token`, { spec: { expirationSeconds: 3_600 } })
  const { token } = status as { readonly token: string }
  const file = path.join(temporaryFolder(), "account.kubeconfig")
  fs.writeFileSync(file, fs.readFileSync(shop.plane.kubeconfig("guest"), "utf8").replace("guest-token", token), { mode: 0o600 })
  return file
}

beforeAll(async () => {
  shop = await openShop()
  await shop.plane.admin.write("POST", "/api/v1/namespaces/shop/configmaps", configMap("shop", "settings", { a: "1" }))
  account = await makeAccount("platform", "sync")
})

afterAll(() => shop?.[Symbol.asyncDispose]())

const call = async (kubeconfig: string, args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}): Promise<Exit> => {
  await using run = await runMeshsync({ args, environment: { KUBECONFIG: kubeconfig, ...environment }, health: false })
  return await run.exit
}

const rbac = async (...args: ReadonlyArray<string>): Promise<string> => {
  const { status, stderr, stdout } = await call(shop.plane.kubeconfig("admin"), ["rbac", ...args])
  expect(status, stderr).toBe(0)
  return stdout
}

const kubectlApply = (manifests: string): string =>
  execFileSync(requireProgram("kubectl"), ["--kubeconfig", shop.plane.kubeconfig("admin"), "apply", "-f", "-"], {
    input: manifests,
    encoding: "utf8",
    env: { HOME: temporaryFolder() },
  })

const brokerEnvironment = (): Readonly<Record<string, string>> => ({ BROKER_URL: shop.broker.address })

const examine = async (
  kubeconfig: string,
  environment: Readonly<Record<string, string>>,
  ...args: ReadonlyArray<string>
): Promise<{ readonly status: number | null; readonly checks: ReadonlyArray<Check>; readonly stderr: string }> => {
  const all = ["doctor", "-o", "json", "--health-port", String(await freePort()), ...args]
  const { status, stderr, stdout } = await call(kubeconfig, all, environment)
  return { status, checks: (JSON.parse(stdout) as { readonly checks: ReadonlyArray<Check> }).checks, stderr }
}

const failuresOf = (checks: ReadonlyArray<Check>): ReadonlyArray<string> =>
  checks.filter(({ outcome }) => outcome === "failed").map(({ subject }) => subject)

/** A right that was granted counts a moment later, when the API server's authorizer has heard of it. */
const examineUntil = (kubeconfig: string, failures: ReadonlyArray<string>, ...args: ReadonlyArray<string>) =>
  until(`doctor finds ${failures.length === 0 ? "nothing" : failures.join(", ")} missing`, 30_000, async () => {
    const found = await examine(kubeconfig, brokerEnvironment(), ...args)
    const now = failuresOf(found.checks)
    if (now.join() !== failures.join()) throw new Error(now.join())
    return found
  })

const start = async (kubeconfig: string, ...args: ReadonlyArray<string>): Promise<[Run, Consumer]> => {
  const consumer = makeConsumer()
  await consumer.attach(shop.broker.address)
  const run = await runMeshsync({ args, environment: { KUBECONFIG: kubeconfig, ...brokerEnvironment() } })
  return [run, consumer]
}

/** How many kinds are watched and have been delivered completely. */
const countRunning = ({ lanes }: Status): number => lanes.filter(({ state, synced }) => state === "watching" && synced).length

describe("the rights of rbac, for a fresh service account", () => {
  it("are missing before: doctor fails for every kind, and says so for each", async () => {
    const { checks, status, stderr } = await examine(account, brokerEnvironment())
    expect(status, stderr).toBe(1)
    expect(checks.find(({ subject }) => subject === "user")?.detail).toContain("system:serviceaccount:platform:sync")
    const failures = failuresOf(checks)
    expect(failures).toHaveLength(22)
    expect(failures).toEqual(expect.arrayContaining(["cluster id", "pods", "deployments.apps", "storageclasses.storage.k8s.io"]))
    expect(checks.filter(({ outcome, remedy }) => outcome === "failed" && remedy === "")).toEqual([])
  })

  it("let everything be synchronised once kubectl has applied them", async () => {
    expect(kubectlApply(await rbac("--service-account", "platform/sync"))).toContain(
      "clusterrole.rbac.authorization.k8s.io/meshsync created",
    )
    const { checks, status, stderr } = await examineUntil(account, [])
    expect(status, stderr).toBe(0)
    expect(checks.filter(({ outcome }) => outcome === "warning").map(({ subject }) => subject)).toEqual(["listeners"])
    expect(checks.find(({ subject }) => subject === "clock")).toMatchObject({ outcome: "ok" })
    const [run, consumer] = await start(account)
    await using _ = run
    const { clusterId, lanes } = await run.awaitStatus("everything is listed", 60_000, ({ settled }) => settled)
    expect(lanes.filter(({ trouble }) => trouble !== undefined)).toEqual([])
    expect(lanes).toHaveLength(21)
    const { metadata } = await shop.plane.admin.write("GET", "/api/v1/namespaces/kube-system")
    expect(clusterId).toBe((metadata as { readonly uid: string }).uid)
    const paths = lanes.map(({ name }) => collectionPath(name))
    await until("the consumer has what the cluster has", 30_000, async () => {
      expect(Object.fromEntries(consumer.state)).toEqual(Object.fromEntries(await readState(shop.plane.admin, paths)))
      return true
    })
  })

  it("without one verb: doctor and the run name exactly that kind, all others run", async () => {
    const list = JSON.parse(await rbac("--service-account", "platform/sync", "-o", "json")) as {
      readonly items: ReadonlyArray<{ readonly kind: string; readonly rules?: ReadonlyArray<Rule> }>
    }
    const weaken = (rule: Rule): ReadonlyArray<Rule> =>
      rule.resources.includes("configmaps")
        ? [
            { ...rule, resources: rule.resources.filter((resource) => resource !== "configmaps") },
            { ...rule, resources: ["configmaps"], verbs: ["list"] },
          ]
        : [rule]
    const items = list.items.map((item) => (item.rules === undefined ? item : { ...item, rules: item.rules.flatMap(weaken) }))
    expect(kubectlApply(JSON.stringify({ ...list, items }))).toContain("clusterrole.rbac.authorization.k8s.io/meshsync configured")
    const { checks, status } = await examineUntil(account, ["configmaps"])
    expect(status).toBe(1)
    expect(checks.find(({ subject }) => subject === "configmaps")?.detail).toBe("watch in all namespaces not allowed")
    const [run] = await start(account)
    await using _ = run
    const { lanes } = await run.awaitStatus(
      "the kind is in trouble, all others are watched",
      60_000,
      (now) => findLane(now, "configmaps")?.trouble !== undefined && countRunning(now) === 20,
    )
    const troubled = lanes.filter(({ trouble }) => trouble !== undefined)
    expect(troubled.map(({ key, trouble }) => [key, trouble?.reason])).toEqual([["configmaps", "Forbidden"]])
  })
})

describe("the rights of rbac within one namespace, for a user", () => {
  it("are roles alone, and suffice", async () => {
    const manifests = await rbac("-n", "shop", "--user", "guest", "--name", "shop-sync")
    expect(manifests).not.toContain("ClusterRole")
    kubectlApply(manifests)
    await examineUntil(shop.plane.kubeconfig("guest"), [], "-n", "shop")
    const [run, consumer] = await start(shop.plane.kubeconfig("guest"), "--namespaces", "shop")
    await using _ = run
    const { clusterId, lanes } = await run.awaitStatus("everything is listed", 60_000, ({ settled }) => settled)
    expect(clusterId).not.toBe("")
    expect(lanes.length).toBeGreaterThan(8)
    expect(lanes.filter(({ state, trouble }) => trouble !== undefined || state !== "watching").map(({ key }) => key)).toEqual([])
    await until("the pods have come", 30_000, () =>
      consumer.messages.some(({ Object: { kind, metadata } }) => kind === "Pod" && metadata.namespace === "shop") ? true : undefined,
    )
    expect(consumer.messages.filter(({ Object: { metadata } }) => metadata.namespace !== "shop")).toEqual([])
  })
})

describe("the rights of rbac where a MeshSync resource chooses", () => {
  it("are those of its kinds, of the definitions and of the custom resources", async () => {
    await define(shop.plane, { group: "come.example.com", plural: "widgets", kind: "Widget", versions: ["v1"] })
    await installMeshsyncResource(shop.plane)
    const manifests = await rbac("--service-account", "platform/sync")
    expect(manifests).toContain("- widgets")
    expect(manifests).toContain("- customresourcedefinitions")
    kubectlApply(manifests)
    const { checks } = await examineUntil(account, [])
    expect(checks.find(({ subject }) => subject === "definitions")).toMatchObject({
      outcome: "ok",
      detail: "2 custom resource definitions",
    })
    const [run] = await start(account)
    await using _ = run
    const { lanes } = await run.awaitStatus("everything is listed", 60_000, ({ settled }) => settled)
    expect(lanes.map(({ key }) => key)).toContain("widgets.come.example.com")
    expect(lanes.filter(({ trouble }) => trouble !== undefined)).toEqual([])
  })
})

describe("doctor", () => {
  it("tells of a broker that refuses the login, and of one that is not there", async () => {
    const admin = shop.plane.kubeconfig("admin")
    await using locked = await startBroker({ configuration: 'authorization { token: "right" }' })
    const taken = await examine(admin, { BROKER_URL: locked.address, NATS_TOKEN: "right" })
    expect({ status: taken.status, failures: failuresOf(taken.checks) }).toEqual({ status: 0, failures: [] })
    const refused = await examine(admin, { BROKER_URL: locked.address, NATS_TOKEN: "wrong" })
    expect({ status: refused.status, failures: failuresOf(refused.checks) }).toEqual({ status: 1, failures: [`broker ${locked.address}`] })
    expect(refused.checks.find(({ outcome }) => outcome === "failed")?.remedy).toContain("NATS_TOKEN")
    const away = `127.0.0.1:${await freePort()}`
    const absent = await examine(admin, { BROKER_URL: away })
    expect(failuresOf(absent.checks)).toEqual([`broker ${away}`])
    const mistaken = await examine(admin, {}, "--output", "kafka")
    expect(failuresOf(mistaken.checks)).toEqual(["output"])
    const unnamed = await examine(admin, {})
    expect(failuresOf(unnamed.checks)).toEqual(["broker"])
    expect(`${refused.stderr}${JSON.stringify(refused.checks)}`).not.toContain("wrong")
  })

  it("counts who listens, and estimates", async () => {
    const consumer = makeConsumer()
    await consumer.attach(shop.broker.address)
    const { status, stdout } = await call(
      shop.plane.kubeconfig("admin"),
      ["check", "--estimate", "--health-port", "0", "pods", "configmaps"],
      brokerEnvironment(),
    )
    expect(status, stdout).toBe(0)
    expect(stdout).toMatch(/^ok +listeners +\d+ on meshery\.meshsync\.core$/m)
    expect(stdout).toMatch(/^pods +3 +\d+\.\d KiB$/m)
    expect(stdout).toMatch(/^The first announcement takes about 0\.0 s/m)
  })

  it("says nothing more of a cluster that does not answer", async () => {
    const file = path.join(temporaryFolder(), "away.kubeconfig")
    const text = fs.readFileSync(shop.plane.kubeconfig("admin"), "utf8").replace(shop.plane.url, `https://127.0.0.1:${await freePort()}`)
    fs.writeFileSync(file, text)
    const { checks, status } = await examine(file, brokerEnvironment())
    expect(status).toBe(1)
    expect(failuresOf(checks)).toEqual(["API server"])
  })
})
