/**
 * Which fields differ between two versions of one object, as paths that a person of Kubernetes reads at once.
 * List items are matched by their name, key or type where these tell them apart, so that a new first container is one new container.
 * Empty if and only if the versions are equal but for what the API server counts by itself. Does not know kinds, and does not hide values.
 */
import { isMembers, type Members } from "../wire/exact.ts"

/** One differing field. A side on which the field is absent is undefined; a field that is null is null. */
export interface FieldDiff {
  readonly path: string
  readonly before: unknown
  readonly after: unknown
}

/** What changes with every write and tells nothing. */
const ignoredMetadata: ReadonlySet<string> = new Set(["resourceVersion", "managedFields", "generation"])

/** Members that tell the items of a list apart, as API conventions use them: containers, env, conditions, owners, addresses. */
const identities: ReadonlyArray<string> = ["name", "key", "type", "uid", "ip"]

/** An own member: a key such as `__proto__` is data here. */
const memberOf = (value: Members, key: string): unknown => (Object.hasOwn(value, key) ? value[key] : undefined)

const joinKey = (path: string, key: string): string =>
  /^[A-Za-z_][\w-]*$/.test(key) ? (path === "" ? key : `${path}.${key}`) : `${path}[${JSON.stringify(key)}]`

const joinItem = (path: string, item: string): string => `${path}[${/^[A-Za-z][\w.-]*$/.test(item) ? item : JSON.stringify(item)}]`

const sortedUnion = (first: Iterable<string>, second: Iterable<string>): ReadonlyArray<string> =>
  [...new Set([...first, ...second])].toSorted()

/** The items by the given member, or undefined unless every item has one of its own. */
const indexItems = (items: ReadonlyArray<unknown>, identity: string): ReadonlyMap<string, unknown> | undefined => {
  const byIdentity = new Map<string, unknown>()
  for (const item of items) {
    const key = isMembers(item) ? memberOf(item, identity) : undefined
    if (typeof key !== "string" || key === "") return undefined
    byIdentity.set(key, item)
  }
  return byIdentity.size === items.length ? byIdentity : undefined
}

const diffKeyed = (
  path: string,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  found: Array<FieldDiff>,
): void => {
  const count = found.length
  for (const item of new Set([...before.keys(), ...after.keys()]))
    diffValues(joinItem(path, item), before.get(item), after.get(item), found)
  const orderBefore = [...before.keys()]
  const orderAfter = [...after.keys()]
  // The order of init containers matters; it is worth a line when nothing else of the list differs.
  if (found.length === count && orderBefore.some((item, index) => item !== orderAfter[index]))
    found.push({ path, before: orderBefore, after: orderAfter })
}

const diffLists = (path: string, before: ReadonlyArray<unknown>, after: ReadonlyArray<unknown>, found: Array<FieldDiff>): void => {
  for (const identity of identities) {
    const itemsBefore = indexItems(before, identity)
    const itemsAfter = itemsBefore === undefined ? undefined : indexItems(after, identity)
    if (itemsBefore !== undefined && itemsAfter !== undefined) return diffKeyed(path, itemsBefore, itemsAfter, found)
  }
  for (let index = 0; index < Math.max(before.length, after.length); index++)
    diffValues(`${path}[${index}]`, before[index], after[index], found)
}

const diffMembers = (path: string, before: Members, after: Members, found: Array<FieldDiff>): void => {
  for (const key of sortedUnion(Object.keys(before), Object.keys(after))) {
    if (path === "metadata" && ignoredMetadata.has(key)) continue
    diffValues(joinKey(path, key), memberOf(before, key), memberOf(after, key), found)
  }
}

const diffValues = (path: string, before: unknown, after: unknown, found: Array<FieldDiff>): void => {
  if (before === after) return
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(path, before, after, found)
  if (isMembers(before) && isMembers(after)) return diffMembers(path, before, after, found)
  found.push({ path, before, after })
}

/**
 * The fields in which two versions of one object differ, members in the order of their names.
 * `metadata.resourceVersion`, `metadata.managedFields` and `metadata.generation` are left out.
 * What exists on one side only is one entry, however large it is; a list that was only reordered is one entry with both orders.
 * @param before the older version, of JSON values
 * @param after the newer version
 */
export const diffPaths = (before: unknown, after: unknown): ReadonlyArray<FieldDiff> => {
  const found: Array<FieldDiff> = []
  diffValues("", before, after, found)
  return found
}
