import { describe, expect, it } from "vitest"
import { requestBytesMax } from "../../../src/domain/limit.ts"
import { decodeRequest } from "../../../src/domain/wire/request.ts"
import { decodeWishes, execKey, logKey, type SessionWish } from "../../../src/domain/wire/sessionRequest.ts"
import { type Chance, forSeeds } from "./seeded.ts"

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

/** Names as they should not be, and as they may be. */
const names = ["web", "web-1.a", "*", ">", "a b", "a\n", "../x", "", "A", "a..b", ".", "x".repeat(254), "%2e", "\u0000", "é", "exec", "-a"]

/** A wish with some members of the right form, some of a wrong one, and some that nobody knows. */
const drawWish = (chance: Chance): unknown => {
  const value = (): unknown =>
    chance.pick([() => chance.pick(names), () => chance.pick(names), () => chance.json(2), () => chance.below(9), () => true])()
  const some = Object.fromEntries(
    ["id", "name", "namespace", "container", "follow", "Previous", "tailLines", "STOP", "__proto__", "x"]
      .filter(() => chance.below(8) === 0)
      .map((member) => [member, value()]),
  )
  return chance.below(9) === 0 ? chance.json(2) : { ...wish, ...some }
}

/** What every wish must be that gets through: parts of paths and of subjects. */
const isHarmless = (found: SessionWish, forTerminal: boolean): boolean => {
  const subject = execKey({ ...found, container: "c" })
  return (
    /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(found.namespace) &&
    /^[a-z0-9][-.a-z0-9]*$/.test(found.pod) &&
    /^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/.test(found.container) &&
    Number.isSafeInteger(found.tailLines) &&
    found.tailLines >= 0 &&
    (!forTerminal || /^[^\s*>]+$/.test(subject)) &&
    (!forTerminal || !subject.split(".").includes(""))
  )
}

describe("hostile payloads", () => {
  it("never throw, and what gets through is fit for paths and subjects", () => {
    const outcomes = { taken: 0, refused: 0 }
    forSeeds(5_000, (chance) => {
      const forTerminal = chance.below(2) === 0
      const payload = chance.below(9) === 0 ? chance.json(3) : { a: drawWish(chance), b: wish }
      const wishes = decodeWishes(payload, forTerminal)
      outcomes[wishes === undefined ? "refused" : "taken"]++
      for (const found of wishes ?? []) expect(found).toSatisfy(() => isHarmless(found, forTerminal))
    })
    expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(500)
  })

  it("never throw as bytes either: cut, flipped and doubled", () => {
    const encoder = new TextEncoder()
    const tags = new Set<string>()
    forSeeds(3_000, (chance) => {
      const text = JSON.stringify({ Request: { Entity: chance.pick(["log-stream", "exec-request"]), Payload: { a: drawWish(chance) } } })
      const bytes = encoder.encode(text)
      const at = chance.below(bytes.length)
      const damaged = chance.pick([
        () => bytes,
        () => bytes.subarray(0, at),
        () => bytes.with(at, chance.below(256)),
        () => Uint8Array.from([...bytes, ...bytes.subarray(at)]),
      ])()
      tags.add(decodeRequest(damaged)._tag)
    })
    expect([...tags].toSorted()).toEqual(expect.arrayContaining(["Invalid", "Logs", "Terminals"]))
  })

  it.each(["[", '{"a":'])("nested over the size of a request in %j are refused, unread when they are larger", (open) => {
    const nested = (bytes: number): Uint8Array => {
      const head = '{"Request":{"Entity":"exec-request","Payload":'
      const depth = Math.floor((bytes - head.length - 3) / (open.length + 1))
      return new TextEncoder().encode(`${head}${open.repeat(depth)}0${(open === "[" ? "]" : "}").repeat(depth)}}}`)
    }
    expect(decodeRequest(nested(1024 * 1024))).toMatchObject({ _tag: "Invalid" })
    expect(decodeRequest(nested(requestBytesMax))).toMatchObject({ _tag: "Invalid" })
  })
})
