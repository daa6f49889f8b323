/**
 * The status as text: Prometheus' exposition format 0.0.4 for `/metrics`, and a table for people.
 * Same status, same text: kinds and counters are in the order of their names. Reads nothing but the status it is given.
 */
import { compareText } from "../read/text.ts"
import type { LaneState, LaneStatus, RequestStatus, StateFileStatus, Status } from "./status.ts"

type Labels = Readonly<Record<string, string>>

interface Sample {
  readonly labels: Labels
  readonly value: number
}

interface Family {
  readonly name: string
  readonly type: "gauge" | "counter"
  readonly help: string
  readonly samples: ReadonlyArray<Sample>
}

const laneStates: ReadonlyArray<LaneState> = ["idle", "listing", "watching", "paused", "closed"]
const stateFileStates: ReadonlyArray<StateFileStatus["state"]> = ["reading", "kept", "given_up"]
const sinkStates: ReadonlyArray<string> = ["connecting", "connected", "disconnected", "open", "closed"]

/** Every state is a series of its own that is 1 or 0, so that an alert does not miss a state that it has never seen. */
const stateSamples = (states: ReadonlyArray<string>, current: string, labels: Labels): ReadonlyArray<Sample> =>
  states.map((state) => ({ labels: { ...labels, state }, value: state === current ? 1 : 0 }))

const sortLanes = (status: Status): ReadonlyArray<LaneStatus> =>
  status.lanes.toSorted((first, second) => compareText(first.key, second.key))

const laneLabels = (lane: LaneStatus): Labels => ({ resource: lane.key, kind: lane.kind })

const secondsBetween = (fromMs: number, toMs: number): number => Math.max(0, toMs - fromMs) / 1000

/** A family with series for each resource type: what one of them contributes, besides the labels that name it. */
interface LaneFamily extends Omit<Family, "samples"> {
  readonly samplesOf: SamplesOf<LaneStatus>
}

type SamplesOf<A> = (subject: A, nowMs: number) => ReadonlyArray<Sample>

const single = (value: number): ReadonlyArray<Sample> => [{ labels: {}, value }]

const each = (label: string, values: Readonly<Record<string, number>>): ReadonlyArray<Sample> =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))

const laneFamilies: ReadonlyArray<LaneFamily> = [
  {
    name: "meshsync_resource_state",
    type: "gauge",
    help: "1 for the state in which the resource type is, 0 for the others.",
    samplesOf: (lane) => stateSamples(laneStates, lane.state, {}),
  },
  {
    name: "meshsync_resource_trouble_seconds",
    type: "gauge",
    help: "Seconds since the resource type is paused for the reason; absent while it runs.",
    samplesOf: ({ trouble }, nowMs) =>
      trouble === undefined ? [] : each("reason", { [trouble.reason]: secondsBetween(trouble.sinceMs, nowMs) }),
  },
  {
    name: "meshsync_resource_synced",
    type: "gauge",
    help: "1 once the resource type has been listed and delivered completely.",
    samplesOf: ({ synced }) => single(synced ? 1 : 0),
  },
  { name: "meshsync_objects", type: "gauge", help: "Objects that are announced.", samplesOf: ({ objects }) => single(objects) },
  {
    name: "meshsync_last_heard_seconds",
    type: "gauge",
    help: "Seconds since the last event or bookmark; absent before the first.",
    samplesOf: ({ lastHeardMs }, nowMs) => (lastHeardMs === 0 ? [] : single(secondsBetween(lastHeardMs, nowMs))),
  },
  {
    name: "meshsync_published_total",
    type: "counter",
    help: "Messages that the sink has accepted, by event.",
    samplesOf: ({ published: { added, deleted, modified } }) => each("event", { added, modified, deleted }),
  },
  {
    name: "meshsync_doubtful_batches_total",
    type: "counter",
    help: "Batches of which the sink could not tell whether it has them.",
    samplesOf: ({ doubtful }) => single(doubtful),
  },
  { name: "meshsync_resent_batches_total", type: "counter", help: "Batches delivered again.", samplesOf: ({ resent }) => single(resent) },
  {
    name: "meshsync_skipped_total",
    type: "counter",
    help: "Objects not announced, by reason.",
    samplesOf: ({ skipped: { flawed, superseded, tooLarge, unchanged } }) =>
      each("reason", { too_large: tooLarge, flawed, unchanged, superseded }),
  },
  {
    name: "meshsync_waiting",
    type: "gauge",
    help: "Objects whose latest state waits for the minimum interval of their kind.",
    samplesOf: ({ waiting }) => single(waiting),
  },
  { name: "meshsync_lists_total", type: "counter", help: "Lists begun.", samplesOf: ({ lists }) => single(lists) },
  {
    name: "meshsync_read_bytes_total",
    type: "counter",
    help: "Bytes read from the API server.",
    samplesOf: ({ bytesRead }) => single(bytesRead),
  },
]

