/**
 * `-o, --format`: the same answer as a table, as JSON or as YAML.
 */
import * as Effect from "effect/Effect"
import { meshError, type MeshError } from "../../domain/error.ts"

/**
 * @param format table, json or yaml; anything else fails with ErrUsage
 * @param table makes the text for people
 */
export const renderDocument = (format: string, document: unknown, table: () => string): Effect.Effect<string, MeshError> => {
  switch (format) {
    case "table":
      return Effect.sync(table)
    case "json":
      return Effect.succeed(JSON.stringify(document, undefined, 2))
    case "yaml":
      return Effect.promise(async () => (await import("yaml")).stringify(document).trimEnd())
    default:
      return Effect.fail(meshError("ErrUsage", `--format ${JSON.stringify(format)} is none of table, json, yaml`))
  }
}
