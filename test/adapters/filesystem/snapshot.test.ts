import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { open } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import * as Yaml from "yaml"
import { appendBytes } from "../../../src/adapters/filesystem/partialFile.ts"
import { layer, type SnapshotOptions } from "../../../src/adapters/filesystem/snapshot.ts"
import { extendedName, generatedName } from "../../../src/adapters/filesystem/snapshotName.ts"
import { Sink, type SinkError } from "../../../src/ports/Sink.ts"
import { batchOf, deployments, messageOf, nodes, pods, type Given } from "../message.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "snapshot-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
)

const both = (folder: string, more: Partial<SnapshotOptions> = {}): SnapshotOptions => ({
  file: "snap.yaml",
  extended: true,
  append: false,
  folder,
  ...more,
})

/** A whole run: delivers the batches, says that all is listed, and ends in order. */
const record = (options: SnapshotOptions, ...batches: ReadonlyArray<ReadonlyArray<Given>>) =>
  Effect.gen(function* () {
    const sink = yield* Sink
    for (const given of batches) {
      const receipt = yield* sink.deliver(batchOf("announcement", ...given))
      assert.strictEqual(receipt._tag, "accepted")
    }
    yield* sink.settled
    return yield* sink.finish ?? Effect.die("the sink has no end")
  }).pipe(Effect.provide(layer(options)))

interface Document {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly resourceVersion: string }
  readonly spec: { readonly attribute: string }
}

const parseDocuments = (text: string): ReadonlyArray<Document> => {
  const parts = text.split(/^---\n/m)
  assert.strictEqual(parts.pop(), "", "each document is followed by the delimiter")
  return parts.map((part) => Yaml.parse(part) as Document)
}
const read = (folder: string, name: string): string => readFileSync(join(folder, name), "utf8")
const names = (documents: ReadonlyArray<Document>): ReadonlyArray<string> =>
  documents.map(({ kind, metadata }) => `${kind} ${metadata.name}@${metadata.resourceVersion}`)
const failureOf = (effect: Effect.Effect<unknown, SinkError>): Effect.Effect<string> =>
  Effect.map(Effect.flip(effect) as Effect.Effect<SinkError>, ({ error }) => {
    assert.strictEqual(error.key, "ErrOutputFile")
    return error.detail
  })

/** Sizes of the files of a folder that this process has open, also of those without a name. */
const openSizes = (folder: string): ReadonlyArray<number> =>
  readdirSync("/proc/self/fd").flatMap((descriptor) => {
    const path = `/proc/self/fd/${descriptor}`
    const target = lstatSync(path, { throwIfNoEntry: false }) === undefined ? "" : readlinkSync(path)
    return target.startsWith(folder) ? [statSync(path).size] : []
  })

/** /proc and /dev/full. */
const onLinux = it.effect.runIf(process.platform === "linux")

