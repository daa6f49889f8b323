/**
 * The configuration in force, as a document and as a table: each setting with its value and where that came from, and the kinds that it
 * selects. Credentials are masked. Pure.
 */
import type { Result } from "effect/Result"
import type { MeshError } from "../domain/error.ts"
import { typeName } from "../domain/select/resource.ts"
import type { LaneSpec } from "../domain/select/selection.ts"
import { renderRows } from "./checks.ts"
import type { Configuration } from "./configuration.ts"
import type { Selected } from "./selected.ts"
import { isRedacting, settings, type Setting, type SettingKey, type Values } from "./settings.ts"

type Origin = "flag" | "environment" | "custom resource" | "default"

export interface EffectiveSetting {
  readonly name: string
  readonly value: string
  readonly from: Origin
}

export interface EffectiveKind {
  /** As watch-lists spell it. */
  readonly resource: string
  readonly kind: string
  readonly events: ReadonlyArray<string>
  /** Empty: all, or it has none. */
  readonly namespaces: ReadonlyArray<string>
  readonly selector: string
  readonly depth: "full" | "metadata"
  readonly from: Origin
}

export interface Effective {
  readonly settings: ReadonlyArray<EffectiveSetting>
  readonly customResource: {
    readonly place: string
    readonly state: "absent" | "unusable" | "in force" | "unknown"
    readonly detail: string
  }
  readonly kinds: ReadonlyArray<EffectiveKind>
}

const secrets: ReadonlySet<SettingKey> = new Set(["natsPassword", "natsToken"])
const mask = "****"

/** User and password stand before the last `@` of an address. */
const maskAddress = (address: string): string => {
  const at = address.lastIndexOf("@")
  return at < 0 ? address : `${/^\s*[a-z]+:\/\//i.exec(address)?.[0] ?? ""}${mask}${address.slice(at)}`
}

const shownValue = (key: SettingKey, text: string): string => {
  if (secrets.has(key)) return text === "" ? "" : mask
  return key === "brokerUrl" ? text.split(",").map(maskAddress).join(",") : text
}

const describeSettings = (values: Values, configuration: Configuration | undefined): ReadonlyArray<EffectiveSetting> =>
  (Object.entries(settings) as ReadonlyArray<[SettingKey, Setting]>).map(([key, { env, flag }]) => {
    const { from, text } = values[key]
    // On stdout Secrets are redacted although nobody has said so.
    if (key === "redact" && from === "default") return { name: `--${flag}`, value: String(isRedacting(values)), from }
    const name = flag === "" ? (env ?? "") : `--${flag}`
    const interval = key === "reconcileInterval" && text === "" ? configuration?.reconcileInterval : undefined
    return interval === undefined ? { name, value: shownValue(key, text), from } : { name, value: interval, from: "custom resource" }
  })

const describeKind = (lane: LaneSpec, from: Origin): EffectiveKind => ({
  resource: typeName(lane.type),
  kind: lane.type.kind,
  events: [...lane.events],
  namespaces: lane.namespace === undefined ? [...(lane.namespaces ?? [])] : [lane.namespace],
  selector: lane.selector,
  depth: lane.depth ?? "full",
  from,
})

const stateOf = { Absent: "absent", Broken: "unusable", Present: "in force" } as const

/** @param selected what the cluster says to it, or why it says nothing */
export const describeEffective = (values: Values, selected: Result<Selected, MeshError>): Effective => {
  const place = values.customResource.text
  if (selected._tag === "Failure") {
    const customResource = { place, state: "unknown", detail: selected.failure.detail } as const
    return { settings: describeSettings(values, undefined), customResource, kinds: [] }
  }
  const { configuration, lanes } = selected.success
  const { from, text } = values.resources
  const origin: Origin = text.trim() !== "" ? from : configuration._tag === "Present" ? "custom resource" : "default"
  return {
    settings: describeSettings(values, configuration),
    customResource: {
      place,
      state: stateOf[configuration._tag],
      detail: configuration._tag === "Broken" ? configuration.error.detail : "",
    },
    kinds: lanes.filter(({ hidden }) => !hidden).map((lane) => describeKind(lane, origin)),
  }
}

const orDash = (text: string): string => (text === "" ? "-" : text)

/** For people: three parts with a blank line between them. */
export const renderEffective = ({ customResource, kinds, settings: all }: Effective): string => {
  const { detail, place, state } = customResource
  const [colon, unread] = [detail === "" ? "" : `: ${detail}`, state === "unknown"]
  const rows = kinds.map(({ depth, events, from, namespaces, resource, selector }) => [
    resource,
    orDash(events.join(",")),
    namespaces.length === 0 ? "all" : namespaces.join(","),
    orDash(selector),
    depth,
    from,
  ])
  return [
    ...renderRows([["SETTING", "VALUE", "FROM"], ...all.map(({ from, name, value }) => [name, orDash(value), from])]),
    "",
    ...renderRows([[`custom resource ${place}: ${state}${colon}`]]),
    ...(unread ? [] : ["", ...renderRows([["KIND", "EVENTS", "NAMESPACES", "LABELS", "DEPTH", "FROM"], ...rows])]),
  ].join("\n")
}
