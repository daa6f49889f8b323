import { assert, describe, it } from "@effect/vitest"
import { renderAge, renderMetrics, renderReadiness, renderTable } from "../../../src/domain/sync/statusText.ts"
import { readExposition, valueOf } from "./exposition.ts"
import type { StateFileStatus } from "../../../src/domain/sync/status.ts"
import { laneOf, statusOf } from "./statusOf.ts"

const secrets = laneOf("secrets", {
  state: "paused",
  synced: false,
  trouble: { reason: "Forbidden", text: 'secrets is forbidden:\n\u001b[31mUser "x"', sinceMs: 1_060_500, attempts: 4 },
})
const pods = laneOf("pods", {
  objects: 312,
  published: { added: 320, modified: 41, deleted: 8 },
  doubtful: 2,
  resent: 1,
  skipped: { tooLarge: 1, flawed: 2, unchanged: 3, superseded: 4 },
  waiting: 5,
  lists: 2,
  bytesRead: 3_456_789,
  lastHeardMs: 1_088_000,
})

const requests = {
  answers: { watch: { ok: 3 }, list: { ok: 6, throttled: 2, unavailable: 1 } },
  waitedMs: 4_500,
  listsRunning: 1,
  listsRunningMost: 3,
}

describe("the reader of these tests", () => {
  it("refuses what the format does not allow", () => {
    const head = "# HELP a_total x\n# TYPE a_total counter\n"
    assert.strictEqual(readExposition(`${head}a_total{b="c\\"\\\\\\n"} 1\n`).series[0]?.labels["b"], 'c"\\\n')
    for (const bad of [
      `${head}a_total 1`,
      `${head}a_total{b="c"} 1\na_total{b="c"} 2\n`,
      `${head}a_total{b="c\\t"} 1\n`,
      `${head}a_total{b="c",} 1\n`,
      "a_total 1\n",
      "# HELP a x\n# TYPE a counter\na 1\n",
      `${head}a_total 1\n# HELP b x\n# TYPE b gauge\nb 1\na_total{c="d"} 1\n`,
      `${head}a_total one\n`,
    ])
      assert.throws(() => readExposition(bad), undefined, undefined, bad)
  })
})

describe("metrics", () => {
  const status = statusOf([secrets, pods, laneOf("deployments.apps", { objects: 12 })], { requests, counters: { watches: 3, lists: 4 } })
  const found = readExposition(renderMetrics(status))
  const pod = { resource: "pods", kind: "Pod" }
  const secret = { resource: "secrets", kind: "Secret" }

  it("say of each kind what an alert needs", () => {
    const expected: ReadonlyArray<readonly [string, Record<string, string>, number | undefined]> = [
      ["meshsync_resource_state", { ...pod, state: "watching" }, 1],
      ["meshsync_resource_state", { ...pod, state: "paused" }, 0],
      ["meshsync_resource_state", { ...secret, state: "paused" }, 1],
      ["meshsync_resource_trouble_seconds", { ...secret, reason: "Forbidden" }, 30],
      ["meshsync_resource_synced", secret, 0],
      ["meshsync_objects", pod, 312],
      ["meshsync_last_heard_seconds", pod, 2.5],
      ["meshsync_last_heard_seconds", secret, undefined],
      ["meshsync_published_total", { ...pod, event: "added" }, 320],
      ["meshsync_published_total", { ...pod, event: "modified" }, 41],
      ["meshsync_published_total", { ...pod, event: "deleted" }, 8],
      ["meshsync_doubtful_batches_total", pod, 2],
      ["meshsync_resent_batches_total", pod, 1],
      ["meshsync_skipped_total", { ...pod, reason: "too_large" }, 1],
      ["meshsync_skipped_total", { ...pod, reason: "flawed" }, 2],
      ["meshsync_skipped_total", { ...pod, reason: "unchanged" }, 3],
      ["meshsync_skipped_total", { ...pod, reason: "superseded" }, 4],
      ["meshsync_waiting", pod, 5],
      ["meshsync_lists_total", pod, 2],
      ["meshsync_read_bytes_total", pod, 3_456_789],
      ["meshsync_build_info", { version: "1.2.3" }, 1],
      ["meshsync_start_time_seconds", {}, 1_000],
      ["meshsync_ready", {}, 1],
      ["meshsync_settled", {}, 1],
      ["meshsync_sink_state", { sink: "nats", state: "connected" }, 1],
      ["meshsync_sink_state", { sink: "nats", state: "disconnected" }, 0],
      ["meshsync_requests_total", { verb: "list", answer: "ok" }, 6],
      ["meshsync_requests_total", { verb: "list", answer: "throttled" }, 2],
      ["meshsync_requests_total", { verb: "watch", answer: "ok" }, 3],
      ["meshsync_requests_waited_seconds_total", {}, 4.5],
      ["meshsync_lists_running", {}, 1],
      ["meshsync_lists_running_most", {}, 3],
      ["meshsync_operations_total", { operation: "lists" }, 4],
      ["meshsync_operations_total", { operation: "watches" }, 3],
    ]
    for (const [name, labels, value] of expected)
      assert.strictEqual(valueOf(found, name, labels), value, `${name} ${JSON.stringify(labels)}`)
  })

  it("are the same text for the same status, in whatever order its parts come", () => {
    const turned = { ...status, lanes: status.lanes.toReversed(), counters: { lists: 4, watches: 3 } }
    assert.strictEqual(renderMetrics(turned), renderMetrics(status))
  })

  it("are well-formed before anything is known, and with every awkward text", () => {
    const awkward = statusOf([laneOf('a"\\\n{},', { trouble: { reason: '"\n\\', text: "", sinceMs: 2e9, attempts: 0 } })], {
      version: 'v"1\\\n',
      sink: { name: 'n"', state: "odd", detail: "" },
      counters: { "a-b": 1, a_b: 2, 'q"': 1e21, nan: NaN, inf: Infinity },
    })
    const { series } = readExposition(renderMetrics(awkward))
    assert.isTrue(series.some(({ labels }) => labels["resource"] === 'a"\\\n{},' && labels["reason"] === '"\n\\'))
    assert.strictEqual(valueOf({ types: new Map(), series }, "meshsync_sink_state", { sink: 'n"', state: "odd" }), 1)
    assert.strictEqual(valueOf({ types: new Map(), series }, "meshsync_operations_total", { operation: 'q"' }), 1e21)
    const empty = readExposition(renderMetrics(statusOf([])))
    assert.strictEqual(valueOf(empty, "meshsync_ready"), 1)
    assert.isFalse(empty.types.has("meshsync_objects"))
  })
})