describe("what a snapshot holds", () => {
  it.effect("the latest state of each uid, without the deleted ones, sorted; beside it every event in order", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const written = yield* record(
        both(folder),
        [{ name: "b" }, { name: "a" }, { name: "gone" }, { type: deployments, name: "web" }, { type: nodes, name: "n" }],
        [{ event: "Modified", name: "a", resourceVersion: "2", spec: { x: "---\nend" } }],
        [{ event: "Deleted", name: "gone", resourceVersion: "3" }],
      )
      assert.deepStrictEqual(names(parseDocuments(read(folder, "snap.yaml"))), ["Deployment web@1", "Node n@1", "Pod a@2", "Pod b@1"])
      const extended = read(folder, "snap-extended.yaml")
      assert.deepStrictEqual(names(parseDocuments(extended)), [
        "Pod b@1",
        "Pod a@1",
        "Pod gone@1",
        "Deployment web@1",
        "Node n@1",
        "Pod a@2",
        "Pod gone@3",
      ])
      assert.deepStrictEqual(
        [...extended.matchAll(/^# (\w+)$/gm)].map(([, event]) => event),
        ["ADDED", "ADDED", "ADDED", "ADDED", "ADDED", "MODIFIED", "DELETED"],
      )
      assert.deepStrictEqual(
        written.map(({ bytes, documents, path }) => [path, documents, bytes]),
        [
          [join(folder, "snap-extended.yaml"), 7, Buffer.byteLength(extended)],
          [join(folder, "snap.yaml"), 4, statSync(join(folder, "snap.yaml")).size],
        ],
      )
      for (const name of ["snap.yaml", "snap-extended.yaml"]) assert.strictEqual(statSync(join(folder, name)).mode & 0o777, 0o600)
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["snap-extended.yaml", "snap.yaml"])
    }),
  )

  it.effect("a recreation is another object, and a late deletion of the first life does not remove the second", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* record(
        both(folder, { extended: false }),
        [{ uid: "1" }],
        [{ uid: "2", resourceVersion: "5" }],
        [{ event: "Deleted", uid: "1", resourceVersion: "4" }],
      )
      assert.deepStrictEqual(names(parseDocuments(read(folder, "snap.yaml"))), ["Pod a@5"])
    }),
  )

  it.effect("objects without a uid are each there by their address", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const given = [
        { uid: "", name: "x" },
        { uid: "", name: "y" },
        { uid: "", name: "x", namespace: "other" },
        { uid: "", name: "x", type: deployments },
      ]
      yield* record(both(folder, { extended: false }), given)
      assert.strictEqual(parseDocuments(read(folder, "snap.yaml")).length, 4)
    }),
  )

  it.effect("two runs that meet the same objects in another order write the same bytes", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const given = Array.from({ length: 300 }, (_, index): Given => ({
        name: `p${(index * 7) % 300}`,
        namespace: `n${index % 3}`,
        type: index % 2 === 0 ? pods : deployments,
        spec: { text: "x".repeat(index * 20) },
      }))
      yield* record(both(folder, { file: "one.yaml" }), given.slice(0, 100), given.slice(100))
      yield* record(both(folder, { file: "two.yaml", extended: false }), given.toReversed())
      assert.strictEqual(parseDocuments(read(folder, "one.yaml")).length, 300)
      assert.isTrue(readFileSync(join(folder, "one.yaml")).equals(readFileSync(join(folder, "two.yaml"))))
    }),
  )

  onLinux("a spool that is mostly garbage is written anew, and the snapshot is as if it had not been", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const big = "g".repeat(1_500_000)
      // 60 versions of 1.5 MB are 90 MB, of which 1.5 MB live: beyond 64 MiB of garbage.
      const versions = Array.from({ length: 60 }, (_, index): ReadonlyArray<Given> => [
        { event: "Modified", name: "busy", resourceVersion: String(index), spec: { big } },
        { name: `still-${index}` },
      ])
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        for (const given of versions) yield* sink.deliver(batchOf("live", ...given))
        const [spool, ...others] = openSizes(folder)
        assert.isBelow(spool ?? Infinity, 70_000_000)
        assert.deepStrictEqual(others, [], "the old spool is closed, so its space is free again")
        yield* sink.finish ?? Effect.void
      }).pipe(Effect.provide(layer(both(folder, { extended: false }))))
      const documents = parseDocuments(read(folder, "snap.yaml"))
      assert.strictEqual(documents.length, 61)
      assert.strictEqual(documents[0]?.metadata.resourceVersion, "59")
      assert.strictEqual(documents[0]?.spec.attribute, JSON.stringify({ big }))
    }),
  )

  it.effect("lanes that deliver at the same time do not mix their documents", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const sinkRun = Effect.gen(function* () {
        const sink = yield* Sink
        const lane = (number: number) =>
          Effect.forEach(
            Array.from({ length: 20 }, (_, index) => index),
            (index) => sink.deliver(batchOf("announcement", { name: `l${number}-${index}`, spec: { x: "y".repeat(number * 1_000) } })),
          )
        yield* Effect.all([1, 2, 3, 4].map(lane), { concurrency: "unbounded" })
        yield* sink.finish ?? Effect.void
      })
      yield* Effect.provide(sinkRun, layer(both(folder)))
      assert.strictEqual(parseDocuments(read(folder, "snap.yaml")).length, 80)
      assert.strictEqual(parseDocuments(read(folder, "snap-extended.yaml")).length, 80)
    }),
  )
})

