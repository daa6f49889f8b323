/**
 * The promise in numbers.
 */

/** Consumers must equal the cluster this long after the last change and the last fault. */
export const convergenceLimitMs = 30_000
