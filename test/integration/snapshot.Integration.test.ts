/**
 * Snapshots of a real cluster: manifests that kubectl applies again, and the differences between a snapshot and the cluster it is of.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { type Exit, runMeshsync } from "./meshsync.ts"
import { requireProgram, temporaryFolder, until } from "./program.ts"

let plane: ControlPlane
const folder = temporaryFolder()

const kubectl = (...args: ReadonlyArray<string>): string =>
  execFileSync(requireProgram("kubectl"), [...args, "--kubeconfig", plane.kubeconfig("admin")], { cwd: folder, encoding: "utf8" })

const meshsync = async (...args: ReadonlyArray<string>): Promise<Exit> => {
  await using run = await runMeshsync({ args, environment: { KUBECONFIG: plane.kubeconfig("admin") }, folder, health: false })
  return await run.exit
}

const read = (file: string): string => fs.readFileSync(path.join(folder, file), "utf8")

/** Takes a snapshot that must succeed. */
const snapshot = async (...args: ReadonlyArray<string>): Promise<Exit> => {
  const exit = await meshsync("snapshot", ...args)
  expect(exit.status, exit.stderr).toBe(0)
  return exit
}

const template = {
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image: "nginx:1.29", ports: [{ containerPort: 80 }] }] },
}
const job = { ...template, spec: { ...template.spec, restartPolicy: "Never" } }
const named = (apiVersion: string, kind: string, name: string, others: object) => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "shop" },
  ...others,
})

/** What a person has applied: of each sort that a cluster fills in. */
const common = [
  named("v1", "ConfigMap", "prices", { data: { bread: "3", number: "0123" } }),
  named("v1", "Secret", "till", { stringData: { pin: "1234" } }),
  named("v1", "ServiceAccount", "clerk", {}),
  named("v1", "Service", "web", { spec: { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80 }] } }),
  named("v1", "Service", "headless", { spec: { clusterIP: "None", selector: { app: "web" }, ports: [{ port: 80, name: "http" }] } }),
  named("v1", "Pod", "bare", { spec: template.spec }),
  named("apps/v1", "Deployment", "web", { spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template } }),
  named("apps/v1", "StatefulSet", "db", {
    spec: { serviceName: "headless", replicas: 1, selector: { matchLabels: { app: "web" } }, template },
  }),
  named("batch/v1", "Job", "once", { spec: { suspend: true, template: job } }),
  named("batch/v1", "CronJob", "yearly", { spec: { schedule: "0 0 1 1 *", jobTemplate: { spec: { template: job } } } }),
  named("rbac.authorization.k8s.io/v1", "Role", "reader", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }),
  named("networking.k8s.io/v1", "NetworkPolicy", "closed", { spec: { podSelector: {}, policyTypes: ["Ingress"] } }),
]

/** Where no controllers run nobody lets go of a claim that is deleted. */
const claim = named("v1", "PersistentVolumeClaim", "store", {
  spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
})

const workload = (): ReadonlyArray<{ readonly kind: string }> => (plane.hasControllers ? [...common, claim] : common)

/** Waits until the controllers and kubelets have done all that follows from the workload. */
const awaitCalm = async (): Promise<void> => {
  let before = ""
  const wanted = plane.hasControllers ? 4 : 1
  await until("the pods run and nothing changes", 90_000, async () => {
    const pods = (await plane.admin.list("/api/v1/namespaces/shop/pods")) as ReadonlyArray<{
      readonly status?: { readonly phase?: string }
    }>
    const now = kubectl("-n", "shop", "get", "all,endpoints,endpointslices,pvc", "-o", "jsonpath={.items[*].metadata.resourceVersion}")
    const calm = now === before && pods.length === wanted
    before = now
    return calm && (!plane.hasControllers || pods.every(({ status }) => status?.phase === "Running")) ? true : undefined
  })
}

beforeAll(async () => {
  plane = await startControlPlane({ controllers: true })
  kubectl("create", "namespace", "shop")
  fs.writeFileSync(path.join(folder, "workload.json"), JSON.stringify({ apiVersion: "v1", kind: "List", items: workload() }))
  kubectl("apply", "-f", "workload.json")
  await awaitCalm()
})

