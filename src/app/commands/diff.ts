/**
 * `meshsync diff BEFORE [AFTER]`: what differs between two snapshots, or between a snapshot and the cluster as it is now.
 * Exit status as diff has it: 0 the same, 1 different, 2 trouble. Changes nothing.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { meshError, type MeshError } from "../../domain/error.ts"
import { apiVersionOf } from "../../domain/select/resource.ts"
import { diffSnapshots, type ObjectName } from "../../domain/sync/snapshotDiff.ts"
import { alignSnapshots, isRedacted, wholeFormOf, type Snapshot } from "../../domain/sync/snapshotForm.ts"
import type { SinkError } from "../../ports/Sink.ts"
import { layerCluster, loadSnapshotComparison } from "../layers.ts"
import { makeMonitor, runToEnd } from "../wholeRun.ts"
import { isOn, listOf, type Values, redactPathsOf } from "../settings.ts"
import type { CommandOptions } from "./commandOptions.ts"

/** The cluster, in the place of a file's name. */
const live = "live"

/** What of both sides is compared. */
interface Scope {
  readonly everywhere: boolean
  readonly namespaces: ReadonlyArray<string>
  readonly resources: ReadonlyArray<string>
}

const scopeOf = ({ own, values }: CommandOptions): Scope => ({
  everywhere: isOn(own.get("allNamespaces") ?? "false"),
  namespaces: isOn(own.get("allNamespaces") ?? "false") ? [] : listOf(values.namespaces.text),
  resources: listOf(values.resources.text),
})

/** A kind as names of resources are written: `deployment.v1.apps`. */
const resourceName = ({ apiVersion, kind }: ObjectName): string => {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion]
  return `${kind.toLowerCase()}.${version}.${group}`
}

/** The namespaces to look at: those of the snapshot, unless it holds what belongs to none and so is of the whole cluster. */
const namespacesOf = ({ objects }: Snapshot, { everywhere, namespaces }: Scope): ReadonlyArray<string> => {
  if (everywhere || namespaces.length > 0) return namespaces
  const found = new Set(objects.map(({ object }) => object.namespace))
  return found.has("") ? [] : [...found]
}

/** `apps/v1` of `deployments.v1.apps`. */
const apiVersionIn = (name: string): string => {
  const [, version = "", ...group] = name.split(".")
  return apiVersionOf({ version, group: group.join(".") })
}

interface LiveSide {
  readonly snapshot: Snapshot
  /** Kinds that were read, as `apiVersion kind`. */
  readonly kinds: ReadonlySet<string>
}

const kindKey = ({ apiVersion, kind }: Pick<ObjectName, "apiVersion" | "kind">): string => `${apiVersion} ${kind}`

/** Reads the cluster as far as the snapshot and the flags say, in the snapshot's form. */
const readLive = Effect.fnUntraced(function* (values: Values, version: string, snapshot: Snapshot, scope: Scope) {
  const resources = scope.resources.length > 0 ? scope.resources : [...new Set(snapshot.objects.map(({ object }) => resourceName(object)))]
  if (resources.length === 0)
    return yield* Effect.fail(meshError("ErrUsage", "the snapshot is empty: say with --resources what it is to be compared with"))
  const { openLiveSide } = yield* loadSnapshotComparison
  const whole = wholeFormOf(snapshot)
  const { layer, objects } = openLiveSide(whole !== undefined)
  const kinds = new Set<string>()
  const run = runToEnd(
    {
      version,
      redact: isRedacted(snapshot) || !snapshot.objects.some(({ object }) => object.kind === "Secret"),
      redactPaths: redactPathsOf(values),
      contentDedup: false,
      whole,
      outputNamespaces: namespacesOf(snapshot, scope),
      outputResources: resources,
      selector: "",
      clusterId: "-",
      readyWhen: "settled",
      once: true,
      stopAfterMs: undefined,
    },
    makeMonitor(version, "comparison"),
    (_written, status) =>
      Effect.sync(() => {
        for (const { kind, name } of status?.lanes ?? []) kinds.add(kindKey({ apiVersion: apiVersionIn(name), kind }))
      }),
  )
  yield* Effect.provide(run, Layer.merge(layerCluster(values, version), layer))
  return { snapshot: { form: whole === undefined ? "message" : "object", objects: objects() }, kinds } satisfies LiveSide
})

/** What of a snapshot is compared: the namespaces that were named, and with `--resources` the kinds that were read. */
const restrict = (snapshot: Snapshot, { namespaces }: Scope, kinds: ReadonlySet<string> | undefined): Snapshot => ({
  ...snapshot,
  objects: snapshot.objects.filter(
    ({ object }) =>
      (namespaces.length === 0 || namespaces.includes(object.namespace)) && (kinds === undefined || kinds.has(kindKey(object))),
  ),
})

const readSides = Effect.fnUntraced(function* (options: CommandOptions) {
  const [before = live, after = live, ...more] = options.words
  const { values, version } = options
  if (options.words.length === 0 || more.length > 0 || before === after)
    return yield* Effect.fail(meshError("ErrUsage", `diff compares two snapshots, or one with the cluster: diff BEFORE [AFTER]`))
  if (values.selector.from === "flag") return yield* Effect.fail(meshError("ErrUsage", "diff compares all objects: it knows no selector"))
  const scope = scopeOf(options)
  const { readSnapshot } = yield* loadSnapshotComparison
  if (before !== live && after !== live) {
    const both = yield* Effect.all([readSnapshot(before), readSnapshot(after)])
    return [restrict(both[0], scope, undefined), restrict(both[1], scope, undefined)] as const
  }
  const read = yield* readSnapshot(before === live ? after : before)
  const side = yield* readLive(values, version, read, scope)
  const file = restrict(read, scope, scope.resources.length > 0 ? side.kinds : undefined)
  return before === live ? ([side.snapshot, file] as const) : ([file, side.snapshot] as const)
})

/** Sets the exit status: 1 where something differs. */
export const diff: (options: CommandOptions) => Effect.Effect<void, MeshError | SinkError> = Effect.fnUntraced(function* (options) {
  const sides = yield* readSides(options)
  const { renderSnapshotDiff } = yield* loadSnapshotComparison
  const [before, after] = alignSnapshots(...sides, isOn(options.own.get("includeOwned") ?? "false"))
  const diffs = diffSnapshots(before.objects, after.objects)
  const colour = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined
  const text = renderSnapshotDiff(diffs, colour)
  yield* Effect.promise(() => new Promise<void>((resolve) => process.stdout.write(text, () => resolve())))
  if (diffs.length > 0) process.exitCode = 1
})
