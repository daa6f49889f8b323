/**
 * `meshsync config view`: what a run with these settings would do, and which of them came from where. Reads the cluster, changes nothing.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { meshError } from "../../domain/error.ts"
import { describeEffective, renderEffective } from "../effective.ts"
import { layerCluster } from "../layers.ts"
import { logNotice } from "../notices.ts"
import { selectLive } from "../selected.ts"
import type { CommandOptions } from "./commandOptions.ts"
import { renderDocument } from "./format.ts"

/** Prints what it knows, also where the cluster does not answer, and fails then. */
export const config = Effect.fnUntraced(function* ({ own, values, version, words }: CommandOptions) {
  if (words.length !== 1 || words[0] !== "view") return yield* Effect.fail(meshError("ErrUsage", "config has one thing to do: config view"))
  const wish = { values, words: [], everywhere: own.get("allNamespaces") }
  const selected = yield* Effect.result(Effect.provide(selectLive(wish), layerCluster(values, version)))
  const document = describeEffective(values, selected)
  const shown = yield* renderDocument(own.get("format") ?? "table", document, () => renderEffective(document))
  yield* Effect.sync(() => void process.stdout.write(`${shown.trimEnd()}\n`))
  // What the settings say is shown in any case; what they select only the cluster knows.
  if (Result.isFailure(selected)) return yield* Effect.fail(selected.failure)
  for (const notice of selected.success.notices) yield* logNotice(notice)
})
