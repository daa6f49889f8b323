/**
 * The image and the ways to deploy it, without a container runtime: the files that the Dockerfile copies, run as a container runs them,
 * with the pod specs of deploy/ and of Meshery's operator, against a real API server and NATS.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import type { Status } from "../src/domain/sync/status.ts"
import { type Broker, type Consumer, makeConsumer, startBroker } from "./integration/broker.ts"
import { collectionPath, readState } from "./integration/cluster.ts"
import { type Container, findObstacle, layOutImage, startContainer } from "./integration/container.ts"
import { type ControlPlane, startControlPlane } from "./integration/controlPlane.ts"
import { attemptProbe, awaitProbe, type Deployment, operatorDeployment, type PodContainer, resolveVariables } from "./integration/pod.ts"
import { requireProgram, root, until } from "./integration/program.ts"
import { configMap, createNamespace, deployNginx } from "./integration/workload.ts"

const obstacle = findObstacle()
if (obstacle !== undefined) console.warn(`image: the files of the image are not run here, for ${obstacle}; only the manifests are tested`)
/** Registers nothing where containers cannot be made: a skipped integration test counts as a failure. */
const describeContainers = obstacle === undefined ? describe : () => undefined

let plane: ControlPlane
let broker: Broker
let image: string

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  broker = await startBroker()
  console.log(`kube-apiserver ${plane.version}; nats-server ${broker.version}`)
  for (const name of ["meshery", "shop", "lab", "other"]) await createNamespace(plane, name)
  await deployNginx(plane, "shop")
  for (const name of ["shop", "lab", "other"]) {
    await plane.admin.write("POST", `/api/v1/namespaces/${name}/configmaps`, configMap(name, "settings"))
  }
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

/** kubectl as the administrator; returns what it prints. */
const kubectl = (...words: ReadonlyArray<string>): string =>
  execFileSync(requireProgram("kubectl"), words, {
    cwd: root,
    encoding: "utf8",
    env: { HOME: "/nonexistent", PATH: process.env["PATH"], KUBECONFIG: plane.kubeconfig("admin") },
  })

const deployments = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`

const readDeployment = async (namespace: string, name: string): Promise<Deployment> =>
  (await plane.admin.write("GET", `${deployments(namespace)}/${name}`)) as unknown as Deployment

/** What the kubelet puts into a pod for its service account: token, certificate, and the API server's address. */
const openAccount = async (namespace: string, name: string) => {
  const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3_600 } }
  const { status } = await plane.admin.write("POST", `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, request)
  const [, certificate = ""] = /certificate-authority: "([^"]+)"/.exec(fs.readFileSync(plane.kubeconfig("admin"), "utf8")) ?? []
  const { hostname, port } = new URL(plane.url)
  return {
    account: { namespace, token: (status as { readonly token: string }).token, "ca.crt": fs.readFileSync(certificate, "utf8") },
    environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    server: { host: hostname, port: Number(port) },
  }
}

const placesOf = ({ address, monitorUrl }: Broker) => {
  const [host = "", port] = address.split(":")
  return [
    { host, port: Number(port) },
    { host, port: Number(new URL(monitorUrl).port) },
  ]
}

interface PodOptions {
  readonly pod: PodContainer
  readonly account: readonly [namespace: string, name: string]
  readonly natsServer: Broker
  readonly secrets?: Readonly<Record<string, string>>
}

/** Runs a pod's container as its spec says. */
const startPod = async ({ account, natsServer, pod, secrets = {} }: PodOptions): Promise<Container> => {
  const opened = await openAccount(...account)
  return startContainer({
    image,
    command: [...pod.command, ...(pod.args ?? [])],
    environment: { ...opened.environment, ...resolveVariables(pod.env, secrets) },
    account: opened.account,
    scratch: (pod.volumeMounts ?? []).map(({ mountPath }) => mountPath),
    servers: [opened.server, ...placesOf(natsServer)],
  })
}

const readStatus = async (container: Container): Promise<Status> => JSON.parse((await container.ask(11_000, "/status")).text) as Status

const awaitSettled = (container: Container): Promise<Status> =>
  until(
    "every kind is announced once or in trouble",
    60_000,
    async () => {
      const status = await readStatus(container)
      return status.settled ? status : undefined
    },
    () => `${container.stdout()}${container.stderr()}`,
  )

