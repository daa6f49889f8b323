/**
 * Messages about resources as a schema: it decodes foreign bytes, and the published JSON Schema is made from it.
 * Unknown members are ignored, so a message of a later version still decodes. The types are restore.ts's; the compiler holds both together.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { meshError, type MeshError } from "../error.ts"
import type { ResourceMessage } from "./restore.ts"

const text = (description: string) => Schema.String.annotate({ description })
const optionalText = (description: string) => Schema.optionalKey(text(description))
const jsonText = (what: string) => optionalText(`${what}, as a text of JSON: the API server's own bytes`)

const LabelSchema = Schema.Struct({
  id: text("Always empty"),
  unique_id: text("Always empty"),
  kind: text("label or annotation"),
  key: optionalText("Absent where it is empty"),
  value: optionalText("The content of the JSON string with its escapes; absent where it is empty"),
})

const MetadataSchema = Schema.Struct({
  id: text("Always empty"),
  name: optionalText("Absent only of objects without a name"),
  generateName: optionalText("As in the object"),
  namespace: optionalText("Absent of cluster-scoped objects"),
  selfLink: optionalText("As in the object"),
  uid: text("Identifies one life of an object"),
  resourceVersion: optionalText("The version of the object; compare for equality"),
  generation: Schema.optionalKey(Schema.Finite.annotate({ description: "Absent where it is 0" })),
  creationTimestamp: optionalText("As in the object"),
  deletionTimestamp: optionalText("As in the object"),
  deletionGracePeriodSeconds: Schema.optionalKey(Schema.Finite),
  labels: Schema.optionalKey(Schema.Array(LabelSchema).annotate({ description: "In the order of the keys" })),
  annotations: Schema.optionalKey(Schema.Array(LabelSchema).annotate({ description: "In the order of the keys" })),
  ownerReferences: jsonText("The array"),
  finalizers: jsonText("The array"),
  clusterName: optionalText("As in the object"),
  cluster_id: text("Always empty"),
})

const AttributeSchema = Schema.Struct({
  id: text("Always empty"),
  attribute: optionalText("The member as a text of JSON: the API server's own bytes, so 64-bit integers are exact"),
})

const PayloadSchema = Schema.Struct({
  id: text("Always empty"),
  apiVersion: text("Group and version, e.g. apps/v1"),
  kind: text("E.g. Deployment"),
  model: text("Always empty"),
  metadata: MetadataSchema,
  spec: Schema.optionalKey(AttributeSchema),
  status: Schema.optionalKey(AttributeSchema),
  cluster_id: text("The uid of the namespace kube-system"),
  pattern_resource: Schema.NullOr(text("The UUID of the design that a label names")),
  component_metadata: Schema.NullOr(
    Schema.Struct({
      capabilities: Schema.Struct({
        connection: Schema.Boolean,
        urls: Schema.Array(Schema.String).annotate({ description: "Where a Service answers, outer address first" }),
      }),
    }),
  ),
  immutable: optionalText("true or false"),
  data: jsonText("The member"),
  binaryData: jsonText("The member"),
  stringData: jsonText("The member"),
  type: optionalText("The member's text"),
})

/** A message on `meshery.meshsync.core`. */
export const ResourceMessageSchema: Schema.Codec<ResourceMessage> = Schema.Struct({
  ObjectType: Schema.Literal("meshsync-data"),
  EventType: Schema.Literals(["ADDED", "MODIFIED", "DELETED"]),
  Request: Schema.Null,
  Object: PayloadSchema,
}).annotate({ identifier: "ResourceMessage", description: "One change of one object of the cluster" })

const decodeParsed = Schema.decodeUnknownResult(ResourceMessageSchema)

/**
 * Decodes the text of a message of `meshery.meshsync.core`.
 * @param text JSON, from anybody
 * @returns ErrInvalidMessage with the first member that is not as it should be; nothing of the message's values is repeated
 */
export const decodeMessageText = (text: string): Result.Result<ResourceMessage, MeshError> => {
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    return Result.fail(meshError("ErrInvalidMessage", "it is not JSON"))
  }
  return Result.mapError(decodeParsed(message), ({ message: reason }) => meshError("ErrInvalidMessage", reason))
}
