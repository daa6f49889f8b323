/** What is read beside lists and watches: discovery, the custom resource, requests, and the frames of a terminal. */
import * as Result from "effect/Result"
import { decodeText } from "../../src/domain/read/text.ts"
import { splitFrames } from "../../src/domain/read/webSocket.ts"
import { classicPlan, discoverAggregated, discoverClassic } from "../../src/domain/select/discovery.ts"
import { parseWatchList } from "../../src/domain/select/watchList.ts"
import { decodeRequest } from "../../src/domain/wire/request.ts"
import { decodeInput } from "../../src/domain/wire/sessionMessage.ts"
import { encodeText } from "../../src/domain/wire/writer.ts"
import { type Chance, mutate } from "../domain/wire/seeded.ts"

export const sides = ["discovered", "undiscovered", "selected", "unselected", "requested", "invalid", "framed", "unframed"] as const
export type Side = (typeof sides)[number]

const resource = { resource: "widgets", responseKind: { kind: "Widget" }, scope: "Namespaced", verbs: ["list", "watch"], shortNames: ["w"] }
const group = { metadata: { name: "example.com" }, versions: [{ version: "v1", resources: [resource], freshness: "Current" }] }
const aggregated = JSON.stringify({ kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2", items: [group] })
const core = JSON.stringify({ kind: "APIVersions", versions: ["v1"] })
const version = { groupVersion: "example.com/v1", version: "v1" }
const groups = JSON.stringify({ kind: "APIGroupList", groups: [{ name: "example.com", versions: [version], preferredVersion: version }] })
const list = JSON.stringify({
  kind: "APIResourceList",
  groupVersion: "example.com/v1",
  resources: [{ name: "widgets", kind: "Widget", namespaced: true, verbs: ["list", "watch"] }],
})
const whitelist = JSON.stringify([
  { Resource: "pods.v1.", Events: ["ADDED"] },
  { Resource: "namespaces.v1.", Events: ["MODIFIED"] },
])
const watchList = JSON.stringify({ spec: { "watch-list": { data: { whitelist, blacklist: "" } } } })
const payload = { a: { id: "t1", name: "web", namespace: "shop", container: "c", tailLines: 5, follow: true } }
const requests = ["resync-discovery", "meshsync-meta", "informer-store", "log-stream", "exec-request", "active-exec"].map((Entity) =>
  JSON.stringify({ Request: { Entity, Payload: Entity === "informer-store" ? { Reply: "_INBOX.a" } : payload } }),
)
const input = JSON.stringify({ ObjectType: "exec-input", Object: "ls -l" })
const frames = Uint8Array.from([0x82, 3, 1, 65, 66, 0x82, 126, 0, 130, ...Array.from({ length: 130 }, () => 1), 0x88, 2, 3, 0xe8])

const mutateText = (text: string, chance: Chance): string => {
  const bytes = mutate(encodeText(text), chance)
  return decodeText(bytes, 0, bytes.length)
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const discover = (chance: Chance): Side =>
  Result.isSuccess(discoverAggregated(mutateText(aggregated, chance), aggregated)) ? "discovered" : "undiscovered"

/** The older form in two steps: which groups there are, then what each of them has. */
const discoverOlder = (chance: Chance): Side => {
  const isFirst = chance.below(2) === 0
  const plan = classicPlan(core, isFirst ? mutateText(groups, chance) : groups)
  if (Result.isFailure(plan)) return "undiscovered"
  const { types } = discoverClassic(plan.success.map((one) => ({ ...one, text: isFirst ? list : mutateText(list, chance) })))
  return types.length > 0 ? "discovered" : "undiscovered"
}

const read: ReadonlyArray<(chance: Chance) => Side> = [
  discover,
  discoverOlder,
  (chance) => (Result.isSuccess(parseWatchList(parse(mutateText(watchList, chance)))) ? "selected" : "unselected"),
  (chance) => (decodeRequest(mutate(encodeText(chance.pick(requests)), chance))._tag === "Invalid" ? "invalid" : "requested"),
  (chance) => (decodeInput(mutate(encodeText(input), chance)) === undefined ? "invalid" : "requested"),
  (chance) => (Result.isSuccess(splitFrames(mutate(frames, chance), 1024)) ? "framed" : "unframed"),
]

/** Has one of these read a mutant, and counts what came of it. */
export const mutateAside = (chance: Chance, tally: Record<Side | "inputs", number>): void => {
  tally.inputs++
  tally[chance.pick(read)(chance)]++
}
