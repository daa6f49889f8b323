import { describe, expect, it } from "vitest"
import { commandNames, ownFlags, parseCommandLine } from "../../src/app/commandLine.ts"
import { commandHelp, refusalText, rootHelp } from "../../src/app/help.ts"
import { settings, type Setting } from "../../src/app/settings.ts"

const all: ReadonlyArray<Setting> = Object.values(settings)
const root = rootHelp("./meshery-meshsync")

/** The description below the line that begins so. */
const describedBy = (head: string): string => {
  const lines = root.split("\n")
  const at = lines.findIndex((line) => line === head || line.startsWith(`${head} `) || line.startsWith(`${head},`))
  return at < 0 ? "" : (lines[at + 1] ?? "")
}

describe("the answer to a wrong command line", () => {
  it("says what is wrong, then the usage, and on a terminal again what is wrong", () => {
    expect(refusalText("no such flag", "Usage\n", false)).toBe("no such flag\nUsage\n")
    expect(refusalText("no such flag", "Usage\n", true)).toBe("no such flag\nUsage\n\nno such flag\n")
  })
})

describe("the help of the root", () => {
  it("begins as Go's does", () => {
    expect(root.startsWith("Usage of ./meshery-meshsync:\n")).toBe(true)
  })

  it("names every setting with its meaning, its variable and its default", () => {
    const missing = all.flatMap(({ env, fallback, flag, kind, meaning }) => {
      const text = describedBy(flag === "" ? `  ${env}` : `  --${flag}`)
      const shown = fallback === "" || (kind === "switch" && fallback === "false") ? "" : `default ${fallback}`
      return [meaning, flag === "" ? "" : (env ?? ""), shown].filter((part) => !text.includes(part))
    })
    expect(missing).toEqual([])
  })

  it("names every alias, every command and every exit status", () => {
    for (const { aliases } of all) for (const alias of aliases) expect(root).toContain(`--${alias}`)
    for (const name of commandNames) expect(root).toMatch(new RegExp(`^  ${name} +\\S`, "m"))
    for (const status of [0, 1, 2]) expect(root).toMatch(new RegExp(`^  ${status}  \\S`, "m"))
  })

  it("fits a terminal", () => {
    expect(root.split("\n").filter((line) => line.length > 140)).toEqual([])
  })
})

describe("the help of a command", () => {
  it.each(commandNames)("%s: its own flags are there", (name) => {
    const text = commandHelp("meshsync", name)
    const flags = Object.values(ownFlags)
    const shown = flags.filter(({ meaning }) => text.includes(meaning))
    expect(shown).toEqual(flags.filter(({ of }) => (of as ReadonlyArray<string>).includes(name)))
  })

  it.each([undefined, ...commandNames])("its examples are understood: %s", (name) => {
    const text = name === undefined ? rootHelp("meshsync") : commandHelp("meshsync", name)
    const [, block = ""] = /Examples:\n([^]*?)\n\n/.exec(text) ?? []
    const examples = block.split("\n").map((line) => line.trim().replace(/^\w+=\S+ /, ""))
    const understood = examples.map((example) => {
      const [program, ...words] = example.replaceAll("'", "").split(" ")
      return `${program} ${parseCommandLine(words)._tag}`
    })
    expect(new Set(understood)).toEqual(new Set([`meshsync ${name === undefined ? "Run" : "Command"}`]))
  })
})
