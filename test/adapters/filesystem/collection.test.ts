import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { parseAllDocuments } from "yaml"
import { layerCollection, type CollectionOptions, type Target } from "../../../src/adapters/filesystem/collection.ts"
import { meshError } from "../../../src/domain/error.ts"
import { Sink, SinkError, type Written } from "../../../src/ports/Sink.ts"
import { batchOf, deployments, nodes, type Given } from "../message.ts"

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "collection-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
)

/** One run: the batches, then the end. */
const collect = (
  target: Target,
  batches: ReadonlyArray<ReadonlyArray<Given>>,
  manifests = false,
): Effect.Effect<ReadonlyArray<Written>, SinkError> =>
  Effect.gen(function* () {
    const sink = yield* Sink
    for (const batch of batches) yield* sink.deliver(batchOf("announcement", ...batch))
    yield* sink.settled
    return yield* sink.finish ?? Effect.die("the sink has no end")
  }).pipe(Effect.provide(layerCollection({ target, manifests })))

const failureOf = (run: Effect.Effect<unknown, SinkError>): Effect.Effect<string> =>
  Effect.match(run, { onSuccess: () => "it succeeds", onFailure: ({ message }) => message })

/** Added, changed, and gone again. */
const history: ReadonlyArray<ReadonlyArray<Given>> = [
  [{ name: "b" }, { name: "a", resourceVersion: "1" }, { type: nodes, name: "n" }, { type: deployments, name: "web" }],
  [
    { name: "a", resourceVersion: "2", event: "Modified" },
    { name: "b", event: "Deleted" },
  ],
]

const summary = (objects: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  (objects as ReadonlyArray<{ kind: string; metadata: { name: string; resourceVersion: string } }>).map(
    ({ kind, metadata }) => `${kind} ${metadata.name}@${metadata.resourceVersion}`,
  )
const latest = ["Deployment web@1", "Node n@1", "Pod a@2"]

const streamed = (layout: "yaml" | "json" | "ndjson", batches = history) =>
  Effect.gen(function* () {
    const pieces: Array<Uint8Array> = []
    const write = (bytes: Uint8Array) => Effect.sync(() => void pieces.push(bytes.slice()))
    const [written] = yield* collect({ _tag: "Stream", layout, write }, batches)
    return { written, text: Buffer.concat(pieces).toString() }
  })

describe("a stream gets the latest state of each object", () => {
  it.effect("as one List of JSON", () =>
    Effect.gen(function* () {
      const { text, written } = yield* streamed("json")
      const list = JSON.parse(text) as { apiVersion: string; kind: string; items: ReadonlyArray<unknown> }
      assert.deepStrictEqual([list.apiVersion, list.kind, summary(list.items)], ["v1", "List", latest])
      assert.deepStrictEqual(written, { path: "standard output", documents: 3, bytes: Buffer.byteLength(text) })
    }),
  )

  it.effect("as a List without items where there is nothing", () =>
    Effect.gen(function* () {
      const { text } = yield* streamed("json", [])
      assert.deepStrictEqual(JSON.parse(text), { apiVersion: "v1", kind: "List", metadata: {}, items: [] })
    }),
  )

  it.effect("as documents of YAML and as lines of JSON", () =>
    Effect.gen(function* () {
      const yaml = yield* streamed("yaml")
      const documents = parseAllDocuments(yaml.text).map((document) => document.toJS() as unknown)
      assert.deepStrictEqual(summary(documents.filter((document) => document !== null)), latest)
      const lines = yield* streamed("ndjson")
      assert.deepStrictEqual(
        summary(
          lines.text
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line) as unknown),
        ),
        latest,
      )
    }),
  )

  it.effect("an error of the stream is the run's", () =>
    Effect.gen(function* () {
      const error = meshError("ErrWriteOutput", "nobody reads")
      const gone = new SinkError({ error, readerGone: true })
      const failed = yield* Effect.flip(collect({ _tag: "Stream", layout: "json", write: () => Effect.fail(gone) }, history))
      assert.strictEqual(failed, gone)
    }),
  )
})

