/**
 * What a decision has to tell a person, as data. Choosing kinds and following them both have something to say; neither knows how it is
 * said.
 */
import type { ErrorName } from "./error.ts"

/** An entry of the error registry with what it concerns. Logged by the shell, once. */
export interface Notice {
  readonly error: ErrorName
  /** What it concerns, e.g. `pods` or `ConfigMap shop/cfg`. */
  readonly subject: string
  /** What happened, in one sentence, without values of objects. */
  readonly detail: string
  readonly level: "debug" | "info" | "warning" | "error"
}
