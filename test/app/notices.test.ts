import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/testing/TestClock"
import { makeComplaints } from "../../src/app/notices.ts"

describe("makeComplaints", () => {
  it.effect("names each kind of mistake once in a minute", () => {
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.gen(function* () {
      const complain = makeComplaints()
      for (let i = 0; i < 1_000; i++) yield* complain("unknown", `unknown ${i}`)
      yield* complain("store", "refused")
      assert.deepStrictEqual(lines, ["unknown 0", "refused"])
      yield* TestClock.adjust("59 seconds")
      yield* complain("unknown", "too soon")
      yield* TestClock.adjust("1 second")
      yield* complain("unknown", "again")
      assert.deepStrictEqual(lines, ["unknown 0", "refused", "again"])
    }).pipe(Effect.provide(Logger.layer([logger])))
  })
})
