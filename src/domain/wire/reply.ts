/**
 * Answers to requests, in the envelope that every message has.
 */
import { makeWriter, writeAscii, writeQuoted } from "./writer.ts"

/** The answer to `meshsync-meta`: this program's version. */
export const encodeMeta = (version: string): Uint8Array => {
  const writer = makeWriter(128)
  writeAscii(writer, '{"ObjectType":"","EventType":"","Request":null,"Object":')
  writeQuoted(writer, version)
  writeAscii(writer, "}")
  return writer.bytes.slice(0, writer.at)
}
