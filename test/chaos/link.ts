/**
 * A TCP proxy that misbehaves on request: it refuses and cuts, stalls, slows down, and truncates what it carries.
 * Bytes are never changed or reordered. Each direction holds one chunk at a time, so a stalled link presses back on both sides.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

/** `delayMs`: every chunk waits so long, which bounds the speed as well. */
export type Mode =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Refusing" }
  | { readonly _tag: "Stalled" }
  | { readonly _tag: "Slow"; readonly delayMs: number }

export interface Link extends AsyncDisposable {
  readonly port: number
  readonly set: (mode: Mode) => void
  /** Resets every connection. */
  readonly cut: () => void
  /** Of the next chunk towards the client only the first half goes through, on each connection; then the connection is over. */
  readonly truncate: () => void
  readonly connections: () => number
  /** Bytes carried towards clients and from them. */
  readonly carried: () => { readonly down: number; readonly up: number }
}

interface Pair {
  readonly client: Socket
  readonly server: Socket
  isCondemned: boolean
}

const open: Mode = { _tag: "Open" }

/** @param host where to listen and where the other end is */
export const openLink = async (host: string, port: number): Promise<Link> => {
  const pairs = new Set<Pair>()
  const carried = { down: 0, up: 0 }
  let mode: Mode = open
  let waiting: Array<() => void> = []
  const pause = (): Promise<void> => {
    if (mode._tag === "Slow") return new Promise((resume) => setTimeout(resume, (mode as { readonly delayMs: number }).delayMs))
    return mode._tag === "Stalled" ? new Promise((resume) => waiting.push(resume)) : Promise.resolve()
  }
  const end = (pair: Pair): void => {
    pairs.delete(pair)
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
  }
  const carry = (pair: Pair, from: Socket, to: Socket, direction: "down" | "up"): void => {
    from.on("data", (chunk: Buffer) => {
      from.pause()
      void pause().then(() => {
        if (to.destroyed) return
        const isLast = pair.isCondemned && direction === "down"
        const piece = isLast ? chunk.subarray(0, chunk.length >> 1) : chunk
        carried[direction] += piece.length
        to.write(piece, () => (isLast ? end(pair) : from.resume()))
      })
    })
    from.on("end", () => void pause().then(() => to.end()))
    from.on("error", () => end(pair))
    from.on("close", () => {
      if (from.readableEnded) pairs.delete(pair)
      else end(pair)
    })
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (mode._tag === "Refusing") {
      client.resetAndDestroy()
      return
    }
    const pair: Pair = { client, server: connect({ port, host, allowHalfOpen: true }), isCondemned: false }
    for (const socket of [pair.client, pair.server]) socket.setNoDelay(true)
    pairs.add(pair)
    carry(pair, pair.client, pair.server, "up")
    carry(pair, pair.server, pair.client, "down")
  })
  server.listen(0, host)
  await once(server, "listening")
  const cut = (): void => {
    for (const pair of pairs) end(pair)
  }
  return {
    port: (server.address() as AddressInfo).port,
    set: (next) => {
      mode = next
      if (next._tag === "Stalled") return
      for (const resume of waiting) resume()
      waiting = []
    },
    cut,
    truncate: () => {
      for (const pair of pairs) pair.isCondemned = true
    },
    connections: () => pairs.size,
    carried: () => ({ ...carried }),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close")
      server.close()
      for (const resume of waiting) resume()
      cut()
      await closed
    },
  }
}
