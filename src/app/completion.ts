/**
 * Completion scripts for shells, made from the tables that parse the command line: what is offered is what is understood.
 * Static text: no shell asks the program or the cluster while somebody types. Pure.
 */
import { commandAliases, commandNames, ownFlags, type CommandName, type OwnFlag } from "./commandLine.ts"
import { settingsOfCommand, summaryOf } from "./help.ts"
import { settings, type Setting, type SettingKey } from "./settings.ts"

export const shells = ["bash", "zsh", "fish"] as const
export type Shell = (typeof shells)[number]

/** A flag as shells need it. */
interface Flag {
  /** Without dashes; those of one letter are short. */
  readonly names: ReadonlyArray<string>
  readonly takesValue: boolean
  readonly takesFile: boolean
  readonly meaning: string
}

const flagOfSetting = (key: SettingKey): Flag => {
  const { aliases, flag, kind, meaning, value }: Setting = settings[key]
  return { names: [flag, ...aliases], takesValue: kind !== "switch", takesFile: value === "FILE", meaning }
}

const shortFlags: ReadonlyArray<Flag & { readonly of: SettingKey }> = [
  { of: "namespaces", names: ["n", "namespace"], takesValue: true, takesFile: false, meaning: "short for --namespaces" },
  { of: "selector", names: ["l"], takesValue: true, takesFile: false, meaning: "short for --selector" },
]

const helpFlag: Flag = { names: ["h", "help"], takesValue: false, takesFile: false, meaning: "what it does" }

const isNamed = (key: SettingKey): boolean => settings[key].flag !== ""

/** The flags behind the program's name, or behind a command. */
const flagsOf = (name: CommandName | undefined): ReadonlyArray<Flag> => {
  if (name === undefined) return [...(Object.keys(settings) as ReadonlyArray<SettingKey>).filter(isNamed).map(flagOfSetting), helpFlag]
  const own = (Object.keys(ownFlags) as ReadonlyArray<OwnFlag>)
    .filter((flag) => (ownFlags[flag].of as ReadonlyArray<CommandName>).includes(name))
    .map((flag): Flag => {
      const { kind, meaning, names } = ownFlags[flag]
      return { names, takesValue: kind !== "switch", takesFile: false, meaning }
    })
  const keys = settingsOfCommand(name).filter(isNamed)
  return [...own, ...shortFlags.filter(({ of }) => keys.includes(of)), ...keys.map(flagOfSetting), helpFlag]
}

/** Words that may follow a command. */
const wordsOf = (name: CommandName): ReadonlyArray<string> => (name === "completion" ? shells : name === "config" ? ["view"] : [])

/** Commands whose words are names of files. */
const takesFiles: ReadonlySet<CommandName> = new Set<CommandName>(["diff"])

/** A command's name and its other words. */
const spellingsOf = (name: CommandName): ReadonlyArray<string> => [
  name,
  ...[...commandAliases].filter(([, meant]) => meant === name).map(([alias]) => alias),
]

