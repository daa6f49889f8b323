/**
 * Reading objects of the fake API server: single ones, and lists in pages.
 *
 * All pages of a list show the version of the first one, whatever is written in between; a token whose version has been forgotten is
 * refused with 410 and a token for an inconsistent rest. Built-in lists carry neither kind nor apiVersion on their items and say their
 * metadata first; custom ones carry both and say it last, as the real server does.
 */
import * as Result from "effect/Result"
import { apiVersionOf } from "../../domain/select/resource.ts"
import { takeTrouble } from "./fault.ts"
import { bodyOf, type Cluster, keepSnapshot, type Shelf, sortedItems, type Stored, treeOf } from "./model.ts"
import { encodeText, itemHead, objectHead, partialText } from "./object.ts"
import { badRequest, noResource, type Refusal, tooOldToken } from "./refusal.ts"
import { matchLabels, parseSelector, type Selector } from "./selector.ts"

export interface ListQuery {
  readonly namespace: string | undefined
  readonly selector: string
  /** Only the object of this name; undefined: all. */
  readonly name?: string | undefined
  /** Items are PartialObjectMetadata. */
  readonly partial?: boolean
  /** 0: no limit. */
  readonly limit: number
  readonly continue: string
}

/** Where a list goes on: the version of its first page (-1: the current one, inconsistently) and the first key not yet shown. */
interface Token {
  readonly v: "meta.k8s.io/v1"
  readonly rv: number
  readonly start: string
}

const encodeToken = (rv: number, start: string): string => {
  const token: Token = { v: "meta.k8s.io/v1", rv, start }
  return Buffer.from(JSON.stringify(token)).toString("base64url")
}

const decodeToken = (text: string): Token | undefined => {
  try {
    const token = JSON.parse(Buffer.from(text, "base64url").toString()) as Partial<Token>
    return token.v === "meta.k8s.io/v1" && Number.isInteger(token.rv) && typeof token.start === "string" ? (token as Token) : undefined
  } catch {
    return undefined
  }
}

/** The key of an object below the listed prefix: `/namespace/name`, or `/name` in one namespace and at cluster scope. */
const keyBelow = (stored: Stored, namespaced: boolean, namespace: string | undefined): string =>
  namespaced && namespace === undefined ? `/${stored.namespace}/${stored.name}` : `/${stored.name}`

interface Page {
  readonly items: ReadonlyArray<Stored>
  readonly version: number
  readonly continue: string
  readonly remaining: number | undefined
}

const joinBytes = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Room for all items, each with its head and a comma; bodies are copied once, generated ones straight from their scratch memory. */
const encodeItems = (items: ReadonlyArray<Stored>, head: Uint8Array): Uint8Array => {
  let whole = new Uint8Array(items.length * 1024)
  let at = 0
  for (const stored of items) {
    const body = bodyOf(stored)
    const needed = at + 1 + head.length + body.length
    if (needed > whole.length) {
      const grown = new Uint8Array(Math.max(needed, whole.length * 2))
      grown.set(whole.subarray(0, at))
      whole = grown
    }
    if (at > 0) whole[at++] = 44
    whole.set(head, at)
    at += head.length
    whole.set(body, at)
    at += body.length
  }
  return whole.subarray(0, at)
}

const encodePage = (shelf: Shelf, version: string, page: Page, partial: boolean): Uint8Array => {
  const { resource } = shelf
  const apiVersion = partial ? "meta.k8s.io/v1" : apiVersionOf({ group: resource.group, version })
  const items = partial
    ? encodeText(page.items.map((stored) => partialText(treeOf(stored))).join(","))
    : encodeItems(page.items, encodeText(itemHead(resource, apiVersion)))
  const kind = `"kind":"${partial ? "PartialObjectMetadataList" : resource.listKind}"`
  const shown = `"resourceVersion":"${page.version}"`
  const token = `"continue":"${page.continue}"`
  const remaining = page.remaining === undefined ? "" : `,"remainingItemCount":${page.remaining}`
  const [head, tail] =
    resource.custom && !partial
      ? [`{"apiVersion":"${apiVersion}","items":[`, `],${kind},"metadata":{${token}${remaining},${shown}}}\n`]
      : [
          `{${kind},"apiVersion":"${apiVersion}","metadata":{${shown}${page.continue === "" ? "" : `,${token}`}${remaining}},"items":[`,
          "]}\n",
        ]
  return joinBytes([encodeText(head), items, encodeText(tail)])
}

