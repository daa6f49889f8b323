import { expect, it } from "vitest"
import { columnsOf } from "../../src/app/layers.ts"

it.each([
  [{ columns: 133 }, 133],
  [{ columns: 0 }, 80],
  [{}, 80],
])("a terminal that does not tell its width is taken to have 80 columns: %j", (stream, expected) => {
  expect(columnsOf(stream)).toBe(expected)
})
