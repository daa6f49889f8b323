/**
 * A comparison end to end: the Go MeshSync's recorded messages on a broker in this process, and our own run on the recorded objects, read
 * over HTTP by the real adapter.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import { describe, expect, it } from "vitest"
import { makeBroker, type Broker } from "../../src/adapters/memory/broker.ts"
import { runComparison } from "../../src/app/comparison.ts"
import { layerClusterOf, type Ear } from "../../src/app/layers.ts"
import type { RunOptions } from "../../src/app/run.ts"
import { listDecisions, sumCounts, type Report } from "../../src/domain/sync/comparisonReport.ts"
import { abandonWaiting, type Pairing } from "../../src/domain/sync/pairing.ts"
import { coreSubject, requestSubject } from "../../src/domain/wire/subject.ts"
import { Dialer } from "../../src/ports/Dialer.ts"
import { madeUpVersion, publishedOf, replayVectors } from "../golden/replay.ts"
import { vectors, type Vector } from "../golden/vector.ts"

/** Everything, and the kinds that change all the time and so have to be named. */
const kinds = ["*", "events", "events.events.k8s.io", "leases.coordination.k8s.io"]

const runOf = (redact: boolean): RunOptions => ({
  version: "test",
  redact,
  contentDedup: false,
  outputNamespaces: [],
  outputResources: kinds,
  selector: "",
  clusterId: "",
})

/** A broker on which the other one has said everything before our own run begins. */
const listenOn = (broker: Broker, messages: ReadonlyArray<string>) => (ear: Ear) =>
  Effect.gen(function* () {
    const heard = yield* broker.subscribe(coreSubject, "comparison")
    yield* Effect.forEach(messages, (message) => broker.publish(coreSubject, encoder.encode(message)), { discard: true }).pipe(Effect.orDie)
    for (const _ of messages) ear.hear(yield* Queue.take(heard))
    return { send: () => true, refused: Effect.never }
  })

const encoder = new TextEncoder()

/** Compares our run on the vectors with messages, and gives the pairing at its end. */
const compare = async (cluster: ReadonlyArray<Vector>, messages: ReadonlyArray<string>): Promise<Pairing> => {
  const replay = await replayVectors(cluster)
  const reachable = new Set(
    cluster.flatMap(({ env }) => Object.entries(env.dial ?? {}).flatMap(([address, answers]) => (answers ? [address] : []))),
  )
  let pairing: Pairing | undefined
  const work = runComparison({
    run: runOf(cluster[0]?.env.redact ?? false),
    kindsChosen: true,
    resync: false,
    listen: listenOn(makeBroker(), messages),
    graceMs: 5_000,
    durationMs: 1_000,
    began: (begun) => {
      pairing = begun
    },
    show: () => Effect.void,
  })
  const layerDials = Layer.succeed(Dialer, { reachable: () => Effect.succeed(reachable) })
  const ports = Layer.merge(layerClusterOf({ kubeconfigText: replay.kubeconfigText, version: "test" }), layerDials)
  const quiet = Layer.merge(ports, Logger.layer([]))
  await Effect.runPromise(Effect.provide(work, quiet).pipe(Effect.timeout("60 seconds")))
  await replay.close()
  if (pairing === undefined) throw new Error("it never began")
  return pairing
}

/** What the replay has made up the Go MeshSync has never told. */
const findingsOf = ({ findings }: Report) => findings.filter(({ resourceVersion }) => resourceVersion !== madeUpVersion)

const plain = vectors.filter(({ env }) => !env.redact)
const redacted = vectors.filter(({ env }) => env.redact)

