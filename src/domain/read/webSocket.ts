/**
 * Frames of a WebSocket as a client sees them (RFC 6455): whole ones out of bytes cut anywhere, and bytes of own ones.
 * No extension is understood, since none is asked for. Knows neither sockets nor what the payloads mean.
 */
import * as Result from "effect/Result"

export const Opcode = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const

export interface Frame {
  readonly opcode: number
  /** No continuation follows. */
  readonly final: boolean
  /** A view of the bytes given. */
  readonly payload: Uint8Array
}

export interface Frames {
  readonly frames: ReadonlyArray<Frame>
  /** What is not yet a whole frame. */
  readonly rest: Uint8Array
}

/** The length of the head and of the payload (RFC 6455, 5.2); undefined while the head is not whole. */
const measureFrame = (bytes: Uint8Array): { readonly head: number; readonly payload: number } | undefined => {
  const short = (bytes[1] ?? 0) & 0x7f
  if (bytes.length < 2) return undefined
  if (short < 126) return { head: 2, payload: short }
  const head = short === 126 ? 4 : 10
  if (bytes.length < head) return undefined
  return { head, payload: bytes.subarray(2, head).reduce((sum, byte) => sum * 256 + byte, 0) }
}

/**
 * Splits what a server has sent into whole frames.
 * @param payloadBytesMax a frame above it is refused before its payload is there
 * @returns a failure says in words what a server must not send
 */
export const splitFrames = (bytes: Uint8Array, payloadBytesMax: number): Result.Result<Frames, string> => {
  const frames: Array<Frame> = []
  let rest = bytes
  while (true) {
    const size = measureFrame(rest)
    if (size === undefined) return Result.succeed({ frames, rest })
    const [first = 0, second = 0] = rest
    if ((first & 0x70) !== 0) return Result.fail("a frame has an extension that was not asked for")
    if ((second & 0x80) !== 0) return Result.fail("a frame of the server is masked")
    if (size.payload > payloadBytesMax) return Result.fail(`a frame is larger than ${payloadBytesMax} bytes`)
    const end = size.head + size.payload
    if (rest.length < end) return Result.succeed({ frames, rest })
    frames.push({ opcode: first & 0x0f, final: (first & 0x80) !== 0, payload: rest.subarray(size.head, end) })
    rest = rest.subarray(end)
  }
}

/**
 * A whole frame of a client.
 * @param mask four bytes that nobody can foresee
 */
export const encodeFrame = (opcode: number, payload: Uint8Array, mask: Uint8Array): Uint8Array => {
  const wide = payload.length > 0xffff
  const lengthBytes = payload.length < 126 ? 0 : wide ? 8 : 2
  const frame = new Uint8Array(2 + lengthBytes + 4 + payload.length)
  frame[0] = 0x80 | opcode
  frame[1] = 0x80 | (lengthBytes === 0 ? payload.length : wide ? 127 : 126)
  for (let i = 0; i < lengthBytes; i++) frame[2 + i] = Math.floor(payload.length / 256 ** (lengthBytes - 1 - i)) % 256
  const maskAt = 2 + lengthBytes
  frame.set(mask, maskAt)
  for (let i = 0; i < payload.length; i++) frame[maskAt + 4 + i] = (payload[i] as number) ^ (mask[i & 3] as number)
  return frame
}
