/**
 * What the actions do to the cluster, the network and the broker.
 */
import { cutWatches, compact, restartServer, type Stored, sortedItems, wake } from "../../src/adapters/memory/model.ts"
import type { KubeObject } from "../../src/adapters/memory/object.ts"
import type { Trouble } from "../../src/adapters/memory/fault.ts"
import { createObject, patchObject, removeObject } from "../../src/adapters/memory/write.ts"
import { resyncDebounceMs } from "../../src/domain/limit.ts"
import type { Action, faults, writes } from "./action.ts"
import { after, note } from "./world.ts"
import { breakBroker, comeBack, definitionName, definitions, isAway, keys, namespaces, type Narrowing, type Stage } from "./stage.ts"

/** RBAC names may hold what JSON escapes. */
const roleNames = ["view", "a<b", 'say "hi"', "back\\slash", "größe-漢"]

/** The first objects. */
export const fill = (play: Stage): void => {
  define(play, 1)
  for (let count = 6 + play.world.chance.below(20); count > 0; count--) create(play, play.world.chance.below(2 ** 30))
}

// Writes -----------------------------------------------------------------------------------------------------------------

const pickKey = (roll: number): string => keys[roll % keys.length]!

const create = (play: Stage, roll: number): void => {
  const key = pickKey(roll)
  const at = (roll >> 4) % 12
  const isRole = key.startsWith("clusterroles")
  const metadata = isRole
    ? { name: roleNames[at % roleNames.length]! }
    : { name: `${key.slice(0, 2)}-${at}`, namespace: namespaces[at % 2]! }
  createObject(play.cluster, key, { metadata, ...(isRole ? { rules: [] } : { data: { n: String(roll) } }) }, play.world.nowMs)
}

const pickStored = ({ cluster }: Stage, roll: number): { readonly key: string; readonly stored: Stored } | undefined => {
  const key = pickKey(roll)
  const shelf = cluster.shelves.get(key)
  const items = shelf === undefined ? [] : sortedItems(shelf)
  const stored = items[(roll >> 4) % Math.max(1, items.length)]
  return stored === undefined ? undefined : { key, stored }
}

const change = (play: Stage, roll: number): void => {
  const found = pickStored(play, roll)
  if (found === undefined) return
  const { key, stored } = found
  patchObject(play.cluster, key, stored.namespace, stored.name, { metadata: { labels: { n: String(play.cluster.version) } } })
}

const remove = (play: Stage, roll: number, isRecreated: boolean): void => {
  const found = pickStored(play, roll)
  if (found === undefined) return
  const { key, stored } = found
  const { name, namespace } = stored
  removeObject(play.cluster, key, namespace, name, play.world.nowMs)
  if (!isRecreated) return
  const metadata = namespace === "" ? { name } : { name, namespace }
  const again = () => createObject(play.cluster, key, { metadata, data: { again: "true" } }, play.world.nowMs)
  if ((roll >> 12) % 3 === 0) after(play.world, (roll >> 14) % 1_500, again)
  else again()
}

const definitionOf = (versions: number): KubeObject & { readonly spec: object } => ({
  metadata: { name: definitionName },
  spec: {
    group: "example.com",
    names: { plural: "widgets", kind: "Widget" },
    scope: "Namespaced",
    versions: Array.from({ length: versions }, (_, at) => ({ name: `v${at + 1}`, served: true, storage: at === 0, schema: {} })),
  },
})

const define = (play: Stage, versions: number): void => {
  createObject(play.cluster, definitions, definitionOf(versions), play.world.nowMs)
  play.surveySoon()
}

/** Lists everything anew, slowly, so that what comes next finds lists under way. */
const listSlowly = (play: Stage): void => {
  play.pageMs = 1_500
  restartServer(play.cluster)
  after(play.world, 8_000, () => (play.pageMs = 80))
}

