/** Seeds that once found something, as they are committed: one a line, with what it was. */
import { readFileSync } from "node:fs"

/** @param file its address */
export const readSeeds = (file: URL): ReadonlyArray<number> =>
  readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => /^\d+/.exec(line)?.map(Number) ?? [])

export const laneSeeds = readSeeds(new URL("seeds.txt", import.meta.url))
export const engineSeeds = readSeeds(new URL("engine/seeds.txt", import.meta.url))
