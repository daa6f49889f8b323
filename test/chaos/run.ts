/**
 * One run of chaos: a populated cluster, changes and faults at the same time, then silence, and the question whether every consumer holds
 * what the cluster holds.
 */
import { readdirSync, readFileSync } from "node:fs"
import * as path from "node:path"
import { collectionPath, readState } from "../integration/cluster.ts"
import { until } from "../integration/program.ts"
import { definitions } from "../integration/workload.ts"
import { type Cast, gatherCast } from "./cast.ts"
import { type Consumer, makeAddressKeyed, makeExact, openConsumer } from "./consumer.ts"
import type { Report, Verdict } from "./report.ts"
import { drawSchedule, type Sort, sorts } from "./schedule.ts"
import { openStage } from "./stage.ts"
import { compareViews, differenceText, isEmpty } from "./verdict.ts"
import { canary, makeWorkload } from "./workload.ts"

export interface ChaosOptions {
  readonly seed: number
  /** How long changes and faults go on. */
  readonly durationMs: number
  readonly objects: number
  readonly changesPerSecond: number
  readonly sorts?: ReadonlyArray<Sort>
  /** From one fault to the next; drawn where it is not given. */
  readonly apartMs?: number | undefined
  readonly say?: (line: string) => void
}

/** A run that misses the limit is watched on for so long, to tell late from never. */
const patienceMs = 120_000
const firstAnnouncementMs = 120_000
const builtInLanes = 20

/** What the program must watch: built-in kinds, and every definition that is served now. */
const readCollections = async ({ cluster, program }: Cast): Promise<ReadonlyArray<string>> => {
  const { lanes } = await program.current().status()
  const paths = new Set(lanes.map(({ name }) => collectionPath(name)))
  if (paths.size < builtInLanes) throw new Error(`only ${paths.size} kinds are watched`)
  for (const item of await cluster.list(definitions)) {
    const { group, names, versions } = (item as unknown as { readonly spec: Spec }).spec
    const served = collectionPath(`${names.plural}.${versions[0]?.name}.${group}`)
    if (!paths.has(served)) throw new Error(`${served} is not watched`)
  }
  return [...paths]
}

interface Spec {
  readonly group: string
  readonly names: { readonly plural: string }
  readonly versions: ReadonlyArray<{ readonly name: string }>
}

/** Waits until a consumer holds what the cluster holds, each for itself. */
const judge = async (cast: Cast, consumers: ReadonlyArray<Consumer>, limitMs: number): Promise<ReadonlyArray<Verdict>> => {
  const startedMs = performance.now()
  const verdicts = new Map<string, Verdict>()
  const look = async (): Promise<true | undefined> => {
    const truth = await readState(cast.cluster, await readCollections(cast))
    for (const { name, view } of consumers) {
      const difference = compareViews(truth, view())
      const before = verdicts.get(name)
      if (before?.convergedMs !== undefined && isEmpty(difference)) continue
      const convergedMs = isEmpty(difference) ? performance.now() - startedMs : undefined
      verdicts.set(name, { consumer: name, objects: truth.size, convergedMs, difference: differenceText(difference) })
    }
    return consumers.every(({ name }) => verdicts.get(name)?.convergedMs !== undefined) ? true : undefined
  }
  try {
    await until("the consumers have what the cluster has", limitMs, look)
  } catch (error) {
    for (const { name } of consumers) {
      if (!verdicts.has(name)) verdicts.set(name, { consumer: name, objects: 0, convergedMs: undefined, difference: String(error) })
    }
  }
  return [...verdicts.values()]
}

/** Where the canary was seen besides the messages. */
const findLeaks = async ({ program }: Cast): Promise<ReadonlyArray<string>> => {
  const run = program.current()
  const files = readdirSync(program.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const texts = new Map([
    ["log", program.logs()],
    ["/metrics", await run.fetchText("/metrics")],
    ["/status", await run.fetchText("/status")],
    ...files.map(({ name, parentPath }): [string, string] => [name, readFileSync(path.join(parentPath, name), "latin1")]),
  ])
  const plain = Buffer.from(canary, "base64").toString()
  return [...texts].filter(([, text]) => text.includes(canary) || text.includes(plain)).map(([where]) => where)
}

const sleepUntil = async (now: () => number, atMs: number): Promise<void> => {
  const delayMs = atMs - now()
  if (delayMs > 0) await new Promise((resume) => setTimeout(resume, delayMs))
}

/** Runs it. Everything that was started has ended when this returns. */
export const runChaos = async (options: ChaosOptions): Promise<Report> => {
  const { changesPerSecond, durationMs, objects, say = () => undefined, seed } = options
  await using cast = await gatherCast({
    MESHSYNC_REDACT_SECRETS: "true",
    MESHSYNC_STATE_FILE: "state",
    MESHSYNC_DELETE_ON_CLOSE: "true",
  })
  const { broker, cluster, gateway, plane, program } = cast
  say(`kube-apiserver ${plane.version}, nats-server ${broker.version}`)
  const workload = makeWorkload(cluster, seed, objects, changesPerSecond)
  await workload.populate()
  await using plain = await openConsumer("address-keyed", makeAddressKeyed(), broker.address, canary)
  await using exact = await openConsumer("exact", makeExact(), broker.address, canary)
  const consumers = [plain, exact]
  await program.start()
  await program.current().awaitStatus("everything is announced once", firstAnnouncementMs, ({ settled }) => settled)
  say(`${objects} objects are announced; chaos begins`)
  const startMs = performance.now()
  const now = (): number => performance.now() - startMs
  const stage = openStage(cast, consumers, now)
  workload.start()
  for (const fault of drawSchedule(seed, durationMs, options.sorts ?? sorts, options.apartMs)) {
    await sleepUntil(now, fault.atMs)
    say(`${(now() / 1_000).toFixed(1).padStart(6)} s  ${fault.sort}${fault.holdMs > 0 ? `, ${(fault.holdMs / 1_000).toFixed(1)} s` : ""}`)
    stage.strike(fault)
  }
  await sleepUntil(now, durationMs)
  await workload.stop()
  await stage.heal()
  const silentMs = now()
  say(`${(silentMs / 1_000).toFixed(1).padStart(6)} s  silence`)
  const verdicts = await judge(cast, consumers, patienceMs)
  await stage.settle()
  return {
    seed,
    versions: [plane.version, broker.version],
    durationMs,
    silentMs,
    struck: stage.struck,
    verdicts,
    heard: consumers.map(({ heard, name }) => ({ name, ...heard })),
    changes: workload.counts,
    counters: await program.counters(),
    requests: [...gateway.requests].map(([what, { count }]) => [what, count] as const),
    lives: program.lives(),
    collapses: program.collapses,
    leaks: await findLeaks(cast),
    peakMiB: program.peakMiB(),
    log: program.logs(),
  }
}
