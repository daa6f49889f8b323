/**
 * `meshsync diff BEFORE AFTER`: what differs between two snapshots. Reads two files and nothing else.
 * Exit status as diff has it: 0 the same, 1 different, 2 trouble.
 */
import * as Effect from "effect/Effect"
import { meshError } from "../../domain/error.ts"
import { diffSnapshots } from "../../domain/sync/snapshotDiff.ts"
import { loadSnapshotComparison } from "../layers.ts"
import type { CommandOptions } from "./command.ts"

export const diff = Effect.fnUntraced(function* ({ words }: CommandOptions) {
  const [before, after, ...more] = words
  if (before === undefined || after === undefined || more.length > 0)
    return yield* Effect.fail(meshError("ErrUsage", `diff compares two snapshots, not ${words.length}: diff BEFORE AFTER`))
  const { readSnapshot, renderSnapshotDiff } = yield* loadSnapshotComparison
  const diffs = diffSnapshots(yield* readSnapshot(before), yield* readSnapshot(after))
  const colour = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
  const text = renderSnapshotDiff(diffs, colour)
  yield* Effect.promise(() => new Promise<void>((resolve) => process.stdout.write(text, () => resolve())))
  if (diffs.length > 0) process.exitCode = 1
})