const dashed = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`)

/** For a text between single quotes of a POSIX shell, or of fish. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const bashCase = (label: string, flags: ReadonlyArray<Flag>, words: ReadonlyArray<string>): string => {
  const names = (wanted: (flag: Flag) => boolean): string =>
    flags
      .filter(wanted)
      .flatMap((flag) => flag.names.map(dashed))
      .join(" ")
  return [
    `    ${label})`,
    `      words="${[...words, names(() => true)].join(" ")}"`,
    `      files=" ${names(({ takesFile }) => takesFile)} "`,
    `      values=" ${names(({ takesFile, takesValue }) => takesValue && !takesFile)} "`,
    "      ;;",
  ].join("\n")
}

const bash = (): string => `# bash completion for meshsync: source <(meshsync completion bash)
_meshsync() {
  local words files values current="\${COMP_WORDS[COMP_CWORD]}" previous=""
  COMPREPLY=()
  ((COMP_CWORD > 1)) && previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  case "\${COMP_WORDS[1]}" in
${commandNames.map((name) => bashCase(spellingsOf(name).join("|"), flagsOf(name), wordsOf(name))).join("\n")}
${bashCase("help", [], commandNames)}
${bashCase("*", flagsOf(undefined), [...commandNames, "help"])}
  esac
  ((COMP_CWORD == 1)) && words="${[...commandNames, "help"].join(" ")} ${flagsOf(undefined)
    .flatMap(({ names }) => names.map(dashed))
    .join(" ")}"
  if [[ -n $previous && $files == *" $previous "* ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
  elif [[ -z $previous || $values != *" $previous "* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    [[ " ${[...takesFiles].join(" ")} " == *" \${COMP_WORDS[1]} "* ]] && COMPREPLY+=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _meshsync meshsync
`

/** In a specification of \`_arguments\` brackets and colons mean something. */
const zshText = (text: string): string => text.replaceAll(/[[\]:\\]/g, (sign) => `\\${sign}`)

const zshFlag = ({ meaning, names, takesFile, takesValue }: Flag): ReadonlyArray<string> =>
  names.map((name) => quote(`${dashed(name)}[${zshText(meaning)}]${takesFile ? ":file:_files" : takesValue ? ":value: " : ""}`))

const zshCase = (name: CommandName): string => {
  const words = wordsOf(name)
  const rest = words.length === 0 ? (takesFiles.has(name) ? [quote("*:file:_files")] : []) : [quote(`1:word:(${words.join(" ")})`)]
  return `    ${spellingsOf(name).join("|")}) _arguments ${[...flagsOf(name).flatMap(zshFlag), ...rest].join(" ")} ;;`
}

const zsh = (): string => `#compdef meshsync
# zsh completion for meshsync: source <(meshsync completion zsh)
_meshsync() {
  local -a commands
  commands=(${commandNames.map((name) => quote(`${name}:${zshText(summaryOf(name))}`)).join(" ")} 'help:what a command does')
  if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
    _describe command commands
    return
  fi
  local command=$words[2]
  if [[ $command != -* ]]; then
    shift words
    ((CURRENT--))
  fi
  case $command in
${commandNames.map(zshCase).join("\n")}
    help) _describe command commands ;;
    *) _arguments ${flagsOf(undefined).flatMap(zshFlag).join(" ")} ;;
  esac
}
# Either sourced, or loaded by the first completion, which it then has to answer.
compdef _meshsync meshsync
[[ "$funcstack[1]" == _meshsync ]] && _meshsync "$@"
`

const fishFlag = (condition: string, { meaning, names, takesFile, takesValue }: Flag): string => {
  const spelt = names.map((name) => (name.length === 1 ? `-s ${name}` : `-l ${name}`)).join(" ")
  return `complete -c meshsync -n ${quote(condition)} ${spelt}${takesFile ? " -r -F" : takesValue ? " -x" : ""} -d ${quote(meaning)}`
}

const fish = (): string =>
  [
    "# fish completion for meshsync: meshsync completion fish | source",
    "complete -c meshsync -f",
    ...commandNames.map((name) => `complete -c meshsync -n __fish_use_subcommand -a ${name} -d ${quote(summaryOf(name))}`),
    `complete -c meshsync -n __fish_use_subcommand -a help -d 'what a command does'`,
    ...flagsOf(undefined).map((flag) => fishFlag("__fish_use_subcommand", flag)),
    ...commandNames.flatMap((name) => {
      const condition = `__fish_seen_subcommand_from ${spellingsOf(name).join(" ")}`
      return [
        ...flagsOf(name).map((flag) => fishFlag(condition, flag)),
        ...wordsOf(name).map((word) => `complete -c meshsync -n ${quote(condition)} -a ${word}`),
        ...(takesFiles.has(name) ? [`complete -c meshsync -n ${quote(condition)} -F`] : []),
      ]
    }),
    "",
  ].join("\n")

/** The script that teaches a shell the commands and flags of this version. */
export const completionScript = (shell: Shell): string => {
  switch (shell) {
    case "bash":
      return bash()
    case "zsh":
      return zsh()
    case "fish":
      return fish()
  }
}
