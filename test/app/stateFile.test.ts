/**
 * Runs that die and come again over the same cluster and the same state file, all of it in memory: what the second one says is exactly what
 * changed in between.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { makeCluster } from "../../src/adapters/memory/model.ts"
import type { KubeObject } from "../../src/adapters/memory/object.ts"
import { patchObject } from "../../src/adapters/memory/write.ts"
import type { Message, Receipt } from "../../src/ports/Sink.ts"
import { configMap, drop, live, makeWorld, paint, put, type Life, type LifeOptions, type World } from "./life.ts"

const secret = (name: string): KubeObject => ({ metadata: { namespace: "default", name }, data: { key: "c2VjcmV0" } }) as KubeObject

const definition = (versions: ReadonlyArray<string>): KubeObject =>
  ({
    metadata: { name: "lamps.light.io" },
    spec: {
      group: "light.io",
      scope: "Namespaced",
      names: { plural: "lamps", singular: "lamp", kind: "Lamp" },
      versions: versions.map((name, at) => ({ name, served: true, storage: at === 0, schema: { openAPIV3Schema: { type: "object" } } })),
    },
  }) as unknown as KubeObject

const tell = (world: World, options?: LifeOptions) =>
  live(world, ({ settled, told }) => Effect.map(settled, () => told.toSorted()), options)

/** Long enough for the last confirmations to be written. */
const rest = TestClock.adjust("1 second")
/** Long enough for what was created anew to have been repeated. */
const longRest = TestClock.adjust("12 seconds")
const tellAll = (world: World, options?: LifeOptions) =>
  live(world, ({ settled, told }) => Effect.map(Effect.andThen(settled, rest), () => told.toSorted()), options)

