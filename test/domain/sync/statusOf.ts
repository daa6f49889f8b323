import type { LaneStatus, Status } from "../../../src/domain/sync/status.ts"

/** Statuses for tests: a quiet one with what the test says of it. */

export const laneOf = (key: string, more: Partial<LaneStatus> = {}): LaneStatus => ({
  key,
  name: `${key}.v1.`,
  kind: key.slice(0, 1).toUpperCase() + key.slice(1).replace(/s?(\..*)?$/, ""),
  state: "watching",
  objects: 0,
  synced: true,
  published: { added: 0, modified: 0, deleted: 0 },
  doubtful: 0,
  resent: 0,
  skipped: { tooLarge: 0, flawed: 0, unchanged: 0, superseded: 0 },
  waiting: 0,
  omitted: [],
  lists: 1,
  bytesRead: 0,
  lastHeardMs: 0,
  trouble: undefined,
  digest: "0000000000000000",
  ...more,
})

export const statusOf = (lanes: ReadonlyArray<LaneStatus>, more: Partial<Status> = {}): Status => ({
  version: "1.2.3",
  startedMs: 1_000_000,
  nowMs: 1_090_500,
  clusterId: "8f",
  cluster: "https://cluster.example:6443",
  ready: true,
  settled: true,
  sink: { name: "nats", state: "connected", detail: "nats://broker:4222" },
  lanes,
  requests: { answers: {}, waitedMs: 0, listsRunning: 0, listsRunningMost: 0 },
  counters: {},
  ...more,
})
