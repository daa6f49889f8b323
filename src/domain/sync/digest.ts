/**
 * The number by which two sides find out, without comparing objects, whether they hold the same ones in the same versions. Whoever has the
 * messages can compute it with what every language brings along:
 *
 *   for each object the first 8 bytes of SHA-256 over `<uid>@<resourceVersion>` (without a uid: `<namespace>/<name>@<resourceVersion>`),
 *   as an unsigned big-endian integer; the sum of all of them modulo 2^64; sixteen lower-case hex digits.
 *
 * A sum has no order, and an object leaves it as it came. The hash is written out here because the domain has no host to ask for it; a UUID
 * and a version of 18 digits fit its smallest input, one block. Does not know ledgers.
 */

/** The sum so far, as two words. */
export interface Digest {
  digestHigh: number
  digestLow: number
}

const primes: ReadonlyArray<number> = Array.from({ length: 312 }, (_, number) => number).filter((number) => {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false
  return number > 1
})

/** The first 32 bits behind the point. */
const fraction = (root: number): number => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0

const constants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)))
const initial = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)))

const blockBytes = 64
const lengthBytes = 8
const schedule = new Int32Array(64)
const state = new Int32Array(8)

const at = (words: Int32Array, index: number): number => words[index] as number
const turned = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

/** Takes one block into `state` (FIPS 180-4, 6.2.2). */
const compress = (bytes: Uint8Array, start: number): void => {
  for (let i = 0, from = start; i < 16; i++, from += 4) {
    const [high, second] = [bytes[from] as number, bytes[from + 1] as number]
    schedule[i] = (high << 24) | (second << 16) | ((bytes[from + 2] as number) << 8) | (bytes[from + 3] as number)
  }
  for (let i = 16; i < 64; i++) {
    const [old, young] = [at(schedule, i - 15), at(schedule, i - 2)]
    const small = turned(old, 7) ^ turned(old, 18) ^ (old >>> 3)
    const large = turned(young, 17) ^ turned(young, 19) ^ (young >>> 10)
    schedule[i] = at(schedule, i - 16) + small + at(schedule, i - 7) + large
  }
  let [a, b, c, d] = [at(state, 0), at(state, 1), at(state, 2), at(state, 3)]
  let [e, f, g, h] = [at(state, 4), at(state, 5), at(state, 6), at(state, 7)]
  for (let i = 0; i < 64; i++) {
    const choice = (e & f) ^ (~e & g)
    const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + choice + at(constants, i) + at(schedule, i)) | 0
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + majority) | 0
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  state[0] = at(state, 0) + a
  state[1] = at(state, 1) + b
  state[2] = at(state, 2) + c
  state[3] = at(state, 3) + d
  state[4] = at(state, 4) + e
  state[5] = at(state, 5) + f
  state[6] = at(state, 6) + g
  state[7] = at(state, 7) + h
}

let padded = new Uint8Array(blockBytes)

/**
 * Adds the text of one object to a digest, or takes it away.
 * @param bytes the text in UTF-8, from 0 to `length`; left as it is
 */
export const addToDigest = (digest: Digest, bytes: Uint8Array, length: number, sign: 1 | -1): void => {
  const size = Math.ceil((length + 1 + lengthBytes) / blockBytes) * blockBytes
  if (padded.length < size) padded = new Uint8Array(size)
  padded.fill(0, length, size)
  for (let i = 0; i < length; i++) padded[i] = bytes[i] as number
  padded[length] = 0x80
  // Texts are far shorter than 2^29 bytes: the length in bits fits the last word.
  const bits = length * 8
  for (let i = 1; i <= 4; i++) padded[size - i] = bits >>> (8 * (i - 1))
  state.set(initial)
  for (let start = 0; start < size; start += blockBytes) compress(padded, start)
  const low = (digest.digestLow >>> 0) + sign * (at(state, 1) >>> 0)
  digest.digestLow = low | 0
  digest.digestHigh = (digest.digestHigh + sign * at(state, 0) + Math.floor(low / 2 ** 32)) | 0
}

/** Sixteen hex digits. */
export const digestText = ({ digestHigh, digestLow }: Digest): string =>
  (digestHigh >>> 0).toString(16).padStart(8, "0") + (digestLow >>> 0).toString(16).padStart(8, "0")
