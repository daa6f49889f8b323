/**
 * What a run as a whole says on the subject of marks: who it is, and which types it follows. What is said of one type is its lane's.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { marksEveryMs, markWaitMs } from "../domain/limit.ts"
import { describeTypes } from "../domain/sync/mark.ts"
import { encodeMark } from "../domain/wire/mark.ts"
import { takesMarks, type SinkError } from "../ports/Sink.ts"
import type { Desk } from "./desk.ts"

const runLength = 8

/** Eight letters and digits: two runs of one cluster share them once in 10^12. */
export const drawRun: Effect.Effect<string> = Effect.map(Random.next, (chance) =>
  Math.floor(chance * 36 ** runLength)
    .toString(36)
    .padStart(runLength, "0"),
)

/**
 * Says every `marksEveryMs` which types are followed. The list is made in the moment in which it goes out: a type of which something has
 * gone out before is in it.
 */
export const tellTypes = ({ engine, sink }: Desk): Effect.Effect<void, SinkError> => {
  const { mark } = sink
  if (mark === undefined) return Effect.void
  const tell = Effect.suspend(() =>
    engine.surveyed && takesMarks(sink.status())
      ? Effect.asVoid(
          Effect.timeoutOption(
            mark(() => encodeMark(describeTypes(engine))),
            markWaitMs,
          ),
        )
      : Effect.void,
  )
  return Effect.forever(Effect.andThen(Effect.sleep(marksEveryMs), tell))
}
