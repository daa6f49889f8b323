/**
 * What goes over the wire, described for machines: JSON Schema of the messages, AsyncAPI of the subjects. Made from the schema that
 * decodes.
 */
import * as Schema from "effect/Schema"
import { ResourceMessageSchema } from "./envelope.ts"
import { SyncMarkSchema } from "./markSchema.ts"
import { logSubject, sessionsSubject } from "./sessionMessage.ts"
import { pieceHeaders } from "./oversize.ts"
import { coreSubject, oversizeSubject, requestQueue, requestSubject, syncSubject } from "./subject.ts"

/** A document of JSON. */
export interface JsonDocument {
  readonly [member: string]: unknown
}

const resourceMessage = (): JsonDocument => {
  const { definitions } = Schema.toJsonSchemaDocument(ResourceMessageSchema)
  return definitions["ResourceMessage"] as JsonDocument
}

const mark = (): JsonDocument => Schema.toJsonSchemaDocument(SyncMarkSchema).definitions["SyncMark"] as JsonDocument

/**
 * The JSON Schema (draft 2020-12) of a message on `meshery.meshsync.core`, also as `meshsync/message.schema.json`.
 *
 * @example
 * const isMessage = new Ajv2020().compile(describeMessage())
 */
export const describeMessage = (): JsonDocument => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "MeshSync message",
  ...resourceMessage(),
})

const requestSchema: JsonDocument = {
  type: "object",
  description: "Member names are read in any case, unknown ones are ignored",
  properties: {
    Request: {
      type: "object",
      properties: {
        Entity: {
          type: "string",
          enum: ["resync-discovery", "meshsync-meta", "informer-store", "log-stream", "exec-request", "active-exec"],
        },
        Payload: { type: "object" },
      },
      required: ["Entity"],
    },
  },
  required: ["Request"],
}

const metaSchema: JsonDocument = {
  type: "object",
  properties: {
    ObjectType: { type: "string", const: "" },
    EventType: { type: "string", const: "" },
    Request: { type: "null" },
    Object: { type: "string", description: "The version of this program" },
  },
  required: ["ObjectType", "EventType", "Request", "Object"],
}

const sessionSchema = (objectTypes: ReadonlyArray<string>, object: JsonDocument): JsonDocument => ({
  type: "object",
  properties: {
    ObjectType: { type: "string", enum: objectTypes },
    EventType: { type: "string" },
    Request: { type: "null" },
    Object: object,
  },
  required: ["ObjectType", "Object"],
})

/** AsyncAPI wants each parameter of an address named. */
const parametersOf = (address: string): JsonDocument =>
  Object.fromEntries([...address.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => [name, {}]))

const ref = (path: string): JsonDocument => ({ $ref: `#/${path}` })

/** One subject with its only sort of message. */
interface Subject {
  readonly name: string
  readonly address: string
  readonly action: "send" | "receive"
  readonly queue?: string
  readonly summary: string
  readonly payload: JsonDocument
  readonly headers?: JsonDocument
  /** JSON if absent. */
  readonly contentType?: string
}

const number = "^[0-9]+$"

const pieceSchema: JsonDocument = {
  type: "object",
  properties: {
    [pieceHeaders.id]: { type: "string", description: "The same for all pieces of a message, and never used again" },
    [pieceHeaders.index]: { type: "string", pattern: number, description: "Of this piece, from 0" },
    [pieceHeaders.count]: { type: "string", pattern: number, description: "Pieces of the message" },
    [pieceHeaders.bytes]: { type: "string", pattern: number, description: "Of the message" },
    [pieceHeaders.sha256]: { type: "string", pattern: "^[0-9a-f]{64}$", description: "Of the message" },
  },
  required: Object.values(pieceHeaders),
}

const subjects = (): ReadonlyArray<Subject> => [...clusterSubjects(), ...sessionSubjects()]

