import { describe, expect, it } from "vitest"
import { cleanObject, isDerived } from "../../../src/domain/wire/cleaning.ts"
import type { Members } from "../../../src/domain/wire/exact.ts"
import { vectors } from "../../golden/vector.ts"

/** What the API server's bookkeeping looks like on any object. */
const filled = {
  uid: "u1",
  resourceVersion: "7",
  generation: 2,
  creationTimestamp: "2026-01-02T03:04:05Z",
  selfLink: "/x",
  managedFields: [{}],
}

const objectOf = (apiVersion: string, kind: string, metadata: Members, others: Members = {}): Members => ({
  apiVersion,
  kind,
  metadata: { name: "a", namespace: "shop", ...filled, ...metadata },
  ...others,
})

const cleaned = (apiVersion: string, kind: string, metadata: Members, others: Members = {}): Members => ({
  apiVersion,
  kind,
  metadata: { name: "a", namespace: "shop", ...metadata },
  ...others,
})

const container = { name: "c", image: "nginx:1.29" }
const filledContainer = {
  ...container,
  imagePullPolicy: "IfNotPresent",
  resources: {},
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
}
const filledSpec = {
  dnsPolicy: "ClusterFirst",
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
  securityContext: {},
  terminationGracePeriodSeconds: 30,
}

describe("cleanObject", () => {
  it("takes away bookkeeping and status, and annotations and finalizers of Kubernetes, of any kind", () => {
    const metadata = {
      ownerReferences: [{ uid: "gone" }],
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", note: "mine" },
      finalizers: ["kubernetes.io/pvc-protection", "foregroundDeletion", "shop.example/keep"],
      labels: { app: "a" },
    }
    expect(cleanObject(objectOf("shop.example/v1", "Till", metadata, { spec: { x: null }, status: { y: 1 } }))).toEqual(
      cleaned(
        "shop.example/v1",
        "Till",
        { annotations: { note: "mine" }, finalizers: ["shop.example/keep"], labels: { app: "a" } },
        { spec: { x: null } },
      ),
    )
  })

  it("a Deployment as a person would have written it; what differs from a default stays", () => {
    const spec = {
      replicas: 3,
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 2,
      selector: { matchLabels: { app: "a" } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      template: {
        metadata: { creationTimestamp: null, labels: { app: "a" } },
        spec: { ...filledSpec, dnsPolicy: "Default", nodeName: "chosen", containers: [filledContainer] },
      },
    }
    expect(cleanObject(objectOf("apps/v1", "Deployment", { annotations: { "deployment.kubernetes.io/revision": "4" } }, { spec }))).toEqual(
      cleaned(
        "apps/v1",
        "Deployment",
        {},
        {
          spec: {
            replicas: 3,
            revisionHistoryLimit: 2,
            selector: { matchLabels: { app: "a" } },
            template: { metadata: { labels: { app: "a" } }, spec: { dnsPolicy: "Default", nodeName: "chosen", containers: [container] } },
          },
        },
      ),
    )
  })

  it("a pod without its node and what admission has added; a toleration of its own stays", () => {
    const own = { key: "gpu", operator: "Exists" }
    const mount = { name: "kube-api-access-x7k2p", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true }
    const lost = ["not-ready", "unreachable"].map((name) => ({
      effect: "NoExecute",
      key: `node.kubernetes.io/${name}`,
      operator: "Exists",
      tolerationSeconds: 300,
    }))
    const spec = {
      ...filledSpec,
      containers: [
        { ...filledContainer, volumeMounts: [mount] },
        { ...container, volumeMounts: [mount, { name: "v", mountPath: "/v" }] },
      ],
      enableServiceLinks: true,
      nodeName: "n1",
      preemptionPolicy: "PreemptLowerPriority",
      priority: 0,
      serviceAccount: "default",
      serviceAccountName: "default",
      tolerations: [own, ...lost],
      volumes: [
        { name: "v", configMap: { name: "m", defaultMode: 420 } },
        { name: "kube-api-access-x7k2p", projected: { sources: [] } },
      ],
    }
    expect(cleanObject(objectOf("v1", "Pod", {}, { spec }))).toEqual(
      cleaned(
        "v1",
        "Pod",
        {},
        {
          spec: {
            containers: [container, { ...container, volumeMounts: [{ name: "v", mountPath: "/v" }] }],
            tolerations: [own],
            volumes: [{ name: "v", configMap: { name: "m" } }],
          },
        },
      ),
    )
  })

  it.each<readonly [string, string, Members, Members, Members, Members]>([
    [
      "v1",
      "Service",
      {},
      {
        spec: {
          clusterIP: "10.0.0.1",
          clusterIPs: ["10.0.0.1"],
          ipFamilies: ["IPv4"],
          ipFamilyPolicy: "SingleStack",
          internalTrafficPolicy: "Cluster",
          ports: [{ port: 80, protocol: "TCP", targetPort: 80, nodePort: 30080 }],
          sessionAffinity: "None",
          type: "NodePort",
        },
      },
      {},
      { spec: { ports: [{ port: 80, nodePort: 30080 }], type: "NodePort" } },
    ],
    [
      "v1",
      "Service",
      {},
      { spec: { clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv6"], ipFamilyPolicy: "SingleStack" } },
      {},
      { spec: { clusterIP: "None", ipFamilies: ["IPv6"] } },
    ],
    [
      "serving.example/v1",
      "Service",
      {},
      { spec: { clusterIP: "x", type: "ClusterIP" } },
      {},
      { spec: { clusterIP: "x", type: "ClusterIP" } },
    ],
    [
      "apps/v1",
      "StatefulSet",
      {},
      { spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, partition: 0 } }, revisionHistoryLimit: 10 } },
      {},
      {},
    ],
    [
      "apps/v1",
      "StatefulSet",
      {},
      { spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } } },
      {},
      { spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } } },
    ],
    [
      "batch/v1",
      "Job",
      { labels: { app: "a", "job-name": "a", "batch.kubernetes.io/controller-uid": "u1" } },
      {
        spec: {
          backoffLimit: 6,
          completions: 1,
          parallelism: 1,
          selector: { matchLabels: { "batch.kubernetes.io/controller-uid": "u1" } },
          template: {
            metadata: { labels: { "batch.kubernetes.io/controller-uid": "u1", "controller-uid": "u1", "job-name": "a", app: "a" } },
            spec: { restartPolicy: "Never" },
          },
        },
      },
      { labels: { app: "a" } },
      { spec: { template: { metadata: { labels: { app: "a" } }, spec: { restartPolicy: "Never" } } } },
    ],
    [
      "batch/v1",
      "Job",
      {},
      { spec: { manualSelector: true, completions: 1, parallelism: 2, selector: { matchLabels: { "job-name": "a" } } } },
      {},
      { spec: { manualSelector: true, completions: 1, parallelism: 2, selector: { matchLabels: { "job-name": "a" } } } },
    ],
    [
      "v1",
      "PersistentVolumeClaim",
      { annotations: { "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" } },
      { spec: { volumeName: "pv", volumeMode: "Filesystem", storageClassName: "fast" } },
      {},
      { spec: { storageClassName: "fast" } },
    ],
    ["v1", "PersistentVolumeClaim", {}, { spec: { volumeName: "mine" } }, {}, { spec: { volumeName: "mine" } }],
    [
      "v1",
      "PersistentVolume",
      {},
      { spec: { claimRef: { uid: "u", resourceVersion: "1", name: "c", namespace: "shop" } } },
      {},
      { spec: { claimRef: { name: "c", namespace: "shop" } } },
    ],
    ["v1", "Namespace", { labels: { "kubernetes.io/metadata.name": "a" } }, { spec: { finalizers: ["kubernetes"] } }, {}, {}],
    ["v1", "ServiceAccount", {}, { secrets: [{ name: "a-token-x7k2p" }, { name: "own" }] }, {}, { secrets: [{ name: "own" }] }],
    [
      "v1",
      "Secret",
      { annotations: { "kubernetes.io/service-account.name": "a", "kubernetes.io/service-account.uid": "u" } },
      { type: "kubernetes.io/service-account-token", data: { token: "eA==" } },
      { annotations: { "kubernetes.io/service-account.name": "a" } },
      { type: "kubernetes.io/service-account-token" },
    ],
  ])("%s %s %j %j", (apiVersion, kind, metadata, others, metadataAfter, othersAfter) => {
    expect(cleanObject(objectOf(apiVersion, kind, metadata, others))).toEqual(cleaned(apiVersion, kind, metadataAfter, othersAfter))
  })

  it("changes nothing of what is clean, for every golden vector", () => {
    let count = 0
    for (const { raw } of vectors) {
      const object = JSON.parse(raw) as Members
      if (typeof object["kind"] !== "string") continue
      const once = cleanObject(object)
      expect(cleanObject(once)).toEqual(once)
      expect(Object.keys((once["metadata"] ?? {}) as Members).filter((name) => name in filled)).toEqual([])
      count++
    }
    expect(count).toBeGreaterThan(200)
  })
})

