/**
 * Representative objects, recorded from a real cluster and emptied of what differs between instances: `corpus.json` has placeholders there.
 * Knows how to fill them in; not how many of what make a cluster.
 */
import corpus from "./corpus.json" with { type: "json" }
import type { KubeObject } from "./object.ts"

/** What stands for the placeholders `$NAME`, `$NAMESPACE` and so on. */
export interface Filling {
  readonly name: string
  readonly namespace?: string
  /** Hash of a pod template. */
  readonly hash?: string
  readonly pod?: string
  readonly node?: string
  readonly ip?: string
  /** uid of the owner. */
  readonly owner?: string
  /** uid of something else that the object refers to. */
  readonly uid?: string
  /** `2026-01-31T12:00:00Z` */
  readonly time: string
}

const texts: ReadonlyMap<string, string> = new Map(corpus.map((object) => [object.kind, JSON.stringify(object)]))

/** The kinds of which there is an object. */
export const corpusKinds: ReadonlyArray<string> = [...texts.keys()]

/** A new object of a kind. Unfilled placeholders are left empty. */
export const fillTemplate = (kind: string, filling: Filling): KubeObject => {
  const values: Readonly<Record<string, string | undefined>> = { ...filling }
  const text = (texts.get(kind) ?? "{}").replaceAll(/\$(NAMESPACE|NAME|HASH|POD|NODE|IP|OWNER|UID|TIME)/g, (_, word: string) => {
    const value = values[word.toLowerCase()]
    return value ?? ""
  })
  return JSON.parse(text) as KubeObject
}
