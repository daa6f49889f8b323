import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { errorFiles } from "../../scripts/errors.ts"
import { type ErrorEntry, errorRegistry, errorText, meshError, severityNumber } from "../../src/domain/error.ts"

const root = path.join(import.meta.dirname, "..", "..")
const entries = Object.entries<ErrorEntry>(errorRegistry)

/** The meanings that Meshery's own MeshSync has given away. */
const inherited = [
  "ErrInitConfig",
  "ErrList",
  "ErrPublish",
  "ErrDynamicClient",
  "ErrGetObject",
  "ErrNewPipeline",
  "ErrNewInformer",
  "ErrKubeConfig",
  "ErrInitRequest",
  "ErrSubscribeRequest",
  "ErrLogStream",
  "ErrCopyBuffer",
  "ErrInvalidRequest",
  "ErrExecTerminal",
  "ErrCacheSync",
  "ErrWriteOutput",
]

describe("the registry of errors", () => {
  it("gives every error a code of its own", () => {
    const codes = entries.map(([, { code }]) => code)
    expect(codes.filter((code, at) => codes.indexOf(code) !== at)).toEqual([])
  })

  it("leaves no code out, so that the next one is known", () => {
    expect(entries.map(([, { code }]) => Number(code)).toSorted((a, b) => a - b)).toEqual(entries.map((_, at) => 1000 + at))
  })

  it("keeps the meaning of the inherited codes", () => {
    expect(inherited.map((name) => errorRegistry[name as keyof typeof errorRegistry].code)).toEqual(
      inherited.map((_, at) => String(1000 + at)),
    )
  })

  it.each(entries)("says what, why and what to do: %s", (name, entry) => {
    expect(name).toMatch(/^Err[A-Z][A-Za-z]+$/)
    expect(Object.keys(severityNumber)).toContain(entry.severity)
    for (const text of [entry.short, entry.cause, entry.remedy]) expect(text).toMatch(/^\S.*[^\s.]$/)
  })
})

describe("the text of an error", () => {
  it("joins the parts as MeshKit does", () => {
    expect(meshError("ErrNewInformer", "widgets cannot be watched").message).toBe(
      "widgets cannot be watched | Short Description: A resource cannot be watched" +
        " | Probable Cause: The resource is invalid or not served" +
        " | Suggested Remediation: Name a resource that kubectl api-resources lists with the verbs list and watch",
    )
  })

  it("falls back on the long description, and leaves out a short one that repeats the text", () => {
    expect(
      errorText("ErrInitConfig", "").startsWith("The MeshSync custom resource could not be turned into a watch configuration | Short"),
    ).toBe(true)
    const { short } = errorRegistry.ErrList
    expect(errorText("ErrList", short).startsWith(`${short} | Probable Cause: `)).toBe(true)
  })
})

describe("what is made from the registry", () => {
  it.each(Object.entries(errorFiles()))("%s is up to date (else: make error)", (file, text) => {
    expect(fs.readFileSync(path.join(root, file), "utf8")).toBe(text)
  })

  it("exports errorutil's schema", () => {
    const text = errorFiles()["helpers/errorutil_errors_export.json"] ?? ""
    const exported = JSON.parse(text) as { errors: Record<string, Record<string, string>> }
    expect(Object.keys(exported)).toEqual(["component_name", "component_type", "errors"])
    expect(exported).toMatchObject({ component_name: "meshsync", component_type: "controller" })
    expect(Object.keys(exported.errors)).toEqual(Object.keys(exported.errors).toSorted())
    expect(Object.keys(exported.errors)).toHaveLength(entries.length)
    expect(Object.keys(exported.errors["1004"] ?? {})).toEqual([
      "name",
      "code",
      "severity",
      "long_description",
      "short_description",
      "probable_cause",
      "suggested_remediation",
    ])
    expect(exported.errors["1004"]).toMatchObject({ name: "ErrGetObjectCode", code: "1004", severity: "Alert", long_description: "" })
    expect(text.startsWith('{\n  "component_name"') && text.endsWith("}")).toBe(true)
  })

  it("numbers the next error", () => {
    expect(JSON.parse(errorFiles()["helpers/component_info.json"] ?? "")).toEqual({
      name: "meshsync",
      type: "controller",
      next_error_code: 1000 + entries.length,
    })
  })
})