const stop = async (container: Container): Promise<void> => {
  container.signal("SIGTERM")
  const { status, stderr } = await container.exit
  expect(status, stderr).toBe(0)
}

/** The operator's service account with the rights that its older chart gave it: everything. */
const allowOperator = async (): Promise<void> => {
  await plane.admin.write("POST", "/api/v1/namespaces/meshery/serviceaccounts", { metadata: { name: "meshery-operator" } })
  await plane.admin.write("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    metadata: { name: "meshery-operator" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "ServiceAccount", name: "meshery-operator", namespace: "meshery" }],
  })
}

describeContainers("the files of the image", () => {
  beforeAll(() => {
    const laidOut = layOutImage()
    console.log(laidOut.report.replace(laidOut.folder, "image"))
    image = laidOut.folder
  })

  it("are the executable, its libraries, names and licences: no shell, no package manager, nothing that gives rights", () => {
    const all = fs
      .readdirSync(image, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.join("/", path.relative(image, entry.parentPath), entry.name))
    const rest = all.filter((file) => !/^\/usr\/share\/(doc|licenses)\/|^\/var\/lib\/dpkg\/status\.d\//.test(file))
    const libraries = rest.filter((file) => /^\/(usr\/)?lib/.test(file))
    expect(rest.filter((file) => !libraries.includes(file)).toSorted()).toEqual([
      "/etc/group",
      "/etc/nsswitch.conf",
      "/etc/passwd",
      "/meshery-meshsync",
    ])
    expect(libraries.length).toBeLessThanOrEqual(8)
    expect(libraries.every((file) => /\.so(\.\d+)?$/.test(file))).toBe(true)
    for (const file of all) {
      const { mode } = fs.lstatSync(path.join(image, file))
      expect((mode & 0o6022).toString(8), file).toBe("0")
    }
  })

  it.each([65_532, 1_000_770_000, 0])("-h as user %d: exit status 0, long before a probe's 30 s are over", async (user) => {
    const startedMs = performance.now()
    await using container = await startContainer({ image, command: ["./meshery-meshsync", "-h"], user })
    const { status, stderr, stdout } = await container.exit
    expect({ status, stdout }, stderr).toEqual({ status: 0, stdout: "" })
    expect(stderr).toMatch(/^Usage of /)
    const tookMs = performance.now() - startedMs
    console.log(`-h as user ${user}: ${tookMs.toFixed(0)} ms with the container's making`)
    expect(tookMs).toBeLessThan(10_000)
  })
})

/** What the built-in list names and this cluster serves, as its API's paths say. */
const builtIn = [
  ..."namespaces configmaps nodes secrets persistentvolumes persistentvolumeclaims pods services endpoints replicationcontrollers"
    .split(" ")
    .map((plural) => `${plural}.v1.`),
  ..."replicasets deployments statefulsets daemonsets".split(" ").map((plural) => `${plural}.v1.apps`),
  "ingresses.v1.networking.k8s.io",
  "endpointslices.v1.discovery.k8s.io",
  "cronjobs.v1.batch",
  "storageclasses.v1.storage.k8s.io",
  "volumeattachments.v1.storage.k8s.io",
  "clusterroles.v1.rbac.authorization.k8s.io",
  "apiservices.v1.apiregistration.k8s.io",
]

const awaitSameState = (consumer: Consumer): Promise<true> =>
  until("the consumer has the cluster's state", 30_000, async () => {
    const wanted = await readState(plane.admin, builtIn.map(collectionPath))
    const differing = [...new Set([...wanted.keys(), ...consumer.state.keys()])].filter(
      (address) => wanted.get(address) !== consumer.state.get(address),
    )
    if (differing.length > 0) throw new Error(`${differing.length} differ: ${differing.slice(0, 3).join(", ")}`)
    return wanted.size > 100 ? true : undefined
  })

describe("deploy/base", () => {
  beforeAll(() => {
    kubectl("apply", "-k", "deploy/base")
  })

  it("makes pods that the strictest Pod Security admits", async () => {
    const { spec } = await readDeployment("meshsync", "meshery-meshsync")
    const pods = "/api/v1/namespaces/meshsync/pods?dryRun=All"
    const pod = { ...spec.template, metadata: { ...spec.template.metadata, name: "probe" } }
    const admitted = await plane.admin.send("POST", pods, pod)
    expect(admitted.status, JSON.stringify(admitted.body)).toBe(201)
    const lax = { metadata: { name: "lax" }, spec: { containers: [{ name: "a", image: "a" }] } }
    expect((await plane.admin.send("POST", pods, lax)).status, "the namespace enforces it").toBe(403)
  })

  const runBase = async (): Promise<readonly [Container, Consumer, PodContainer]> => {
    const { spec } = await readDeployment("meshsync", "meshery-meshsync")
    const [pod] = spec.template.spec.containers
    const consumer = makeConsumer()
    await consumer.attach(broker.address)
    const env = pod.env.map((variable) => (variable.name === "BROKER_URL" ? { ...variable, value: `nats://${broker.address}` } : variable))
    const account = ["meshsync", spec.template.spec.serviceAccountName] as const
    return [await startPod({ pod: { ...pod, env }, account, natsServer: broker }), consumer, pod]
  }

  describeContainers("its container", () => {
    it("synchronizes with its account's rights and no others, as user 65532 on a read-only disk, and ends as process 1", async () => {
      const [container, consumer, pod] = await runBase()
      await using _ = container
      await awaitProbe(container, pod, pod.livenessProbe)
      if (pod.readinessProbe !== undefined) await awaitProbe(container, pod, pod.readinessProbe)
      const { clusterId, lanes } = await awaitSettled(container)
      expect(lanes.filter(({ trouble }) => trouble !== undefined)).toEqual([])
      expect(lanes).toHaveLength(builtIn.length)
      await awaitSameState(consumer)
      const { metadata } = (await plane.admin.write("GET", "/api/v1/namespaces/kube-system")) as { metadata: { uid: string } }
      expect(clusterId).toBe(metadata.uid)
      expect(new Set(consumer.messages.map(({ Object }) => Object.cluster_id))).toEqual(new Set([metadata.uid]))
      expect(container.inspect("status")).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m)
      expect(container.inspect("status")).toMatch(/^CapEff:\t0+$/m)
      expect(container.inspect("status")).toMatch(/^NSpid:\t\d+\t1$/m)
      expect(container.inspect("mountinfo")).toMatch(/ \/ ro[, ]/)
      expect(container.inspect("net/dev").match(/^ *\w+(?=:)/gm)).toEqual([expect.stringMatching(/^ *lo$/)])
      expect(container.inspect("root/state/meshsync")).toContain('"pods"')
      console.log(`memory at its peak: ${/VmHWM:\s+(.*)/.exec(container.inspect("status"))?.[1]}`)
      await stop(container)
    })
  })

  it("has no right that the built-in list does not need", () => {
    const { rules } = JSON.parse(kubectl("get", "clusterrole", "meshsync", "-o", "json")) as {
      readonly rules: ReadonlyArray<{
        readonly apiGroups: ReadonlyArray<string>
        readonly resources: ReadonlyArray<string>
        readonly resourceNames?: ReadonlyArray<string>
        readonly verbs: ReadonlyArray<string>
      }>
    }
    const named = rules.filter(({ resourceNames }) => resourceNames !== undefined)
    expect(named.map(({ resourceNames = [], resources, verbs }) => `${verbs.join()} ${resources.join()} ${resourceNames.join()}`)).toEqual([
      "get namespaces kube-system",
      "get,list,watch meshsyncs meshery-meshsync",
      "patch meshsyncs/status meshery-meshsync",
    ])
    const listed = rules
      .filter(({ resourceNames }) => resourceNames === undefined)
      .flatMap(({ apiGroups, resources, verbs }) => {
        expect(verbs).toEqual(["list", "watch"])
        return resources.map((resource) => `${resource}.v1.${apiGroups[0]}`)
      })
    expect(listed.toSorted()).toEqual(builtIn.toSorted())
  })

  it.each([
    ["deploy/everything", "to watch custom resources", { verb: "watch", group: "example.com", resource: "widgets" }],
    ["deploy/interactive", "to open terminals", { verb: "create", resource: "pods", subresource: "exec" }],
  ])("%s adds the right %s, deploy/base takes it away", async (overlay, _right, resourceAttributes) => {
    const user = "system:serviceaccount:meshsync:meshsync"
    const isAllowed = async (): Promise<boolean> => {
      const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: { user, resourceAttributes } }
      const { status } = await plane.admin.write("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
      return (status as { readonly allowed: boolean }).allowed
    }
    expect(await isAllowed()).toBe(false)
    kubectl("apply", "-k", overlay)
    await until("the right is there", 10_000, async () => ((await isAllowed()) ? true : undefined))
    kubectl("apply", "-k", "deploy/base")
    await until("the right is gone", 10_000, async () => ((await isAllowed()) ? undefined : true))
  })
})