afterAll(() => plane?.[Symbol.asyncDispose]())

describe("a cluster and its own snapshot", () => {
  it.each([
    ["full.yaml", []],
    ["full.json", ["-o", "json"]],
    ["clean.yaml", ["--clean"]],
    ["secrets.yaml", ["--show-secrets"]],
    ["full.ndjson", ["-o", "ndjson"]],
    ["objects/", []],
  ])("%s: no difference, exit status 0", async (file, flags) => {
    await snapshot("*", "-n", "shop", "--output-file", file, ...flags)
    const { status, stderr, stdout } = await meshsync("diff", file)
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: "0 added, 0 removed, 0 changed\n" })
  })

  it("shows a changed Secret, not its values", async () => {
    await snapshot("secrets", "-n", "shop", "--show-secrets", "--output-file", "values.yaml")
    kubectl("-n", "shop", "patch", "secret", "till", "-p", '{"stringData":{"pin":"4321"}}')
    const { status, stdout } = await meshsync("diff", "values.yaml")
    expect({ status, stdout }).toEqual({
      status: 1,
      stdout: "~ Secret.v1 shop/till\n    data.pin changed\n0 added, 0 removed, 1 changed\n",
    })
    kubectl("apply", "-f", "workload.json")
  })

  it("after scaling a Deployment: exactly its replicas, and what its status says of them", async () => {
    await snapshot("deploy", "-n", "shop", "--output-file", "before.yaml")
    kubectl("-n", "shop", "scale", "deployment", "web", "--replicas=3")
    const { status, stdout } = await meshsync("diff", "before.yaml", "live")
    const [head, ...lines] = stdout.trimEnd().split("\n")
    expect({ status, head, sum: lines.pop() }).toEqual({
      status: 1,
      head: "~ Deployment.apps/v1 shop/web",
      sum: "0 added, 0 removed, 1 changed",
    })
    expect(lines.filter((line) => !line.startsWith("    status."))).toEqual(["    spec.replicas 2 -> 3"])
    const turned = await meshsync("diff", "live", "before.yaml")
    expect(turned.stdout).toContain("spec.replicas 3 -> 2")
    kubectl("-n", "shop", "scale", "deployment", "web", "--replicas=2")
    await awaitCalm()
  })
})

describe("manifests", () => {
  it("bring a namespace back as it was", async () => {
    await snapshot("*", "-n", "shop", "--clean", "--show-secrets", "--output-file", "one.yaml")
    const text = read("one.yaml")
    expect(
      text
        .match(/^kind: .*$/gm)
        ?.map((line) => line.slice(6))
        .toSorted(),
    ).toEqual(
      workload()
        .map(({ kind }) => kind)
        .toSorted(),
    )
    expect(text).not.toMatch(/uid|resourceVersion|creationTimestamp|status:|clusterIP: '?10|last-applied|nodeName/)
    kubectl("delete", "-f", "one.yaml", "--wait")
    await until("the pods are gone", 60_000, async () => (await plane.admin.list("/api/v1/namespaces/shop/pods")).length === 0 || undefined)
    kubectl("apply", "-f", "one.yaml")
    await awaitCalm()
    await snapshot("*", "-n", "shop", "--clean", "--show-secrets", "--output-file", "two.yaml")
    expect(read("two.yaml")).toBe(text)
  })

  it("with redacted Secrets say so, and the API server refuses these", async () => {
    const { stderr } = await snapshot("secrets,cm", "-n", "shop", "--clean", "--output-file", "redacted.yaml")
    expect(stderr.match(/level=warning/g)).toHaveLength(1)
    expect(stderr).toContain("the Secrets are redacted")
    expect(() => kubectl("apply", "-f", "redacted.yaml")).toThrow(/Secret/)
    expect(kubectl("-n", "shop", "get", "secret", "till", "-o", "jsonpath={.data.pin}")).toBe("MTIzNA==")
  })
})
