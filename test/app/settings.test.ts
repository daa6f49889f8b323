import { describe, expect, it } from "vitest"
import { wholeRunOptions } from "../../src/app/serve.ts"
import {
  durationMs,
  faultOfKind,
  faultOfValues,
  gatherValues,
  isOn,
  leavesOutRepeats,
  listOf,
  settingOfFlag,
  settings,
  type Setting,
  type SettingKey,
} from "../../src/app/settings.ts"

const all = Object.entries(settings) as ReadonlyArray<readonly [SettingKey, Setting]>
const gather = (flags: Partial<Record<SettingKey, string>>, env: Record<string, string | undefined> = {}) =>
  gatherValues(new Map(Object.entries(flags) as Array<[SettingKey, string]>), env)

describe("the table", () => {
  it("names each flag and each variable once", () => {
    const flags = all.flatMap(([, { aliases, flag }]) => [flag, ...aliases]).filter((flag) => flag !== "")
    const variables = all.flatMap(([, { env }]) => (env === undefined ? [] : [env]))
    expect(new Set(flags).size).toBe(flags.length)
    expect(new Set(variables).size).toBe(variables.length)
  })

  it("lets everything be set by at least one of the two", () => {
    expect(all.filter(([, { env, flag }]) => flag === "" && env === undefined)).toEqual([])
  })

  it.each(["broker-url", "output", "outputFile", "outputNamespaces", "outputResources", "stopAfter"])(
    "keeps the Go MeshSync's flag %s, and has a name in kebab-case for it",
    (flag) => {
      const found = all.filter(([, { aliases, flag: first }]) => [first, ...aliases].includes(flag))
      expect(found.map(([key]) => key)).toEqual([settingOfFlag(flag)])
      expect(found.flatMap(([, { aliases, flag: first }]) => [first, ...aliases]).join(" ")).toMatch(/(^| )[a-z]+(-[a-z]+)*( |$)/)
    },
  )

  it("spells a variable of ours as its flag", () => {
    const ours = all.filter(([, { env, flag }]) => flag !== "" && env?.startsWith("MESHSYNC_") === true)
    const strange = ours.filter(([, { aliases, env, flag }]) => {
      const spelt = [flag, ...aliases].map((name) => `MESHSYNC_${name.toUpperCase().replaceAll("-", "_")}`)
      return !spelt.includes(env ?? "")
    })
    expect(ours.length).toBeGreaterThan(10)
    expect(strange).toEqual([])
  })

  it("has fallbacks of the right kind", () => {
    expect(all.filter(([, { fallback, kind }]) => faultOfKind(kind, fallback) !== undefined)).toEqual([])
  })

  it("takes no secret on the command line, where every user of the machine could read it", () => {
    expect([settings.natsPassword.flag, settings.natsToken.flag]).toEqual(["", ""])
  })
})

describe("gatherValues", () => {
  it("takes the flag before the environment before the default", () => {
    expect(gather({}, {}).output).toEqual({ text: "broker", from: "default" })
    expect(gather({}, { MESHSYNC_OUTPUT: "file" }).output).toEqual({ text: "file", from: "environment" })
    expect(gather({ output: "stdout" }, { MESHSYNC_OUTPUT: "file" }).output).toEqual({ text: "stdout", from: "flag" })
  })

  it("takes an empty variable for one that is not set, and an empty flag for what it says", () => {
    expect(gather({}, { MESHSYNC_OUTPUT: "" }).output).toEqual({ text: "broker", from: "default" })
    expect(gather({ output: "" }, { MESHSYNC_OUTPUT: "file" }).output).toEqual({ text: "", from: "flag" })
  })

  it.each([
    ["neither", undefined, undefined, { text: "", from: "default" }],
    ["the flag alone", "nats://flag", undefined, { text: "nats://flag", from: "flag" }],
    ["the flag, and an empty variable", "nats://flag", "", { text: "nats://flag", from: "flag" }],
    ["the variable alone", undefined, "nats://env", { text: "nats://env", from: "environment" }],
    ["both, the same", "nats://env", "nats://env", { text: "nats://env", from: "environment" }],
    ["both, different", "nats://flag", "nats://env", { text: "nats://env", from: "environment", ignored: "nats://flag" }],
  ])("lets BROKER_URL win over --broker-url: %s", (_, flag, variable, value) => {
    expect(gather(flag === undefined ? {} : { brokerUrl: flag }, { BROKER_URL: variable }).brokerUrl).toEqual(value)
  })
})

