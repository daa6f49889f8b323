import { describe, expect, it } from "vitest"
import { diffSnapshots, holdObject } from "../../../src/domain/sync/snapshotDiff.ts"
import { alignSnapshots, isRedacted, wholeFormOf, type Snapshot } from "../../../src/domain/sync/snapshotForm.ts"
import { cleanObject } from "../../../src/domain/wire/cleaning.ts"
import type { Members } from "../../../src/domain/wire/exact.ts"
import type { KubernetesObject } from "../../../src/domain/wire/restore.ts"

const snapshotOf = (form: Snapshot["form"], ...objects: ReadonlyArray<Members>): Snapshot => ({
  form,
  objects: objects.map((object) => holdObject(object as unknown as KubernetesObject)),
})

const role = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "a", namespace: "shop", uid: "u" },
  spec: { clusterIP: "10.0.0.1", ports: [{ port: 80, protocol: "TCP" }] },
  status: {},
  rules: [1],
}
const { rules: _rules, ...message } = role
const owned = { apiVersion: "v1", kind: "Pod", metadata: { name: "b", uid: "v", ownerReferences: [{ uid: "o", controller: true }] } }

const forms: Readonly<Record<Snapshot["form"], Snapshot>> = {
  message: snapshotOf("message", message),
  object: snapshotOf("object", role),
  manifest: snapshotOf("manifest", cleanObject(role)),
}

const differences = (before: Snapshot, after: Snapshot, derived = false) => {
  const [one, other] = alignSnapshots(before, after, derived)
  return diffSnapshots(one.objects, other.objects)
}

describe("alignSnapshots", () => {
  const names = ["message", "object", "manifest"] as const
  it.each(names.flatMap((one) => names.map((other) => [one, other] as const)))(
    "finds nothing between a %s and a %s of one object",
    (one, other) => {
      expect(differences(forms[one], forms[other])).toEqual([])
    },
  )

  it("finds what both can tell", () => {
    const moved = { ...role, spec: { ports: [{ port: 81 }] } }
    for (const name of names) {
      expect(differences(forms[name], snapshotOf("manifest", cleanObject(moved)))).toMatchObject([
        { _tag: "Changed", fields: [{ path: "spec.ports[0].port" }] },
      ])
    }
  })

  it("leaves out what manifests leave out, unless they do not", () => {
    expect(differences(forms.manifest, snapshotOf("object", role, owned))).toEqual([])
    expect(differences(forms.manifest, snapshotOf("object", role, owned), true)).toMatchObject([{ _tag: "Added" }])
    expect(differences(forms.object, snapshotOf("object", role, owned))).toMatchObject([{ _tag: "Added" }])
  })

  it("compares a redacted Secret by the names of its values", () => {
    const secret = (data: Members) => snapshotOf("object", { apiVersion: "v1", kind: "Secret", metadata: { name: "s", uid: "u" }, data })
    expect(isRedacted(secret({ pin: "[REDACTED]" }))).toBe(true)
    expect(isRedacted(secret({ pin: "eA==" }))).toBe(false)
    expect(differences(secret({ pin: "[REDACTED]" }), secret({ pin: "eA==" }))).toEqual([])
    expect(differences(secret({ pin: "[REDACTED]" }), secret({ pin: "eA==", key: "eA==" }))).toMatchObject([
      { fields: [{ path: "data.key" }] },
    ])
    expect(differences(secret({ pin: "eQ==" }), secret({ pin: "eA==" }))).toMatchObject([{ fields: [{ path: "data.pin" }] }])
  })

  it("asks the cluster for what it compares", () => {
    expect(names.map((name) => wholeFormOf(forms[name]))).toEqual([undefined, { _tag: "Object" }, { _tag: "Object" }])
  })
})
