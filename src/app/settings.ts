/**
 * Every setting in one table: flag, environment, default, meaning. `--help`, the README's table and the parsing are made from it.
 * Pure data and pure functions: nothing here reads the environment.
 */
import * as Result from "effect/Result"
import { healthPort } from "../domain/limit.ts"
import { parseDuration } from "../domain/select/duration.ts"
import { faultOfSelector } from "../domain/select/labelSelector.ts"
import { parseIntervals, type Intervals } from "../domain/select/interval.ts"
import { parsePathRules, type PathRules } from "../domain/wire/redactPath.ts"
import { quoteText } from "./quote.ts"

export interface Setting {
  /** The flag's first name; kebab-case, except for the six that the Go MeshSync has. */
  readonly flag: string
  readonly aliases: ReadonlyArray<string>
  /** The environment variable that stands for it; a flag wins over it. */
  readonly env: string | undefined
  readonly kind: "text" | "switch" | "duration" | "number" | "selector" | "rule list" | "list of intervals"
  /** Shown behind the flag, in capitals. */
  readonly value: string
  readonly fallback: string
  readonly meaning: string
}

const setting = (
  flag: string,
  env: string | undefined,
  kind: Setting["kind"],
  value: string,
  fallback: string,
  meaning: string,
  aliases: ReadonlyArray<string> = [],
): Setting => ({ flag, aliases, env, kind, value, fallback, meaning })

