import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { expect, it } from "vitest"

const root = path.resolve(import.meta.dirname, "../..")
const documents = ["README.md", "CONTRIBUTING.md", ...readdirSync(path.join(root, "docs")).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith(".md"),
)
const read = (name: string): string => readFileSync(path.join(root, name), "utf8")

/** As GitHub makes the name of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-")

const anchorsOf = (name: string): ReadonlySet<string> =>
  new Set([...read(name).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading)))

const isBroken = (from: string, link: string): boolean => {
  const [file = "", anchor] = link.split("#")
  const target = file === "" ? from : path.join(path.dirname(from), file)
  return !existsSync(path.join(root, target)) || (anchor !== undefined && !anchorsOf(target).has(anchor))
}

it.each(documents)("%s links to what is there", (name) => {
  const links = [...read(name).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link)
  expect(links.filter((link) => isBroken(name, link))).toEqual([])
})

it("every document is found from the README", () => {
  const linked = [...read("README.md").matchAll(/\((docs\/[\w-]+\.md)/g)].map(([, link]) => link)
  expect(documents.filter((name) => name.startsWith("docs/") && !linked.includes(name))).toEqual([])
})
