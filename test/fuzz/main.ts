/**
 * `make fuzz INPUTS=1000000 FROM=k`: seeds from k on, until so many mutated inputs have been read. Prints what they reached, the time and
 * the growth of memory; the first seed that fails ends it with the command that runs that seed alone.
 */
import { fuzzSeed, makeTally } from "./fuzz.ts"

/** Growth of the resident memory behind the first tenth of the inputs: the lanes of earlier seeds must not stay. */
const growthBytesMax = 128 * 1024 * 1024

const inputs = Number(process.env["INPUTS"] || 100_000)
const from = Number(process.env["FROM"] || 1)
const tally = makeTally()
const startedMs = performance.now()
let warmBytes = 0
let seed = from
for (; tally.inputs < inputs; seed++) {
  try {
    fuzzSeed(seed, tally)
  } catch (cause) {
    throw new Error(`seed ${seed} fails; again: make fuzz INPUTS=1 FROM=${seed}`, { cause })
  }
  if (warmBytes === 0 && tally.inputs >= inputs / 10) warmBytes = process.memoryUsage().rss
}
const growthBytes = process.memoryUsage().rss - warmBytes
console.log(
  Object.entries(tally)
    .map(([outcome, count]) => `${outcome} ${count}`)
    .join(", "),
)
console.log(
  `${tally.inputs} mutated inputs of ${seed - from} seeds from ${from}: none failed, in ${((performance.now() - startedMs) / 1000).toFixed(1)} s; ` +
    `memory grew by ${Math.round(growthBytes / 1024 / 1024)} MiB behind the first tenth`,
)
if (growthBytes > growthBytesMax) {
  console.error(`that is more than ${growthBytesMax / 1024 / 1024} MiB`)
  process.exitCode = 1
}
