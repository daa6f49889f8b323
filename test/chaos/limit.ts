/**
 * The promise in numbers.
 */

/** Consumers must equal the cluster this long after the last change and the last fault. */
export const convergenceLimitMs = 30_000
/** A fault from which nobody has recovered after this counts as not recovered; the faults that followed count too. */
export const beaconWaitMs = 120_000