/** In the order in which help shows them. */
export const settings = {
  output: setting(
    "output",
    "MESHSYNC_OUTPUT",
    "text",
    "MODE",
    "broker",
    "where changes go: broker (NATS), file (YAML snapshots) or stdout (one line of JSON each)",
  ),
  brokerUrl: setting(
    "broker-url",
    "BROKER_URL",
    "text",
    "URL",
    "",
    "address of the NATS server, several separated by commas; BROKER_URL wins where both are given",
  ),
  namespaces: setting(
    "outputNamespaces",
    "MESHSYNC_NAMESPACES",
    "text",
    "LIST",
    "",
    "only objects of these namespaces, separated by commas",
    ["namespaces"],
  ),
  resources: setting(
    "outputResources",
    "MESHSYNC_RESOURCES",
    "text",
    "LIST",
    "",
    "only these resources, separated by commas, in any spelling of kubectl; * for all",
    ["resources"],
  ),
  selector: setting("selector", "MESHSYNC_SELECTOR", "selector", "SELECTOR", "", "only objects with these labels, in kubectl's grammar"),
  outputFile: setting(
    "outputFile",
    "MESHSYNC_OUTPUT_FILE",
    "text",
    "FILE",
    "",
    "the snapshot's name (default ./meshery-cluster-snapshot-YYYYMMDD-00.yaml)",
    ["output-file"],
  ),
  extended: setting("extended", "MESHSYNC_EXTENDED", "switch", "", "true", "file mode: also write the -extended file with every event"),
  append: setting("append", "MESHSYNC_APPEND", "switch", "", "false", "file mode: continue existing files instead of replacing them"),
  once: setting("once", "MESHSYNC_ONCE", "switch", "", "false", "end as soon as everything selected has been listed and delivered"),
  stopAfter: setting(
    "stopAfter",
    "MESHSYNC_STOP_AFTER",
    "duration",
    "DURATION",
    "-1ns",
    "end after this time, e.g. 8s or 1m30s; negative: never",
    ["stop-after"],
  ),
  redact: setting("redact-secrets", "MESHSYNC_REDACT_SECRETS", "switch", "", "false", "replace the values of Secrets by [REDACTED]"),
  redactPaths: setting(
    "redact-path",
    "MESHSYNC_REDACT_PATHS",
    "rule list",
    "RULES",
    "",
    "hide values of other kinds, e.g. pods:spec.containers[*].env[*].value; rules are separated by commas",
    ["redact-paths"],
  ),
  showSecrets: setting(
    "show-secrets",
    "MESHSYNC_SHOW_SECRETS",
    "switch",
    "",
    "false",
    "stdout, watch, demo and snapshot: do not redact the values of Secrets",
  ),
  contentDedup: setting(
    "broker-content-dedup",
    "MESHSYNC_BROKER_CONTENT_DEDUP",
    "switch",
    "",
    "false",
    "leave out messages that say the same as the last one of their object",
  ),
  minIntervals: setting(
    "min-interval",
    "MESHSYNC_MIN_INTERVAL",
    "list of intervals",
    "INTERVALS",
    "",
    "send only the latest state of an object, this often at most, e.g. leases.coordination.k8s.io=10s,endpoints=5s",
    ["min-intervals"],
  ),
  reconcileInterval: setting(
    "reconcile-interval",
    "RECONCILE_INTERVAL",
    "text",
    "DURATION",
    "",
    "list everything this often, 5m at least, and publish what differs; 0: never (default: spec.reconcile-interval)",
    ["reconcileInterval"],
  ),
  pace: setting(
    "pace",
    "MESHSYNC_PACE",
    "switch",
    "",
    "true",
    "hold announcements to a rate that Meshery Server can take; off: full speed",
  ),
  oversize: setting(
    "oversize",
    "MESHSYNC_OVERSIZE",
    "text",
    "POLICY",
    "drop",
    "broker: messages above its max_payload: drop (an error), or chunks on meshery.meshsync.oversize",
  ),
  customResource: setting(
    "custom-resource",
    "MESHSYNC_CUSTOM_RESOURCE",
    "text",
    "NAMESPACE/NAME",
    "meshery/meshery-meshsync",
    "the MeshSync custom resource whose watch-list counts",
  ),
  deleteOnClose: setting(
    "delete-on-close",
    "MESHSYNC_DELETE_ON_CLOSE",
    "switch",
    "",
    "false",
    "announce the objects of a kind as deleted when it is no longer selected",
  ),
  interactive: setting(
    "interactive",
    "MESHSYNC_INTERACTIVE",
    "text",
    "POLICY",
    "on",
    "what requests over the broker may open in pods: on (logs and terminals), logs or off",
  ),
  clusterId: setting(
    "cluster-id",
    "MESHSYNC_CLUSTER_ID",
    "text",
    "UID",
    "",
    "the cluster's id where the namespace kube-system may not be read",
  ),
  stateFile: setting(
    "state-file",
    "MESHSYNC_STATE_FILE",
    "text",
    "FILE",
    "",
    "broker, stdout: remember what was announced; a restart then says what changed and went meanwhile",
  ),
  kubeconfig: setting(
    "kubeconfig",
    "KUBECONFIG",
    "text",
    "FILE",
    "",
    "kubeconfig file (default: the service account in a cluster, else ~/.kube/config)",
  ),
  context: setting("context", "MESHSYNC_CONTEXT", "text", "NAME", "", "context of the kubeconfig (default: its current one)"),
  healthPort: setting(
    "health-port",
    "MESHSYNC_HEALTH_PORT",
    "number",
    "PORT",
    String(healthPort),
    "port of /healthz, /readyz, /metrics and /status; 0: none",
  ),
  logFormat: setting(
    "log-format",
    "MESHSYNC_LOG_FORMAT",
    "text",
    "FORMAT",
    "auto",
    "text, colour or json; auto: colour on a terminal, else text",
  ),
  debug: setting("debug", "DEBUG", "switch", "", "false", "log at debug level"),
  natsUser: setting("nats-user", "NATS_USER", "text", "NAME", "", "user name for the broker"),
  natsPassword: setting("", "NATS_PASSWORD", "text", "TEXT", "", "password for the broker"),
  natsToken: setting("", "NATS_TOKEN", "text", "TEXT", "", "token for the broker"),
  natsCreds: setting("nats-creds", "NATS_CREDS", "text", "FILE", "", "credentials file for the broker"),
  natsNkey: setting("nats-nkey", "NATS_NKEY", "text", "FILE", "", "nkey seed file for the broker"),
  natsCert: setting("nats-cert", "NATS_CERT", "text", "FILE", "", "client certificate for the broker"),
  natsKey: setting("nats-key", "NATS_KEY", "text", "FILE", "", "key of the client certificate"),
  natsCa: setting("nats-ca", "NATS_CA", "text", "FILE", "", "certificate authority of the broker"),
} as const satisfies Record<string, Setting>

export type SettingKey = keyof typeof settings

const entries = Object.entries(settings) as ReadonlyArray<readonly [SettingKey, Setting]>

/** The setting that a flag names, without dashes. */
export const settingOfFlag = (flag: string): SettingKey | undefined =>
  flag === "" ? undefined : entries.find(([, { aliases, flag: first }]) => first === flag || aliases.includes(flag))?.[0]

/** Values of settings as text, each with where it came from. */
export type Values = Readonly<Record<SettingKey, Value>>

export interface Value {
  readonly text: string
  readonly from: "flag" | "environment" | "default"
  /** What a flag said that did not count. */
  readonly ignored?: string
}

/**
 * Gathers the values: flag over environment over default; `BROKER_URL` over `--broker-url`, as ever.
 * An empty environment variable counts as not set.
 */