describe("every message of the golden vectors", () => {
  it.effect("is a document that means the same to a reader of YAML 1.1 and of YAML 1.2", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const lines = readFileSync(join(import.meta.dirname, "../../golden/vectors.ndjson"), "utf8")
        .trimEnd()
        .split("\n")
      const texts = lines.map((line) => (JSON.parse(line) as { readonly message: string }).message)
      const messages = texts.map((text, index) => ({ ...messageOf({ uid: String(index) }), payload: new Uint8Array(Buffer.from(text)) }))
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        yield* sink.deliver({ urgency: "announcement", messages })
        yield* sink.finish ?? Effect.void
      }).pipe(Effect.provide(layer(both(folder))))
      const objects = texts.map((text) => (JSON.parse(text) as { readonly Object: unknown }).Object)
      const parts = read(folder, "snap-extended.yaml")
        .split(/^---\n/m)
        .slice(0, -1)
      assert.isAbove(parts.length, 500)
      for (const version of ["1.1", "1.2"] as const)
        assert.deepStrictEqual(
          parts.map((part) => Yaml.parse(part, { version }) as unknown),
          objects,
        )
      assert.strictEqual(parseDocuments(read(folder, "snap.yaml")).length, parts.length)
    }),
  )
})

describe("names", () => {
  it("are those of the Go MeshSync", () => {
    const day = new Date(2026, 0, 9, 23, 59)
    assert.strictEqual(generatedName(day, 0), "meshery-cluster-snapshot-20260109-00.yaml")
    assert.strictEqual(generatedName(day, 1_023), "meshery-cluster-snapshot-20260109-1023.yaml")
    const table = [
      ["snap.yaml", "snap-extended.yaml"],
      ["snap", "snap-extended.yaml"],
      ["a.b/snap", "a.b/snap-extended.yaml"],
      ["a.b/s.tar.yml", "a.b/s.tar-extended.yml"],
    ] as const
    for (const [given, expected] of table) assert.strictEqual(extendedName(given), expected)
  })

  it.effect("a generated one is the first of the local day that is free, its extended name included", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* TestClock.setTime(new Date(2026, 2, 4, 0, 30).getTime())
      writeFileSync(join(folder, "meshery-cluster-snapshot-20260304-00.yaml"), "old")
      writeFileSync(join(folder, "meshery-cluster-snapshot-20260304-01-extended.yaml"), "old")
      yield* record(both(folder, { file: undefined }), [{}])
      assert.deepStrictEqual(readdirSync(folder).toSorted(), [
        "meshery-cluster-snapshot-20260304-00.yaml",
        "meshery-cluster-snapshot-20260304-01-extended.yaml",
        "meshery-cluster-snapshot-20260304-02-extended.yaml",
        "meshery-cluster-snapshot-20260304-02.yaml",
      ])
      assert.strictEqual(read(folder, "meshery-cluster-snapshot-20260304-00.yaml"), "old")
    }),
  )

  it.effect("two runs at once never write under one generated name", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const generated = both(folder, { file: undefined })
      // The inner run begins when the outer one has already chosen number 00, and ends before it.
      yield* Effect.gen(function* () {
        const outer = yield* Sink
        yield* outer.deliver(batchOf("live", { name: "outer" }))
        yield* record({ ...generated }, [{ name: "inner" }])
        yield* outer.finish ?? Effect.void
      }).pipe(Effect.provide(layer(generated)))
      const found = readdirSync(folder)
        .filter((name) => !name.includes("extended"))
        .toSorted()
      assert.deepStrictEqual(
        found.map((name) => [read(folder, name), read(folder, extendedName(name))].map((text) => names(parseDocuments(text)))),
        [
          [["Pod inner@1"], ["Pod inner@1"]],
          [["Pod outer@1"], ["Pod outer@1"]],
        ],
      )
    }),
  )

  it.effect("all generated names taken is an error at the start", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* TestClock.setTime(new Date(2026, 2, 4).getTime())
      for (let number = 0; number < 1_024; number++) writeFileSync(join(folder, generatedName(new Date(2026, 2, 4), number)), "")
      assert.include(yield* failureOf(record(both(folder, { file: undefined, extended: false }), [{}])), "1024 generated names")
    }),
  )
})

