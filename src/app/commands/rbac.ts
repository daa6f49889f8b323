/**
 * `meshsync rbac`: the least rights for what would be watched, as manifests that kubectl applies. Reads the cluster with the rights of
 * whoever calls it, for only the cluster knows what its kinds are called; writes to stdout alone.
 */
import * as Effect from "effect/Effect"
import { meshError, type MeshError } from "../../domain/error.ts"
import { parsePlace, placeDefault } from "../../domain/select/place.ts"
import { accessesOf, roleManifests, rolesOf, type Subject } from "../../domain/select/permissions.ts"
import { layerCluster } from "../layers.ts"
import { logNotice } from "../notices.ts"
import { selectLive, type Selected } from "../selected.ts"
import { interactives } from "../sessions.ts"
import type { CommandOptions } from "./commandOptions.ts"

/** Under which Meshery's operator runs MeshSync. */
const accountDefault = "meshery/meshery-operator"
const nameDefault = "meshsync"

const readSubject = ({ own }: CommandOptions): Effect.Effect<Subject, MeshError> => {
  const user = own.get("user")
  const account = own.get("serviceAccount")
  if (user !== undefined && account !== undefined)
    return Effect.fail(meshError("ErrUsage", "--user and --service-account exclude each other"))
  if (user !== undefined) return Effect.succeed({ _tag: "User", name: user })
  const [namespace = "", name = "", ...more] = (account ?? accountDefault).split("/")
  return namespace === "" || name === "" || more.length > 0
    ? Effect.fail(meshError("ErrUsage", `--service-account ${JSON.stringify(account)} is not of the form NAMESPACE/NAME`))
    : Effect.succeed({ _tag: "ServiceAccount", namespace, name })
}

/** Prints roles and bindings, nothing else: the output goes to kubectl. */
export const rbac = Effect.fnUntraced(function* (options: CommandOptions) {
  const { own, values, version, words } = options
  const subject = yield* readSubject(options)
  const selected = yield* Effect.provide(selectLive({ values, words, everywhere: own.get("allNamespaces") }), layerCluster(values, version))
  for (const notice of selected.notices) yield* logNotice(notice)
  // In one namespace nothing is asked beyond it that is not known to exist; elsewhere the custom resource may come later.
  const isWide = selected.lanes.some(({ namespace, type }) => namespace === undefined || !type.namespaced)
  const accesses = accessesOf(selected.lanes, {
    clusterId: values.clusterId.text === "",
    customResource: isWide || selected.configuration._tag !== "Absent",
    place: parsePlace(values.customResource.text) ?? placeDefault,
    reports: values.output.text === "broker",
    sessions: values.output.text === "broker" ? (interactives.find((known) => known === values.interactive.text) ?? "off") : "off",
  })
  const manifests = roleManifests(rolesOf(accesses), own.get("name") ?? nameDefault, subject)
  const text = yield* renderManifests(own.get("format") ?? "yaml", manifests, commentOf(selected))
  yield* Effect.sync(() => void process.stdout.write(text))
})

/** What a reader of the manifests must know beside them. */
const commentOf = ({ lanes }: Selected): ReadonlyArray<string> => [
  `# The rights of MeshSync for the ${lanes.filter(({ hidden }) => !hidden).length} kinds that it watches with these settings in this cluster.`,
  ...(lanes.some(({ type }) => type.plural === "customresourcedefinitions")
    ? ["# Kinds that are defined later need rights too: make and apply this again."]
    : []),
]

const renderManifests = (
  format: string,
  manifests: ReadonlyArray<object>,
  comment: ReadonlyArray<string>,
): Effect.Effect<string, MeshError> => {
  switch (format) {
    case "yaml":
      return Effect.promise(async () => {
        const { stringify } = await import("yaml")
        return `${[...comment, manifests.map((manifest) => stringify(manifest)).join("---\n")].join("\n")}`
      })
    case "json":
      return Effect.succeed(`${JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests }, undefined, 2)}\n`)
    default:
      return Effect.fail(meshError("ErrUsage", `--format ${JSON.stringify(format)} is none of yaml, json`))
  }
}
