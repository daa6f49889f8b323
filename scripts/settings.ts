/**
 * Writes the README's table of settings from the one that the program itself reads. Run by `make settings`; a test compares.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { settings, type Setting } from "../src/app/settings.ts"

const begin = "<!-- settings: made from src/app/settings.ts by make settings; do not edit -->"
const end = "<!-- end of settings -->"

const code = (text: string): string => `\`${text}\``

/** A cell may not hold the character that ends it. */
const cell = (text: string): string => text.replaceAll("|", "\\|")

const flagCell = ({ aliases, flag, value }: Setting): string =>
  flag === "" ? "none" : [flag, ...aliases].map((name, at) => code(`--${name}${at === 0 && value !== "" ? ` ${value}` : ""}`)).join(" ")

const formatRow = (setting: Setting): string => {
  const { env, fallback, meaning } = setting
  const cells = [flagCell(setting), env === undefined ? "none" : code(env), fallback === "" ? "" : code(fallback), meaning]
  return `| ${cells.map(cell).join(" | ")} |`
}

/** All settings as a Markdown table, in the order of `--help`. */
export const formatSettings = (): string =>
  ["| Flag | Environment | Default | Meaning |", "|---|---|---|---|", ...Object.values<Setting>(settings).map(formatRow)].join("\n")

/** The text with the table put between its marks. Throws where the marks are missing or not in order. */
export const placeSettings = (text: string): string => {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the text lacks the lines ${begin} and ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${formatSettings()}\n\n${text.slice(to)}`
}

if (import.meta.main) {
  const readme = path.join(path.dirname(import.meta.dirname), "README.md")
  fs.writeFileSync(readme, placeSettings(fs.readFileSync(readme, "utf8")))
  console.log("written: README.md")
}
