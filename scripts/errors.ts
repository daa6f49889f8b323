/**
 * Writes what is made from the registry of errors: the reference for people, and the export that Meshery's documentation is built from.
 * Run by `make error`; a test compares the files with what the registry gives.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { type ErrorEntry, errorRegistry, severityNumber } from "../src/domain/error.ts"

const entries = (): ReadonlyArray<readonly [string, ErrorEntry]> =>
  Object.entries<ErrorEntry>(errorRegistry).toSorted(([, a], [, b]) => (a.code < b.code ? -1 : a.code > b.code ? 1 : 0))

/** MeshKit's errorutil writes JSON with two spaces and no newline at the end. */
const formatJson = (value: unknown): string => JSON.stringify(value, undefined, 2)

/** The export in the schema of MeshKit's errorutil: a map by code, sorted by the code's text. */
export const formatExport = (): string =>
  formatJson({
    component_name: "meshsync",
    component_type: "controller",
    errors: Object.fromEntries(
      entries().map(([name, { cause, code, long, remedy, severity, short }]) => [
        code,
        {
          name: `${name}Code`,
          code,
          severity,
          long_description: long,
          short_description: short,
          probable_cause: cause,
          suggested_remediation: remedy,
        },
      ]),
    ),
  })

/** What errorutil needs to number new errors. */
export const formatComponent = (): string =>
  formatJson({
    name: "meshsync",
    type: "controller",
    next_error_code: Math.max(...entries().map(([, { code }]) => Number(code))) + 1,
  })

/** The reference for people: one section an error, in order of the codes. */
export const formatReference = (): string => {
  const severities = Object.entries(severityNumber)
    .map(([name, number]) => `${name} (${number})`)
    .join(", ")
  const sections = entries().map(([name, { cause, code, long, remedy, severity, short }]) =>
    [
      `## ${code} ${name}`,
      `**${short}** (${severity})${long === "" ? "" : `\n\n${long}.`}`,
      `- Probable cause: ${cause}\n- Suggested remediation: ${remedy}`,
    ].join("\n\n"),
  )
  return `# Errors

Made from \`src/domain/error.ts\` by \`make error\`; do not edit.

Every error carries a code, a severity, what happened, why, and what to do. In the log these are the fields \`code\`, \`severity\`,
\`short-description\`, \`probable-cause\` and \`suggested-remediation\`. Severities with the numbers that logs show: ${severities}.
Codes are never reused; 1000 to 1015 mean what they mean in Meshery's own MeshSync.

${sections.join("\n\n")}
`
}

/** The files by their path from the root of the repository. */
export const errorFiles = (): Readonly<Record<string, string>> => ({
  "docs/ERRORS.md": formatReference(),
  "helpers/errorutil_errors_export.json": formatExport(),
  "helpers/component_info.json": formatComponent(),
})

if (import.meta.main) {
  const root = path.dirname(import.meta.dirname)
  for (const [file, text] of Object.entries(errorFiles())) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    fs.writeFileSync(path.join(root, file), text)
    console.log(`written: ${file}`)
  }
}
