/**
 * SIGTERM and SIGINT from the first moment on. This module is imported before all others, so that a signal during start-up ends
 * the process in order, with status 0; when the run stands it takes over. Listeners are never exchanged: a signal between two would be
 * lost.
 */
import { shutdownWaitMs } from "../domain/limit.ts"

let act = (): void => process.exit(0)

for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => act())

/** From now on a signal interrupts the run; a run that does not end in time is ended, and a second signal does not wait. */
export const handSignalsTo = (interrupt: () => void): void => {
  let asked = false
  act = () => {
    if (asked) process.exit(0)
    asked = true
    setTimeout(() => process.exit(0), shutdownWaitMs).unref()
    interrupt()
  }
}