describe("what was there before", () => {
  it.effect("is replaced whole, through a symbolic link too", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      mkdirSync(join(folder, "real"))
      writeFileSync(join(folder, "real", "snap.yaml"), "kind: Old\n---\n")
      symlinkSync("real/snap.yaml", join(folder, "snap.yaml"))
      yield* record(both(folder, { extended: false }), [{}])
      assert.deepStrictEqual(names(parseDocuments(read(folder, "real/snap.yaml"))), ["Pod a@1"])
      assert.strictEqual(read(folder, "snap.yaml"), read(folder, "real/snap.yaml"))
    }),
  )

  it.effect("is continued with append, with a delimiter put where there is none", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "snap.yaml"), "kind: Old")
      yield* record(both(folder, { append: true }), [{}])
      yield* record(both(folder, { append: true }), [{ name: "b" }])
      assert.deepStrictEqual(
        parseDocuments(read(folder, "snap.yaml")).map(({ kind, metadata }) => (kind === "Old" ? kind : metadata.name)),
        ["Old", "a", "b"],
      )
      assert.deepStrictEqual(names(parseDocuments(read(folder, "snap-extended.yaml"))), ["Pod a@1", "Pod b@1"])
    }),
  )

  it.effect("stays when the run fails, and when it ends before anything was listed", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "snap.yaml"), "old")
      const failing = Effect.gen(function* () {
        yield* (yield* Sink).deliver(batchOf("announcement", {}))
        return yield* Effect.fail("the cluster is gone")
      }).pipe(Effect.provide(layer(both(folder))))
      assert.strictEqual(yield* Effect.flip(failing), "the cluster is gone")
      yield* Effect.asVoid(Sink).pipe(Effect.provide(layer(both(folder))))
      assert.deepStrictEqual(readdirSync(folder), ["snap.yaml"])
      assert.strictEqual(read(folder, "snap.yaml"), "old")
    }),
  )

  it.effect("gives way when a run with something in hand is interrupted", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "snap.yaml"), "old")
      const delivered = yield* Deferred.make<void>()
      const run = yield* Effect.gen(function* () {
        yield* (yield* Sink).deliver(batchOf("announcement", {}))
        yield* Deferred.succeed(delivered, undefined)
        return yield* Effect.never
      }).pipe(Effect.provide(layer(both(folder))), Effect.forkChild)
      yield* Deferred.await(delivered)
      yield* Fiber.interrupt(run)
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["snap-extended.yaml", "snap.yaml"])
      assert.deepStrictEqual(names(parseDocuments(read(folder, "snap.yaml"))), ["Pod a@1"])
    }),
  )

  it.effect("gives way to nothing when the cluster has nothing of what was selected", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "snap.yaml"), "old")
      yield* record(both(folder))
      assert.strictEqual(read(folder, "snap.yaml"), "")
    }),
  )

  it.effect("is not written twice, and what is delivered after the end is not taken", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      yield* Effect.gen(function* () {
        const sink = yield* Sink
        const finish = sink.finish ?? Effect.die("the sink has no end")
        yield* sink.deliver(batchOf("live", {}))
        const written = yield* finish
        rmSync(join(folder, "snap.yaml"))
        const late = yield* Effect.forkChild(sink.deliver(batchOf("live", { name: "late" })), { startImmediately: true })
        assert.deepStrictEqual(yield* finish, written)
        assert.strictEqual(late.pollUnsafe(), undefined)
        assert.strictEqual(sink.status().state, "closed")
      }).pipe(Effect.provide(layer(both(folder))))
      assert.deepStrictEqual(readdirSync(folder), ["snap-extended.yaml"])
    }),
  )
})

