import { describe, expect, it } from "vitest"
import { faultOfSelector } from "../../../src/domain/select/labelSelector.ts"

describe("a label selector", () => {
  it.each([
    "",
    "app=web",
    "app==web,tier!=db",
    "app in (web, api),tier notin (db)",
    "app",
    "!app",
    "app.kubernetes.io/name=web",
    "example.com/a_b.c=",
    "size>3",
    " app = web ",
    "app in (a,b),c",
  ])("is sound: %s", (text) => {
    expect(faultOfSelector(text)).toBeUndefined()
  })

  it.each([
    ["app=web,tier in (", '"tier in (" is no requirement such as app=web'],
    ["app=we b", '"app=we b" is no requirement such as app=web'],
    ["=web", '"=web" is no requirement such as app=web'],
    ["app=web;tier=db", '"app=web;tier=db" is no requirement such as app=web'],
    ["app in web", '"app in web" is no requirement such as app=web'],
    ["Example.com/a=b", '"Example.com/a=b" is no requirement such as app=web'],
    ["app=web,", "a comma in the selector has nothing before or behind it"],
    ["a=b,,c", "a comma in the selector has nothing before or behind it"],
    [",a", "a comma in the selector has nothing before or behind it"],
  ])("is not: %s", (text, fault) => {
    expect(faultOfSelector(text)).toBe(fault)
  })

  it("is judged in a time that does not explode with its length", () => {
    expect(faultOfSelector(`${"a".repeat(50_000)}!`)).toBeDefined()
    expect(faultOfSelector(`a in (${"a,".repeat(20_000)}`)).toBeDefined()
  })
})
