/**
 * The command line as data. Without a command the rules are those of Go's flag package, because deployments rely on them:
 * one or two dashes, `-name value` or `-name=value`, the last one wins, the first word that is no flag ends the flags.
 * Commands follow kubectl's habits: short flags, and words among the flags. Runs before anything heavy is loaded; pure.
 */
import { measureDistance } from "../domain/select/names.ts"
import { quoteText } from "./quote.ts"
import { faultOfKind, settingOfFlag, settings, type SettingKey } from "./settings.ts"

export const commandNames = [
  "watch",
  "demo",
  "status",
  "doctor",
  "config",
  "rbac",
  "snapshot",
  "diff",
  "compare",
  "completion",
  "version",
] as const
export type CommandName = (typeof commandNames)[number]

/** Other words for a command. */
export const commandAliases: ReadonlyMap<string, CommandName> = new Map([["check", "doctor"]])

const findCommand = (word: string | undefined): CommandName | undefined =>
  commandNames.find((known) => known === word) ?? commandAliases.get(word ?? "")

/** Commands that take words besides flags. */
const wordy: ReadonlySet<CommandName> = new Set<CommandName>([
  "watch",
  "doctor",
  "config",
  "rbac",
  "snapshot",
  "diff",
  "compare",
  "completion",
])

export type CommandLine =
  | { readonly _tag: "Run"; readonly flags: ReadonlyMap<SettingKey, string> }
  | {
      readonly _tag: "Command"
      readonly name: CommandName
      readonly flags: ReadonlyMap<SettingKey, string>
      readonly own: ReadonlyMap<OwnFlag, string>
      readonly words: ReadonlyArray<string>
    }
  | { readonly _tag: "Help"; readonly command: CommandName | undefined }
  | { readonly _tag: "Version" }
  /** A usage error: exit status 2. */
  | { readonly _tag: "Bad"; readonly message: string; readonly command: CommandName | undefined }

/** Flags of commands that are no settings. */
export const ownFlags = {
  allNamespaces: {
    names: ["A", "all-namespaces"],
    kind: "switch",
    value: "",
    meaning: "all namespaces",
    of: ["watch", "doctor", "config", "rbac", "snapshot", "diff", "compare"],
  },
  verbose: { names: ["verbose"], kind: "switch", value: "", meaning: "also print every object of the first list", of: ["watch", "demo"] },
  duration: { names: ["duration"], kind: "duration", value: "DURATION", meaning: "end by itself after this time", of: ["demo", "compare"] },
  seed: { names: ["seed"], kind: "number", value: "N", meaning: "seed of the demonstration's cluster", of: ["demo"] },
  format: {
    names: ["o", "format"],
    kind: "text",
    value: "FORMAT",
    meaning: "table, json or yaml (rbac: yaml or json)",
    of: ["status", "doctor", "config", "rbac", "version", "compare"],
  },
  snapshotFormat: {
    names: ["o", "format"],
    kind: "text",
    value: "FORMAT",
    meaning:
      "yaml, into a file (default); json, one List, or ndjson, one message a line, both on stdout unless a file is named; folder, a file for each object",
    of: ["snapshot"],
  },
  clean: {
    names: ["clean"],
    kind: "switch",
    value: "",
    meaning:
      "manifests that can be applied again: without status, identity and what the cluster has filled in; objects that a controller or the cluster makes by itself are left out",
    of: ["snapshot"],
  },
  includeOwned: {
    names: ["include-owned"],
    kind: "switch",
    value: "",
    meaning: "keep in manifests what a controller or the cluster makes by itself (diff: both sides have it)",
    of: ["snapshot", "diff"],
  },
  estimate: {
    names: ["estimate"],
    kind: "switch",
    value: "",
    meaning: "also say how much the first announcement sends, how long it takes and what is remembered",
    of: ["doctor"],
  },
  serviceAccount: {
    names: ["service-account"],
    kind: "text",
    value: "NAMESPACE/NAME",
    meaning: "who gets the rights (default meshery/meshery-operator, as Meshery's operator has it)",
    of: ["rbac"],
  },
  user: { names: ["user"], kind: "text", value: "NAME", meaning: "a user gets the rights, not a service account", of: ["rbac"] },
  name: { names: ["name"], kind: "text", value: "NAME", meaning: "name of the roles and bindings (default meshsync)", of: ["rbac"] },
  peer: {
    names: ["peer"],
    kind: "text",
    value: "COMMAND",
    meaning: "start this MeshSync beside us, with BROKER_URL in its environment, and stop it at the end",
    of: ["compare"],
  },
  resync: {
    names: ["resync"],
    kind: "switch",
    value: "",
    meaning: "ask the running MeshSync to announce everything again; the only thing that is ever published",
    of: ["compare"],
  },
  address: {
    names: ["address"],
    kind: "text",
    value: "URL",
    meaning: "where the running meshsync serves /status (default http://127.0.0.1:11000)",
    of: ["status"],
  },
} as const
export type OwnFlag = keyof typeof ownFlags

/** kubectl's short names of settings. */
const shortNames: ReadonlyMap<string, SettingKey> = new Map([
  ["n", "namespaces"],
  ["namespace", "namespaces"],
  ["l", "selector"],
])

const pattern = /^--?([^=-][^=]*)(?:=([^]*))?$/

