/**
 * Answers to requests, in the envelope that every message has.
 */
import { encodeText } from "./writer.ts"

/** The answer to `meshsync-meta`: this program's version. */
export const encodeMeta = (version: string): Uint8Array =>
  encodeText(`{"ObjectType":"","EventType":"","Request":null,"Object":${JSON.stringify(version.toWellFormed())}}`)
