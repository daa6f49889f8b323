/**
 * Objects that scenarios put into a cluster.
 */
import { addressOf } from "./cluster.ts"
import type { ControlPlane } from "./controlPlane.ts"
import { until } from "./program.ts"

export const configMap = (namespace: string, name: string, data: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
})

export const createNamespace = ({ admin }: ControlPlane, name: string): Promise<unknown> =>
  admin.write("POST", "/api/v1/namespaces", { metadata: { name } })

const labels = { app: "nginx" }
const template = { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx:1.29" }] } }
const replicas = 3

/** A Deployment of three nginx pods; where no controllers run, its ReplicaSet and its pods are written as they would. */
export const deployNginx = async ({ admin, hasControllers }: ControlPlane, namespace: string): Promise<void> => {
  const spec = { replicas, selector: { matchLabels: labels }, template }
  await admin.write("POST", `/apis/apps/v1/namespaces/${namespace}/deployments`, { metadata: { name: "nginx" }, spec })
  if (!hasControllers) {
    await admin.write("POST", `/apis/apps/v1/namespaces/${namespace}/replicasets`, { metadata: { name: "nginx-1" }, spec })
    for (let i = 0; i < replicas; i++) {
      await admin.write("POST", `/api/v1/namespaces/${namespace}/pods`, { ...template, metadata: { name: `nginx-1-${i}`, labels } })
    }
  }
  await until(`${replicas} pods of nginx`, 60_000, async () => {
    const pods = await admin.list(`/api/v1/namespaces/${namespace}/pods`)
    const running = pods.filter(
      (pod) => !hasControllers || (pod as { readonly status?: { readonly phase?: string } }).status?.phase === "Running",
    )
    return running.length === replicas ? true : undefined
  })
}

/** Definitions of custom resources whose objects may hold anything. */
export interface Definition {
  readonly group: string
  readonly plural: string
  readonly kind: string
  /** Served versions; the first one is stored. */
  readonly versions: ReadonlyArray<string>
}

export const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

export const definitionOf = ({ group, kind, plural, versions }: Definition): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: "Namespaced",
    names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
    versions: versions.map((name, i) => ({
      name,
      served: true,
      storage: i === 0,
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    })),
  },
})

/** Defines custom resources and waits until the API server serves them. */
export const define = async ({ admin }: ControlPlane, definition: Definition): Promise<void> => {
  await admin.write("POST", definitions, definitionOf(definition))
  await until(`${definition.plural} are served`, 30_000, async () => {
    const { status } = await admin.send("GET", `/apis/${definition.group}/${definition.versions[0]}/${definition.plural}`)
    return status === 200 ? true : undefined
  })
}

/** What the operator's Helm chart lists. */
const whitelist = [
  "grafanas.v1beta1.grafana.integreatly.org",
  "prometheuses.v1.monitoring.coreos.com",
  "namespaces.v1.",
  "configmaps.v1.",
  "nodes.v1.",
  "secrets.v1.",
  "persistentvolumes.v1.",
  "persistentvolumeclaims.v1.",
  "replicasets.v1.apps",
  "pods.v1.",
  "services.v1.",
  "deployments.v1.apps",
  "statefulsets.v1.apps",
  "daemonsets.v1.apps",
  "ingresses.v1.networking.k8s.io",
  "endpoints.v1.",
  "endpointslices.v1.discovery.k8s.io",
  "cronjobs.v1.batch",
  "replicationcontrollers.v1.",
  "storageclasses.v1.storage.k8s.io",
  "clusterroles.v1.rbac.authorization.k8s.io",
  "volumeattachments.v1.storage.k8s.io",
  "apiservices.v1.apiregistration.k8s.io",
]

/** The MeshSync custom resource as the operator makes it, with the namespace `meshery`: with it custom resources are watched. */
export const installMeshsyncResource = async (plane: ControlPlane): Promise<void> => {
  await createNamespace(plane, "meshery")
  await define(plane, { group: "meshery.io", plural: "meshsyncs", kind: "MeshSync", versions: ["v1alpha1"] })
  const entries = whitelist.map((Resource) => ({ Resource, Events: ["ADDED", "MODIFIED", "DELETED"] }))
  await plane.admin.write("POST", "/apis/meshery.io/v1alpha1/namespaces/meshery/meshsyncs", {
    apiVersion: "meshery.io/v1alpha1",
    kind: "MeshSync",
    metadata: { name: "meshery-meshsync" },
    spec: { "watch-list": { data: { whitelist: JSON.stringify(entries) } } },
  })
}

/** The address of an object by its parts. */
export const addressAt = (apiVersion: string, kind: string, namespace: string, name: string): string =>
  addressOf({ apiVersion, kind, metadata: { namespace, name } })
