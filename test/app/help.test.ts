import { describe, expect, it } from "vitest"
import { commandNames, ownFlags, parseCommandLine } from "../../src/app/commandLine.ts"
import { commandHelp, rootHelp } from "../../src/app/help.ts"
import { settings, type Setting } from "../../src/app/settings.ts"

const all: ReadonlyArray<Setting> = Object.values(settings)
const root = rootHelp("./meshery-meshsync")

/** The description below the line that begins so. */
const describedBy = (head: string): string => {
  const lines = root.split("\n")
  const at = lines.findIndex((line) => line === head || line.startsWith(`${head} `) || line.startsWith(`${head},`))
  return at < 0 ? "" : (lines[at + 1] ?? "")
}

describe("the help of the root", () => {
  it("begins as Go's does", () => {
    expect(root.startsWith("Usage of ./meshery-meshsync:\n")).toBe(true)
  })

  it("names every setting with its meaning, its variable and its default", () => {
    for (const { env, fallback, flag, kind, meaning } of all) {
      const text = describedBy(flag === "" ? `  ${env}` : `  --${flag}`)
      expect(text, flag).toContain(meaning)
      if (flag !== "" && env !== undefined) expect(text, flag).toContain(env)
      if (fallback !== "" && !(kind === "switch" && fallback === "false")) expect(text, flag).toContain(`default ${fallback}`)
    }
  })

  it("names every alias, every command and every exit status", () => {
    for (const { aliases } of all) for (const alias of aliases) expect(root).toContain(`--${alias}`)
    for (const name of commandNames) expect(root).toMatch(new RegExp(`^  ${name} +\\S`, "m"))
    for (const status of [0, 1, 2]) expect(root).toMatch(new RegExp(`^  ${status}  \\S`, "m"))
  })

  it("fits a terminal", () => {
    for (const line of root.split("\n")) expect(line.length, line).toBeLessThanOrEqual(140)
  })
})

describe("the help of a command", () => {
  it.each(commandNames)("%s: its own flags are there", (name) => {
    const text = commandHelp("meshsync", name)
    for (const { meaning, names, of } of Object.values(ownFlags)) {
      const belongs = (of as ReadonlyArray<string>).includes(name)
      expect(text.includes(meaning), `${names[0]} of ${name}`).toBe(belongs)
    }
  })

  it.each([undefined, ...commandNames])("its examples are understood: %s", (name) => {
    const text = name === undefined ? rootHelp("meshsync") : commandHelp("meshsync", name)
    const [, block = ""] = /Examples:\n([^]*?)\n\n/.exec(text) ?? []
    const examples = block.split("\n").map((line) => line.trim().replace(/^\w+=\S+ /, ""))
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      const [program, ...words] = example.replaceAll("'", "").split(" ")
      expect(program, example).toBe("meshsync")
      expect(parseCommandLine(words)._tag, example).toBe(name === undefined ? "Run" : "Command")
    }
  })
})