const moveVersion = (play: Stage, roll: number): void => {
  if (roll % 2 === 0) {
    listSlowly(play)
    after(play.world, 1_000, () => moveVersion(play, 1))
    return
  }
  const shelf = play.cluster.shelves.get(definitionName)
  if (shelf === undefined) return
  const { spec } = definitionOf(shelf.resource.versions.length === 1 ? 2 : 1)
  patchObject(play.cluster, definitions, "", definitionName, { spec })
  play.surveySoon()
}

const withdraw = (play: Stage, roll: number): void => {
  play.cluster.deletionsTold = roll % 4
  removeObject(play.cluster, definitions, "", definitionName, play.world.nowMs)
  play.surveySoon()
}

/** The server's storage goes back to an older backup: versions that have been shown lie in the future now. */
const restoreBackup = (play: Stage, roll: number): void => {
  const { cluster, judge, world } = play
  // Once a run: a version that is given a second time before anybody noticed the first restoration cannot be told from progress.
  if (play.isRestored) return
  play.isRestored = true
  const backup = [...cluster.shelves.values()].map((shelf) => ({ shelf, resource: shelf.resource, items: new Map(shelf.items) }))
  const { version } = cluster
  cluster.version += 100_000
  after(world, 1_000, () => actions.burst(play, roll))
  after(world, 5_000 + (roll % 50_000), () => {
    const isSame = backup.every(({ resource, shelf }) => cluster.shelves.get(shelf.key) === shelf && shelf.resource === resource)
    if (!isSame || backup.length !== cluster.shelves.size) return
    for (const { items, shelf } of backup) {
      shelf.items.clear()
      for (const [key, stored] of items) {
        shelf.items.set(key, stored)
        judge.restored.add(stored.uid)
      }
      shelf.sorted = undefined
      shelf.snapshots.clear()
    }
    cluster.version = version + 1
    note(world, `the storage is back at version ${cluster.version}`)
    restartServer(cluster)
  })
}

// Faults -----------------------------------------------------------------------------------------------------------------

/** A fault that lasts for a while. */
const last = (play: Stage, key: string, verb: "list" | "watch", trouble: Trouble, forMs: number): void => {
  const { cluster, world } = play
  const fault = { key, verb, trouble, times: Number.POSITIVE_INFINITY }
  cluster.faults.push(fault)
  after(world, forMs, () => {
    // One that is used up is replaced by its rest, so it is known by its trouble.
    const at = cluster.faults.findIndex((other) => other.trouble === trouble)
    if (at >= 0) cluster.faults.splice(at, 1)
    wake(cluster)
  })
}

const narrowings: ReadonlyArray<Narrowing> = [
  { namespaces: new Set(["shop"]) },
  { namespace: "lab" },
  { namespaces: new Set(["shop", "lab"]) },
  { depth: "metadata" },
  { namespace: "shop", depth: "metadata" },
]

type CommonName = (typeof writes)[number] | (typeof faults)[number]

