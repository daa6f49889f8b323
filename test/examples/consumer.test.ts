/** The consumer that keeps an exact copy: mark by mark, and against a run whose messages it gets in order, or loses. */
import { describe, expect, it } from "vitest"
import { applyMessage } from "../../examples/consumer/consumer.ts"
import { makeCopy, type Copy, type Payload } from "../../examples/consumer/copy.ts"
import { digestText } from "../../src/domain/sync/digest.ts"
import { makeDepartures } from "../../src/domain/sync/departures.ts"
import { makeOutput } from "../../src/domain/sync/fact.ts"
import { makeLane } from "../../src/domain/sync/lane.ts"
import { takeTurn } from "../../src/domain/sync/turn.ts"
import { coreSubject, run, syncSubject } from "../../src/sdk.ts"
import { makeBroker, makeFakeCluster } from "../../src/testing.ts"
import { listed, specOf, thing, type Thing } from "../domain/sync/block.ts"

const about = { apiVersion: "v1", kind: "Pod" }

const tell = (copy: Copy, event: string, { name, namespace, uid, version }: Thing): void => {
  const object = { ...about, metadata: { name, namespace, uid, resourceVersion: version } }
  applyMessage(copy, coreSubject, JSON.stringify({ EventType: event, Object: object }))
}
const say = (copy: Copy, mark: object): boolean => applyMessage(copy, syncSubject, JSON.stringify({ ...about, ...mark }))

/** Count and digest as the ledger has them. */
const contentOf = (...things: ReadonlyArray<Thing>) => {
  const lane = makeLane(specOf())
  takeTurn(lane, { _tag: "Started" }, 0, makeDepartures(), makeOutput())
  takeTurn(lane, listed(things, "9"), 0, makeDepartures(), makeOutput())
  return { count: things.length, digest: digestText(lane.ledger), omitted: [] as ReadonlyArray<object> }
}
const namesOf = (copy: Copy): ReadonlyArray<string> => [...(copy.types.get("v1 Pod")?.objects.keys() ?? [])].toSorted()

const [a, b, ghost] = [thing("a", "1"), thing("b", "2"), thing("ghost", "3")]

/** A copy that holds what is gone, in the middle of an announcement of `a` and `b`. */
const inEpoch = (): Copy => {
  const copy = makeCopy()
  tell(copy, "ADDED", ghost)
  tell(copy, "ADDED", a)
  say(copy, { mark: "begin", epoch: "r.1" })
  return copy
}

describe("the end of an announcement", () => {
  it("forgets what it did not mention", () => {
    const copy = inEpoch()
    tell(copy, "ADDED", a)
    tell(copy, "ADDED", b)
    say(copy, { mark: "end", epoch: "r.1", ...contentOf(a, b) })
    expect([namesOf(copy), copy.counts.pruned]).toEqual([["shop/a", "shop/b"], 1])
  })

  it("forgets nothing when a message was missed, when its begin was, or when a version differs", () => {
    const ends: ReadonlyArray<readonly [string, (copy: Copy) => void, string]> = [
      ["r.1", (copy) => tell(copy, "ADDED", a), "b is missing"],
      ["r.2", (copy) => [a, b].forEach((one) => tell(copy, "ADDED", one)), "another begin"],
      ["r.1", (copy) => [a, { ...b, version: "1" }].forEach((one) => tell(copy, "ADDED", one)), "an older version"],
      ["r.1", (copy) => [a, { ...b, name: "c", uid: "u" }].forEach((one) => tell(copy, "ADDED", one)), "another object"],
    ]
    for (const [epoch, announce, why] of ends) {
      const copy = inEpoch()
      announce(copy)
      say(copy, { mark: "end", epoch, ...contentOf(a, b) })
      expect([namesOf(copy).includes("shop/ghost"), copy.counts.pruned], why).toEqual([true, 0])
    }
  })

  it("leaves what is too large to be announced as it is", () => {
    const copy = inEpoch()
    tell(copy, "ADDED", a)
    say(copy, { mark: "end", epoch: "r.1", ...contentOf(a), omitted: [{ namespace: "shop", name: "ghost" }] })
    expect(namesOf(copy)).toEqual(["shop/a", "shop/ghost"])
    expect(say(copy, { mark: "digest", ...contentOf(a), omitted: [{ namespace: "shop", name: "ghost" }] })).toBe(false)
    expect(copy.counts.differed).toBe(0)
  })
})

