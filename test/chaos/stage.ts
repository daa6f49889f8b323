/**
 * Performs the faults of a schedule. Each target bears one at a time, the next one waits; different targets fail at the same time.
 * After each fault a beacon is put into the cluster: when every consumer has seen it, what was struck has recovered.
 */
import { until } from "../integration/program.ts"
import type { Cast } from "./cast.ts"
import type { Consumer } from "./consumer.ts"
import { beaconWaitMs } from "./limit.ts"
import { type Fault, type Sort, targetOf } from "./schedule.ts"

/** A fault as it happened, in milliseconds from the run's beginning. */
export interface Struck {
  readonly sort: Sort
  readonly atMs: number
  readonly healedMs: number
  /** From its end until every consumer saw a change made after it; undefined: not within `beaconWaitMs`. */
  recoveryMs: number | undefined
  /** What a fault of this sort must do and did not; undefined: it did. */
  readonly miss: string | undefined
}

export interface Stage {
  readonly strike: (fault: Fault) => void
  /** Waits until everything is as it should be again. */
  readonly heal: () => Promise<void>
  /** Waits until every beacon was seen, or is given up. */
  readonly settle: () => Promise<void>
  readonly struck: ReadonlyArray<Struck>
}

const sleep = (delayMs: number): Promise<void> => new Promise((resume) => setTimeout(resume, delayMs))

type Acts = Readonly<Record<Sort, (fault: Fault) => Promise<void>>>

const configMaps = "/api/v1/configmaps"
const pageObjects = 97
const breakAfterBytes = 20_000
const listWaitMs = 25_000
const editWaitMs = 60_000

