/** The state file on a real disk: what it holds, who may read it, who holds it, and what a killed process leaves. */
import { assert, describe, it } from "@effect/vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import * as path from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { layerStateFile } from "../../../src/adapters/filesystem/stateFile.ts"
import { makeMemoryDisk, stateFileOn } from "../../../src/adapters/memory/stateFile.ts"
import { StateFile } from "../../../src/ports/StateFile.ts"

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(path.join(tmpdir(), "meshsync-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
)

const openFile = (file: string) => Effect.map(Layer.build(layerStateFile(file)), (services) => Context.get(services, StateFile))

const readText = (file: StateFile["Service"]) => {
  let text = ""
  return Effect.as(
    file.read((piece) => void (text += new TextDecoder().decode(piece))),
    () => text,
  ).pipe(Effect.map((read) => read()))
}

const onDisk = Effect.flatMap(temporaryFolder, (folder) => openFile(path.join(folder, "state")))
const inMemory = Effect.sync(() => stateFileOn(makeMemoryDisk()))

describe.each([
  ["on disk", onDisk],
  ["in memory", inMemory],
] as const)("a state file %s", (_, open) => {
  it.effect("is appended to, replaced, set aside and abandoned", () =>
    Effect.gen(function* () {
      const file = yield* open
      assert.strictEqual(yield* readText(file), "")
      yield* file.append(bytesOf("one\n"))
      yield* file.append(bytesOf("two\n"))
      yield* file.sync
      assert.strictEqual(yield* readText(file), "one\ntwo\n")
      assert.strictEqual(yield* file.replace([bytesOf("three\n"), bytesOf("four\n")]), 11)
      yield* file.append(bytesOf("five\n"))
      assert.strictEqual(yield* readText(file), "three\nfour\nfive\n")
      assert.strictEqual(yield* file.setAside("bad"), `${file.path}.bad`)
      assert.strictEqual(yield* readText(file), "")
      yield* file.append(bytesOf("six\n"))
      yield* file.abandon
      assert.strictEqual(yield* readText(file), "")
    }),
  )
})

describe("on disk", () => {
  it.effect("it is for its owner alone, and what a killed process was writing is taken away", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const place = path.join(folder, "state")
      writeFileSync(path.join(folder, ".state.12345678.partial"), "half")
      writeFileSync(path.join(folder, ".other.12345678.partial"), "not ours")
      yield* Effect.scoped(
        Effect.gen(function* () {
          const file = yield* openFile(place)
          assert.strictEqual(statSync(place).mode & 0o777, 0o600)
          yield* file.replace([bytesOf("a\n")])
          assert.strictEqual(statSync(place).mode & 0o777, 0o600)
          assert.strictEqual(readFileSync(place, "utf8"), "a\n")
        }),
      )
      assert.deepStrictEqual(readdirSync(folder).toSorted(), [".other.12345678.partial", "state"])
    }),
  )

  it.effect("it has one holder at a time", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const place = path.join(folder, "state")
      const error = yield* Effect.scoped(Effect.andThen(openFile(place), Effect.flip(Effect.scoped(openFile(place)))))
      assert.strictEqual(error.key, "ErrStateFileHeld")
      assert.include(error.message, place)
      yield* Effect.scoped(openFile(place))
    }),
  )

  it.effect("a holder that is stopped holds it, one that was killed no longer", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const place = path.join(folder, "state")
      const script = `require("node:net").createServer().listen(process.argv[1], () => console.log("held"))`
      const child = spawn(process.execPath, ["-e", script, `${place}.lock`], { stdio: ["ignore", "pipe", "inherit"] })
      yield* Effect.promise(() => once(child.stdout, "data"))
      assert.strictEqual((yield* Effect.flip(Effect.scoped(openFile(place)))).key, "ErrStateFileHeld")
      child.kill("SIGSTOP")
      assert.strictEqual((yield* Effect.flip(Effect.scoped(openFile(place)))).key, "ErrStateFileHeld")
      child.kill("SIGKILL")
      yield* Effect.promise(() => once(child, "exit"))
      assert.isTrue(existsSync(`${place}.lock`))
      yield* Effect.scoped(openFile(place))
    }),
  )

  it.effect("says what is wrong with a place where it cannot be", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const missing = yield* Effect.flip(Effect.scoped(openFile(path.join(folder, "no", "state"))))
      assert.strictEqual(missing.key, "ErrStateFile")
      assert.include(missing.detail, "its folder does not exist")
      mkdirSync(path.join(folder, "dir"))
      const notAFile = yield* Effect.flip(Effect.scoped(openFile(path.join(folder, "dir"))))
      assert.include(notAFile.detail, "it is a folder")
      const long = yield* Effect.flip(Effect.scoped(openFile(path.join(folder, "n".repeat(100)))))
      assert.include(long.detail, "shorter path")
    }),
  )
})