const stateFile: StateFileStatus = {
  path: "/var/state",
  state: "kept",
  detail: "",
  entries: 412,
  bytes: 49_152,
  writtenMs: 1_088_000,
  syncedMs: 0,
  recollected: { kinds: 12, objects: 400, deletions: 3, owed: false },
  setAside: undefined,
}

describe("metrics of the state file", () => {
  it("say what it holds, how old that is and what it told at the start", () => {
    const found = readExposition(renderMetrics(statusOf([], { stateFile })))
    const expected: ReadonlyArray<readonly [string, Record<string, string>, number | undefined]> = [
      ["meshsync_state_file_state", { state: "kept" }, 1],
      ["meshsync_state_file_state", { state: "given_up" }, 0],
      ["meshsync_state_file_bytes", {}, 49_152],
      ["meshsync_state_file_entries", {}, 412],
      ["meshsync_state_file_written_seconds", {}, 2.5],
      ["meshsync_state_file_synced_seconds", {}, undefined],
      ["meshsync_state_file_recollected", { what: "objects" }, 400],
      ["meshsync_state_file_recollected", { what: "deletions" }, 3],
      ["meshsync_state_file_set_aside", {}, 0],
    ]
    for (const [name, labels, value] of expected) assert.strictEqual(valueOf(found, name, labels), value, name)
  })

  it("are absent where there is none", () => {
    assert.isFalse(renderMetrics(statusOf([])).includes("state_file"))
  })
})

describe("readiness in detail", () => {
  it("names the output, and each kind in trouble with its reason", () => {
    assert.strictEqual(
      renderReadiness(statusOf([secrets, pods])),
      `ok
output nats: connected (nats://broker:4222)
everything delivered once
secrets: Forbidden for 30s: secrets is forbidden: [31mUser "x"
`,
    )
  })

  it("says what has not been listed yet", () => {
    const status = statusOf([laneOf("nodes", { synced: false, state: "listing" }), pods, secrets], { ready: false, settled: false })
    assert.deepStrictEqual(renderReadiness(status).split("\n").slice(0, 3), [
      "not ready",
      "output nats: connected (nats://broker:4222)",
      "not listed yet: nodes",
    ])
  })
})

describe("the table", () => {
  it("names the kind that is in trouble, why and since when", () => {
    assert.strictEqual(
      renderTable(statusOf([secrets, pods], { requests })),
      `Cluster:  https://cluster.example:6443 (id 8f)
Version:  1.2.3, up 1m
Output:   nats connected (nats://broker:4222)
State:    ready, everything delivered once
Requests: 12 to the API server: 9 ok, 2 throttled, 1 unavailable; 4s waited, at most 3 lists at a time

KIND     STATE     OBJECTS  LAST HEARD  PUBLISHED    TROUBLE
pods     watching      312  2s ago      +320 ~41 -8
secrets  paused          0  -           +0 ~0 -0     Forbidden for 30s: secrets is forbidden: [31mUser "x"
`,
    )
  })

  it("says of a run that waits for its output that nothing has been asked or listed", () => {
    const waiting = statusOf([], { cluster: "", clusterId: "", ready: false, settled: false })
    const lines = renderTable(waiting).split("\n")
    assert.deepStrictEqual([lines[0], lines[3]], ["Cluster:  not asked yet", "State:    not ready, nothing listed yet"])
  })

  it("tells of the state file, what was found in its place, and why it was given up", () => {
    const lineOf = (more: Partial<StateFileStatus>) =>
      renderTable(statusOf([], { stateFile: { ...stateFile, ...more } }))
        .split("\n")
        .find((text) => text.startsWith("State file:"))
    const told = "it told of 400 objects of 12 kinds and of 3 deletions"
    assert.strictEqual(lineOf({}), `State file: /var/state, 412 entries in 49152 bytes, written 2s ago, synced not yet; ${told}`)
    const setAside = { path: "/var/state.bad", reason: "is damaged in its middle" }
    assert.strictEqual(
      lineOf({ state: "given_up", detail: "the disk is full", recollected: { ...stateFile.recollected, owed: true }, setAside }),
      `State file: /var/state, given up: the disk is full; ${told}, and owed an announcement; ` +
        "what was found is damaged in its middle, and is /var/state.bad now",
    )
    assert.strictEqual(lineOf({ state: "reading" }), "State file: /var/state, not read yet")
  })

  it("counts time in its largest unit", () => {
    const table = [
      [-5, "0s"],
      [59_999, "59s"],
      [60_000, "1m"],
      [3_599_999, "59m"],
      [86_399_999, "23h"],
      [5 * 86_400_000, "5d"],
    ] as const
    for (const [spanMs, expected] of table) assert.strictEqual(renderAge(spanMs), expected)
  })
})
