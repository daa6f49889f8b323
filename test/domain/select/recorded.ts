/**
 * The discovery answers of a real kube-apiserver, and small ways to make others.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Result from "effect/Result"
import { classicPlan, discoverAggregated, discoverClassic, type Discovery, type ServedType } from "../../../src/domain/select/discovery.ts"

const folder = path.join(import.meta.dirname, "..", "..", "golden", "discovery")

interface Recording {
  readonly request: string
  readonly accept: string
  readonly status: number
  readonly file: string
}
const index = JSON.parse(fs.readFileSync(path.join(folder, "index.json"), "utf8")) as ReadonlyArray<Recording>

/** The recorded body of a request; undefined when the server did not answer 200. */
export const recordedBody = (request: string, aggregated = false): string | undefined => {
  const found = index.find(
    (recording) => recording.request === `GET ${request}` && recording.accept.includes("apidiscovery") === aggregated,
  )
  return found === undefined || found.status !== 200 ? undefined : fs.readFileSync(path.join(folder, found.file), "utf8")
}

export const recordedAggregated = (): Discovery =>
  Result.getOrThrow(discoverAggregated(recordedBody("/api", true) ?? "", recordedBody("/apis", true) ?? ""))

export const recordedClassic = (): Discovery => {
  const plan = Result.getOrThrow(classicPlan(recordedBody("/api") ?? "", recordedBody("/apis") ?? ""))
  return discoverClassic(plan.map((entry) => ({ ...entry, text: recordedBody(entry.path) })))
}

/** The definitions of the recorded cluster's custom resources, by name. */
export const recordedCustomTypes = (discovery: Discovery): ReadonlySet<string> =>
  new Set(
    discovery.types
      .filter((type) => /\.example\.(com|dev)$|^meshery\.io$|^grafana\./.test(type.group))
      .map((type) => `${type.plural}.${type.group}`),
  )

/** A watchable namespaced type; `spec` overrides. */
export const makeType = (key: string, spec: Partial<ServedType> = {}): ServedType => {
  const [plural = "", ...group] = key.split(".")
  return {
    group: group.join("."),
    version: "v1",
    plural,
    kind: plural.slice(0, 1).toUpperCase() + plural.slice(1, -1),
    namespaced: true,
    singular: plural.slice(0, -1),
    shortNames: [],
    categories: [],
    watchable: true,
    ...spec,
  }
}

export const makeDiscovery = (types: ReadonlyArray<ServedType>, staleGroups: ReadonlyArray<string> = []): Discovery => ({
  types,
  staleGroups: new Set(staleGroups),
})
