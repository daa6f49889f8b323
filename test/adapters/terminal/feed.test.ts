import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { changesText, objectOf } from "../../../src/adapters/terminal/changes.ts"
import { layerFeed, type FeedOptions } from "../../../src/adapters/terminal/feed.ts"
import { meshError } from "../../../src/domain/error.ts"
import { feedMemoryBytesMax, feedQuietMs } from "../../../src/domain/limit.ts"
import type { Status } from "../../../src/domain/sync/status.ts"
import { Sink, SinkError } from "../../../src/ports/Sink.ts"
import { laneOf, statusOf } from "../../domain/sync/statusOf.ts"
import { batchOf, deployments, messageOf, nodes, secrets, type Given } from "../message.ts"

process.env["TZ"] = "UTC"

interface Shown {
  readonly written: Array<string>
  /** What was written since the last asking. */
  readonly take: () => string
}

const shown = (): Shown => {
  const written: Array<string> = []
  let taken = 0
  return {
    written,
    take: () => {
      const text = written.slice(taken).join("")
      taken = written.length
      return text
    },
  }
}

const feedOn = (screen: Shown, more: Partial<FeedOptions> = {}) =>
  layerFeed({ tty: false, colour: false, width: 80, write: (text) => Effect.sync(() => void screen.written.push(text)), ...more })

const start = new Date("2026-01-31T12:00:00Z").getTime()

/** Runs with a feed on plain lines from noon on. */
const withFeed = <A, E>(more: Partial<FeedOptions>, use: (sink: Sink["Service"], screen: Shown) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const screen = shown()
    return yield* Effect.flatMap(Sink, (sink) => use(sink, screen)).pipe(Effect.provide(feedOn(screen, more)))
  })

const listed = (count: number, more: Given = {}) =>
  batchOf("announcement", ...Array.from({ length: count }, (_, index): Given => ({ name: `p${index}`, ...more })))

describe("plain lines", () => {
  it.effect("say what happened, where, and what changed", () =>
    withFeed({}, (sink, screen) =>
      Effect.gen(function* () {
        yield* sink.deliver(batchOf("live", { type: deployments, name: "web", spec: { replicas: 2 }, status: { readyReplicas: 2 } }))
        yield* TestClock.adjust("61 seconds")
        yield* sink.deliver(
          batchOf(
            "live",
            {
              event: "Modified",
              type: deployments,
              name: "web",
              resourceVersion: "2",
              spec: { replicas: 3 },
              status: { readyReplicas: 2 },
            },
            { event: "Deleted", type: nodes, name: "worker-1" },
          ),
        )
        assert.strictEqual(
          screen.take(),
          `2026-01-31T12:00:00Z + added    Deployment     shop/web
2026-01-31T12:01:01Z ~ modified Deployment     shop/web  spec.replicas 2 -> 3
2026-01-31T12:01:01Z - deleted  Node           worker-1
`,
        )
      }),
    ),
  )

  it.effect("sum a list up once it is over, and name what later lists bring", () =>
    withFeed({}, (sink, screen) =>
      Effect.gen(function* () {
        yield* sink.deliver(listed(200))
        yield* TestClock.adjust("800 millis")
        yield* sink.deliver(listed(1_112))
        yield* TestClock.adjust(feedQuietMs - 1)
        assert.strictEqual(screen.take(), "", "more of it may come")
        yield* TestClock.adjust("1 seconds")
        assert.match(screen.take(), /^2026-01-31T12:00:0[12]Z {3}listed {3}1,312 pods in 0\.8 s\n$/)
        yield* sink.deliver(batchOf("announcement", { name: "new" }, { event: "Modified", name: "p1" }, { event: "Deleted", name: "p2" }))
        assert.deepStrictEqual(
          screen
            .take()
            .split("\n")
            .map((line) => line.slice(21)),
          [
            "+ added    Pod            shop/new",
            "~ modified Pod            shop/p1  no visible field changed",
            "- deleted  Pod            shop/p2",
            "",
          ],
        )
        yield* sink.deliver(listed(5, { name: "p0" }))
        yield* TestClock.adjust("2 seconds")
        assert.include(screen.take(), "listed   5 pods again\n")
      }),
    ),
  )

  it.effect("sum up before the first live change of the kind, and when everything is listed", () =>
    withFeed({}, (sink, screen) =>
      Effect.gen(function* () {
        yield* sink.deliver(listed(3))
        yield* sink.deliver(listed(1, { type: nodes }))
        yield* sink.deliver(batchOf("live", { event: "Deleted", name: "p0" }))
        assert.deepStrictEqual(
          screen
            .take()
            .split("\n")
            .map((line) => line.slice(21)),
          ["  listed   3 pods", "- deleted  Pod            shop/p0", ""],
        )
        yield* sink.settled
        assert.include(screen.take(), "listed   1 nodes\n")
      }),
    ),
  )

  it.effect("wait for a kind's list as long as the status says that it is not complete", () => {
    let synced = false
    return withFeed({ status: () => statusOf([laneOf("pods", { synced })]) }, (sink, screen) =>
      Effect.gen(function* () {
        yield* sink.deliver(listed(3))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(screen.take(), "")
        synced = true
        yield* TestClock.adjust("1 seconds")
        assert.include(screen.take(), "listed   3 pods\n")
      }),
    )
  })

  it.effect("come for each listed object when asked for", () =>
    withFeed({ verbose: true }, (sink, screen) =>
      Effect.gen(function* () {
        yield* sink.deliver(listed(2))
        assert.strictEqual(screen.take().match(/\+ added/g)?.length, 2)
      }),
    ),
  )

  it.effect("end with the counters", () =>
    Effect.gen(function* () {
      const screen = shown()
      const status = (): Status =>
        statusOf([laneOf("pods", { objects: 3, published: { added: 5, modified: 7, deleted: 2 } }), laneOf("nodes")])
      yield* Effect.asVoid(Sink).pipe(Effect.provide(feedOn(screen, { status })))
      assert.strictEqual(screen.take(), "2 kinds · 3 objects · pods 3 (~7 -2)\n")
    }),
  )
})

