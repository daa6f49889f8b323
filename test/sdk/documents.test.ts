import { readFileSync } from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"
import { makeDocuments } from "../../scripts/docs.ts"

const root = path.resolve(import.meta.dirname, "../..")

it("the reference and the descriptions are those that `make docs` writes", { timeout: 180_000 }, () => {
  for (const [name, text] of makeDocuments()) expect(readFileSync(path.join(root, name), "utf8"), `${name}: run make docs`).toBe(text)
})
