/**
 * What the lanes in virtual time say about their messages, exactly as the lane's loop does over a real port: marks behind the changes of
 * their turn, digests and the types that are followed every half minute.
 */
import { markAttemptsMax, marksEveryMs } from "../../src/domain/limit.ts"
import type { Mark } from "../../src/domain/sync/fact.ts"
import { encodeMark, type SyncMark } from "../../src/domain/wire/mark.ts"
import { deliverMark } from "./broker.ts"
import type { Runner, Scene } from "./runner.ts"
import { after } from "./world.ts"

/** Says the marks of a turn, one behind the other. */
export const deliverMarks = (runner: Runner, marks: ReadonlyArray<Mark>, then: () => void): void => {
  const [mark, ...others] = marks
  if (mark === undefined) return then()
  const { engine, subject } = runner.scene
  const said = subject.mark.describeMark(engine, runner.lane, mark)
  const next = (): void => deliverMarks(runner, others, then)
  if (said === undefined) return next()
  if (mark === "digest") {
    // Said once or not at all.
    deliverMark(runner.scene.broker, () => encodeMark(said), next)
    return
  }
  attempt(runner, said, 0, next)
}

const attempt = (runner: Runner, said: SyncMark, count: number, then: () => void): void => {
  const { broker, subject, world } = runner.scene
  if (count === markAttemptsMax) {
    broker.marksGivenUp++
    return then()
  }
  deliverMark(
    broker,
    () => encodeMark(said),
    (accepted) => {
      if (accepted) return then()
      const pause = { _tag: "Pause", slow: false, attempt: count, retryAfterMs: undefined } as const
      const pauseMs = count === 0 ? 0 : subject.backoff.pauseMs(pause, world.chance.below(1000) / 1000)
      after(world, pauseMs, () => attempt(runner, said, count + 1, then))
    },
  )
}

/** Every half minute which types are followed. */
export const tellTypes = (scene: Scene): void => {
  const { broker, engine, subject, world } = scene
  const tell = (): void => {
    if (!broker.isAway)
      deliverMark(
        broker,
        () => encodeMark(subject.mark.describeTypes(engine)),
        () => {},
      )
    after(world, marksEveryMs, tell)
  }
  after(world, marksEveryMs, tell)
}