describe("a run that finds the state of the one before", () => {
  it.effect("says what came, changed, went and was created anew meanwhile, and nothing else", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["stays", "changes", "goes", "again"]) put(world, "configmaps", configMap(name))
      assert.deepStrictEqual(yield* tellAll(world), [
        "Added ConfigMap again",
        "Added ConfigMap changes",
        "Added ConfigMap goes",
        "Added ConfigMap stays",
      ])
      paint(world, "changes", "red")
      drop(world, "configmaps", "goes")
      drop(world, "configmaps", "again")
      put(world, "configmaps", configMap("again"))
      put(world, "configmaps", configMap("comes"))
      const second = yield* live(world, ({ settled, told }) => Effect.map(Effect.andThen(settled, longRest), () => [...told]))
      assert.deepStrictEqual(second.toSorted(), [
        "Added ConfigMap again",
        "Added ConfigMap comes",
        "Deleted ConfigMap again",
        "Deleted ConfigMap goes",
        "Modified ConfigMap changes",
      ])
      assert.isBelow(second.indexOf("Deleted ConfigMap again"), second.indexOf("Added ConfigMap again"))
      assert.deepStrictEqual(yield* tellAll(world), [])
    }),
  )

  it.effect("says again what may have been lost in the middle of a batch, and loses no deletion of it", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      // The sink takes the batch, and the process dies before it hears of it.
      let taken = false
      const never = () => Effect.suspend(() => ((taken = true), Effect.never))
      yield* live(world, ({ until }) => until("a batch is on its way", () => taken), { receipt: never })
      drop(world, "configmaps", "a")
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap b", "Deleted ConfigMap a"])
      assert.deepStrictEqual(yield* tellAll(world), [])
    }),
  )

  it.effect("says again what the sink had left out, because it was never said", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      const leaveOut = (_: ReadonlyArray<string>, messages: ReadonlyArray<Message>) =>
        Effect.succeed<Receipt>({ _tag: "accepted", leftOut: new Set(messages.filter(({ name }) => name === "b")) })
      yield* tellAll(world, { receipt: leaveOut })
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap b"])
      assert.deepStrictEqual(yield* tellAll(world), [])
    }),
  )

  it.effect("announces all of it when it is asked to, and the deletions of the run before with it", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      yield* live(world, ({ settled, told, until }) =>
        Effect.gen(function* () {
          yield* settled
          drop(world, "configmaps", "b")
          yield* until("the deletion is told", () => told.includes("Deleted ConfigMap b"))
          yield* rest
        }),
      )
      const again = yield* live(world, ({ ask, settled, told, until }) =>
        Effect.gen(function* () {
          yield* settled
          assert.deepStrictEqual(told, [])
          yield* ask({ _tag: "Resync", origin: "reconnect" })
          yield* until("everything is announced again", () => told.includes("Deleted ConfigMap b"))
          return [...told]
        }),
      )
      assert.deepStrictEqual(again, ["Added ConfigMap a", "Deleted ConfigMap b"])
      // Asked before it has its lanes back.
      const early = yield* live(
        world,
        ({ told, until }) =>
          Effect.map(
            until("everything is announced again", () => told.includes("Deleted ConfigMap b")),
            () => [...told],
          ),
        { early: { _tag: "Resync", origin: "reconnect" } },
      )
      assert.deepStrictEqual(early, ["Added ConfigMap a", "Deleted ConfigMap b"])
    }),
  )

  it.effect("says once more what was created anew shortly before the end: a repetition of it may be missing", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      yield* live(world, ({ settled, told, until }) =>
        Effect.gen(function* () {
          yield* settled
          drop(world, "configmaps", "a")
          put(world, "configmaps", configMap("a"))
          yield* until("the new life is told", () => told.filter((word) => word === "Added ConfigMap a").length === 2)
          yield* rest
        }),
      )
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap a"])
    }),
  )

  it.effect("pays the announcement that the run before owed, and owes nothing afterwards", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      let owes = false
      yield* live(
        world,
        ({ settled, told, until }) =>
          Effect.gen(function* () {
            yield* settled
            drop(world, "configmaps", "b")
            yield* until("the deletion is told", () => told.includes("Deleted ConfigMap b"))
            owes = true
            yield* rest
          }),
        { owes: () => owes },
      )
      const everything = ["Added ConfigMap a", "Deleted ConfigMap b"]
      const paid = ({ settled, told, until }: Life) =>
        settled.pipe(
          Effect.andThen(until("all is announced", () => told.includes("Deleted ConfigMap b"))),
          Effect.andThen(rest),
          Effect.map(() => [...told]),
        )
      // One that dies before it has paid leaves the debt to the next.
      assert.deepStrictEqual(yield* tellAll(world), [])
      assert.deepStrictEqual(yield* live(world, paid), everything)
      assert.deepStrictEqual(yield* live(world, ({ settled, told }) => Effect.map(Effect.andThen(settled, longRest), () => [...told])), [])
    }),
  )

  it.effect("announces everything once more, deletions too, where another process takes the messages now", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      const under = (name: string | undefined) =>
        live(world, ({ settled, told }) => Effect.map(Effect.andThen(settled, longRest), () => [...told]), { receiver: () => name })
      const first = yield* under("one")
      drop(world, "configmaps", "b")
      assert.deepStrictEqual(yield* under("one"), ["Deleted ConfigMap b"])
      assert.deepStrictEqual([first.length, yield* under("two")], [2, ["Added ConfigMap a", "Deleted ConfigMap b"]])
      assert.deepStrictEqual(yield* under("two"), [])
      // Who it is may not be known for a while: that is no other one.
      assert.deepStrictEqual(yield* under(undefined), [])
      assert.deepStrictEqual(yield* under("two"), [])
    }),
  )

  it.effect("owes it to the next run where it dies before, and where a deletion is all that there is to say", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      const options = (name: string) => ({ outputResources: ["configmaps"], receiver: () => name })
      yield* tellAll(world, options("one"))
      drop(world, "configmaps", "a")
      assert.deepStrictEqual(yield* tellAll(world, options("two")), ["Deleted ConfigMap a"])
      const said = yield* live(world, ({ settled, told }) => Effect.map(Effect.andThen(settled, longRest), () => [...told]), options("two"))
      assert.deepStrictEqual(said, ["Deleted ConfigMap a"])
    }),
  )

  it.effect("a kind that is no longer selected is forgotten, without a word about its objects", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      put(world, "secrets", secret("s"))
      yield* tellAll(world)
      drop(world, "secrets", "s")
      assert.deepStrictEqual(yield* tellAll(world, { outputResources: ["configmaps"] }), [])
      assert.include(new TextDecoder().decode(world.disk.content), '["forget",')
      put(world, "secrets", secret("t"))
      assert.deepStrictEqual(yield* tellAll(world), ["Added Secret t"])
    }),
  )

  it.effect("or with one, where that is wanted", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      put(world, "secrets", secret("s"))
      yield* tellAll(world)
      assert.deepStrictEqual(yield* tellAll(world, { outputResources: ["configmaps"], deleteOnClose: true }), ["Deleted Secret s"])
      assert.deepStrictEqual(yield* tellAll(world), ["Added Secret s"])
    }),
  )

  it.effect("what other namespaces or labels no longer hold is announced as deleted, as while it runs; what stays is not said again", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      put(world, "configmaps", { metadata: { namespace: "kube-system", name: "c" } } as KubeObject)
      yield* tellAll(world)
      drop(world, "configmaps", "b")
      assert.deepStrictEqual(yield* tellAll(world, { outputNamespaces: ["default"] }), ["Deleted ConfigMap b", "Deleted ConfigMap c"])
      assert.deepStrictEqual(yield* tellAll(world, { outputNamespaces: ["default"] }), [])
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap c"])
    }),
  )

  it.effect("other redaction announces the kinds concerned anew, and still knows what went", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      for (const name of ["s", "t"]) put(world, "secrets", secret(name))
      yield* tellAll(world)
      assert.notInclude(new TextDecoder().decode(world.disk.content), "c2VjcmV0")
      drop(world, "secrets", "t")
      assert.deepStrictEqual(yield* tellAll(world, { redact: true }), ["Added Secret s", "Deleted Secret t"])
      assert.deepStrictEqual(yield* tellAll(world, { redact: true }), [])
    }),
  )
})

