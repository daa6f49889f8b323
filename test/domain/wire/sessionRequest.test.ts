import { describe, expect, it } from "vitest"
import { decodeWishes, execKey, logKey } from "../../../src/domain/wire/sessionRequest.ts"

const wish = { id: "t1", name: "web-1.a", namespace: "shop", container: "nginx" }

describe("decodeWishes", () => {
  it("reads wishes under any name, with the defaults of what is absent", () => {
    const [first, second] =
      decodeWishes({ "0": { ...wish, TailLines: 5, follow: true }, x: { name: "web", namespace: "shop", stop: true } }, false) ?? []
    expect(first).toEqual({
      id: "t1",
      pod: "web-1.a",
      namespace: "shop",
      container: "nginx",
      follow: true,
      previous: false,
      stop: false,
      tailLines: 5,
    })
    expect(second).toMatchObject({ id: "", container: "", follow: false, stop: true, tailLines: 0 })
    expect(first && [logKey(first), execKey(first)]).toEqual(["logs.shop.web-1.a.nginx", "exec.shop.web-1.a.nginx.t1"])
  })

  it.each([
    ["no object", [wish]],
    ["a wish that is none", { a: "web" }],
    ["a path for a pod", { a: { ...wish, name: "../secrets" } }],
    ["a namespace with dots", { a: { ...wish, namespace: "shop.x" } }],
    ["a wildcard for a container", { a: { ...wish, container: "*" } }],
    ["no pod", { a: { ...wish, name: "" } }],
    ["half a line", { a: { ...wish, taillines: 0.5 } }],
    ["a text for a switch", { a: { ...wish, stop: "true" } }],
    ["a long id", { a: { ...wish, id: "i".repeat(129) } }],
  ])("refuses %s, and all that comes with it", (_name, payload) => {
    expect(decodeWishes(payload, false)).toBeUndefined()
  })

  it.each(["", "a b", "a.>", "*", "a..b"])("refuses the id %j for a terminal, whose subject it becomes a part of", (id) => {
    expect(decodeWishes({ a: { ...wish, id } }, true)).toBeUndefined()
  })
})