const actions: Readonly<Record<CommonName, (play: Stage, roll: number) => void>> = {
  create,
  change,
  delete: (play, roll) => remove(play, roll, false),
  recreate: (play, roll) => remove(play, roll, true),
  burst: (play, roll) => {
    for (let at = 0; at < 12; at++) {
      const next = Math.imul(roll + at, 0x9e3779b1) >>> 2
      ;[create, change, (p: Stage, r: number) => remove(p, r, r % 2 === 0)][at % 3]!(play, next)
    }
  },
  listExpired: ({ cluster }, roll) => cluster.faults.push({ key: pickKey(roll), verb: "list", trouble: { _tag: "Expired" }, times: 1 }),
  watchExpired: ({ cluster }, roll) => {
    cluster.faults.push({ key: pickKey(roll), verb: "watch", trouble: { _tag: "Expired" }, times: 1 + (roll % 2) })
    cutWatches(cluster, pickKey(roll))
  },
  expiredStorm: (play, roll) => {
    last(play, pickKey(roll), "watch", { _tag: "Expired" }, 20_000 + (roll % 60_000))
    cutWatches(play.cluster, pickKey(roll))
  },
  compact: ({ cluster }) => compact(cluster),
  futureVersion: restoreBackup,
  listStatus: ({ cluster }, roll) =>
    cluster.faults.push({
      key: pickKey(roll),
      verb: "list",
      trouble: { _tag: "Status", code: [500, 503, 429, 413, 504][(roll >> 4) % 5]! },
      times: 1 + (roll % 3),
    }),
  watchStatus: ({ cluster }, roll) => {
    cluster.faults.push({
      key: pickKey(roll),
      verb: "watch",
      trouble: { _tag: "Status", code: [500, 503, 429, 504][(roll >> 4) % 4]! },
      times: 1 + (roll % 3),
    })
    cutWatches(cluster, pickKey(roll))
  },
  retryAfter: ({ cluster }, roll) => {
    const verb = roll % 2 === 0 ? "list" : "watch"
    cluster.faults.push({ key: pickKey(roll), verb, trouble: { _tag: "Status", code: 429, retryAfterSeconds: 1 + (roll % 20) }, times: 1 })
    cutWatches(cluster, pickKey(roll))
  },
  refusal: ({ cluster }, roll) => {
    const verb = roll % 2 === 0 ? "list" : "watch"
    cluster.faults.push({ key: pickKey(roll), verb, trouble: { _tag: "Status", code: [401, 403, 404, 405][(roll >> 4) % 4]! }, times: 1 })
    cutWatches(cluster, pickKey(roll))
  },
  listHtml: ({ cluster }, roll) =>
    cluster.faults.push({ key: pickKey(roll), verb: "list", trouble: { _tag: "Html", code: roll % 2 === 0 ? 200 : 502 }, times: 1 }),
  listStall: (play, roll) => last(play, pickKey(roll), roll % 2 === 0 ? "list" : "watch", { _tag: "Stall" }, 5_000 + (roll % 55_000)),
  listCut: ({ cluster }, roll) =>
    cluster.faults.push({ key: pickKey(roll), verb: "list", trouble: { _tag: "Cut", afterBytes: roll % 900 }, times: 1 }),
  watchCut: ({ cluster }, roll) => {
    cluster.faults.push({ key: pickKey(roll), verb: "watch", trouble: { _tag: "Cut", afterBytes: roll % 1_500 }, times: 1 })
    if (roll % 2 === 0) cutWatches(cluster, pickKey(roll))
  },
  cutNow: ({ cluster }, roll) => cutWatches(cluster, pickKey(roll)),
  silence: (play, roll) => {
    const forMs = 10_000 + (roll % 290_000)
    last(play, pickKey(roll), "watch", { _tag: "Silence" }, forMs)
    if (roll % 3 === 0) after(play.world, forMs - 1, () => cutWatches(play.cluster, pickKey(roll)))
  },
  bookmarkTwice: ({ cluster }, roll) =>
    cluster.faults.push({ key: pickKey(roll), verb: "watch", trouble: { _tag: "BookmarkTwice" }, times: 3 }),
  restart: ({ cluster }) => restartServer(cluster),
  withdraw,
  /** A consumer misses a deletion, and the type goes before its announcement is over. */
  withdrawUnheard: (play, roll) => {
    isAway(play, 0, 3_000, 200)
    after(play.world, 1_000, () => remove(play, roll * keys.length + 2, false))
    after(play.world, 2_900, () => withdraw(play, roll))
  },
  /** Two consumers are back and ask for everything while everything is being listed for another reason. */
  returnMidList: (play, roll) => {
    play.pageMs = 3_000
    for (const which of [0, 2]) isAway(play, which, 3_000, 1_200 + (roll % 3_000))
    after(play.world, 1_000, () => actions.burst(play, roll))
    after(play.world, 2_900, () => restartServer(play.cluster))
    after(play.world, 20_000, () => (play.pageMs = 80))
  },
  slowApi: (play, roll) => {
    play.pageMs = 300 + (roll % 2_500)
    after(play.world, 5_000 + (roll % 55_000), () => (play.pageMs = 80))
  },
  errorLine: (play, roll) => {
    play.errorLines.add(pickKey(roll))
    wake(play.cluster)
  },
  define: (play, roll) => {
    define(play, 1 + (roll % 2))
    for (let at = 0; at < 4; at++) create(play, (keys.length * (roll + at * 7) + 2) >>> 0)
  },
  moveVersion,
  deselect: (play, roll) => {
    const key = pickKey(roll)
    play.deselected.add(key)
    const how = (roll >> 8) % 4
    if (how < 2) listSlowly(play)
    if (how === 2) cutWatches(play.cluster, key)
    after(play.world, how < 2 ? 1_300 + ((roll >> 10) % 2_000) : 400, () => play.survey())
    after(play.world, 10_000 + (roll % 60_000), () => {
      play.deselected.delete(key)
      play.survey()
    })
  },
  /** Less is selected for a while, or less of each object is read; sometimes that changes in the middle of lists. */
  reselect: (play, roll) => {
    const key = pickKey(roll)
    if (key.startsWith("clusterroles")) return
    if ((roll >> 8) % 4 > 0) listSlowly(play)
    play.narrowings.set(key, narrowings[(roll >> 4) % narrowings.length]!)
    after(play.world, (roll >> 10) % 4_000, () => play.survey())
    after(play.world, 5_000 + (roll % 50_000), () => {
      if ((roll >> 9) % 2 === 0) listSlowly(play)
      play.narrowings.delete(key)
      after(play.world, (roll >> 12) % 4_000, () => play.survey())
    })
  },
  /** Lists are compared with the ledgers; sometimes a list fails meanwhile, or tells what a watch has kept to itself. */
  reconcile: (play, roll) => {
    const [key, way] = [pickKey(roll), (roll >> 4) % 3]
    if (way === 1) play.cluster.faults.push({ key, verb: "list", trouble: { _tag: "Status", code: 500 }, times: 1 })
    if (way === 2) last(play, key, "watch", { _tag: "Silence" }, 4_000)
    if (way === 2) after(play.world, 1_000, () => actions.burst(play, roll))
    after(play.world, 2_000, () => play.reconcile())
  },
  resync: (play, roll) => after(play.world, roll % 2 === 0 ? 0 : resyncDebounceMs, () => play.announceAll()),
  outage: (play, roll) => breakBroker(play, 1_000 + (roll % 90_000), roll % 8_000),
  consumerAway: (play, roll) => isAway(play, roll % 3, 5_000 + (roll % 115_000), resyncDebounceMs),
  doubt: (play, roll) => {
    play.broker.doubt = 10 + (roll % 60)
    // Half of the time somebody comes back meanwhile, and has missed something.
    if (roll % 2 === 0) isAway(play, 2, 2_000, 1_000)
    after(play.world, 1_000, () => change(play, roll >> 3))
    after(play.world, 5_000 + (roll % 55_000), () => (play.broker.doubt = 0))
  },
  slowSink: (play, roll) => {
    play.broker.isSlow = true
    after(play.world, 5_000 + (roll % 55_000), () => (play.broker.isSlow = false))
  },
}

/**
 * Lets an action happen.
 * @param more what those names mean that are not known here
 */
export const act = (
  play: Stage,
  { name, roll }: Action,
  more: Readonly<Partial<Record<Action["name"], (roll: number) => void>>> = {},
): void => {
  note(play.world, `— ${name} ${roll}`)
  if (name in actions) actions[name as CommonName](play, roll)
  else more[name]?.(roll)
}

/** All faults end; what they have broken is left to heal. */
export const endFaults = (play: Stage): void => {
  const { broker, cluster, world } = play
  note(world, "— faults end")
  cluster.faults.length = 0
  broker.doubt = 0
  broker.isSlow = false
  play.pageMs = 80
  play.errorLines.clear()
  comeBack(play, 0)
  play.deselected.clear()
  play.narrowings.clear()
  play.surveySoon()
  wake(cluster)
}
