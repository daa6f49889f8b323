/**
 * What sessions in pods say to the platform, and on which subjects. Pure; the spelling is the Go MeshSync's.
 */
import { decodeText } from "../read/text.ts"
import { isObject } from "./serviceShape.ts"
import { encodeText } from "./writer.ts"

/** The output of all logs. */
export const logSubject = "meshery.meshsync.logs"
/** The list of sessions. */
export const sessionsSubject = "active_sessions.exec"

const encode = (objectType: string, eventType: string, object: unknown): Uint8Array =>
  encodeText(JSON.stringify({ ObjectType: objectType, EventType: eventType, Request: null, Object: object }))

/** A piece of a log. Empty members are left out. */
export const encodeLog = (id: string, text: string, pod: string, container: string): Uint8Array => {
  const members = { id: id.toWellFormed(), data: text, primary: pod, secondary: container }
  return encode("log-stream", "ADDED", Object.fromEntries(Object.entries(members).filter(([, value]) => value !== "")))
}

/** A piece of what a terminal shows, or the error that it ended with. */
export const encodeTerminal = (objectType: "exec-output" | "error", text: string): Uint8Array => encode(objectType, "", text.toWellFormed())

/** The list of all sessions, logs among them. */
export const encodeSessions = (ids: ReadonlyArray<string>): Uint8Array => encode("active-exec", "", ids)

/** What somebody typed, without the line's end; undefined when the bytes are no `exec-input` with a text. Never throws. */
export const decodeInput = (bytes: Uint8Array): string | undefined => {
  try {
    const message: unknown = JSON.parse(decodeText(bytes, 0, bytes.length))
    if (!isObject(message) || message["ObjectType"] !== "exec-input") return undefined
    const text = message["Object"]
    return typeof text === "string" ? text : undefined
  } catch {
    return undefined
  }
}

/** What can be said of a stream now, and what waits for more bytes. */
export interface Cut {
  readonly texts: ReadonlyArray<string>
  readonly rest: Uint8Array
}

/** Where the last character that is whole ends: a piece never ends inside of a UTF-8 sequence, unless the bytes are none. */
const wholeEnd = (bytes: Uint8Array, from: number, to: number): number => {
  for (let at = to - 1; at >= from && at >= to - 4; at--) {
    const byte = bytes[at] as number
    if (byte < 0x80) return to
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return at + length <= to ? to : at
  }
  return to
}

/**
 * Cuts a stream into texts of at most `bytesMax` bytes: at ends of lines where there are some, else between characters.
 * @param lines keep an unfinished line back, as long as it fits
 */
export const cutStream = (bytes: Uint8Array, bytesMax: number, lines: boolean): Cut => {
  const texts: Array<string> = []
  let from = 0
  while (from < bytes.length) {
    const limit = Math.min(bytes.length, from + bytesMax)
    const newline = lines ? bytes.lastIndexOf(0x0a, limit - 1) : -1
    if (lines && newline < from && limit === bytes.length && limit - from < bytesMax) break
    const end = newline >= from ? newline + 1 : wholeEnd(bytes, from, limit)
    if (end === from) break
    texts.push(decodeText(bytes, from, end))
    from = end
  }
  return { texts, rest: bytes.slice(from) }
}
