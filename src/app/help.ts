/**
 * What `--help` prints. Written to teach: what it does, every flag with its environment variable and default, examples, exit statuses.
 */
import { commandNames, ownFlags, type CommandName, type OwnFlag } from "./commandLine.ts"
import { settings, type Setting, type SettingKey } from "./settings.ts"

const flagWords = ({ aliases, flag, value }: Setting): string =>
  [flag, ...aliases].map((name) => `--${name}`).join(", ") + (value === "" ? "" : ` ${value}`)

const remark = ({ env, fallback, kind }: Setting): string => {
  const shown = fallback === "" || (kind === "switch" && fallback === "false") ? "" : `default ${fallback}`
  const parts = [env ?? "", shown].filter((part) => part !== "")
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`
}

const describe = (setting: Setting): string =>
  setting.flag === "" ? `  ${setting.env}\n    \t${setting.meaning}` : `  ${flagWords(setting)}\n    \t${setting.meaning}${remark(setting)}`

const describeOwn = (flag: OwnFlag): string => {
  const { meaning, names, value } = ownFlags[flag]
  const words = names.map((name) => (name.length === 1 ? `-${name}` : `--${name}`)).join(", ")
  return `  ${words}${value === "" ? "" : ` ${value}`}\n    \t${meaning}`
}

const selectionSettings: ReadonlyArray<SettingKey> = ["namespaces", "resources", "selector"]
const brokerSettings: ReadonlyArray<SettingKey> = [
  "brokerUrl",
  "natsUser",
  "natsPassword",
  "natsToken",
  "natsCreds",
  "natsNkey",
  "natsCert",
  "natsKey",
  "natsCa",
]
const clusterSettings: ReadonlyArray<SettingKey> = ["kubeconfig", "context", "logFormat", "debug"]

const commands: Readonly<
  Record<
    CommandName,
    {
      readonly usage: string
      readonly text: string
      readonly settings: ReadonlyArray<SettingKey>
      readonly examples: ReadonlyArray<string>
    }
  >
> = {
  watch: {
    usage: "watch [KIND ...] [flags]",
    text: "A live feed of the cluster in the terminal: what was created, changed and deleted, and which fields. Needs no broker and changes nothing.",
    settings: ["namespaces", "selector", "redactPaths", "showSecrets", "stopAfter", ...clusterSettings],
    examples: ["watch", "watch pods deploy -n shop", "watch -A -l app=web", "watch '*' --context staging"],
  },
  demo: {
    usage: "demo [flags]",
    text: "The same feed against a cluster that lives in this process: 500 objects of 15 kinds that change. Leaves two YAML snapshots.",
    settings: ["outputFile", "showSecrets"],
    examples: ["demo", "demo --duration 10s"],
  },
  status: {
    usage: "status [flags]",
    text: "What a running meshsync is doing: each kind's state, objects, and what troubles it.",
    settings: [],
    examples: ["status", "status -o json", "status --address http://10.1.2.3:11000"],
  },
  doctor: {
    usage: "doctor [KIND ...] [flags]",
    text: "Looks at everything that a run with these settings needs: cluster, rights to each kind, broker, clock, ports. Changes nothing. Also: check.",
    settings: ["output", ...selectionSettings, "customResource", "clusterId", ...brokerSettings, "pace", "healthPort", ...clusterSettings],
    examples: ["doctor", "doctor --estimate", "doctor pods deploy -n shop", "check --output file -o json"],
  },
  config: {
    usage: "config view [flags]",
    text: "The configuration in force: each setting, its value and where it came from, and the kinds that are selected in this cluster. Credentials are masked.",
    settings: Object.keys(settings) as ReadonlyArray<SettingKey>,
    examples: ["config view", "config view -o yaml", "config view -n shop --resources pods,deployments"],
  },
  rbac: {
    usage: "rbac [KIND ...] [flags]",
    text: "The least rights that a run with these settings needs, as manifests for kubectl apply -f -. Reads the cluster, changes nothing.",
    settings: [...selectionSettings, "customResource", "clusterId", ...clusterSettings],
    examples: ["rbac", "rbac -n shop --service-account meshery/meshsync", "rbac pods deploy --user jane", "rbac -o json"],
  },
  snapshot: {
    usage: "snapshot [KIND ...] [flags]",
    text: "The cluster as it is now, and the end: a YAML file, a List of JSON, lines or a folder. Secrets are redacted; needs no broker. --output-file - is stdout; yaml and ndjson hold messages as --output file and stdout write them, json and folder whole objects, --clean manifests for kubectl apply.",
    settings: ["outputFile", "append", ...selectionSettings, "redactPaths", "showSecrets", "stopAfter", "clusterId", ...clusterSettings],
    examples: [
      "snapshot",
      "snapshot pods deploy -n shop --output-file shop.yaml",
      "snapshot -n shop --clean --show-secrets --output-file shop.yaml",
      "snapshot '*' --output-file everything/",
      "snapshot -o json -A",
    ],
  },
  diff: {
    usage: "diff BEFORE [AFTER] [flags]",
    text: "What differs between two snapshots, or a snapshot and the cluster: objects that came, went and changed, with the fields. A snapshot is a file of any format or a folder; without AFTER, or as live, the cluster is meant. It is looked at as far as the snapshot goes: its kinds, and its namespaces unless it holds what belongs to none. Values of Secrets are not shown.",
    settings: ["namespaces", "resources", "redactPaths", ...clusterSettings],
    examples: ["diff monday.yaml tuesday.yaml", "diff monday.yaml", "diff live monday.yaml -n shop", "diff shop/ --resources deploy,cm"],
  },
  compare: {
    usage: "compare [KIND ...] [flags]",
    text:
      "Beside another MeshSync: what it publishes against what this one would, message by message. Publishes nothing itself.\n" +
      "Ends with a table: equal, explained by a numbered decision of the README, or neither. Beside one that has been running, the\n" +
      "changes from now on are compared, and with --resync everything.",
    settings: ["namespaces", "redact", "redactPaths", "customResource", "clusterId", ...brokerSettings, ...clusterSettings],
    examples: [
      "compare --broker-url nats://meshery-nats:4222 --duration 2m --resync",
      "compare pods deploy -n shop -o json",
      "compare --peer './meshery-meshsync' --duration 1m",
    ],
  },
  completion: {
    usage: "completion bash|zsh|fish",
    text: "The script that lets a shell complete commands and flags. Source it: source <(meshsync completion bash).",
    settings: [],
    examples: ["completion bash", "completion zsh", "completion fish"],
  },
  version: { usage: "version [flags]", text: "The version of this program.", settings: [], examples: ["version", "version -o json"] },
}

const exitStatuses = [
  "  0  ended as asked: signal, --stopAfter, --once, or the end of the command",
  "  1  an error that ends the run; it is printed with its cause and remedy",
  "  2  the command line is wrong",
]

const diffStatuses = ["  0  the same", "  1  different", "  2  trouble, or the command line is wrong"]

const compareStatuses = ["  0  everything is equal or explained", "  1  something is not", "  2  trouble, or the command line is wrong"]

const statusesOf = (name: CommandName): ReadonlyArray<string> =>
  name === "diff" ? diffStatuses : name === "compare" ? compareStatuses : exitStatuses

/** What a command does, in a few words. */
export const summaryOf = (name: CommandName): string => commands[name].text.split(/[.:]/)[0] ?? ""

/** The settings that mean something to a command. */
export const settingsOfCommand = (name: CommandName): ReadonlyArray<SettingKey> => commands[name].settings

/** @param program how the program was called */
export const rootHelp = (program: string): string =>
  [
    `Usage of ${program}:`,
    "",
    "Keeps a platform informed of everything in a Kubernetes cluster: lists and watches every resource and publishes each change",
    "over NATS (default), or writes YAML snapshots. Without a command it runs until it is told to stop.",
    "",
    "Commands:",
    ...commandNames.map((name) => `  ${name.padEnd(11)}${summaryOf(name)}`),
    "  help       What a command does, e.g. help watch",
    "",
    "Flags (one or two dashes; a flag wins over its environment variable):",
    ...Object.values(settings).map(describe),
    "  --version\n    \tprint the version",
    "",
    "Examples:",
    `  BROKER_URL=nats://meshery-nats:4222 ${program}`,
    `  ${program} --output file --once --outputFile cluster.yaml`,
    `  ${program} --output stdout --resources pods,deployments --namespaces shop`,
    "",
    "Exit status:",
    ...exitStatuses,
    "",
  ].join("\n")