describe("on a terminal", () => {
  it.effect("the counters stand below the lines and are rewritten in place, only when something is new", () => {
    let objects = 1
    const status = () =>
      statusOf([laneOf("pods", { objects }), laneOf("secrets", { trouble: { reason: "Forbidden", text: "", sinceMs: 0, attempts: 1 } })])
    return withFeed({ tty: true, width: () => 60, status }, (sink, screen) =>
      Effect.gen(function* () {
        yield* sink.deliver(batchOf("live", { name: "x".repeat(80) }))
        assert.strictEqual(
          screen.take(),
          `\r\u001b[2K12:00:00 + added    Pod            shop/${"x".repeat(19)}…\n2 kinds · 1 objects · waiting: secrets (Forbidden) · pods 1`,
        )
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(screen.take(), "")
        objects = 1_000
        yield* TestClock.adjust("1 seconds")
        assert.strictEqual(screen.take(), "\r\u001b[2K2 kinds · 1,000 objects · waiting: secrets (Forbidden) · p…")
      }),
    )
  })

  it.effect("signs are coloured, and foreign text cannot colour or move anything", () =>
    withFeed({ tty: true, colour: true, width: 200 }, (sink, screen) =>
      Effect.gen(function* () {
        const evil = "\u001b[31m\r\nroot"
        yield* sink.deliver(batchOf("live", { name: evil, spec: { note: "a" } }))
        yield* sink.deliver(batchOf("live", { event: "Modified", name: evil, spec: { note: evil, [evil]: 1 } }))
        const text = screen.take()
        assert.include(text, "\u001b[2m12:00:00\u001b[0m \u001b[32m+ added   \u001b[0m Pod            shop/\ufffd[31m")
        const own = ["\r\u001b[2K", "\u001b[2m", "\u001b[32m", "\u001b[33m", "\u001b[0m"].reduce(
          (rest, code) => rest.replaceAll(code, ""),
          text,
        )
        assert.notMatch(own, /[^\n\u0020-\u{10ffff}]/u)
        assert.strictEqual(own.split("\n").length, 3, own)
      }),
    ),
  )
})

