/**
 * The port Dialer over TCP: whether an address accepts a connection, seen from here. Sockets are closed at once and nothing is sent.
 * An answer is remembered for `limit.dialKeptMs`; those who ask for the same address meanwhile share one attempt.
 */
import * as Cache from "effect/Cache"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import * as Net from "node:net"
import { dialKeptMs, dialsConcurrentMax, dialsKeptMax, dialWaitMs } from "../../domain/limit.ts"
import { Dialer } from "../../ports/Dialer.ts"

/**
 * Splits `host:port` as Go's net.Dial does: an empty host is this machine, an IPv6 address without brackets is no address.
 * Undefined when nothing can be dialled.
 */
export const parseAddress = (address: string): { readonly host: string; readonly port: number } | undefined => {
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(address)
  if (parts === null) return undefined
  const port = Number(parts[3])
  return port > 0 && port <= 65_535 ? { host: (parts[1] ?? parts[2]) || "localhost", port } : undefined
}

const connect = (host: string, port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const socket = Net.connect({ host, port })
    const settle = (accepts: boolean) => {
      socket.destroy()
      resume(Effect.succeed(accepts))
    }
    socket.once("connect", () => settle(true))
    socket.on("error", () => settle(false))
    return Effect.sync(() => socket.destroy())
  })

const dial = (address: string, waitMs: number): Effect.Effect<boolean> => {
  const target = parseAddress(address)
  if (target === undefined) return Effect.succeed(false)
  return Effect.timeoutOrElse(connect(target.host, target.port), { duration: waitMs, orElse: () => Effect.succeed(false) })
}

/** @param waitMs how long one attempt may take */
export const layerDialerWith = (waitMs: number): Layer.Layer<Dialer> =>
  Layer.effect(
    Dialer,
    Effect.gen(function* () {
      const permits = yield* Semaphore.make(dialsConcurrentMax)
      const answers = yield* Cache.make({
        lookup: (address: string) => permits.withPermits(1)(dial(address, waitMs)),
        capacity: dialsKeptMax,
        timeToLive: dialKeptMs,
      })
      return Dialer.of({
        reachable: (addresses) =>
          Effect.map(
            Effect.filter(addresses, (address) => Cache.get(answers, address), { concurrency: dialsConcurrentMax }),
            (reached) => new Set(reached),
          ),
      })
    }),
  )

export const layerDialer: Layer.Layer<Dialer> = layerDialerWith(dialWaitMs)