const clusterSubjects = (): ReadonlyArray<Subject> => [
  {
    name: "change",
    address: coreSubject,
    action: "send",
    summary: "Each change of the cluster; after a reconnect or on request everything once more as ADDED",
    payload: resourceMessage(),
  },
  {
    name: "mark",
    address: syncSubject,
    action: "send",
    summary: "Where announcements begin and end, and digests: in order with the changes for one subscription to meshery.meshsync.>",
    payload: mark(),
  },
  {
    name: "piece",
    address: oversizeSubject,
    action: "send",
    summary:
      "With --oversize=chunks: a change, ADDED or MODIFIED, whose message exceeds the broker's max_payload, in pieces; in order with the " +
      "others for one subscription to meshery.meshsync.>",
    payload: {
      type: "string",
      format: "binary",
      description: "Bytes of a message as on meshery.meshsync.core, to be joined by their index",
    },
    headers: pieceSchema,
    contentType: "application/octet-stream",
  },
  {
    name: "request",
    address: requestSubject,
    action: "receive",
    queue: requestQueue,
    summary: "Announce or list everything again, tell the version, open or end sessions in pods",
    payload: requestSchema,
  },
  { name: "meta", address: "meshsync-meta", action: "send", summary: "The answer to meshsync-meta", payload: metaSchema },
]

const sessionSubjects = (): ReadonlyArray<Subject> => [
  {
    name: "log",
    address: logSubject,
    action: "send",
    summary: "Pieces of logs of containers",
    payload: sessionSchema(["log-stream"], {
      type: "object",
      properties: Object.fromEntries(["id", "data", "primary", "secondary"].map((name) => [name, { type: "string" }])),
    }),
  },
  {
    name: "sessions",
    address: sessionsSubject,
    action: "send",
    summary: "The names of all sessions: on every change, and every 10 s once asked for",
    payload: sessionSchema(["active-exec"], { type: "array", items: { type: "string" } }),
  },
  {
    name: "terminal",
    address: "exec.{namespace}.{pod}.{container}.{id}",
    action: "send",
    summary: "What a terminal shows, or the error that it ended with",
    payload: sessionSchema(["exec-output", "error"], { type: "string" }),
  },
  {
    name: "input",
    address: "input.exec.{namespace}.{pod}.{container}.{id}",
    action: "receive",
    summary: "A line that is typed into a terminal",
    payload: sessionSchema(["exec-input"], { type: "string" }),
  },
]

/**
 * The AsyncAPI 3.0 document of all subjects, seen from MeshSync: it sends changes and receives requests.
 * Also as `meshsync/asyncapi.json`.
 * @param version of the program
 *
 * @example
 * writeFileSync("asyncapi.json", JSON.stringify(describeSubjects("1.0.0")))
 */
export const describeSubjects = (version: string): JsonDocument => {
  const all = subjects()
  const entries = <A>(make: (subject: Subject) => A) => Object.fromEntries(all.map((subject) => [subject.name, make(subject)]))
  return {
    asyncapi: "3.0.0",
    info: { title: "MeshSync", version, description: "Changes of a Kubernetes cluster over NATS", license: { name: "Apache-2.0" } },
    defaultContentType: "application/json",
    channels: entries(({ address, name }) => ({
      address,
      ...(address.includes("{") ? { parameters: parametersOf(address) } : {}),
      messages: { [name]: ref(`components/messages/${name}`) },
    })),
    operations: entries(({ action, name, queue, summary }) => ({
      action,
      channel: ref(`channels/${name}`),
      summary,
      ...(queue === undefined ? {} : { bindings: { nats: { queue } } }),
    })),
    components: {
      messages: entries(({ contentType, headers, name }) => ({
        ...(contentType === undefined ? {} : { contentType }),
        ...(headers === undefined ? {} : { headers }),
        payload: ref(`components/schemas/${name}`),
      })),
      schemas: entries(({ payload }) => payload),
    },
  }
}
