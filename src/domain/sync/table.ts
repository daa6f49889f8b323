/**
 * The arithmetic of an open-addressing table: how large it is, how full it may be, and where an address would lie if nothing else
 * were there.
 * Does not know what its slots hold.
 */
export const capacityFirst = 16
export const largeCapacity = 4096

/** Whether a table is at most four fifths full: beyond that searches for what is not there become long. */
export const fits = (size: number, capacity: number): boolean => size * 5 <= capacity * 4

/** The hash of an address; never 0, which marks an empty slot. */
export const hashOf = (namespace: number, bytes: Uint8Array, start: number, end: number): number => {
  let hash = (0x811c9dc5 ^ namespace) | 0
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return finish(hash) | 1
}

/** Where an address would lie if nothing else were there. */
export const homeOf = (hash: number, capacity: number): number => (hash >>> 0) % capacity

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
const finish = (hash: number): number => {
  let mixed = hash ^ (hash >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
