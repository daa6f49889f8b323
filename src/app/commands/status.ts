/**
 * `meshsync status`: asks a running meshsync what it is doing.
 */
import * as Effect from "effect/Effect"
import { meshError, type MeshError } from "../../domain/error.ts"
import { healthPort } from "../../domain/limit.ts"
import type { Status } from "../../domain/sync/status.ts"
import { renderTable } from "../../domain/sync/statusText.ts"
import { renderDocument } from "./format.ts"
import type { CommandOptions } from "./commandOptions.ts"

const answerWaitMs = 5_000

/** Asks the health port of a run; fails where none answers. */
export const status = Effect.fnUntraced(function* ({ own }: CommandOptions) {
  const address = (own.get("address") ?? `http://127.0.0.1:${healthPort}`).replace(/\/$/, "")
  const document = yield* ask(`${address}/status`)
  const shown = yield* renderDocument(own.get("format") ?? "table", document, () => renderTable(document))
  process.stdout.write(`${shown.trimEnd()}\n`)
})

const ask = (url: string): Effect.Effect<Status, MeshError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(answerWaitMs)]) })
      if (!response.ok) throw new Error(`status ${response.status}`)
      return (await response.json()) as Status
    },
    catch: (cause) => meshError("ErrStatus", `${url}: ${reasonOf(cause)}`),
  })

/** `fetch` says only that it failed; why stands in the cause. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message
}
