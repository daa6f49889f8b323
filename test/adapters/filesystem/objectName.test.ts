import { basename, dirname } from "node:path"
import { describe, expect, it } from "vitest"
import { objectPath } from "../../../src/adapters/filesystem/objectName.ts"
import { deployments, nodes, pods } from "../message.ts"
import { forSeeds } from "../../domain/wire/seeded.ts"

describe("objectPath", () => {
  it.each([
    [{ type: deployments, namespace: "shop", name: "web" }, "shop/deployments.apps_web.yaml"],
    [{ type: nodes, namespace: "", name: "n1.example" }, "_cluster/nodes_n1.example.yaml"],
    [{ type: pods, namespace: "..", name: "../../etc" }, "%2E./pods_%2E.%2F..%2Fetc.yaml"],
    [{ type: nodes, namespace: "", name: "system:Node_%~é" }, "_cluster/nodes_system%3A%4Eode%5F%25%7E%C3%A9.yaml"],
    [{ type: pods, namespace: "_cluster", name: "a" }, "%5Fcluster/pods_a.yaml"],
  ])("%j is %s", (object, path) => {
    expect(objectPath(object)).toBe(path)
  })

  it("is another one for another object, whatever its name, also where case does not count, and never leaves the folder", () => {
    const seen = new Map<string, string>()
    forSeeds(4000, (chance) => {
      const [namespace, name] = [chance.text(3), chance.pick([chance.text(4), chance.text(4) + "x".repeat(300)])]
      if (/\ud800|\udc00/.test(namespace + name)) return
      const path = objectPath({ type: pods, namespace, name })
      const key = path.toLowerCase()
      const object = JSON.stringify([namespace, name])
      expect(seen.get(key) ?? object).toBe(object)
      seen.set(key, object)
      expect(path.split("/")).toHaveLength(2)
      for (const part of [dirname(path), basename(path)]) {
        expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255)
        expect(part).toMatch(/^[a-zA-Z0-9%_~-][a-zA-Z0-9.%_~-]*$/)
      }
    })
    expect(seen.size).toBeGreaterThan(1000)
  })

  it("keeps long names apart by what was cut off", () => {
    const long = (end: string) => objectPath({ type: pods, namespace: "shop", name: "a".repeat(300) + end })
    expect(long("b")).not.toBe(long("c"))
    expect(basename(long("b"))).toHaveLength(255)
  })
})