const collectLanes = (status: Status): ReadonlyArray<Family> => {
  const lanes = sortLanes(status)
  return laneFamilies.map(({ help, name, samplesOf, type }) => ({
    name,
    type,
    help,
    samples: lanes.flatMap((lane) =>
      samplesOf(lane, status.nowMs).map(({ labels, value }) => ({ labels: { ...laneLabels(lane), ...labels }, value })),
    ),
  }))
}

const requestSamples = ({ requests: { answers } }: Status): ReadonlyArray<Sample> =>
  Object.entries(answers)
    .toSorted(([first], [second]) => compareText(first, second))
    .flatMap(([verb, ofVerb]) => each("answer", ofVerb).map(({ labels, value }) => ({ labels: { verb, ...labels }, value })))

/** A family about the state file, without a series where there is none. */
const stateFileFamilies: ReadonlyArray<Omit<Family, "samples"> & { readonly samplesOf: SamplesOf<StateFileStatus> }> = [
  {
    name: "meshsync_state_file_state",
    type: "gauge",
    help: "1 for what becomes of the state file, 0 for the others; given_up: writing has failed, and the next run begins anew.",
    samplesOf: ({ state }) => stateSamples(stateFileStates, state, {}),
  },
  { name: "meshsync_state_file_bytes", type: "gauge", help: "Size of the state file.", samplesOf: ({ bytes }) => single(bytes) },
  { name: "meshsync_state_file_entries", type: "gauge", help: "Lines of the state file.", samplesOf: ({ entries }) => single(entries) },
  {
    name: "meshsync_state_file_written_seconds",
    type: "gauge",
    help: "Seconds since something was written to the state file; absent before.",
    samplesOf: ({ writtenMs }, nowMs) => (writtenMs === 0 ? [] : single(secondsBetween(writtenMs, nowMs))),
  },
  {
    name: "meshsync_state_file_synced_seconds",
    type: "gauge",
    help: "Seconds since all of the state file was safe from a power cut; absent before.",
    samplesOf: ({ syncedMs }, nowMs) => (syncedMs === 0 ? [] : single(secondsBetween(syncedMs, nowMs))),
  },
  {
    name: "meshsync_state_file_recollected",
    type: "gauge",
    help: "What the state file told at the start of the runs before: kinds, objects and recent deletions.",
    samplesOf: ({ recollected: { deletions, kinds, objects } }) => each("what", { kinds, objects, deletions }),
  },
  {
    name: "meshsync_state_file_set_aside",
    type: "gauge",
    help: "1 where the file that was found at the start could not be used.",
    samplesOf: ({ setAside }) => single(setAside === undefined ? 0 : 1),
  },
]

const collectStateFile = ({ nowMs, stateFile }: Status): ReadonlyArray<Family> =>
  stateFileFamilies.map(({ samplesOf, ...family }) => ({ ...family, samples: stateFile === undefined ? [] : samplesOf(stateFile, nowMs) }))