/** Compacts everything up to now: watches and pages from before are gone. */
const compact = async ({ plane }: Cast): Promise<void> => {
  const call = async (method: string, body: object): Promise<unknown> => {
    const answer = await fetch(`${plane.etcdUrl}/v3/kv/${method}`, { method: "POST", body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`etcd answers ${answer.status} to ${method}: ${await answer.text()}`)
    return await answer.json()
  }
  const { header } = (await call("range", { key: Buffer.from("/").toString("base64") })) as {
    readonly header: { readonly revision: string }
  }
  await call("compaction", { revision: header.revision, physical: true })
}

const expired =
  '{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",' +
  '"message":"too old resource version","reason":"Expired","code":410}}\n'

const resource = "/apis/meshery.io/v1alpha1/namespaces/meshery/meshsyncs/meshery-meshsync"

interface Entry {
  readonly Resource: string
  readonly namespaces?: ReadonlyArray<string>
}

/** Drops a kind from the MeshSync resource, narrows one to a namespace, or makes the list unreadable; and takes it back. */
const editConfiguration = async ({ cluster }: Cast, { draw, holdMs }: Fault): Promise<void> => {
  const write = (whitelist: string) =>
    until("the resource is edited", editWaitMs, async () => {
      const { status } = await cluster.send("PATCH", resource, { spec: { "watch-list": { data: { whitelist } } } })
      return status === 200 ? true : undefined
    })
  const { spec } = await until("the resource is read", editWaitMs, () => cluster.write("GET", resource))
  const { whitelist } = (spec as { readonly "watch-list": { readonly data: { readonly whitelist: string } } })["watch-list"].data
  const entries = JSON.parse(whitelist) as ReadonlyArray<Entry>
  const narrowed = entries.map((entry) => (entry.Resource === "configmaps.v1." ? { ...entry, namespaces: ["chaos-0"] } : entry))
  const dropped = entries.filter(({ Resource }) => Resource !== "deployments.v1.apps")
  await write(["[{", JSON.stringify(narrowed), JSON.stringify(dropped)][draw % 3]!)
  await sleep(holdMs)
  await write(whitelist)
}

/** Makes the program list ConfigMaps anew in small pages, and breaks a later page off; strikes somebody else at the same moment. */
const breakList = async ({ brokerLink, gateway, program }: Cast, draw: number): Promise<void> => {
  let broken = false
  let refused = false
  gateway.treat = ({ path, query, verb }) => {
    if (path !== configMaps || broken) return { _tag: "Pass" }
    if (verb === "watch" && !refused) {
      refused = true
      return { _tag: "Answer", status: 200, body: expired }
    }
    if (verb !== "list") return { _tag: "Pass" }
    if (!query.has("continue")) return { _tag: "SmallPages", objects: pageObjects }
    return { _tag: "BreakOff", bytes: breakAfterBytes, whenDone: () => (broken = true) }
  }
  gateway.endWatches(configMaps)
  try {
    await until("a list was half read", listWaitMs, () => (broken ? true : undefined))
  } finally {
    gateway.treat = undefined
  }
  if (draw % 3 === 0) brokerLink.cut()
  if (draw % 3 === 1) {
    await program.kill()
    await program.start()
  }
}

const actsOf = (cast: Cast, consumers: ReadonlyArray<Consumer>): Acts => {
  const { apiLink, broker, brokerLink, plane, program } = cast
  const pause =
    (signal: (signal: NodeJS.Signals) => void) =>
    async ({ holdMs }: Fault) => {
      signal("SIGSTOP")
      await sleep(holdMs)
      signal("SIGCONT")
    }
  const during =
    (link: typeof apiLink, mode: Parameters<typeof apiLink.set>[0], isCut: boolean) =>
    async ({ holdMs }: Fault) => {
      link.set(mode)
      if (isCut) link.cut()
      await sleep(holdMs)
      link.set({ _tag: "Open" })
    }
  /** Consumers are back before everything is announced again (10 s), or all of them come late, and nobody listens until then. */
  const delayConsumers = (draw: number): void => {
    const base = draw % 4 === 0 ? 12_000 : 0
    for (const [i, consumer] of consumers.entries()) consumer.lateMs = base + (base > 0 ? i * 500 : (draw * (i + 7)) % 7_000)
  }
  const slow = { _tag: "Slow", delayMs: 100 } as const
  return {
    "kill meshsync": async ({ holdMs }) => {
      await program.kill()
      await sleep(holdMs)
      await program.start()
    },
    "pause meshsync": pause((signal) => program.current().signal(signal)),
    "cut a half-read list": ({ draw }) => breakList(cast, draw),
    "kill broker": async ({ draw, holdMs }) => {
      delayConsumers(draw)
      await broker.kill()
      await sleep(holdMs)
      await broker.start()
    },
    "pause broker": pause(broker.signal),
    "kill API server": async ({ holdMs }) => {
      await plane.killApiServer()
      await sleep(holdMs)
      await plane.startApiServer()
    },
    "pause API server": pause(plane.signalApiServer),
    "cut API link": during(apiLink, { _tag: "Refusing" }, true),
    "stall API link": during(apiLink, { _tag: "Stalled" }, false),
    "slow API link": during(apiLink, slow, false),
    "truncate API link": async ({ holdMs }) => {
      apiLink.truncate()
      await sleep(holdMs)
    },
    "cut broker link": during(brokerLink, { _tag: "Refusing" }, true),
    "stall broker link": during(brokerLink, { _tag: "Stalled" }, false),
    "slow broker link": during(brokerLink, slow, false),
    "truncate broker link": async ({ holdMs }) => {
      brokerLink.truncate()
      await sleep(holdMs)
    },
    "compact etcd": () => compact(cast),
    "edit configuration": (fault) => editConfiguration(cast, fault),
    "rotate token": ({ holdMs }) => cast.rotateToken(holdMs),
    "send consumers away": async ({ holdMs }) => {
      for (const [i, consumer] of consumers.entries()) consumer.lateMs = holdMs + i * 500
      await Promise.all(consumers.map((consumer) => consumer.leave()))
      await sleep(holdMs)
    },
  }
}

const beaconPath = "/api/v1/namespaces/chaos/configmaps"

/** @param now milliseconds from the run's beginning */
export const openStage = (cast: Cast, consumers: ReadonlyArray<Consumer>, now: () => number): Stage => {
  const acts = actsOf(cast, consumers)
  const struck: Array<Struck> = []
  const busy = new Map<string, Promise<void>>()
  const lit = new Set<Promise<void>>()
  let beacons = 0
  const lightBeacon = async (one: Struck): Promise<void> => {
    const name = `beacon-${beacons++}`
    const address = `ConfigMap.v1.chaos.${name}`
    const isWritten = async (): Promise<true | undefined> => {
      const { status } = await cast.cluster.send("POST", beaconPath, { metadata: { name } })
      return status === 201 || status === 409 ? true : undefined
    }
    const isSeen = (): true | undefined => (consumers.every(({ view }) => view().has(address)) ? true : undefined)
    try {
      await until("a beacon is lit", beaconWaitMs, isWritten)
      await until("it is seen", beaconWaitMs, isSeen)
      one.recoveryMs = now() - one.healedMs
    } catch {
      one.recoveryMs = undefined
    }
  }
  const perform = async (fault: Fault): Promise<void> => {
    const atMs = now()
    let miss: string | undefined
    try {
      await acts[fault.sort](fault)
    } catch (error) {
      miss = String(error).slice(0, 300)
    }
    const one: Struck = { sort: fault.sort, atMs, healedMs: now(), recoveryMs: undefined, miss }
    struck.push(one)
    const beacon = lightBeacon(one)
    lit.add(beacon)
    void beacon.finally(() => lit.delete(beacon))
  }
  return {
    struck,
    settle: async () => {
      await Promise.all(lit)
    },
    strike: (fault) => {
      const target = targetOf(fault.sort)
      busy.set(
        target,
        (busy.get(target) ?? Promise.resolve()).then(() => perform(fault)),
      )
    },
    heal: async () => {
      await Promise.all(busy.values())
    },
  }
}
