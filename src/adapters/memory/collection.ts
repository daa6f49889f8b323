/**
 * The latest state of each object as text in memory, for a comparison. Bounded: beyond the bound the run ends with an error.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { meshError } from "../../domain/error.ts"
import { snapshotReadBytesMax } from "../../domain/limit.ts"
import { holdObject, type HeldObject } from "../../domain/sync/snapshotDiff.ts"
import { parseExact } from "../../domain/wire/exact.ts"
import { payloadSpan } from "../../domain/wire/message.ts"
import { restoreObject, type KubernetesObject, type Payload } from "../../domain/wire/restore.ts"
import { accepted, Sink, SinkError, type Message } from "../../ports/Sink.ts"

/** @param whole whether messages hold whole objects */
const holdMessage = ({ payload }: Message, whole: boolean): HeldObject => {
  const [start, end] = payloadSpan(payload)
  const json = Buffer.from(payload.buffer, payload.byteOffset + start, end - start).toString("utf8")
  return holdObject(whole ? (parseExact(json) as KubernetesObject) : restoreObject(JSON.parse(json) as Payload))
}

const tooMuch = new SinkError({
  error: meshError(
    "ErrSnapshotRead",
    `the cluster: more than the ${snapshotReadBytesMax} bytes that are compared; name fewer kinds with --resources, or namespaces with -n`,
  ),
})

/** A sink that holds what it is told, and what it holds. */
export const makeCollection = (
  whole: boolean,
): { readonly layer: Layer.Layer<Sink>; readonly objects: () => ReadonlyArray<HeldObject> } => {
  const held = new Map<string, HeldObject>()
  let characters = 0
  const keyOf = ({ name, namespace, type, uid }: Message): string => uid || [type.group, type.plural, namespace, name].join("\n")
  const take = (message: Message): void => {
    const key = keyOf(message)
    characters -= held.get(key)?.text.length ?? 0
    held.delete(key)
    if (message.event === "Deleted") return
    const object = holdMessage(message, whole)
    characters += object.text.length
    held.set(key, object)
  }
  const sink = Sink.of({
    deliver: ({ messages }) =>
      Effect.suspend(() => {
        for (const message of messages) take(message)
        return characters > snapshotReadBytesMax ? Effect.fail(tooMuch) : Effect.succeed(accepted)
      }),
    bytesMax: () => Number.MAX_SAFE_INTEGER,
    status: () => ({ name: "comparison", state: "open", detail: `${held.size} objects` }),
    settled: Effect.void,
  })
  return { layer: Layer.succeed(Sink, sink), objects: () => [...held.values()] }
}
