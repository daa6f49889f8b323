import { readFileSync } from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { shutdownWaitMs, stateGrowthMax } from "../../src/domain/limit.ts"
import { type Access, rolesOf, sessionAccesses } from "../../src/domain/select/permissions.ts"
import { specOf } from "../domain/sync/block.ts"

const read = (file: string): unknown => parse(readFileSync(path.resolve(import.meta.dirname, "../../deploy", file), "utf8"))

interface Workload {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: ReadonlyArray<{ readonly name: string; readonly env: ReadonlyArray<Variable> }>
        readonly terminationGracePeriodSeconds?: number
        readonly volumes?: ReadonlyArray<{ readonly name: string; readonly emptyDir: { readonly sizeLimit: string } }>
      }
    }
  }
}

interface Variable {
  readonly name: string
  readonly value?: string
}

interface Operation {
  readonly op: string
  readonly value: unknown
}

const policyOf = ({ spec }: Workload): string | undefined =>
  spec.template.spec.containers.find(({ name }) => name === "meshsync")?.env.find(({ name }) => name === "MESHSYNC_INTERACTIVE")?.value

describe("deploy/base", () => {
  it("gives the process more time to end than it takes", () => {
    const { terminationGracePeriodSeconds } = (read("base/deployment.yaml") as Workload).spec.template.spec
    expect((terminationGracePeriodSeconds ?? 0) * 1000).toBeGreaterThan(2 * shutdownWaitMs)
  })

  it("lets the state file grow as far as the program lets it, for 400,000 objects", () => {
    const { volumes } = (read("base/deployment.yaml") as Workload).spec.template.spec
    const [, mebibytes] = /^(\d+)Mi$/.exec(volumes?.find(({ name }) => name === "state")?.emptyDir.sizeLimit ?? "") ?? []
    const lineBytes = 130
    expect(Number(mebibytes) * 2 ** 20).toBeGreaterThan((stateGrowthMax + 1) * lineBytes * 400_000)
  })
})

describe("deploy/interactive", () => {
  const { patches } = read("interactive/kustomization.yaml") as { readonly patches: ReadonlyArray<{ readonly patch: string }> }
  const [workload, operations] = patches.map(({ patch }) => parse(patch) as unknown)

  it("lets requests open logs and terminals, which deploy/base does not", () => {
    expect(policyOf(read("base/deployment.yaml") as Workload)).toBe("off")
    expect(policyOf(workload as Workload)).toBe("on")
  })

  it("adds the rights that a run asks for, and no others", () => {
    // deploy/base may list pods.
    const isAdded = ({ resource }: Access): boolean => resource !== "pods"
    const [role] = rolesOf(sessionAccesses([specOf()], "on").filter(isAdded))
    const added = operations as ReadonlyArray<Operation>
    expect(added.map(({ op }) => op)).toEqual(["add", "add"])
    const byText = (a: unknown, b: unknown): number => JSON.stringify(a).localeCompare(JSON.stringify(b))
    expect(added.map(({ value }) => value).toSorted(byText)).toEqual(role?.rules.toSorted(byText))
  })
})
