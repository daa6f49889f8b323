/**
 * The commands of docs/walkthroughs.md, one by one, against a real API server. A block of text behind a block of commands is what the last
 * of them shows. Needs the registry of npm.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type ControlPlane, startControlPlane } from "../integration/controlPlane.ts"
import { requireProgram, root, temporaryFolder } from "../integration/program.ts"

interface Step {
  readonly commands: ReadonlyArray<string>
  /** What the last command shows; undefined where the page does not say. */
  readonly shown: string | undefined
}

/** Commands end with their line, unless a document follows them that ends with the line END. */
const splitCommands = (block: string): ReadonlyArray<string> => {
  const commands: Array<string> = []
  let open = false
  for (const line of block.split("\n")) {
    if (open) commands.push(`${commands.pop()}\n${line}`)
    else commands.push(line)
    open = open ? line !== "END" : line.endsWith("<<'END'")
  }
  return commands
}

const readWalkthroughs = (page: string): ReadonlyArray<readonly [title: string, steps: ReadonlyArray<Step>]> =>
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const blocks = section.matchAll(/^```sh\n([^]*?)\n```\n(?:\n```text\n([^]*?)\n```)?/gm)
      const steps = [...blocks].map(([, commands = "", shown]) => ({ commands: splitCommands(commands), shown }))
      return [section.slice(0, section.indexOf("\n")), steps] as const
    })

const walkthroughs = readWalkthroughs(readFileSync(path.join(root, "docs/walkthroughs.md"), "utf8"))
const folder = temporaryFolder()
let plane: ControlPlane

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
})

afterAll(() => plane[Symbol.asyncDispose]())

/** Runs one command as a person would type it, and returns what it shows. */
const type = (command: string): string => {
  const folders = [path.join(root, "bin"), path.dirname(requireProgram("kubectl")), path.join(root, "node_modules/.bin")]
  return execFileSync("sh", ["-ec", command], {
    cwd: folder,
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: `${folders.join(":")}:${process.env["PATH"]}`,
      KUBECONFIG: plane.kubeconfig("admin"),
      MESHSYNC: root,
      MESHSYNC_HEALTH_PORT: "0",
    },
  })
}

it("are three, and none of them is empty", () => {
  expect(walkthroughs.map(([, steps]) => steps.flatMap(({ commands }) => commands).length)).toEqual([12, 8, 9])
})

describe.each(walkthroughs)("%s", (_title, steps) => {
  it("works command by command", () => {
    for (const { commands, shown } of steps) {
      const outputs = commands.map(type)
      expect(outputs.at(-1)?.trimEnd(), commands.at(-1)).toBe(shown ?? outputs.at(-1)?.trimEnd())
    }
  })
})