describe("a digest", () => {
  it("that differs twice in a row asks for everything, once for all types", () => {
    const copy = inEpoch()
    const wrong = { mark: "digest", ...contentOf(a, b) }
    const right = { mark: "digest", ...contentOf(a, ghost) }
    expect([say(copy, wrong), say(copy, right), say(copy, wrong)]).toEqual([false, false, false])
    expect([say(copy, { ...wrong, kind: "Node" }), say(copy, wrong), say(copy, { ...wrong, kind: "Node" })]).toEqual([false, true, false])
    expect(copy.counts).toMatchObject({ differed: 5, resyncs: 1 })
  })

  it("finds a version that was missed", () => {
    const copy = inEpoch()
    say(copy, { mark: "digest", ...contentOf({ ...a, version: "5" }, ghost) })
    tell(copy, "MODIFIED", { ...a, version: "5" })
    say(copy, { mark: "digest", ...contentOf({ ...a, version: "5" }, ghost) })
    expect(copy.counts.differed).toBe(1)
  })
})

it("a deletion of another life removes nothing", () => {
  const copy = inEpoch()
  tell(copy, "DELETED", { ...a, uid: "earlier" })
  expect(namesOf(copy)).toEqual(["shop/a", "shop/ghost"])
  tell(copy, "DELETED", a)
  expect(namesOf(copy)).toEqual(["shop/ghost"])
})

it("types that are closed, or are not followed any more, are forgotten; other subjects and later marks say nothing", () => {
  const copy = inEpoch()
  say(copy, { mark: "types", types: [about, { apiVersion: "v1", kind: "Node" }] })
  say(copy, { mark: "something of a later version" })
  applyMessage(copy, "meshery.meshsync.logs", "no JSON")
  expect(namesOf(copy)).toEqual(["shop/a", "shop/ghost"])
  say(copy, { mark: "types", types: [] })
  expect(copy.types.size).toBe(0)
  tell(copy, "ADDED", a)
  say(copy, { mark: "closed", cause: "deselected" })
  expect(copy.types.size).toBe(0)
})

describe("a run", () => {
  /** Publishes everything of one run, in order, into copies. */
  const runInto = async (...copies: ReadonlyArray<(subject: string, text: string) => void>): Promise<ReadonlyArray<string>> => {
    const subjects: Array<string> = []
    const broker = {
      ...makeBroker(),
      publish: async (subject: string, payload: Uint8Array) => {
        subjects.push(subject)
        for (const take of copies) take(subject, new TextDecoder().decode(payload))
      },
    }
    const resources = ["configmaps", "pods", "namespaces", "deployments"]
    await run({ cluster: makeFakeCluster({ demo: true }), output: "broker", broker, select: { resources }, once: true })
    return subjects
  }
  const ghostly = (): Copy => {
    const copy = makeCopy()
    const metadata = { namespace: "market", name: "ghost", uid: "g", resourceVersion: "1" }
    const object: Payload = { apiVersion: "v1", kind: "Pod", metadata }
    applyMessage(copy, coreSubject, JSON.stringify({ EventType: "ADDED", Object: object }))
    return copy
  }
  const holds = (copy: Copy): boolean => copy.types.get("v1 Pod")?.objects.has("market/ghost") ?? false

  it("takes a ghost out of a copy that heard all, and out of none that missed a message", async () => {
    const [exact, deaf] = [ghostly(), ghostly()]
    let missed = false
    const subjects = await runInto(
      (subject, text) => applyMessage(exact, subject, text),
      (subject, text) => {
        const misses = !missed && text.includes('"kind":"Pod"') && subject === coreSubject
        if (misses) missed = true
        else applyMessage(deaf, subject, text)
      },
    )
    expect([holds(exact), exact.counts.pruned, holds(deaf), deaf.counts.pruned]).toEqual([false, 1, true, 0])
    expect(exact.types.size).toBe(4)
    expect(exact.types.get("apps/v1 Deployment")?.objects.size).toBeGreaterThan(3)
    expect(subjects.filter((subject) => subject === syncSubject)).toHaveLength(8)
    expect(new Set(subjects)).toEqual(new Set([coreSubject, syncSubject]))
  })
})
