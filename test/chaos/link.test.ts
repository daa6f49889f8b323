/**
 * The proxy's misdeeds, one by one, against an echo on the loopback.
 */
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { type Link, openLink } from "./link.ts"

const host = "127.0.0.1"
let echo: Server
let link: Link

beforeEach(async () => {
  echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket))
  echo.listen(0, host)
  await once(echo, "listening")
  link = await openLink(host, (echo.address() as AddressInfo).port)
})

afterEach(async () => {
  await link[Symbol.asyncDispose]()
  echo.close()
})

const open = async (): Promise<Socket> => {
  const socket = connect(link.port, host).on("error", () => undefined)
  await once(socket, "connect")
  return socket
}

const say = async (socket: Socket, text: string): Promise<string> => {
  const answered = once(socket, "data")
  socket.write(text)
  return String((await answered)[0])
}

/** Whether the connection ends with an error. */
const isReset = (socket: Socket): Promise<boolean> =>
  new Promise((resolve) => {
    let failed = false
    socket.on("error", () => (failed = true))
    socket.on("close", () => resolve(failed))
  })

describe("a link", () => {
  it("carries both ways and ends in order", async () => {
    const socket = await open()
    expect(await say(socket, "hello")).toBe("hello")
    expect(link.carried()).toEqual({ down: 5, up: 5 })
    const ended = once(socket, "end")
    socket.end()
    await ended
  })

  it("carries a megabyte whole", async () => {
    const socket = await open()
    const sent = Buffer.alloc(1_000_000, "abcdefg")
    const chunks: Array<Buffer> = []
    socket.on("data", (chunk: Buffer) => chunks.push(chunk))
    socket.end(sent)
    await once(socket, "end")
    expect(Buffer.concat(chunks).equals(sent)).toBe(true)
  })

  it("cuts what stands, and refuses what comes while it refuses", async () => {
    const socket = await open()
    expect(await say(socket, "hello")).toBe("hello")
    const reset = isReset(socket)
    link.set({ _tag: "Refusing" })
    link.cut()
    expect(await reset).toBe(true)
    const refused = connect(link.port, host)
    await new Promise((resolve) => refused.on("error", () => undefined).on("close", resolve))
    link.set({ _tag: "Open" })
    expect(await say(await open(), "again")).toBe("again")
  })

  it("stalled says nothing until it is open again, and then all of it", async () => {
    const socket = await open()
    expect(await say(socket, "a")).toBe("a")
    link.set({ _tag: "Stalled" })
    const answered = once(socket, "data")
    socket.write("b")
    const upBefore = link.carried().up
    await new Promise((resolve) => setImmediate(resolve))
    expect(link.carried().up).toBe(upBefore)
    link.set({ _tag: "Open" })
    expect(String((await answered)[0])).toBe("b")
  })

  it("slow delays every chunk", async () => {
    const socket = await open()
    link.set({ _tag: "Slow", delayMs: 40 })
    const startedMs = performance.now()
    expect(await say(socket, "a")).toBe("a")
    expect(performance.now() - startedMs).toBeGreaterThan(75)
  })

  it("truncates: half of the next chunk arrives, and the connection is over", async () => {
    const socket = await open()
    expect(await say(socket, "whole")).toBe("whole")
    link.truncate()
    const over = isReset(socket)
    let heard = ""
    socket.on("data", (chunk) => (heard += String(chunk)))
    socket.write("12345678")
    await over
    expect(["", "1234"]).toContain(heard)
    expect(link.carried().down).toBe(9)
    expect(link.connections()).toBe(0)
  })
})
