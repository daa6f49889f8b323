/**
 * Marks as a schema: the published description is made from it. The types are mark.ts's; the compiler holds both together.
 */
import * as Schema from "effect/Schema"
import type { SyncMark } from "./mark.ts"

const text = (description: string) => Schema.String.annotate({ description })

const run = text("Drawn at the start of the program: another one means another process, which knows nothing of what this one has said")
const cluster = text("The uid of the namespace kube-system")
const apiVersion = text("Group and version of the type, e.g. apps/v1, as in the messages")
const kind = text("E.g. Deployment")
const about = { run, cluster, apiVersion, kind }

const epoch = text("`<run>.<number>`: the same in the begin and in the end of one announcement, never used again")

const OmittedSchema = Schema.Struct({ namespace: text("Empty of cluster-scoped objects"), name: text("The object's name") })

const content = {
  count: Schema.Finite.annotate({ description: "Objects of the type that have been announced and not deleted, without the omitted ones" }),
  digest: text(
    "Of these objects: the first 8 bytes of SHA-256 over `<uid>@<resourceVersion>` (without a uid: `<namespace>/<name>@<resourceVersion>`) " +
      "as an unsigned big-endian integer, summed over all modulo 2^64; sixteen lower-case hex digits",
  ),
  omitted: Schema.Array(OmittedSchema).annotate({
    description: "Objects whose present state exceeds the broker's largest message: what a consumer holds of them, if anything, is old",
  }),
}

/** A mark on `meshery.meshsync.sync`. */
export const SyncMarkSchema: Schema.Codec<SyncMark> = Schema.Union([
  Schema.Struct({ mark: Schema.Literal("begin"), ...about, epoch }).annotate({
    description: "Every object of the type is announced from here to the end with the same epoch",
  }),
  Schema.Struct({ mark: Schema.Literal("end"), ...about, epoch, ...content }).annotate({
    description: "What has not been announced since the begin with the same epoch does not exist",
  }),
  Schema.Struct({ mark: Schema.Literal("digest"), ...about, ...content }).annotate({
    description: "Every 30 s: what the messages of the type up to here add up to",
  }),
  Schema.Struct({
    mark: Schema.Literal("closed"),
    ...about,
    cause: Schema.Literals(["deselected", "vanished"]).annotate({
      description:
        "deselected: its objects live on, but nothing is said of them any more; vanished: the type is gone, all have been DELETED",
    }),
  }).annotate({ description: "Nothing more is said of the type" }),
  Schema.Struct({
    mark: Schema.Literal("types"),
    run,
    cluster,
    types: Schema.Array(Schema.Struct({ apiVersion, kind })).annotate({ description: "All types that are followed" }),
  }).annotate({ description: "Every 30 s: what a consumer holds of other types is left over from earlier" }),
]).annotate({ identifier: "SyncMark", description: "Something about the messages of a type, in order with them" })
