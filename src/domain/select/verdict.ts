/**
 * What the MeshSync custom resource is told about itself: the condition `ConfigValid` in its status.
 * The list of conditions is applied as a whole, with what others say in it, for it has no keys in every version of the definition; the
 * resourceVersion sees to it that nothing is taken back that somebody says meanwhile. Knows no clock: the time is an argument.
 */

/** Longer messages are cut: this is a line for a person, not the list itself. */
const messageCharsMax = 1_000

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const memberOf = (value: unknown, name: string): unknown => (isRecord(value) ? value[name] : undefined)

/**
 * The document that says so, to be applied to the resource's status.
 * @param resource the custom resource as parsed JSON
 * @param fault what is wrong with its watch-list; undefined: nothing
 * @param now RFC 3339
 * @returns undefined where nothing has to be said: it is said already, or nothing is wrong and never was
 */
export const describeVerdict = (resource: unknown, fault: string | undefined, now: string): object | undefined => {
  const metadata = memberOf(resource, "metadata")
  const listed = memberOf(memberOf(resource, "status"), "conditions")
  const conditions = (Array.isArray(listed) ? listed : []).filter(isRecord)
  const before = conditions.find(({ type }) => type === "ConfigValid")
  const said =
    fault === undefined
      ? { status: "True", reason: "WatchListUsable", message: "The watch-list is in force." }
      : { status: "False", reason: "WatchListUnusable", message: fault.slice(0, messageCharsMax) }
  if (before === undefined ? fault === undefined : before["status"] === said.status && before["message"] === said.message) return undefined
  const generation = memberOf(metadata, "generation")
  const condition = {
    type: "ConfigValid",
    ...said,
    lastTransitionTime: before?.["status"] === said.status ? before["lastTransitionTime"] : now,
    ...(typeof generation === "number" ? { observedGeneration: generation } : {}),
  }
  return {
    apiVersion: memberOf(resource, "apiVersion"),
    kind: memberOf(resource, "kind"),
    metadata: {
      name: memberOf(metadata, "name"),
      namespace: memberOf(metadata, "namespace"),
      resourceVersion: memberOf(metadata, "resourceVersion"),
    },
    status: { conditions: [...conditions.filter((one) => one !== before), condition] },
  }
}
