import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { commandNames, ownFlags, parseCommandLine } from "../../src/app/commandLine.ts"
import { completionScript, shells } from "../../src/app/completion.ts"
import { settings, type Setting } from "../../src/app/settings.ts"

/** What bash offers when the last of the words is being typed. */
const complete = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const script = `${completionScript("bash")}
COMP_WORDS=(meshsync ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}
_meshsync
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { status, stderr, stdout } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" })
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
  return stdout.split("\n").filter((line) => line !== "")
}

describe("completion in bash", () => {
  it("offers every command first", () => {
    expect(complete("")).toEqual(expect.arrayContaining([...commandNames, "help"]))
    expect(complete("do")).toEqual(["doctor"])
  })

  it("offers the flags of a command, and not those of others", () => {
    expect(complete("rbac", "--s")).toEqual(["--service-account", "--selector"])
    expect(complete("status", "--s")).toEqual([])
    expect(complete("check", "--est")).toEqual(["--estimate"])
  })

  it("offers the flags of the root", () => {
    expect(complete("--output", "file", "--onc")).toEqual(["--once"])
  })

  it("offers shells, and commands to help", () => {
    expect(complete("completion", "")).toEqual(expect.arrayContaining([...shells]))
    expect(complete("help", "wa")).toEqual(["watch"])
  })

  it("offers files to a flag that takes one, nothing to one that takes something else", () => {
    expect(complete("watch", "--kubeconfig", "package.js")).toEqual(["package.json"])
    expect(complete("watch", "--context", "")).toEqual([])
  })

  it("offers files to diff, and to no other command", () => {
    expect(complete("diff", "package.js")).toEqual(["package.json"])
    expect(complete("diff", "a.yaml", "package.js")).toEqual(["package.json"])
    expect(complete("watch", "package.js")).toEqual([])
  })
})

describe("every script", () => {
  const flags = Object.values(settings as Readonly<Record<string, Setting>>).flatMap(({ aliases, flag }) =>
    flag === "" ? [] : [flag, ...aliases],
  )
  const own = Object.values(ownFlags).flatMap(({ names }) => names)

  it.each(shells)("%s: knows every command and every flag", (shell) => {
    const script = completionScript(shell)
    const words = new Set(script.split(/[^\w-]+/).map((word) => word.replace(/^-+/, "")))
    expect([...commandNames, ...flags, ...own].filter((word) => !words.has(word))).toEqual([])
  })

  it("offers only flags that the command line understands", () => {
    const offered = commandNames.flatMap((name) => complete(name, "--").map((flag) => [name, flag] as const))
    expect(offered.length).toBeGreaterThan(30)
    const refused = offered.filter(([name, flag]) => {
      const parsed = parseCommandLine([name, flag])
      return parsed._tag === "Bad" && parsed.message.includes("not defined")
    })
    expect(refused).toEqual([])
  })
})