describe("memory", () => {
  it.effect("is bounded: the least recently seen is forgotten first", () =>
    withFeed({}, (sink, screen) =>
      Effect.gen(function* () {
        const text = "x".repeat(feedMemoryBytesMax / 8)
        const version = (name: string, resourceVersion: string, event: Given["event"] = "Modified"): Given => ({
          event,
          name,
          resourceVersion,
          spec: { text, resourceVersion },
        })
        yield* sink.deliver(batchOf("live", ...["a", "b", "c", "d", "e", "f", "g"].map((name) => version(name, "1", "Added"))))
        yield* sink.deliver(batchOf("live", version("a", "2")))
        yield* sink.deliver(batchOf("live", version("h", "1", "Added")))
        screen.take()
        yield* sink.deliver(batchOf("live", version("a", "3"), version("b", "3")))
        assert.deepStrictEqual(
          screen
            .take()
            .trimEnd()
            .split("\n")
            .map((line) => line.slice(47)),
          ["shop/a  spec.resourceVersion 2 -> 3", "shop/b  the earlier version is no longer remembered"],
        )
      }),
    ),
  )

  it.effect("does not keep the batch's own buffer", () =>
    withFeed({}, (sink, screen) =>
      Effect.gen(function* () {
        const first = batchOf("live", { spec: { replicas: 1 } })
        yield* sink.deliver(first)
        for (const { payload } of first.messages) payload.fill(0)
        screen.take()
        yield* sink.deliver(batchOf("live", { event: "Modified", spec: { replicas: 2 } }))
        assert.include(screen.take(), "spec.replicas 1 -> 2")
      }),
    ),
  )
})

describe("outputs", () => {
  it.effect("a slow one holds the delivery, a closed one fails it", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const gone = new SinkError({ error: meshError("ErrWriteOutput", "gone"), readerGone: true })
      const write = (text: string) => (text.includes("slow") ? Deferred.await(gate) : Effect.fail(gone))
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        const slow = yield* Effect.forkChild(sink.deliver(batchOf("live", { name: "slow" })), { startImmediately: true })
        assert.strictEqual(slow.pollUnsafe(), undefined)
        yield* Deferred.succeed(gate, undefined)
        assert.strictEqual(yield* Effect.flip(sink.deliver(batchOf("live", { name: "other" }))), gone)
        assert.isDefined(slow.pollUnsafe())
      }).pipe(Effect.provide(layerFeed({ tty: false, colour: false, width: 80, write })))
    }),
  )
})

describe("what changed", () => {
  const changes = (before: Given, after: Given): string =>
    changesText(objectOf(messageOf(before).payload) ?? assert.fail(), objectOf(messageOf(after).payload) ?? assert.fail())

  const table: ReadonlyArray<readonly [string, Given, Given, string]> = [
    [
      "intent before outcome before bookkeeping",
      { spec: { a: 1 }, status: { b: 1 }, labels: { c: "1" } },
      { spec: { a: 2 }, status: { b: 2 }, labels: { c: "2" } },
      "spec.a 1 -> 2, status.b 1 -> 2, metadata.labels.c 1 -> 2",
    ],
    ["a whole spec", {}, { spec: { a: 1 } }, "spec added"],
    ["a member that goes", { spec: { a: 1, b: 1 } }, { spec: { a: 1 } }, "spec.b removed"],
    ["a label that comes", { labels: { a: "1" } }, { labels: { a: "1", b: "x y" } }, 'metadata.labels.b added "x y"'],
    [
      "long and deep values by name",
      { spec: { a: "x".repeat(41), b: [1] } },
      { spec: { a: "y", b: { c: 1 } } },
      "spec.a changed, spec.b changed",
    ],
    ["data of any kind", { data: { key: "a" } }, { data: { key: "b" } }, "data.key a -> b"],
    [
      "a condition",
      { status: { conditions: [{ type: "Ready", status: "False" }] } },
      { status: { conditions: [{ type: "Ready", status: "True" }] } },
      "status.conditions[Ready].status False -> True",
    ],
    [
      "the first few of many",
      { spec: {} },
      { spec: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, index])) },
      "spec.f0 added 0, spec.f1 added 1, spec.f2 added 2, spec.f3 added 3, spec.f4 added 4, spec.f5 added 5 and 3 more",
    ],
    ["nothing but a version", { resourceVersion: "1" }, { resourceVersion: "2" }, "no visible field changed"],
    ["a spec that is a bare text", { spec: undefined }, { spec: null }, "spec added null"],
  ]
  for (const [name, before, after, expected] of table)
    it(name, () => {
      assert.strictEqual(changes(before, after), expected)
    })

  it("never shows a value of a Secret", () => {
    const text = changes(
      { type: secrets, data: { password: "Y2FuYXJ5LW9uZQ==", old: "Y2FuYXJ5LW9uZQ==" }, spec: { x: "canary" }, labels: { l: "canary" } },
      {
        type: secrets,
        data: { password: "Y2FuYXJ5LXR3bw==", new: "Y2FuYXJ5LXR3bw==" },
        spec: { x: "canary-2" },
        labels: { l: "canary-3" },
      },
    )
    assert.strictEqual(text, "data.new added, data.old removed, data.password changed, spec.x changed, metadata.labels.l changed")
  })
})