describe("against the recorded messages of the Go MeshSync", () => {
  it.concurrent.each([
    ["plain", plain, [15, 16, 26]],
    ["redacted", redacted, [17]],
  ] as const)(
    "every difference is explained and nothing is missing: %s",
    async (_, cluster, numbers) => {
      const { report } = await compare(cluster, publishedOf(cluster))
      const sum = sumCounts(report)
      expect(report.findings).toEqual([])
      expect(sum).toMatchObject({ different: 0, missingHere: 0, missingThere: 0, undecided: 0 })
      expect(listDecisions(report).map(({ number }) => number)).toEqual(expect.arrayContaining([...numbers]))
      // The rest is what the replay's list and watch tell in another order than the recorded run's.
      expect(sum.equal + sum.explained).toBeGreaterThan(cluster.length * 0.7)
      expect(report).toMatchObject({ outside: 0, foreign: 0 })
      console.log(JSON.stringify(sum), JSON.stringify(listDecisions(report)))
    },
    90_000,
  )

  it.concurrent("tells a message that was tampered with and where, one that was left out, and one too many", async () => {
    const messages = [...publishedOf(plain)]
    const find = (kind: string, event: string) =>
      messages.findIndex((message) => message.includes(`"kind":"${kind}"`) && message.includes(`"EventType":"${event}"`))
    const node = messages[find("Node", "ADDED")] ?? ""
    const uid = /"uid":"([^"]+)"/.exec(node)?.[1] ?? ""
    messages[find("Node", "ADDED")] = node.replace(/(\\"kubeletVersion\\":\\")[^\\]*/, "$1tampered")
    messages.push(node.replaceAll(uid, "11111111-2222-4333-8444-555555555555"))
    messages.splice(
      messages.findIndex((message) => message.includes('"name":"stream-1"') && message.includes('"EventType":"MODIFIED"')),
      1,
    )
    const { report } = await compare(plain, messages)
    expect(findingsOf(report).map(({ kind, outcome, paths }) => [outcome, kind, ...paths])).toEqual([
      ["different", "Node", "Object.status.attribute!.nodeInfo.kubeletVersion"],
      ["missingHere", "Node"],
      ["missingThere", "ConfigMap"],
    ])
  }, 90_000)
})

/** Beside another one that says nothing, until it is interrupted. */
const compareUntil = async (resync: boolean, isEnough: (pairing: Pairing) => boolean) => {
  const replay = await replayVectors(plain.slice(0, 40))
  const sent: Array<readonly [string, string]> = []
  const shown: Array<Pairing> = []
  const send = (subject: string, payload: Uint8Array): boolean => sent.push([subject, new TextDecoder().decode(payload)]) > 0
  const work = Effect.gen(function* () {
    const enough = yield* Deferred.make<void>()
    const comparing = runComparison({
      run: runOf(false),
      kindsChosen: true,
      resync,
      listen: () => Effect.succeed({ send, refused: Effect.never }),
      graceMs: 600_000,
      durationMs: undefined,
      began: (pairing) => void shown.push(pairing),
      show: (pairing) => (isEnough(pairing) ? Effect.asVoid(Deferred.succeed(enough, undefined)) : Effect.void),
    })
    const fiber = yield* Effect.forkChild(comparing)
    yield* Deferred.await(enough)
    yield* Fiber.interrupt(fiber)
  })
  const layerDials = Layer.succeed(Dialer, { reachable: () => Effect.succeed(new Set<string>()) })
  const ports = Layer.merge(layerClusterOf({ kubeconfigText: replay.kubeconfigText, version: "test" }), layerDials)
  await Effect.runPromise(Effect.provide(work, Layer.merge(ports, Logger.layer([]))).pipe(Effect.timeout("60 seconds")))
  await replay.close()
  return { pairing: shown[0] as Pairing, sent }
}

describe("without a duration", () => {
  const hasHeard = ({ waiting }: Pairing): boolean => waiting.size > 10

  it("an interruption leaves what was found, and what still waited is undecided, not missing", async () => {
    const { pairing, sent } = await compareUntil(false, hasHeard)
    const waited = pairing.waiting.size
    abandonWaiting(pairing)
    expect(waited).toBeGreaterThan(10)
    expect(sumCounts(pairing.report)).toMatchObject({ undecided: waited, missingHere: 0, missingThere: 0, different: 0 })
    expect(sent).toEqual([])
  }, 90_000)

  it("with --resync the other one is asked once to announce everything again, and nothing else is ever sent", async () => {
    const { sent } = await compareUntil(true, hasHeard)
    expect(sent).toEqual([[requestSubject, '{"Request":{"Entity":"resync-discovery"}}']])
  }, 90_000)
})