describe("faultOfValues", () => {
  it.each([
    ["MESHSYNC_STOP_AFTER", "8", 'invalid value "8" for MESHSYNC_STOP_AFTER: a duration is needed, such as 8s or 1m30s'],
    ["MESHSYNC_HEALTH_PORT", "http", 'invalid value "http" for MESHSYNC_HEALTH_PORT: a number is needed, from 0 to 65535'],
    ["MESHSYNC_SELECTOR", "a=b,,c", 'invalid value "a=b,,c" for MESHSYNC_SELECTOR: a selector is needed, such as app=web,tier!=cache'],
    [
      "MESHSYNC_MIN_INTERVAL",
      "leases",
      'invalid value "leases" for MESHSYNC_MIN_INTERVAL: "leases" is no TYPE=DURATION; a list of intervals is needed, such as leases.coordination.k8s.io=10s,endpoints=5s',
    ],
    ["MESHSYNC_PACE", "fast", 'invalid value "fast" for MESHSYNC_PACE: a switch is needed, true or false'],
  ])("names a variable that cannot be meant: %s=%s", (name, text, message) => {
    expect(faultOfValues(gather({}, { [name]: text }))).toBe(message)
  })

  it.each(["DEBUG", "MESHSYNC_REDACT_SECRETS", "MESHSYNC_BROKER_CONTENT_DEDUP"])("takes any text of %s for off", (name) => {
    expect(faultOfValues(gather({}, { [name]: "perhaps" }))).toBeUndefined()
  })

  it("finds nothing wrong with the defaults", () => {
    expect(faultOfValues(gather({}))).toBeUndefined()
  })
})

describe("readings", () => {
  it.each(["1", "t", "T", "true", "TRUE", "True"])("%s is on", (text) => {
    expect(isOn(text)).toBe(true)
  })

  it.each(["", "0", "f", "false", "perhaps", " true", "11"])("%j is off", (text) => {
    expect(isOn(text)).toBe(false)
  })

  it.each(["1", "t", "T", "TRUE", "true", "True"])("MESHSYNC_BROKER_CONTENT_DEDUP=%s is on, as strconv.ParseBool reads it", (text) => {
    expect(leavesOutRepeats(gather({}, { MESHSYNC_BROKER_CONTENT_DEDUP: text }))).toBe(true)
  })

  it.each(["", "0", "f", "false", "tRuE", "yes", "on", "perhaps", " true"])("MESHSYNC_BROKER_CONTENT_DEDUP=%j is off", (text) => {
    expect(leavesOutRepeats(gather({}, { MESHSYNC_BROKER_CONTENT_DEDUP: text }))).toBe(false)
  })

  it("repeats are left out by the flag in any spelling of a switch, and in broker mode only", () => {
    const values = gather({ contentDedup: "on" })
    expect((["broker", "file", "stdout"] as const).map((mode) => wholeRunOptions(mode, values, "test").contentDedup)).toEqual([
      true,
      false,
      false,
    ])
  })

  it.each([
    ["", []],
    ["  ", []],
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    [" a, b ", ["a", " b"]],
    ["a,,b,", ["a", "", "b", ""]],
  ])("splits %j as Go does", (text, list) => {
    expect(listOf(text)).toEqual(list)
  })

  it.each([
    ["8s", 8_000],
    ["1m30s", 90_000],
    ["0", 0],
    ["-1ns", undefined],
    ["-5s", undefined],
  ])("%s lasts %s ms, and never when it is negative", (text, expected) => {
    expect(durationMs(text)).toBe(expected)
  })
})
