/** One run from its start to its end, in the order in which things happen: lists, publishes, settles, follows, stops. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { configMap, drop, live, makeWorld, paint, put } from "./life.ts"

it.effect("lists what there is, publishes it, settles, follows what changes, and leaves nothing open behind it", () =>
  Effect.gen(function* () {
    const world = makeWorld()
    for (const name of ["a", "b"]) put(world, "configmaps", configMap(name))
    assert.strictEqual(world.cluster.listeners.size, 0)
    let isTaken = false
    const told = yield* live(
      world,
      (life) =>
        Effect.gen(function* () {
          yield* life.until("the first batch is on its way", () => isTaken)
          assert.deepStrictEqual(life.told, [], "nothing counts before the sink has accepted it")
          yield* life.settled
          assert.deepStrictEqual(life.told, ["Added ConfigMap a", "Added ConfigMap b"])
          assert.isAbove(world.cluster.listeners.size, 0, "it watches")
          put(world, "configmaps", configMap("c"))
          paint(world, "a", "red")
          drop(world, "configmaps", "b")
          yield* life.until("the last change is told", () => life.told.includes("Deleted ConfigMap b"))
          return life.told.slice(2)
        }),
      {
        receipt: () =>
          Effect.as(
            Effect.andThen(
              Effect.sync(() => (isTaken = true)),
              Effect.sleep("1 second"),
            ),
            { _tag: "accepted" },
          ),
      },
    )
    assert.deepStrictEqual(told, ["Added ConfigMap c", "Modified ConfigMap a", "Deleted ConfigMap b"])
    assert.strictEqual(world.cluster.listeners.size, 0, "no watch outlives the run")
  }),
)
