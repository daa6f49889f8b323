import { expect, it } from "vitest"
import { nodeAt, parseNode, textAt } from "../../../src/domain/wire/node.ts"

it.each([
  "",
  "{",
  "{}{}",
  '{"a":01}',
  "{a:1}",
  "[1,]",
  '{"a":1,}',
  '{"a" 1}',
  '["a"',
  '"\n"',
  "nul",
  "[".repeat(1_002) + "]".repeat(1_002),
])("refuses what is not JSON: %s", (text) => {
  expect(parseNode(text)).toBeUndefined()
})

it("keeps numbers as they were written, and the last of members with one name", () => {
  const node = parseNode(' { "a" : [ 9007199254740993 , 1e3 , "x\\u0041" ] , "b" : 1 , "b" : null } ')
  const a = nodeAt(node, "a")
  expect(a?._tag === "Array" ? a.items : undefined).toEqual([
    { _tag: "Literal", text: "9007199254740993" },
    { _tag: "Literal", text: "1e3" },
    { _tag: "String", text: "xA" },
  ])
  expect(nodeAt(node, "b")).toEqual({ _tag: "Literal", text: "null" })
  expect(textAt(node, "b")).toBeUndefined()
  expect(nodeAt(node, "a", "b", "c")).toBeUndefined()
})

it("reads strings of megabytes, escapes and all", () => {
  const long = 'x"\n'.repeat(700_000)
  expect(textAt(parseNode(JSON.stringify({ a: long })), "a") === long).toBe(true)
})
