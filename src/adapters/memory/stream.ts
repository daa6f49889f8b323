/**
 * Time for a watch of the model: waits for changes, sends bookmarks, ends at its timeout. Time is Effect's Clock: a test clock drives it.
 * Bookmarks come every minute and two seconds before the end, as from a real server.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { fakeBookmarkBeforeEndMs, fakeBookmarkEveryMs, fakeWatchSeconds } from "../../domain/limit.ts"
import type { Cluster } from "./model.ts"
import { readBookmark, readWatch, type Shown, type Watch } from "./watch.ts"

/** Completes at the next change of the cluster. The cluster changes only between turns of the event loop: look at it first, then wait. */
export const awaitChange = (cluster: Cluster): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const wakeUp = () => {
      cluster.listeners.delete(wakeUp)
      resume(Effect.void)
    }
    cluster.listeners.add(wakeUp)
    return Effect.sync(() => {
      cluster.listeners.delete(wakeUp)
    })
  })

/**
 * The next bytes of a watch, at least one; or its end.
 * @param timeoutSeconds after which the server ends it; undefined: the server's own bound
 */
export const streamWatch = (cluster: Cluster, watch: Watch, timeoutSeconds: number | undefined): Effect.Effect<Effect.Effect<Shown>> =>
  Effect.gen(function* () {
    const openedMs = yield* Clock.currentTimeMillis
    const endMs = openedMs + (timeoutSeconds ?? fakeWatchSeconds) * 1_000
    const lastBookmarkMs = endMs - fakeBookmarkBeforeEndMs
    const bookmarkAfter = (nowMs: number) =>
      nowMs < lastBookmarkMs ? Math.min(nowMs + fakeBookmarkEveryMs, lastBookmarkMs) : Number.POSITIVE_INFINITY
    let bookmarkMs = bookmarkAfter(openedMs)
    const ended: Shown = { bytes: new Uint8Array(0), state: "ended" }
    const next: Effect.Effect<Shown> = Effect.gen(function* () {
      for (;;) {
        const shown = readWatch(cluster, watch)
        if (shown.bytes.length > 0 || shown.state !== "open") return shown
        const nowMs = yield* Clock.currentTimeMillis
        if (nowMs >= endMs) return ended
        if (nowMs >= bookmarkMs) {
          bookmarkMs = bookmarkAfter(nowMs)
          const bookmark = readBookmark(cluster, watch)
          if (bookmark.bytes.length > 0 || bookmark.state !== "open") return bookmark
        }
        yield* awaitChange(cluster).pipe(Effect.timeoutOption(Math.min(bookmarkMs, endMs) - nowMs), Effect.map(Option.isSome))
      }
    })
    return next
  })