describe("isDerived", () => {
  const bare = (apiVersion: string, kind: string, metadata: Members, others: Members = {}) =>
    isDerived(objectOf(apiVersion, kind, metadata, others))

  it.each<readonly [boolean, string, string, Members, Members]>([
    [true, "apps/v1", "ReplicaSet", { ownerReferences: [{ kind: "Deployment", controller: true }] }, {}],
    [false, "apps/v1", "ReplicaSet", { ownerReferences: [{ kind: "App" }] }, {}],
    [true, "v1", "ConfigMap", { name: "kube-root-ca.crt" }, {}],
    [false, "v1", "ConfigMap", {}, {}],
    [true, "v1", "ServiceAccount", { name: "default" }, {}],
    [false, "v1", "ServiceAccount", { name: "default" }, { imagePullSecrets: [{ name: "r" }] }],
    [false, "v1", "ServiceAccount", { name: "default", labels: { a: "b" } }, {}],
    [true, "v1", "Endpoints", { annotations: { "endpoints.kubernetes.io/last-change-trigger-time": "t" } }, {}],
    [false, "v1", "Endpoints", {}, { subsets: [] }],
    [true, "v1", "Service", { name: "kubernetes", namespace: "default" }, {}],
    [true, "rbac.authorization.k8s.io/v1", "ClusterRole", { labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } }, {}],
  ])("%j: %s %s %j %j", (expected, apiVersion, kind, metadata, others) => {
    expect(bare(apiVersion, kind, metadata, others)).toBe(expected)
  })
})