/** Index of the first object at or after a key. The items are in the order of their keys. */
const indexOf = (items: ReadonlyArray<Stored>, start: string, keyOf: (stored: Stored) => string): number => {
  let [low, high] = [0, items.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (keyOf(items[middle]!) < start) low = middle + 1
    else high = middle
  }
  return low
}

const ofNamespace = (items: ReadonlyArray<Stored>, namespace: string | undefined): ReadonlyArray<Stored> =>
  namespace === undefined ? items : items.filter((stored) => stored.namespace === namespace)

const ofName = (items: ReadonlyArray<Stored>, name: string | undefined): ReadonlyArray<Stored> =>
  name === undefined ? items : items.filter((stored) => stored.name === name)

/** Cuts a page out of everything that the list shows. */
const cutPage = (shelf: Shelf, all: ReadonlyArray<Stored>, version: number, start: string, query: ListQuery, selector: Selector): Page => {
  const { limit, namespace } = query
  const keyOf = (stored: Stored) => keyBelow(stored, shelf.resource.namespaced, namespace)
  const visible = ofName(ofNamespace(all, namespace), query.name)
  const items: Array<Stored> = []
  let at = start === "" ? 0 : indexOf(visible, start, keyOf)
  for (; at < visible.length && (limit <= 0 || items.length < limit); at += 1) {
    if (matchLabels(selector, visible[at]!.labels)) items.push(visible[at]!)
  }
  if (at === visible.length) return { items, version, continue: "", remaining: undefined }
  keepSnapshot(shelf, version, all)
  return {
    items,
    version,
    continue: encodeToken(version, `${keyOf(visible[at - 1]!)}\0`),
    remaining: selector.length === 0 ? visible.length - at : undefined,
  }
}

/**
 * One page of a list.
 * @param version the API version in which it is asked for
 */
export const listPage = (cluster: Cluster, shelf: Shelf, version: string, query: ListQuery): Result.Result<Uint8Array, Refusal> => {
  const selector = parseSelector(query.selector)
  if (selector === undefined) return Result.fail(badRequest(`unable to parse requirement: ${query.selector}`))
  if (query.continue === "") {
    return Result.succeed(
      encodePage(shelf, version, cutPage(shelf, sortedItems(shelf), cluster.version, "", query, selector), query.partial === true),
    )
  }
  const token = decodeToken(query.continue)
  if (token === undefined) return Result.fail(badRequest("invalid continue token: continue key is not valid"))
  const expired = takeTrouble(cluster.faults, shelf.key, "list", "Expired") !== undefined
  const kept = token.rv === -1 ? sortedItems(shelf) : shelf.snapshots.get(token.rv)
  if (kept === undefined || expired) return Result.fail(tooOldToken(encodeToken(-1, token.start.slice(1))))
  const shown = token.rv === -1 ? cluster.version : token.rv
  const start = token.start.startsWith("/") ? token.start : `/${token.start}`
  return Result.succeed(encodePage(shelf, version, cutPage(shelf, kept, shown, start, query, selector), query.partial === true))
}

/** One object as a single read shows it. */
export const encodeObject = (shelf: Shelf, version: string, stored: Stored): Uint8Array => {
  const head = objectHead(shelf.resource, apiVersionOf({ group: shelf.resource.group, version }))
  return joinBytes([encodeText(head), bodyOf(stored), encodeText("\n")])
}

/** The shelf of a served resource version. */
export const findShelf = (cluster: Cluster, group: string, version: string, plural: string): Result.Result<Shelf, Refusal> => {
  const shelf = cluster.shelves.get(group === "" ? plural : `${plural}.${group}`)
  return shelf === undefined || !shelf.resource.versions.includes(version) ? Result.fail(noResource) : Result.succeed(shelf)
}
