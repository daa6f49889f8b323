/**
 * `meshsync version`.
 */
import * as Effect from "effect/Effect"
import { renderDocument } from "./format.ts"
import type { CommandOptions } from "./commandOptions.ts"

/** Prints the version alone, or with what it runs on where a format is given. */
export const version = ({ own, version: text }: CommandOptions) =>
  Effect.flatMap(
    renderDocument(
      own.get("format") ?? "table",
      { version: text, node: process.version, platform: `${process.platform}/${process.arch}` },
      () => text,
    ),
    (shown) => Effect.sync(() => void process.stdout.write(`${shown}\n`)),
  )
