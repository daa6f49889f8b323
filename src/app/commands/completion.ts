/**
 * `meshsync completion SHELL`: the script to stdout.
 */
import * as Effect from "effect/Effect"
import { meshError } from "../../domain/error.ts"
import { completionScript, shells } from "../completion.ts"
import type { CommandOptions } from "./commandOptions.ts"

/** Prints the script for the shell that the one word names; fails with ErrUsage for other words. */
export const completion = ({ words }: CommandOptions) => {
  const shell = shells.find((known) => known === words[0])
  return shell === undefined || words.length !== 1
    ? Effect.fail(meshError("ErrUsage", `completion takes one word, the shell: ${shells.join(", ")}`))
    : Effect.sync(() => void process.stdout.write(completionScript(shell)))
}
