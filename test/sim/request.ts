/**
 * Requests of one lane to the fake API server, and what their answers mean.
 */
import { answer, type Answer } from "../../src/adapters/memory/answer.ts"
import { administrator } from "../../src/adapters/memory/model.ts"
import { decodeText } from "../../src/adapters/memory/object.ts"
import { collectionPath } from "../../src/domain/select/resource.ts"
import { type Failure } from "../../src/domain/sync/fact.ts"
import { Finding } from "./world.ts"
import type { Runner } from "./runner.ts"

export const broken: Failure = { _tag: "Unavailable", text: "the connection broke", retryAfterMs: undefined }

export const ask = (runner: Runner, query: Readonly<Record<string, string>>): Answer => {
  const { cluster, world } = runner.scene
  if (world.nowMs < runner.notBeforeMs) throw new Finding(`${runner.lane.key}: asked again before the server's Retry-After was over`)
  const path = `${collectionPath(runner.lane.spec.type, runner.lane.spec.namespace)}?${new URLSearchParams(query).toString()}`
  const given = answer(cluster, {
    method: "GET",
    path,
    accept: "application/json",
    token: administrator.token,
    body: "",
    nowMs: world.nowMs,
  })
  if (given._tag === "Reply" && given.retryAfterSeconds !== undefined) runner.notBeforeMs = world.nowMs + given.retryAfterSeconds * 1000
  return given
}

/** The body of an answer, or what its status means. */
export const bodyOf = (runner: Runner, given: Answer): Uint8Array | Failure => {
  if (given._tag !== "Reply") return broken
  const { body, contentType, cutAfter, retryAfterSeconds, status } = given
  const { failureOfAnswer } = runner.scene.subject.failure
  if (status !== 200)
    return failureOfAnswer(status, decodeText(body), retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds))
  return (cutAfter !== undefined && cutAfter < body.length) || contentType === "text/html" ? broken : body
}