/** The families that concern the whole process. */
const collectWhole = (status: Status): ReadonlyArray<Family> => {
  const states = sinkStates.includes(status.sink.state) ? sinkStates : [...sinkStates, status.sink.state]
  return [
    { name: "meshsync_build_info", type: "gauge", help: "The version that runs.", samples: each("version", { [status.version]: 1 }) },
    {
      name: "meshsync_start_time_seconds",
      type: "gauge",
      help: "Start of the run, in seconds since 1970.",
      samples: single(status.startedMs / 1000),
    },
    { name: "meshsync_ready", type: "gauge", help: "What /readyz says.", samples: single(status.ready ? 1 : 0) },
    {
      name: "meshsync_settled",
      type: "gauge",
      help: "1 once every resource type has been delivered once, or is paused.",
      samples: single(status.settled ? 1 : 0),
    },
    {
      name: "meshsync_sink_state",
      type: "gauge",
      help: "1 for the state in which the output is, 0 for the others.",
      samples: stateSamples(states, status.sink.state, { sink: status.sink.name }),
    },
    {
      name: "meshsync_requests_total",
      type: "counter",
      help: "Requests to the API server, by verb and answer; throttled is a 429.",
      samples: requestSamples(status),
    },
    {
      name: "meshsync_lists_running",
      type: "gauge",
      help: "Pages of lists that are being asked for.",
      samples: single(status.requests.listsRunning),
    },
    {
      name: "meshsync_lists_running_most",
      type: "gauge",
      help: "The most pages of lists that have been asked for at one time.",
      samples: single(status.requests.listsRunningMost),
    },
    {
      name: "meshsync_requests_waited_seconds_total",
      type: "counter",
      help: "Seconds that requests waited for the budget, or because the API server had asked for patience.",
      samples: single(status.requests.waitedMs / 1000),
    },
    {
      name: "meshsync_operations_total",
      type: "counter",
      help: "What the process did, by operation.",
      samples: Object.entries(status.counters)
        .toSorted(([first], [second]) => compareText(first, second))
        .map(([operation, value]) => ({ labels: { operation }, value })),
    },
  ]
}

const escapeLabel = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")

const renderNumber = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"