describe("the Deployment of Meshery's operator", () => {
  beforeAll(allowOperator)

  const token = `t${"0f".repeat(32)}`
  const install = async (options: Parameters<typeof operatorDeployment>[0]): Promise<PodContainer> => {
    await plane.admin.send("DELETE", `${deployments("meshery")}/meshery-meshsync`)
    await plane.admin.write("POST", deployments("meshery"), operatorDeployment(options))
    return (await readDeployment("meshery", "meshery-meshsync")).spec.template.spec.containers[0]
  }

  describeContainers("its container", () => {
    it("runs unchanged with a broker that wants a token, HTTP probes, and what Meshery Server adds", async () => {
      await using natsServer = await startBroker({ configuration: `authorization { token: "${token}" }` })
      const args = ["--outputNamespaces=shop,lab", "--outputResources=configmaps,pods"]
      const pod = await install({ address: natsServer.address, tag: "1.0.3", tokenAuth: true, args })
      const secrets = { "meshery-nats-auth/token": token }
      await using container = await startPod({ pod, account: ["meshery", "meshery-operator"], natsServer, secrets })
      await awaitProbe(container, pod, pod.livenessProbe)
      if (pod.readinessProbe === undefined) throw new Error("a versioned image has a readiness probe")
      await awaitProbe(container, pod, pod.readinessProbe)
      const { lanes } = await awaitSettled(container)
      const counted = Object.fromEntries(lanes.map(({ key, objects }) => [key, objects]))
      // The third ConfigMap is in the namespace that is not asked for.
      expect(counted).toEqual({ configmaps: 2, pods: 3 })
      expect(`${container.stdout()}${container.stderr()}`).not.toContain(token)
      await stop(container)
    })

    it("answers the probe by command that moving tags have, beside the running program", async () => {
      const pod = await install({ address: broker.address, tag: "edge-latest", tokenAuth: false })
      expect(pod.readinessProbe).toBeUndefined()
      await using container = await startPod({ pod, account: ["meshery", "meshery-operator"], natsServer: broker })
      await awaitSettled(container)
      const startedMs = performance.now()
      expect(await attemptProbe(container, pod, pod.livenessProbe)).toBeUndefined()
      console.log(`the probe by command took ${(performance.now() - startedMs).toFixed(0)} ms of its 30 s`)
      expect((await container.run(["./meshery-meshsync", "--nope"], 30_000)).status, "such a probe can fail").toBe(2)
      await stop(container)
    })
  })

  it("gets another image by deploy/operator, and nothing else changes but the operator's scale", async () => {
    await install({ address: broker.address, tag: "edge-latest", tokenAuth: true })
    const before = await readDeployment("meshery", "meshery-meshsync")
    const other = { replicas: 1, selector: { matchLabels: { app: "operator" } } }
    const template = { metadata: { labels: { app: "operator" } }, spec: { containers: [{ name: "manager", image: "operator" }] } }
    await plane.admin.write("POST", deployments("meshery"), { metadata: { name: "meshery-operator" }, spec: { ...other, template } })
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager", "meshsync", "-k", "deploy/operator")
    const after = await readDeployment("meshery", "meshery-meshsync")
    const [container] = after.spec.template.spec.containers
    expect(container.image).toMatch(/^meshery\/meshery-meshsync:/)
    const restored = { ...container, image: before.spec.template.spec.containers[0].image }
    const podSpec = { ...after.spec.template.spec, containers: [restored] }
    expect({ ...after.spec, template: { ...after.spec.template, spec: podSpec } }).toEqual(before.spec)
    expect((await readDeployment("meshery", "meshery-operator")).spec.replicas).toBe(0)
  })
})