/**
 * What a wrong command line is answered with: what is wrong, then the usage, as Go's flag package has it. On a terminal the first line has
 * scrolled away by then, so it is said again below.
 */
export const refusalText = (message: string, usage: string, isTerminal: boolean): string =>
  `${message}\n${usage}${isTerminal ? `\n${message}\n` : ""}`

/** @param program how the program was called */
export const commandHelp = (program: string, name: CommandName): string => {
  const command = commands[name]
  const own = (Object.keys(ownFlags) as ReadonlyArray<OwnFlag>).filter((flag) =>
    (ownFlags[flag].of as ReadonlyArray<CommandName>).includes(name),
  )
  const short = [
    ...(command.settings.includes("namespaces") ? ["  -n, --namespace NAME\n    \tshort for --namespaces"] : []),
    ...(command.settings.includes("selector") ? ["  -l SELECTOR\n    \tshort for --selector"] : []),
  ]
  const flags = [...own.map(describeOwn), ...short, ...command.settings.map((key) => describe(settings[key]))]
  return [
    `Usage: ${program} ${command.usage}`,
    "",
    command.text,
    "",
    ...(flags.length === 0 ? [] : ["Flags:", ...flags, ""]),
    "Examples:",
    ...command.examples.map((example) => `  ${program} ${example}`),
    "",
    "Exit status:",
    ...statusesOf(name),
    "",
  ].join("\n")
}
