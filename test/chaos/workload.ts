/**
 * Objects and their changes: created, changed, deleted, and deleted and created anew in one breath, of built-in kinds and of custom ones
 * whose definitions come and go. What the API server refuses or does not answer is no matter: the cluster itself is the truth.
 */
import { makeChance, type Chance } from "../../src/adapters/memory/chance.ts"
import { type Cluster, inParallel } from "../integration/cluster.ts"
import { definitionOf, definitions, type Definition } from "../integration/workload.ts"

export const namespaces = ["chaos-0", "chaos-1", "chaos-2", "chaos-3"]

/** Stands in every Secret, base64-encoded as the API server wants it; must be seen nowhere outside of the cluster. */
export const canary = Buffer.from("canary-5e1f0a7c2b").toString("base64")

interface Sort {
  readonly plural: string
  readonly path: (namespace: string) => string
  /** Its part of all objects, in hundredths. */
  readonly share: number
  readonly body: (step: number) => object
}

const labels = { app: "chaos" }
const template = { metadata: { labels }, spec: { containers: [{ name: "main", image: "nginx:1.29" }] } }
const filler = "x".repeat(400)

const core = (plural: string) => (namespace: string) => `/api/v1/namespaces/${namespace}/${plural}`
const apps = (plural: string) => (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/${plural}`

const annotated = (step: number): object => ({ annotations: { step: String(step) } })

const sorts: ReadonlyArray<Sort> = [
  { plural: "configmaps", path: core("configmaps"), share: 55, body: (step) => ({ data: { step: String(step), filler } }) },
  {
    plural: "secrets",
    path: core("secrets"),
    share: 12,
    body: (step) => ({ metadata: annotated(step), data: { password: canary, step: Buffer.from(String(step)).toString("base64") } }),
  },
  { plural: "pods", path: core("pods"), share: 20, body: (step) => ({ metadata: annotated(step), spec: template.spec }) },
  {
    plural: "deployments",
    path: apps("deployments"),
    share: 10,
    body: (step) => ({ spec: { replicas: 1 + (step % 5), selector: { matchLabels: labels }, template } }),
  },
  { plural: "endpoints", path: core("endpoints"), share: 3, body: (step) => ({ metadata: annotated(step) }) },
]

/** The first one stays; the others come and go. */
const customs: ReadonlyArray<Definition> = ["Anchor", "Gear", "Lever", "Pulley"].map((kind) => ({
  group: "chaos.example.com",
  plural: `${kind.toLowerCase()}s`,
  kind,
  versions: ["v1"],
}))
const customObjects = 12

const customPath = ({ group, plural, versions }: Definition, namespace: string): string =>
  `/apis/${group}/${versions[0]}/namespaces/${namespace}/${plural}`

/** How many changes are on their way at most; beyond it the next ones are left out, as the API server is away anyway. */
const changesInFlightMax = 64

export interface Workload {
  /** Creates the namespaces and the objects. */
  readonly populate: () => Promise<void>
  readonly start: () => void
  /** Ends the changes, and waits for those on their way. */
  readonly stop: () => Promise<void>
  readonly counts: Readonly<Counts>
}

interface Counts {
  made: number
  /** Refused, or not answered in time. */
  failed: number
  anew: number
  deleted: number
  definitions: number
}

interface Work {
  readonly cluster: Cluster
  readonly chance: Chance
  readonly objects: number
  readonly counts: Counts
  step: number
}

const merge = (body: object, apiVersion: string | undefined, kind: string | undefined, name: string): object => {
  const { metadata, ...rest } = body as { readonly metadata?: object }
  return { ...rest, ...(kind === undefined ? {} : { apiVersion, kind }), metadata: { ...metadata, name } }
}

interface Place {
  readonly path: string
  readonly name: string
  readonly body: object
}

/** A place in one of the kinds: with it the object is created, changed or deleted. */
const drawPlace = ({ chance, objects, step }: Work): Place => {
  if (chance.below(100) < 10) {
    const definition = chance.pick(customs)
    const name = `item-${chance.below(customObjects)}`
    const body = merge({ spec: { size: step } }, `${definition.group}/v1`, definition.kind, name)
    return { path: customPath(definition, chance.pick(namespaces)), name, body }
  }
  const at = chance.below(100)
  let sum = 0
  const sort = sorts.find(({ share }) => (sum += share) > at) ?? sorts[0]!
  const index = chance.below(Math.max(1, Math.floor((objects * sort.share) / 100)))
  const name = `${sort.plural}-${index}`
  return { path: sort.path(namespaces[index % namespaces.length]!), name, body: merge(sort.body(step), undefined, undefined, name) }
}

const isOk = (status: number): boolean => status >= 200 && status < 300

/** A pod may change in its metadata alone. */
const patchOf = ({ body, path }: Place): object => {
  if (!path.endsWith("/pods")) return body
  const { metadata } = body as { readonly metadata: object }
  return { metadata }
}

const touch = async ({ cluster }: Work, place: Place): Promise<boolean> => {
  const { status } = await cluster.send("PATCH", `${place.path}/${place.name}`, patchOf(place))
  return isOk(status) || (status === 404 && isOk((await cluster.send("POST", place.path, place.body)).status))
}

const remove = async ({ cluster }: Work, { name, path }: Place): Promise<boolean> =>
  isOk((await cluster.send("DELETE", `${path}/${name}`, { gracePeriodSeconds: 0 })).status)

const toggleDefinition = async ({ chance, cluster, counts }: Work): Promise<boolean> => {
  const definition = customs[1 + chance.below(customs.length - 1)]!
  counts.definitions++
  const { status } = await cluster.send("DELETE", `${definitions}/${definition.plural}.${definition.group}`)
  return isOk(status) || isOk((await cluster.send("POST", definitions, definitionOf(definition))).status)
}

const changeSomething = async (work: Work): Promise<boolean> => {
  const { chance, counts } = work
  work.step++
  const sort = chance.below(1_000)
  if (sort < 3) return toggleDefinition(work)
  const place = drawPlace(work)
  if (sort < 120) {
    counts.deleted++
    return remove(work, place)
  }
  if (sort < 300) {
    counts.anew++
    await remove(work, place)
    return isOk((await work.cluster.send("POST", place.path, place.body)).status)
  }
  return touch(work, place)
}

const populate = async (work: Work): Promise<void> => {
  const { cluster, objects } = work
  for (const name of namespaces) await cluster.write("POST", "/api/v1/namespaces", { metadata: { name } })
  for (const definition of customs) await cluster.write("POST", definitions, definitionOf(definition))
  const places = sorts.flatMap(({ body, path, plural, share }) =>
    Array.from({ length: Math.floor((objects * share) / 100) }, (_, i) => {
      const name = `${plural}-${i}`
      return { path: path(namespaces[i % namespaces.length]!), body: merge(body(0), undefined, undefined, name) }
    }),
  )
  await inParallel(
    16,
    places.map((place) => () => cluster.write("POST", place.path, place.body)),
  )
}

/**
 * @param cluster a client that gives up on requests
 * @param objects how many there are about
 * @param perSecond changes that are tried
 */
export const makeWorkload = (cluster: Cluster, seed: number, objects: number, perSecond: number): Workload => {
  const counts: Counts = { made: 0, failed: 0, anew: 0, deleted: 0, definitions: 0 }
  const work: Work = { cluster, chance: makeChance(seed * 2 + 1), objects, counts, step: 0 }
  const running = new Set<Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    if (running.size >= changesInFlightMax) return
    const one: Promise<void> = changeSomething(work).then(
      (made) => void (made ? counts.made++ : counts.failed++),
      () => void counts.failed++,
    )
    running.add(one)
    void one.finally(() => running.delete(one))
  }
  return {
    populate: () => populate(work),
    start: () => {
      timer = setInterval(tick, 1_000 / perSecond)
    },
    stop: async () => {
      clearInterval(timer)
      await Promise.all(running)
    },
    counts,
  }
}