/** @param words the arguments behind the program's name */
export const parseCommandLine = (words: ReadonlyArray<string>): CommandLine => {
  const [first, ...rest] = words
  if (first === undefined || first.startsWith("-")) return parseRoot(words)
  const name = findCommand(first)
  if (name !== undefined) return parseCommand(name, rest)
  if (first === "help") return { _tag: "Help", command: findCommand(rest[0]) }
  const close = commandNames
    .toSorted((a, b) => measureDistance(first, a) - measureDistance(first, b))
    .find((name) => measureDistance(first, name) <= 2)
  const hint = close === undefined ? `the commands are ${commandNames.join(", ")}` : `did you mean ${close}?`
  return { _tag: "Bad", message: `unknown command ${quoteText(first)}: ${hint}`, command: undefined }
}

interface Found {
  readonly kind: string
  readonly take: (value: string) => string | undefined
}

interface Scan {
  readonly words: ReadonlyArray<string>
  readonly find: (name: string) => Found | undefined
  /** Called with each word that is no flag, also with those behind `--`; false ends the flags. */
  readonly word: (word: string) => boolean
}

/** What one argument says, in either of Go's forms or in kubectl's `-nshop`. */
interface Said {
  readonly name: string
  readonly value: string | undefined
  readonly found: Found | undefined
}

const readFlag = (text: string, find: Scan["find"]): Said | undefined => {
  const [whole, name = "", value] = pattern.exec(text) ?? []
  if (whole === undefined) return undefined
  const found = find(name)
  const letter = found === undefined && !text.startsWith("--") ? find(text.slice(1, 2)) : undefined
  const isJoined = letter !== undefined && letter.kind !== "switch" && text.length > 2
  return isJoined ? { name: text.slice(1, 2), value: text.slice(2), found: letter } : { name, value, found }
}

type Ended =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Version" }
  | { readonly _tag: "Bad"; readonly message: string }

const bad = (message: string): Ended => ({ _tag: "Bad", message })

const scan = ({ find, word, words }: Scan): Ended => {
  for (let i = 0; i < words.length; i++) {
    const text = words[i] as string
    if (text === "--") {
      words.slice(i + 1).every(word)
      return { _tag: "Done" }
    }
    if (text === "-" || !text.startsWith("-")) {
      if (word(text)) continue
      return { _tag: "Done" }
    }
    const said = readFlag(text, find)
    if (said === undefined) return bad(`bad flag syntax: ${text}`)
    const { found, name } = said
    if (found === undefined) {
      if (name === "h" || name === "help") return { _tag: "Help" }
      return name === "version" ? { _tag: "Version" } : bad(`flag provided but not defined: -${name}`)
    }
    const value = said.value ?? (found.kind === "switch" ? "true" : words[++i])
    if (value === undefined) return bad(`flag needs an argument: -${name}`)
    const fault = found.take(value)
    if (fault === undefined) continue
    const head = found.kind === "switch" ? "invalid boolean value" : "invalid value"
    return bad(`${head} ${quoteText(value)} for ${found.kind === "switch" ? "" : "flag "}-${name}: ${fault}`)
  }
  return { _tag: "Done" }
}

const settingTaker = (flags: Map<SettingKey, string>, key: SettingKey): Found => ({
  kind: settings[key].kind,
  take: (value) => {
    flags.set(key, value)
    return faultOfKind(settings[key].kind, value)
  },
})

const parseRoot = (words: ReadonlyArray<string>): CommandLine => {
  const flags = new Map<SettingKey, string>()
  const find = (name: string): Found | undefined => {
    const key = settingOfFlag(name)
    return key === undefined ? undefined : settingTaker(flags, key)
  }
  let stray: string | undefined
  const word = (text: string): boolean => {
    stray = text
    return false
  }
  const ended = scan({ words, find, word })
  switch (ended._tag) {
    case "Done": {
      // Go ignores a stray word and all behind it, and so do we; but whoever names a command does not want what comes without one.
      const name = findCommand(stray)
      if (name !== undefined) return { _tag: "Bad", message: `the command comes first: ${name}, then its flags`, command: name }
      return { _tag: "Run", flags }
    }
    case "Help":
      return { _tag: "Help", command: undefined }
    case "Version":
      return { _tag: "Version" }
    case "Bad":
      return { ...ended, command: undefined }
  }
}

const parseCommand = (name: CommandName, words: ReadonlyArray<string>): CommandLine => {
  const flags = new Map<SettingKey, string>()
  const own = new Map<OwnFlag, string>()
  const plain: Array<string> = []
  const find = (flag: string): Found | undefined => {
    const mine = (Object.keys(ownFlags) as ReadonlyArray<OwnFlag>).find((key) => {
      const { names, of } = ownFlags[key]
      return (names as ReadonlyArray<string>).includes(flag) && (of as ReadonlyArray<CommandName>).includes(name)
    })
    if (mine !== undefined) {
      const { kind } = ownFlags[mine]
      const take = (value: string): string | undefined => {
        own.set(mine, value)
        return faultOfKind(kind, value)
      }
      return { kind, take }
    }
    const key = shortNames.get(flag) ?? settingOfFlag(flag)
    return key === undefined ? undefined : settingTaker(flags, key)
  }
  const ended = scan({ words, find, word: (word) => plain.push(word) > 0 })
  switch (ended._tag) {
    case "Done":
      if (plain[0] !== undefined && !wordy.has(name)) {
        return { _tag: "Bad", message: `${name} takes flags only, not ${quoteText(plain[0])}`, command: name }
      }
      return { _tag: "Command", name, flags, own, words: plain }
    case "Help":
      return { _tag: "Help", command: name }
    case "Version":
      return { _tag: "Version" }
    case "Bad":
      return { ...ended, command: name }
  }
}