describe("a file", () => {
  it.effect("is replaced whole at the end, for its owner alone", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "all.json")
      writeFileSync(path, "old")
      yield* collect({ _tag: "File", path, layout: "json" }, history)
      assert.deepStrictEqual(summary((JSON.parse(readFileSync(path, "utf8")) as { items: ReadonlyArray<unknown> }).items), latest)
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      assert.deepStrictEqual(readdirSync(folder), ["all.json"])
    }),
  )

  it.effect("stays as it was when the run fails", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "all.json")
      writeFileSync(path, "old")
      const options: CollectionOptions = { target: { _tag: "File", path, layout: "json" }, manifests: false }
      const failing = Effect.gen(function* () {
        yield* (yield* Sink).deliver(batchOf("announcement", {}))
        return yield* Effect.fail("the cluster is gone")
      }).pipe(Effect.provide(layerCollection(options)))
      assert.strictEqual(yield* Effect.flip(failing), "the cluster is gone")
      assert.deepStrictEqual([readdirSync(folder), readFileSync(path, "utf8")], [["all.json"], "old"])
    }),
  )

  it.effect("holds manifests in the order in which they are applied", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "all.ndjson")
      const type = (group: string, kind: string) => ({ group, version: "v1", plural: `${kind.toLowerCase()}s`, kind, namespaced: false })
      const given = [deployments, type("", "Service"), type("", "Namespace"), type("apiextensions.k8s.io", "CustomResourceDefinition")]
      const hook = type("admissionregistration.k8s.io", "ValidatingWebhookConfiguration")
      yield* collect({ _tag: "File", path, layout: "ndjson" }, [[hook, ...given].map((each) => ({ type: each }))], true)
      const kinds = readFileSync(path, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { kind: string }).kind)
      assert.deepStrictEqual(kinds, ["Namespace", "CustomResourceDefinition", "Service", "Deployment", "ValidatingWebhookConfiguration"])
    }),
  )
})

describe("a folder", () => {
  it.effect("gets a file for each object, all at once", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "snap")
      const [written] = yield* collect({ _tag: "Folder", path }, history)
      const files = readdirSync(path, { recursive: true, encoding: "utf8" }).toSorted()
      assert.deepStrictEqual(files, ["_cluster", "_cluster/nodes_n.yaml", "shop", "shop/deployments.apps_web.yaml", "shop/pods_a.yaml"])
      assert.include(readFileSync(join(path, "shop/pods_a.yaml"), "utf8"), "resourceVersion: '2'")
      assert.strictEqual(written?.documents, 3)
      assert.deepStrictEqual(readdirSync(folder), ["snap"])
    }),
  )

  it.effect("that exists has to be empty; the link to it stays a link", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      mkdirSync(join(folder, "real"))
      symlinkSync("real", join(folder, "link"))
      yield* collect({ _tag: "Folder", path: `${folder}/link/` }, [[{}]])
      assert.isTrue(existsSync(join(folder, "real/shop/pods_a.yaml")))
      assert.include(yield* failureOf(collect({ _tag: "Folder", path: join(folder, "real") }, [[{}]])), "the folder is not empty")
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["link", "real"])
    }),
  )

  it.effect("that cannot be made, or is a file, is named before anything is delivered", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "file"), "")
      const open = (target: Target) => failureOf(Effect.provide(Effect.asVoid(Sink), layerCollection({ target, manifests: false })))
      assert.include(yield* open({ _tag: "Folder", path: join(folder, "no/where") }), "its folder does not exist")
      assert.include(yield* open({ _tag: "Folder", path: `${join(folder, "file")}/` }), "it is a file; name a folder")
      assert.include(yield* open({ _tag: "File", path: folder, layout: "json" }), "it is a folder; name a file in it")
      assert.deepStrictEqual(readdirSync(folder), ["file"])
    }),
  )
})

describe("what a run that was killed has left", () => {
  it.effect("beside a file and beside a folder is named, three of it, and stays", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const left = ["1", "2", "3", "4"].map((digit) => `.all.json.${digit.repeat(8)}.partial`)
      for (const name of left) writeFileSync(join(folder, name), "")
      mkdirSync(join(folder, ".tree.abcdef01.partial"))
      const lines: Array<string> = []
      const logger = Logger.layer([Logger.make(({ message }) => lines.push(String(message)))])
      yield* collect({ _tag: "File", path: join(folder, "all.json"), layout: "json" }, history).pipe(Effect.provide(logger))
      yield* collect({ _tag: "Folder", path: join(folder, "tree") }, history).pipe(Effect.provide(logger))
      const told = (name: string): string => `left by a run that was killed, unless another one is writing ${name} now; if not, remove it`
      assert.match(lines[0] ?? "", /^(?:\S+\.partial, ){2}\S+\.partial and 1 more: /)
      assert.include(lines[0] ?? "", told("all.json"))
      assert.deepStrictEqual(lines.slice(1), [`${join(folder, ".tree.abcdef01.partial")}: ${told("tree")}`])
      assert.deepStrictEqual(readdirSync(folder).toSorted(), [...left, ".tree.abcdef01.partial", "all.json", "tree"].toSorted())
    }),
  )
})
