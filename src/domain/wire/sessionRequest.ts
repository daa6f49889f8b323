/**
 * The payloads of `log-stream` and `exec-request`, decoded from hostile bytes: an object whose member names mean nothing and whose values
 * are wishes. Contract of the Go MeshSync, but that names must be names: they become paths and subjects.
 */
import { foldName, isObject } from "./serviceShape.ts"
import { isPublishable } from "./subject.ts"

/** One wish for a log or a terminal. */
export interface SessionWish {
  readonly id: string
  readonly pod: string
  readonly namespace: string
  /** Empty: the pod's default. */
  readonly container: string
  readonly follow: boolean
  readonly previous: boolean
  readonly tailLines: number
  /** End it instead. */
  readonly stop: boolean
}

/** An id is echoed in every message. */
const idLengthMax = 128

const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const isPodName = (text: string): boolean => text.length <= 253 && text.split(".").every((part) => label.test(part))

/** The session's name, as the list of sessions has it. */
export const logKey = ({ container, namespace, pod }: SessionWish): string => `logs.${namespace}.${pod}.${container}`

/** The session's name, which is also the subject of its output. */
export const execKey = ({ container, id, namespace, pod }: SessionWish): string => `exec.${namespace}.${pod}.${container}.${id}`

const decodeWish = (value: unknown): SessionWish | undefined => {
  if (!isObject(value)) return undefined
  const members = new Map(Object.entries(value).flatMap(([name, found]) => (found === null ? [] : [[foldName(name), found] as const])))
  const {
    container = "",
    follow = false,
    id = "",
    name = "",
    namespace = "",
    previous = false,
    stop = false,
    taillines = 0,
  } = Object.fromEntries(members) as Readonly<Record<string, unknown>>
  if (typeof id !== "string" || typeof name !== "string" || typeof namespace !== "string" || typeof container !== "string") return undefined
  if (typeof follow !== "boolean" || typeof previous !== "boolean" || typeof stop !== "boolean") return undefined
  if (typeof taillines !== "number" || !Number.isSafeInteger(taillines) || taillines < 0) return undefined
  if (id.length > idLengthMax || !isPodName(name) || !label.test(namespace) || (container !== "" && !label.test(container)))
    return undefined
  return { id, pod: name, namespace, container, follow, previous, stop, tailLines: taillines }
}

/**
 * All wishes of a payload, in its order; undefined when one of them is malformed, or names what cannot exist.
 * @param forTerminal the id becomes a part of a subject
 */
export const decodeWishes = (payload: unknown, forTerminal: boolean): ReadonlyArray<SessionWish> | undefined => {
  if (!isObject(payload)) return undefined
  const wishes = Object.values(payload).map(decodeWish)
  const isSound = (wish: SessionWish | undefined): wish is SessionWish =>
    wish !== undefined && (!forTerminal || isPublishable(`exec.${wish.id}`))
  return wishes.every(isSound) ? wishes : undefined
}