const renderSample = (name: string, { labels, value }: Sample): string => {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${renderNumber(value)}\n`
}

const renderFamily = ({ help, name, samples, type }: Family): string =>
  samples.length === 0
    ? ""
    : `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.map((sample) => renderSample(name, sample)).join("")}`

/** What the operating system says of the process. */
export interface ProcessUsage {
  readonly residentBytes: number
  /** User and system time. */
  readonly cpuSeconds: number
  readonly startedMs: number
}

/** Under the names that Prometheus' own libraries have for them. */
const collectUsage = ({ cpuSeconds, residentBytes, startedMs }: ProcessUsage): ReadonlyArray<Family> => [
  { name: "process_resident_memory_bytes", type: "gauge", help: "Resident memory.", samples: single(residentBytes) },
  { name: "process_cpu_seconds_total", type: "counter", help: "User and system time.", samples: single(cpuSeconds) },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    help: "Start of the process, in seconds since 1970.",
    samples: single(startedMs / 1000),
  },
]

/**
 * The status in Prometheus' text format 0.0.4. A family without a series is left out.
 * @param usage absent where nobody has asked the operating system
 */
export const renderMetrics = (status: Status, usage?: ProcessUsage): string =>
  [...collectWhole(status), ...collectStateFile(status), ...collectLanes(status), ...(usage === undefined ? [] : collectUsage(usage))]
    .map(renderFamily)
    .join("")

/** A span of time in its largest unit, e.g. `0s`, `59s`, `12m`, `3h`, `5d`. */
export const renderAge = (spanMs: number): string => {
  const seconds = Math.max(0, Math.floor(spanMs / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** Control characters would move a terminal's cursor: an API server's text must not. */
const renderLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim()

const troubleText = ({ trouble }: LaneStatus, nowMs: number): string =>
  trouble === undefined ? "" : renderLine(`${trouble.reason} for ${renderAge(nowMs - trouble.sinceMs)}: ${trouble.text}`)

const laneCells = (lane: LaneStatus, nowMs: number): ReadonlyArray<string> => {
  return [
    lane.key,
    lane.state,
    String(lane.objects),
    lane.lastHeardMs === 0 ? "-" : `${renderAge(nowMs - lane.lastHeardMs)} ago`,
    `+${lane.published.added} ~${lane.published.modified} -${lane.published.deleted}`,
    troubleText(lane, nowMs),
  ]
}

const columns: ReadonlyArray<string> = ["KIND", "STATE", "OBJECTS", "LAST HEARD", "PUBLISHED", "TROUBLE"]
const rightAligned: ReadonlySet<number> = new Set([2])

const renderColumns = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number): string =>
    rightAligned.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("")
}

/** Answers over all verbs, those that were in order first: a 404 of what may be absent is no failure, so each is called by its name. */
const requestsText = ({ answers, listsRunningMost, waitedMs }: RequestStatus): string => {
  const byAnswer = new Map<string, number>([["ok", 0]])
  for (const [answer, count] of Object.values(answers).flatMap((ofVerb) => Object.entries(ofVerb)))
    byAnswer.set(answer, (byAnswer.get(answer) ?? 0) + count)
  const total = [...byAnswer.values()].reduce((sum, count) => sum + count, 0)
  const parts = [...byAnswer].map(([answer, count]) => `${count} ${answer.replaceAll("_", " ")}`)
  return `${total} to the API server: ${parts.join(", ")}; ${renderAge(waitedMs)} waited, at most ${listsRunningMost} lists at a time`
}

const progressOf = ({ lanes, settled }: Status): string =>
  settled ? "everything delivered once" : lanes.length === 0 ? "nothing listed yet" : "still listing"

const stateFileText = (file: StateFileStatus, nowMs: number): string => {
  const { bytes, detail, entries, path, recollected, setAside, state, syncedMs, writtenMs } = file
  const since = (thenMs: number): string => (thenMs === 0 ? "not yet" : `${renderAge(nowMs - thenMs)} ago`)
  const content = `${entries} entries in ${bytes} bytes, written ${since(writtenMs)}, synced ${since(syncedMs)}`
  const told = `it told of ${recollected.objects} objects of ${recollected.kinds} kinds and of ${recollected.deletions} deletions`
  return [
    state === "kept" ? `${path}, ${content}` : state === "reading" ? `${path}, not read yet` : `${path}, given up: ${detail}`,
    ...(state === "reading" ? [] : [recollected.owed ? `${told}, and owed an announcement` : told]),
    ...(setAside === undefined ? [] : [`what was found ${setAside.reason}, and is ${setAside.path} now`]),
  ].join("; ")
}

/** What is behind a readiness: the output, what has not been listed yet, and each kind in trouble with its reason. */
export const renderReadiness = (status: Status): string => {
  const { detail, name, state } = status.sink
  const lanes = sortLanes(status)
  const unlisted = lanes.filter(({ synced, trouble }) => !synced && trouble === undefined).map(({ key }) => key)
  const lines = [
    status.ready ? "ok" : "not ready",
    `output ${name}: ${state}${detail === "" ? "" : ` (${detail})`}`,
    ...(unlisted.length === 0 ? [progressOf(status)] : [`not listed yet: ${unlisted.join(", ")}`]),
    ...lanes.filter(({ trouble }) => trouble !== undefined).map((lane) => `${lane.key}: ${troubleText(lane, status.nowMs)}`),
  ]
  return lines.map((line) => `${renderLine(line)}\n`).join("")
}

/** The status for a person: what it is connected to, then a line for each kind with what troubles it. */
export const renderTable = (status: Status): string => {
  const detail = status.sink.detail === "" ? "" : ` (${status.sink.detail})`
  const head = [
    ["Cluster", status.clusterId === "" ? status.cluster || "not asked yet" : `${status.cluster} (id ${status.clusterId})`],
    ["Version", `${status.version}, up ${renderAge(status.nowMs - status.startedMs)}`],
    ["Output", `${status.sink.name} ${status.sink.state}${detail}`],
    ["State", `${status.ready ? "ready" : "not ready"}, ${progressOf(status)}`],
    ["Requests", requestsText(status.requests)],
    ...(status.stateFile === undefined ? [] : [["State file", stateFileText(status.stateFile, status.nowMs)]]),
  ]
  const rows = [columns, ...sortLanes(status).map((lane) => laneCells(lane, status.nowMs))]
  const width = Math.max(...head.map(([name]) => (name ?? "").length)) + 2
  return `${head.map(([name, text]) => `${`${name}:`.padEnd(width)}${renderLine(text ?? "")}\n`).join("")}\n${renderColumns(rows)}`
}
