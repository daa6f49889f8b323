/**
 * Reconciliation against a real API server. A proxy keeps back what a watch of ConfigMaps would bring, so there is something to find; the
 * run's clock is put forward over the five minutes that an interval has at least, while the requests keep the real time.
 */
import * as fs from "node:fs"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll, expect, it } from "vitest"
import { layerClusterOf, layerNoRequests } from "../../src/app/layers.ts"
import { startRun, type Run } from "../../src/app/run.ts"
import { isSettled } from "../../src/domain/sync/engine.ts"
import { ClusterApi } from "../../src/ports/ClusterApi.ts"
import { accepted, Sink } from "../../src/ports/Sink.ts"
import { type Gateway, openGateway, refusal, type Treatment } from "../chaos/gateway.ts"
import { type ControlPlane, startControlPlane } from "./controlPlane.ts"
import { makeForwardClock } from "./forwardClock.ts"
import { until } from "./program.ts"
import { configMap, createNamespace } from "./workload.ts"

let plane: ControlPlane
let gateway: Gateway

const clusterWide = "/api/v1/configmaps"
const inDrift = "/api/v1/namespaces/drift/configmaps"

beforeAll(async () => {
  plane = await startControlPlane({ controllers: false })
  gateway = await openGateway(plane.url, plane.pair)
  console.log(`kube-apiserver ${plane.version}`)
  await createNamespace(plane, "drift")
  for (let i = 0; i < 25; i++) await plane.admin.write("POST", inDrift, configMap("drift", `c${String(i).padStart(2, "0")}`))
})

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await plane?.[Symbol.asyncDispose]()
})

interface Watched {
  readonly run: Run
  /** `Added drift/c00`, of ConfigMaps and Namespaces. */
  readonly told: Array<string>
  readonly lines: Array<string>
  readonly putForward: (ms: number) => void
  readonly end: () => Promise<void>
}

/** The adapter in real time: a watch that is silent for 150 s would be given up when the run's clock is put forward. */
const inRealTime = (api: ClusterApi["Service"], real: Clock.Clock): ClusterApi["Service"] => {
  const really = <A, E, R>(request: Effect.Effect<A, E, R>) => Effect.provideService(request, Clock.Clock, real)
  return ClusterApi.of({
    ...api,
    list: (request) => really(api.list(request)),
    watch: (request) => Effect.map(really(api.watch(request)), ({ next }) => ({ next: really(next) })),
    read: (path, accept) => really(api.read(path, accept)),
  })
}

const begin = (): Promise<Watched> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const [told, lines]: [Array<string>, Array<string>] = [[], []]
      const real = yield* Clock.Clock
      const { clock, putForward } = makeForwardClock(real)
      const scope = yield* Scope.make()
      const kubeconfigText = fs.readFileSync(plane.kubeconfig("admin"), "utf8").replace(plane.url, `https://127.0.0.1:${gateway.port}`)
      const cluster = yield* Scope.provide(Layer.build(layerClusterOf({ kubeconfigText, version: "test" })), scope)
      const sink = Sink.of({
        deliver: ({ messages }) =>
          Effect.sync(() => {
            for (const { event, name, namespace } of messages) if (namespace === "drift") told.push(`${event} ${name}`)
            return accepted
          }),
        bytesMax: () => 1 << 20,
        status: () => ({ name: "test", state: "open", detail: "" }),
        settled: Effect.void,
      })
      const ports = Layer.mergeAll(Layer.succeedContext(cluster), Layer.succeed(Sink, sink), layerNoRequests)
      const logger = Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])
      const run = yield* startRun({
        version: "test",
        redact: false,
        contentDedup: false,
        outputNamespaces: [],
        outputResources: ["configmaps", "secrets"],
        selector: "",
        clusterId: "",
        reconcileInterval: "5m",
      }).pipe(
        Effect.provideService(ClusterApi, inRealTime(Context.get(cluster, ClusterApi), real)),
        Effect.provide(ports),
        Effect.provide(logger),
        Effect.provideService(Clock.Clock, clock),
        Scope.provide(scope),
      )
      return { run, told, lines, putForward, end: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
    }),
  )

it("finds what a watch has kept back, says so in one line, also when there is nothing; a list that breaks off deletes nothing", async () => {
  let ofLists: (token: string | null) => Treatment = () => ({ _tag: "SmallPages", objects: 10 })
  gateway.treat = ({ path, query, verb }) => {
    if (path !== clusterWide || verb === "other") return { _tag: "Pass" }
    return verb === "watch" ? { _tag: "Mute" } : ofLists(query.get("continue"))
  }
  const { end, lines, putForward, run, told } = await begin()
  const summaries = () => lines.filter((line) => line.startsWith("reconciled"))
  const nextSummary = async (): Promise<string> => {
    const before = summaries().length
    // The interval of 5 min is at most a tenth longer.
    putForward(6 * 60_000)
    await until("a comparison has ended", 30_000, () => (summaries().length > before ? true : undefined))
    return (summaries()[before] ?? "").replace(/in \d+ s/, "in N s")
  }
  await until("everything is announced", 30_000, () => (isSettled(run.engine) ? true : undefined))
  expect(told.length).toBe(25)
  const objects = [...run.engine.lanes.values()].reduce((sum, { ledger }) => sum + ledger.size, 0)
  told.length = 0

  expect(await nextSummary()).toBe(`reconciled in N s: 0 of ${objects} objects of 2 kinds differed (0 added, 0 modified, 0 deleted)`)
  expect(told).toEqual([])

  for (const name of ["c03", "c04", "c22"]) await plane.admin.write("DELETE", `${inDrift}/${name}`)
  await plane.admin.write("PATCH", `${inDrift}/c10`, { data: { colour: "red" } })
  for (const name of ["new-1", "new-2"]) await plane.admin.write("POST", inDrift, configMap("drift", name))
  await plane.admin.write("POST", "/api/v1/namespaces/drift/secrets", { metadata: { name: "heard" } })
  await until("what is not kept back has come", 10_000, () => (told.includes("Added heard") ? true : undefined))
  expect(told.splice(0)).toEqual(["Added heard"])
  expect(await nextSummary()).toBe(`reconciled in N s: 6 of ${objects} objects of 2 kinds differed (2 added, 1 modified, 3 deleted)`)
  const found = ["Added new-1", "Added new-2", "Deleted c03", "Deleted c04", "Deleted c22", "Modified c10"]
  expect(told.splice(0).toSorted()).toEqual(found)

  for (const name of ["c00", "c24"]) await plane.admin.write("DELETE", `${inDrift}/${name}`)
  const away = { _tag: "Answer", status: 500, body: refusal(500, "InternalError", "etcd has a bad day") } as const
  ofLists = (token) => (token === null ? { _tag: "SmallPages", objects: 10 } : away)
  expect(await nextSummary()).toMatch(
    /^reconciled in N s: 0 of \d+ objects of 1 kinds differed \(0 added, 0 modified, 0 deleted\); not compared: configmaps$/,
  )
  expect(told).toEqual([])
  expect(run.engine.counters).toMatchObject({ reconciles: 3, drift_added: 2, drift_modified: 1, drift_deleted: 3 })

  // Once lists are complete again, the lane's own next one finds the rest.
  ofLists = () => ({ _tag: "Pass" })
  await until("the rest is found", 60_000, () => (told.length === 2 ? true : undefined))
  expect(told.toSorted()).toEqual(["Deleted c00", "Deleted c24"])
  await end()
})
