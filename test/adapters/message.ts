import { Buffer } from "node:buffer"
import type { ResourceType } from "../../src/domain/select/resource.ts"
import type { ChangeEvent } from "../../src/domain/sync/fact.ts"
import type { Batch, Message } from "../../src/ports/Sink.ts"

/** Messages as the encoder writes them, for sinks' tests. */

export const pods: ResourceType = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true }
export const deployments: ResourceType = { group: "apps", version: "v1", plural: "deployments", kind: "Deployment", namespaced: true }
export const nodes: ResourceType = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false }
export const secrets: ResourceType = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true }

export interface Given {
  readonly event?: ChangeEvent
  readonly type?: ResourceType
  readonly namespace?: string
  readonly name?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly spec?: unknown
  readonly status?: unknown
  readonly data?: unknown
  readonly labels?: Readonly<Record<string, string>>
}

export const messageOf = (given: Given): Message => {
  const { event = "Added", type = pods, name = "a", resourceVersion = "1" } = given
  const namespace = given.namespace ?? (type.namespaced ? "shop" : "")
  const uid = given.uid ?? `uid-${type.plural}-${namespace}-${name}`
  const attribute = (value: unknown) => (value === undefined ? undefined : { id: "", attribute: JSON.stringify(value) })
  const labels = Object.entries(given.labels ?? {}).map(([key, value]) => ({ id: "", unique_id: "", kind: "label", key, value }))
  const object = {
    id: "",
    apiVersion: type.group === "" ? type.version : `${type.group}/${type.version}`,
    kind: type.kind,
    model: "",
    metadata: {
      id: "",
      name,
      namespace: namespace === "" ? undefined : namespace,
      uid,
      resourceVersion,
      labels: labels.length === 0 ? undefined : labels,
      cluster_id: "",
    },
    spec: attribute(given.spec),
    status: attribute(given.status),
    cluster_id: "c",
    pattern_resource: null,
    component_metadata: null,
    data: given.data === undefined ? undefined : JSON.stringify(given.data),
  }
  const envelope = { ObjectType: "meshsync-data", EventType: event.toUpperCase(), Request: null, Object: object }
  return { event, type, namespace, name, uid, payload: new Uint8Array(Buffer.from(JSON.stringify(envelope))) }
}

export const batchOf = (urgency: Batch["urgency"], ...given: ReadonlyArray<Given>): Batch => ({ urgency, messages: given.map(messageOf) })
