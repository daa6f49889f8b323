/**
 * How many objects of each kind a cluster has, as an Effect.
 *
 *   node -C meshsync-source examples/effect.ts
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { layer, streamChanges } from "meshsync/effect"

const countKinds = streamChanges({ select: { resources: ["*"] }, once: true }).pipe(
  Stream.runFold(
    () => new Map<string, number>(),
    (counts, { resource }) => counts.set(resource.kind, (counts.get(resource.kind) ?? 0) + 1),
  ),
)

const program = Effect.flatMap(countKinds, (counts) =>
  Effect.forEach(counts, ([kind, count]) => Console.log(`${kind} ${count}`), { discard: true }),
)

await Effect.runPromise(Effect.provide(program, layer()))
