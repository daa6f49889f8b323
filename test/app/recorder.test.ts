/** What is written down, in which order, and when the file is written anew. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { makeMemoryDisk, stateFileOn, type MemoryDisk } from "../../src/adapters/memory/stateFile.ts"
import { makeRecorder } from "../../src/app/recorder.ts"
import { makeDepartures } from "../../src/domain/sync/departures.ts"
import type { Change } from "../../src/domain/sync/fact.ts"
import { makeLane, type Lane } from "../../src/domain/sync/lane.ts"
import type { StateFileStatus } from "../../src/domain/sync/status.ts"
import { stateGrownBytesMin } from "../../src/domain/limit.ts"
import { pageOf, pods, specOf, thing, type Thing } from "../domain/sync/block.ts"

const open = Effect.fnUntraced(function* (disk: MemoryDisk, owes: () => boolean = () => false, receiver?: () => string) {
  const departures = makeDepartures()
  let seen: StateFileStatus | undefined
  const show = (status: StateFileStatus) => void (seen = status)
  const recorder = yield* makeRecorder({ redact: false, audience: "test", isCustom: () => false, owes, receiver, show }, stateFileOn(disk))
  const memories = yield* recorder.recall("c1", departures)
  const held = memories.flatMap(({ ledger, spec }) => (ledger.size === 0 ? [] : [`${spec.type.plural} ${ledger.size}`]))
  const tell = (lane: Lane, things: ReadonlyArray<Thing>, leftOut: (change: Change) => boolean = () => false) => {
    const changes = things.map((_, record): Change => ({ event: "Added", record }))
    return recorder.intend(lane, pageOf(things), changes, new Set(changes.filter(leftOut)))
  }
  return { recorder, memories, held, tell, departures, status: () => seen as StateFileStatus }
})

const textOf = ({ content }: MemoryDisk): string => new TextDecoder().decode(content)
const tagsOf = (disk: MemoryDisk): ReadonlyArray<unknown> =>
  textOf(disk)
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line.slice(9)) as ReadonlyArray<unknown>)[0])

const services = { ...pods, plural: "services", kind: "Service" }

describe("a recorder", () => {
  it.effect("has written a batch when it may be sent, and confirms it a moment later or with the next one", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      const { recorder, tell } = yield* open(disk)
      const lane = makeLane(specOf())
      yield* tell(lane, [thing("a")])
      assert.deepStrictEqual(tagsOf(disk), ["meshsync-state", "type", "+"])
      yield* recorder.confirm(lane)
      yield* tell(lane, [thing("b")])
      assert.deepStrictEqual(tagsOf(disk), ["meshsync-state", "type", "+", "ok", "+"])
      yield* recorder.confirm(lane)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(tagsOf(disk).slice(-2), ["+", "ok"])
    }),
  )

  it.effect("writes nothing of hidden lanes, and holds in doubt what was too large to be sent", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      const { tell } = yield* open(disk)
      yield* tell(makeLane(specOf({ hidden: true })), [thing("a")])
      assert.deepStrictEqual(tagsOf(disk), ["meshsync-state"])
      yield* tell(makeLane(specOf()), [thing("a"), thing("big")], ({ record }) => record === 1)
      assert.deepStrictEqual(tagsOf(disk), ["meshsync-state", "type", "+", "?"])
    }),
  )

  it.effect("owes what was said while consumers may have missed it, until it has been announced to all", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      let owes = true
      const debts = Effect.scoped(Effect.map(open(disk), ({ memories }) => memories.map(({ owed }) => owed)))
      const [lane, other] = [makeLane(specOf()), makeLane(specOf({ type: services }))]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { recorder, tell } = yield* open(disk, () => owes)
          // Nobody listens when the first of it is said.
          for (const each of [lane, other]) {
            yield* tell(each, [thing("a")])
            yield* recorder.confirm(each)
            yield* recorder.announced(each)
          }
          owes = false
          yield* recorder.announced(other)
        }),
      )
      assert.deepStrictEqual(yield* debts, [true, false])
      assert.deepStrictEqual(yield* debts, [true, false])
    }),
  )

  it.effect("names another receiver before it confirms that it has been told everything", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      let receiver = "one"
      const lane = makeLane(specOf())
      const debts = Effect.scoped(Effect.map(open(disk), ({ memories }) => memories.map(({ owed }) => owed)))
      const withReceiver = (during: (opened: Effect.Success<ReturnType<typeof open>>) => Effect.Effect<void>) =>
        Effect.scoped(
          Effect.flatMap(
            open(
              disk,
              () => false,
              () => receiver,
            ),
            during,
          ),
        )
      yield* withReceiver(({ recorder, tell }) => Effect.andThen(tell(lane, [thing("a")]), recorder.confirm(lane)))
      assert.deepStrictEqual(tagsOf(disk), ["meshsync-state", "to", "type", "+", "ok"])
      yield* withReceiver(() => Effect.sync(() => (receiver = "two")))
      assert.deepStrictEqual(yield* debts, [true])
      yield* withReceiver(({ memories, recorder }) => {
        const restored = makeLane(specOf())
        recorder.adopt(restored, memories[0] as (typeof memories)[0])
        receiver = "three"
        return recorder.announced(restored)
      })
      assert.deepStrictEqual(yield* debts, [false])
    }),
  )

  it.effect("tells how the file stands: lines, bytes, what it told, what was set aside, and its end", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { recorder, status, tell } = yield* open(disk)
          const lane = makeLane(specOf())
          yield* TestClock.adjust("1 second")
          yield* tell(lane, [thing("a"), thing("b")])
          yield* recorder.confirm(lane)
          yield* TestClock.adjust("1 second")
          const content = textOf(disk)
          assert.deepInclude(status(), { state: "kept", entries: content.split("\n").length - 1, bytes: content.length, syncedMs: 0 })
          assert.strictEqual(status().writtenMs, 1_100)
          yield* TestClock.adjust("4 seconds")
          assert.strictEqual(status().syncedMs, 5_000)
          assert.deepStrictEqual(status().recollected, { kinds: 0, objects: 0, deletions: 0, owed: false })
        }),
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { status } = yield* open(disk)
          assert.deepStrictEqual(status().recollected, { kinds: 1, objects: 2, deletions: 0, owed: false })
          assert.isUndefined(status().setAside)
          assert.strictEqual(status().entries, textOf(disk).split("\n").length - 1)
        }),
      )
      disk.content = new TextEncoder().encode("something else\n")
      const { status, tell } = yield* open(disk)
      assert.deepStrictEqual(status().setAside?.reason, "is no state file of this version")
      disk.writesLeft = 0
      yield* tell(makeLane(specOf()), [thing("a")])
      assert.deepInclude(status(), { state: "given_up", detail: "memory: the disk is full" })
    }),
  )

  it.effect("writes the file anew when it has grown, and forgets nothing of what is in flight", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      const [lane, other] = [makeLane(specOf()), makeLane(specOf({ type: services }))]
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { recorder, tell } = yield* open(disk)
          yield* tell(other, [thing("kept")])
          yield* recorder.confirm(other)
          yield* tell(other, [thing("inFlight")])
          let [most, shrunk] = [0, 0]
          for (let version = 1; version <= 300; version++) {
            const before = disk.content.length
            yield* tell(
              lane,
              Array.from({ length: 250 }, (_, i) => thing(`pod-${i}`, String(version))),
            )
            yield* recorder.confirm(lane)
            most = Math.max(most, disk.content.length)
            if (disk.content.length < before) shrunk++
          }
          assert.strictEqual(shrunk, 1)
          assert.isBelow(most, stateGrownBytesMin)
          yield* recorder.confirm(other)
        }),
      )
      const { departures, held, memories } = yield* open(disk)
      assert.deepStrictEqual(held.toSorted(), ["pods 250", "services 2"])
      assert.isFalse(textOf(disk).includes('["?"'))
      assert.strictEqual(memories.length, 2)
      assert.isEmpty(departures.entries)
    }),
  )

  it.effect("groups what comes while the disk is busy", () =>
    Effect.gen(function* () {
      const disk = makeMemoryDisk()
      const file = stateFileOn(disk)
      let writes = 0
      const slow = {
        ...file,
        append: (bytes: Uint8Array) =>
          Effect.andThen(
            Effect.sleep(10),
            Effect.tap(file.append(bytes), () => Effect.sync(() => writes++)),
          ),
      }
      const recorder = yield* makeRecorder({ redact: false, audience: "test", isCustom: () => false }, slow)
      yield* recorder.recall("c1", makeDepartures())
      const lanes = Array.from({ length: 10 }, (_, i) => makeLane(specOf({ type: { ...pods, plural: `pods${i}` } })))
      const telling = yield* Effect.forkChild(
        Effect.forEach(lanes, (lane) => recorder.intend(lane, pageOf([thing("a")]), [{ event: "Added", record: 0 }], new Set()), {
          concurrency: "unbounded",
        }),
      )
      yield* TestClock.adjust("1 second")
      assert.isDefined(telling.pollUnsafe())
      assert.strictEqual(writes, 2)
    }),
  )
})
