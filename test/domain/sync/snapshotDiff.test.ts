import { describe, expect, it } from "vitest"
import { diffSnapshots as diffHeld, holdObject } from "../../../src/domain/sync/snapshotDiff.ts"
import type { KubernetesObject } from "../../../src/domain/wire/restore.ts"

const diffSnapshots = (before: ReadonlyArray<KubernetesObject>, after: ReadonlyArray<KubernetesObject>) =>
  diffHeld(before.map(holdObject), after.map(holdObject))

const web = (replicas: number, metadata: object = {}, kind = "Deployment"): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: "web", namespace: "shop", uid: "u1", ...metadata },
  spec: { replicas },
})

describe("diffSnapshots", () => {
  it("finds nothing between equal states, in whatever order, and none in what each write changes", () => {
    const other = web(1, { name: "other", uid: "u2" })
    const rewritten = web(2, { resourceVersion: "9", generation: 4, managedFields: [{}] })
    expect(diffSnapshots([web(2), other], [other, rewritten])).toEqual([])
  })

  it("after scaling names exactly the replicas", () => {
    expect(diffSnapshots([web(2)], [web(3, { generation: 2 })])).toEqual([
      {
        _tag: "Changed",
        object: { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" },
        fields: [{ path: "spec.replicas", before: 2, after: 3 }],
      },
    ])
  })

  it("tells what came from what went, ordered by kind", () => {
    const found = diffSnapshots([web(1)], [web(1, {}, "StatefulSet"), web(1, {}, "DaemonSet")])
    expect(found.map(({ _tag, object }) => [_tag, object.kind])).toEqual([
      ["Added", "DaemonSet"],
      ["Removed", "Deployment"],
      ["Added", "StatefulSet"],
    ])
  })

  it("an object that was created anew is changed in its uid", () => {
    const [found] = diffSnapshots([web(1)], [web(1, { uid: "u2" })])
    expect(found).toMatchObject({ _tag: "Changed", fields: [{ path: "metadata.uid", before: "u1", after: "u2" }] })
  })
})
