/**
 * Seeds that kill a run at any moment, again and again, while the cluster changes: a consumer that applies the messages in order never
 * meets one that it cannot place, and in the end holds the cluster's state. And the proof that this finds something: a state file that is
 * written behind the sending, not before it, is caught.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { sortedItems } from "../../src/adapters/memory/model.ts"
import { accepted, type Message } from "../../src/ports/Sink.ts"
import { makeChance, type Chance } from "../domain/wire/seeded.ts"
import { configMap, drop, live, makeWorld, paint, put, type World } from "./life.ts"

interface Watcher {
  /** Uid and version by name. */
  readonly held: Map<string, string>
  /** Uids that it was told to be gone: a batch that nobody has confirmed comes again as a whole. */
  readonly gone: Set<string>
  /** What could not be placed. */
  readonly findings: Array<string>
  messages: number
}

const decoder = new TextDecoder()

/** As consumers that know addresses only: a Deleted takes whatever is there. */
const take = (watcher: Watcher, { event, name, payload, uid }: Message): void => {
  watcher.messages++
  const before = watcher.held.get(name)?.split("@")[0]
  const { resourceVersion } = (JSON.parse(decoder.decode(payload)) as { Object: { metadata: { resourceVersion: string } } }).Object.metadata
  const isRepeated = event === "Deleted" && watcher.gone.has(uid)
  if (before !== undefined && before !== uid && !isRepeated)
    watcher.findings.push(`${event} ${name} ${uid}: its address belongs to ${before}`)
  if (event === "Modified" && before === undefined) watcher.findings.push(`Modified ${name}: it was never added`)
  if (event === "Deleted") {
    watcher.held.delete(name)
    watcher.gone.add(uid)
  } else watcher.held.set(name, `${uid}@${resourceVersion}`)
}

const write = (world: World, chance: Chance): void => {
  const name = `c${chance.below(12)}`
  if (!world.cluster.shelves.get("configmaps")?.items.has(`default/${name}`)) put(world, "configmaps", configMap(name))
  else if (chance.below(3) === 0) paint(world, name, `colour ${chance.below(1_000_000)}`)
  else {
    drop(world, "configmaps", name)
    if (chance.below(3) === 0) put(world, "configmaps", configMap(name))
  }
}

/** @param kill what becomes of the state file when the process dies */
const runSeed = Effect.fnUntraced(function* (seed: number, kill: (content: Uint8Array) => Uint8Array) {
  const chance = makeChance(seed)
  const world = makeWorld()
  const watcher: Watcher = { held: new Map(), gone: new Set(), findings: [], messages: 0 }
  const options = {
    outputResources: ["configmaps"],
    receipt: (_: ReadonlyArray<string>, messages: ReadonlyArray<Message>) =>
      Effect.gen(function* () {
        const isEarly = chance.below(2) === 0
        // The bytes are the sink's for as long as it delivers.
        if (isEarly) for (const message of messages) take(watcher, message)
        yield* Effect.sleep(chance.below(40))
        if (!isEarly) for (const message of messages) take(watcher, message)
        return accepted
      }),
  }
  for (let i = 0; i < 12; i++) write(world, chance)
  for (let lives = 2 + chance.below(4); lives > 0; lives--) {
    yield* live(
      world,
      () =>
        Effect.gen(function* () {
          for (let steps = chance.below(30); steps > 0; steps--) {
            if (chance.below(2) === 0) write(world, chance)
            yield* TestClock.adjust(chance.below(60))
          }
        }),
      options,
    )
    world.disk.content = kill(world.disk.content)
    for (let i = chance.below(6); i > 0; i--) write(world, chance)
  }
  yield* live(world, ({ settled }) => Effect.andThen(settled, TestClock.adjust("1 second")), options)
  const truth = new Map(
    sortedItems(world.cluster.shelves.get("configmaps")!).map(({ name, uid, version }) => [name, `${uid}@${version}`] as const),
  )
  for (const [name, state] of truth) if (watcher.held.get(name) !== state) watcher.findings.push(`lacks ${name}`)
  for (const name of watcher.held.keys()) if (!truth.has(name)) watcher.findings.push(`still has ${name}`)
  return watcher
})

/** As if each batch were written down when it has been accepted. */
const unwritten = (content: Uint8Array): Uint8Array => {
  const lines = decoder.decode(content).split("\n")
  const last = lines.findLastIndex((line) => line.includes('["ok"') || line.includes('["="') || line.includes('["type"'))
  return new TextEncoder().encode(`${lines.slice(0, last + 1).join("\n")}\n`)
}

const seeds = Array.from({ length: 60 }, (_, i) => i + 1)

describe("a run that is killed at any moment", () => {
  it.effect("leaves its consumer with the cluster's state when it has come again", () =>
    Effect.gen(function* () {
      let messages = 0
      for (const seed of seeds) {
        const watcher = yield* runSeed(seed, (content) => content)
        assert.deepStrictEqual(watcher.findings, [], `seed ${seed}`)
        messages += watcher.messages
      }
      assert.isAbove(messages, 20 * seeds.length)
    }),
  )

  it.effect("would not, if it wrote down what it says only afterwards", () =>
    Effect.gen(function* () {
      for (const seed of seeds) if ((yield* runSeed(seed, unwritten)).findings.length > 0) return
      assert.fail("no seed has found it")
    }),
  )
})
