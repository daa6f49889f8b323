/**
 * What a command is given: its command line, read and checked. What it needs of the world it gets for itself.
 */
import type { CommandName, OwnFlag } from "../commandLine.ts"
import type { Values } from "../settings.ts"

export interface CommandOptions {
  readonly name: CommandName
  /** Of this program. */
  readonly version: string
  /** All settings, whether the command has a flag for them or not. */
  readonly values: Values
  /** Flags that are no settings. */
  readonly own: ReadonlyMap<OwnFlag, string>
  /** What stands behind the command without a dash: kinds, files. */
  readonly words: ReadonlyArray<string>
}
