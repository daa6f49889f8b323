/**
 * Small changes of JSON trees: each returns a new tree, and leaves what is not of the expected type as it is.
 */
import { diffPaths } from "../sync/diff.ts"
import { isMembers, type Members } from "./exact.ts"

/** Whether two values say the same, whatever the order of members. */
const isEqual = (a: unknown, b: unknown): boolean => a === b || diffPaths({ value: a }, { value: b }).length === 0

/** The members of an object, or none. */
export const membersOf = (value: unknown): Members => (isMembers(value) ? value : {})

/** The items of a value that should be a list; none of one that is none. */
export const itemsOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** Without the members that a test names. */
export const dropWhere = (members: Members, isDropped: (name: string, value: unknown) => boolean): Members =>
  Object.fromEntries(Object.entries(members).filter(([name, value]) => !isDropped(name, value)))

/** Without these members. */
export const drop = (members: Members, ...names: ReadonlyArray<string>): Members => dropWhere(members, (name) => names.includes(name))

/** Without the members that have these very values. */
export const dropValues = (members: Members, values: Members): Members =>
  dropWhere(members, (name, value) => Object.hasOwn(values, name) && isEqual(value, values[name]))

/** Changes one member, where it is there; an outcome of undefined takes it away. */
export const change = (members: Members, name: string, edit: (value: unknown) => unknown): Members => {
  if (!Object.hasOwn(members, name)) return members
  const edited = edit(members[name])
  return edited === undefined ? drop(members, name) : { ...members, [name]: edited }
}

/** Changes one member that is an object. */
export const changeMembers = (members: Members, name: string, edit: (value: Members) => Members): Members =>
  change(members, name, (value) => (isMembers(value) ? edit(value) : value))

/** Changes the objects of a member that is a list. */
export const changeItems = (members: Members, name: string, edit: (item: Members) => Members): Members =>
  change(members, name, (value) => (Array.isArray(value) ? value.map((item: unknown) => (isMembers(item) ? edit(item) : item)) : value))

/** Keeps some items of a member that is a list, and takes away one that is empty then. */
export const keepItems = (members: Members, name: string, isKept: (item: Members) => boolean): Members =>
  change(members, name, (value) => {
    if (!Array.isArray(value)) return value
    const kept = value.filter((item) => !isMembers(item) || isKept(item))
    return kept.length === 0 ? undefined : kept
  })

/** Takes away members that are empty objects or empty lists. */
export const dropEmpty = (members: Members, ...names: ReadonlyArray<string>): Members =>
  dropWhere(
    members,
    (name, value) => names.includes(name) && typeof value === "object" && value !== null && Object.keys(value).length === 0,
  )