export const gatherValues = (flags: ReadonlyMap<SettingKey, string>, env: Readonly<Record<string, string | undefined>>): Values => {
  const value = ([key, { env: name, fallback }]: readonly [SettingKey, Setting]): [SettingKey, Values[SettingKey]] => {
    const flag = flags.get(key)
    const variable = name === undefined ? undefined : env[name]
    const isSet = variable !== undefined && variable !== ""
    if (key === "brokerUrl" && isSet) {
      return [key, { text: variable, from: "environment", ...(flag === undefined || flag === variable ? {} : { ignored: flag }) }]
    }
    if (flag !== undefined) return [key, { text: flag, from: "flag" }]
    return [key, isSet ? { text: variable, from: "environment" } : { text: fallback, from: "default" }]
  }
  return Object.fromEntries(entries.map(value)) as Values
}

/** Whether the text of a switch says yes, in Go's words for it and two more. */
export const isOn = (text: string): boolean => /^(?:1|t|true|on|yes)$/i.test(text)

/**
 * Whether repeats are left out. Deployments set the variable for the Go MeshSync too, so it is on where Go's `strconv.ParseBool` says true,
 * and off for every other text.
 */
export const leavesOutRepeats = ({ contentDedup: { from, text } }: Values): boolean =>
  from === "environment" ? /^(?:1|t|T|TRUE|true|True)$/.test(text) : isOn(text)

/** Why a value is none of its kind, in Go's words; undefined when it is. */
export const faultOfKind = (kind: Setting["kind"], text: string): string | undefined => {
  switch (kind) {
    case "text":
      return undefined
    case "selector":
      return faultOfSelector(text)
    case "rule list":
      return Result.match(parsePathRules(text), { onSuccess: () => undefined, onFailure: (fault) => fault })
    case "list of intervals":
      return Result.match(parseIntervals(text), { onSuccess: () => undefined, onFailure: (fault) => fault })
    case "switch":
      return /^(?:1|0|t|f|true|false|on|off|yes|no)$/i.test(text) ? undefined : "parse error"
    case "duration":
      return Result.isSuccess(parseDuration(text)) ? undefined : "parse error"
    case "number":
      return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? undefined : "parse error"
  }
}

/** Of these the Go MeshSync takes every other text for off, and deployments may rely on it. */
const lenient: ReadonlySet<SettingKey> = new Set(["debug", "redact", "contentDedup"])

/**
 * The first value that is none of its setting's kind, as a sentence; undefined when all are sound.
 * Flags have been looked at where they were read, so what is found comes from the environment.
 */
export const faultOfValues = (values: Values): string | undefined => {
  const found = entries.find(([key, { kind }]) => !lenient.has(key) && faultOfKind(kind, values[key].text) !== undefined)
  if (found === undefined) return undefined
  const [key, { env, kind }] = found
  const { text } = values[key]
  // A list is long: what is wrong with it is said first.
  const fault = kind === "list of intervals" ? `${faultOfKind(kind, text)}; ` : ""
  return `invalid value ${quoteText(text)} for ${env}: ${fault}a ${kind} is needed, ${exampleOf[kind]}`
}

const exampleOf: Readonly<Record<Setting["kind"], string>> = {
  text: "any text",
  selector: "such as app=web,tier!=cache",
  "rule list": "such as widgets.example.com:spec.password",
  "list of intervals": "such as leases.coordination.k8s.io=10s,endpoints=5s",
  switch: "true or false",
  duration: "such as 8s or 1m30s",
  number: "from 0 to 65535",
}

/** A comma list as the Go MeshSync splits it: a blank text is no list; elements are kept, empty ones too. */
export const listOf = (text: string): ReadonlyArray<string> => (text.trim() === "" ? [] : text.trim().split(","))

/** The rules of a text that `faultOfKind` has found sound. */
export const redactPathsOf = ({ redactPaths }: Values): PathRules => Result.getOrElse(parsePathRules(redactPaths.text), () => new Map())

/** The intervals of a text that `faultOfKind` has found sound. */
export const minIntervalsOf = ({ minIntervals }: Values): Intervals => Result.getOrElse(parseIntervals(minIntervals.text), () => new Map())

/**
 * Whether a run with these settings hides the values of Secrets. A surface that the Go MeshSync lacks does unless told not to.
 */
export const isRedacting = ({ output, redact, showSecrets }: Values): boolean =>
  (output.text === "stdout" && !isOn(showSecrets.text)) || isOn(redact.text)

/** Milliseconds of a duration that `faultOfKind` has found sound; undefined when it is negative: never. */
export const durationMs = (text: string): number | undefined => {
  const parsed = parseDuration(text)
  return Result.isSuccess(parsed) && parsed.success >= 0 ? parsed.success : undefined
}