describe("types that came and went", () => {
  const lampsOf = (told: ReadonlyArray<string>) => told.filter((word) => word.includes(" Lamp "))
  const lamp = (name: string): KubeObject => ({ metadata: { namespace: "default", name } }) as KubeObject
  const light = Effect.fnUntraced(function* (world: World, versions: ReadonlyArray<string>) {
    put(world, "customresourcedefinitions.apiextensions.k8s.io", definition(versions))
    for (const name of ["l1", "l2"]) put(world, "lamps.light.io", lamp(name))
    assert.deepStrictEqual(lampsOf(yield* tellAll(world)), ["Added Lamp v1 l1", "Added Lamp v1 l2"])
  })

  it.effect("a definition that was deleted takes its objects with it, one Deleted each", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      yield* light(world, ["v1"])
      drop(world, "customresourcedefinitions.apiextensions.k8s.io", "lamps.light.io", "")
      const told = yield* live(world, ({ told: all, until }) =>
        Effect.map(
          Effect.andThen(
            until("both are gone", () => all.length >= 2),
            rest,
          ),
          () => [...all],
        ),
      )
      assert.deepStrictEqual(told.toSorted(), ["Deleted Lamp v1 l1", "Deleted Lamp v1 l2"])
      assert.deepStrictEqual(yield* tellAll(world), [])
    }),
  )

  it.effect("a new preferred version is a Deleted under the old and an Added under the new one", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      yield* light(world, ["v1"])
      drop(world, "lamps.light.io", "l2")
      const spec = (definition(["v1", "v2"]) as { readonly spec?: unknown }).spec
      Result.getOrThrow(patchObject(world.cluster, "customresourcedefinitions.apiextensions.k8s.io", "", "lamps.light.io", { spec }))
      const told = yield* live(world, ({ told: all, until }) =>
        Effect.map(
          until("the new version is told", () => all.includes("Added Lamp v2 l1")),
          () => [...all],
        ),
      )
      assert.deepStrictEqual(told.slice(0, 2).toSorted(), ["Deleted Lamp v1 l1", "Deleted Lamp v1 l2"])
      assert.deepStrictEqual(told.slice(2), ["Added Lamp v2 l1"])
    }),
  )
})

describe("a file that cannot be used", () => {
  it.effect("of another cluster, another broker or another program is set aside, and all is announced", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      yield* tellAll(world)
      assert.deepStrictEqual(yield* tellAll(world, { audience: "elsewhere" }), ["Added ConfigMap a"])
      assert.include(new TextDecoder().decode(world.disk.aside.get("old")), '"test"')
      const other: World = { cluster: makeCluster(2), disk: world.disk }
      for (const name of ["default", "kube-system"]) put(other, "namespaces", { metadata: { name } } as KubeObject)
      assert.deepStrictEqual(yield* tellAll(other, { audience: "elsewhere" }), [])
      assert.include(new TextDecoder().decode(world.disk.aside.get("old")), "elsewhere")
      world.disk.content = new TextEncoder().encode("a: b\n")
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap a"])
    }),
  )

  it.effect("damaged in its middle it is set aside; cut at its end it counts", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
      yield* tellAll(world)
      const sound = world.disk.content
      world.disk.content = sound.slice(0, -3)
      // What is cut off is the confirmation.
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap a", "Added ConfigMap b"])
      world.disk.content = sound.map((byte, at) => (at === 200 ? byte ^ 1 : byte))
      assert.deepStrictEqual(yield* tellAll(world), ["Added ConfigMap a", "Added ConfigMap b"])
      assert.strictEqual(world.disk.aside.get("bad")?.length, sound.length)
    }),
  )

  it.effect("a full disk ends the recording, not the run, and what is on it is not believed", () =>
    Effect.gen(function* () {
      const world = makeWorld()
      put(world, "configmaps", configMap("a"))
      yield* live(world, ({ settled, told, until }) =>
        Effect.gen(function* () {
          yield* settled
          world.disk.writesLeft = 0
          put(world, "configmaps", configMap("b"))
          yield* until("the run goes on", () => told.includes("Added ConfigMap b"))
          put(world, "configmaps", configMap("c"))
          yield* until("and on", () => told.includes("Added ConfigMap c"))
        }),
      )
      assert.strictEqual(world.disk.content.length, 0)
      world.disk.writesLeft = undefined
      assert.deepStrictEqual(yield* tell(world), ["Added ConfigMap a", "Added ConfigMap b", "Added ConfigMap c"])
    }),
  )
})