describe("places that cannot be written are named before the cluster is read", () => {
  const table: ReadonlyArray<readonly [string, (folder: string) => SnapshotOptions, string]> = [
    [
      "a folder that is missing",
      (folder) => both(folder, { file: "no/where/snap.yaml" }),
      "its folder does not exist; create it first (ENOENT)",
    ],
    ["a name that is a folder", (folder) => both(folder, { file: "taken.d" }), "it is a folder; name a file in it (EISDIR)"],
    ["an extended name that is a folder", (folder) => both(folder, { file: "taken.yaml" }), "taken-extended.yaml: it is a folder"],
    [
      "a file in the place of a folder",
      (folder) => both(folder, { file: "plain/snap.yaml" }),
      "a part of its path is a file where a folder is needed (ENOTDIR)",
    ],
    ["a device", () => both("/dev", { file: "null", extended: false }), "/dev/null: it is no regular file"],
  ]
  for (const [name, options, expected] of table)
    it.effect(name, () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        mkdirSync(join(folder, "taken.d"))
        mkdirSync(join(folder, "taken-extended.yaml"))
        writeFileSync(join(folder, "plain"), "")
        const before = readdirSync(folder)
        assert.include(yield* failureOf(Effect.provide(Effect.asVoid(Sink), layer(options(folder)))), expected)
        assert.deepStrictEqual(readdirSync(folder), before)
      }),
    )

  onLinux("a full disk is called full", () =>
    Effect.gen(function* () {
      const handle = yield* Effect.acquireRelease(
        Effect.promise(() => open("/dev/full", "r+")),
        (held) => Effect.promise(() => held.close()),
      )
      const full = { target: "/data/snap.yaml", path: "/dev/full", handle, size: 0 }
      assert.strictEqual(
        yield* failureOf(appendBytes(full, Buffer.from("x"))),
        "/data/snap.yaml: the disk is full; free some space there, or name another place (ENOSPC)",
      )
    }),
  )
})

describe("a run in a process of its own", () => {
  const child = join(import.meta.dirname, "snapshotChild.ts")
  const start = (folder: string, limit: string) =>
    spawn("/bin/sh", ["-c", `ulimit -f ${limit}; exec "$0" "$1" "$2"`, process.execPath, child, folder])

  it("that is killed in the middle leaves what was there, and the next run does not trip over the rest", async () => {
    const folder = mkdtempSync(join(tmpdir(), "snapshot-"))
    try {
      writeFileSync(join(folder, "snap.yaml"), "old")
      const killed = start(folder, "unlimited")
      const [text] = (await once(killed.stdout, "data")) as [Buffer]
      assert.strictEqual(text.toString(), "recorded\n")
      killed.kill("SIGKILL")
      await once(killed, "close")
      assert.strictEqual(read(folder, "snap.yaml"), "old")
      const left = readdirSync(folder).filter((name) => name !== "snap.yaml")
      assert.strictEqual(left.length, 1, "only what the extended file was to become")
      assert.match(left[0] ?? "", /^\.snap-extended\.yaml\.[0-9a-f]{8}\.partial$/)
      const lines: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])
      for (const name of [".snap-extended.yaml.mine.partial", ".snap.yaml.0123456.partial", ".other.yaml.01234567.partial"])
        writeFileSync(join(folder, name), "somebody's")
      const before = readdirSync(folder)
      await Effect.runPromise(record(both(folder), [{}]).pipe(Effect.provide(logger)))
      assert.deepStrictEqual(lines, [
        `${join(folder, left[0] ?? "")}: left by a run that was killed, unless another one is writing snap-extended.yaml now; if not, remove it`,
      ])
      assert.deepStrictEqual(readdirSync(folder).toSorted(), [...before, "snap-extended.yaml"].toSorted(), "nothing was removed")
      assert.deepStrictEqual(names(parseDocuments(read(folder, "snap.yaml"))), ["Pod a@1"])
      assert.deepStrictEqual(names(parseDocuments(read(folder, "snap-extended.yaml"))), ["Pod a@1"])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it("that meets the largest size a file may have ends with an error and leaves nothing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "snapshot-"))
    try {
      const limited = start(folder, "64")
      let text = ""
      limited.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()))
      await once(limited, "close")
      assert.include(text, "ErrOutputFile")
      assert.include(text, "snap-extended.yaml: the file has reached the largest size allowed here (ulimit -f) (EFBIG)")
      assert.deepStrictEqual(readdirSync(folder), [])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
