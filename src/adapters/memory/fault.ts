/**
 * What can go wrong between a client and the fake API server, as data: a test or a simulation puts faults in, requests use them up.
 */

export type Trouble =
  /** The request is answered with this status: 401, 403, 404, 405, 413, 429, 500, 503, ... */
  | { readonly _tag: "Status"; readonly code: number; readonly retryAfterSeconds?: number }
  /** Something between answers with a page of HTML. */
  | { readonly _tag: "Html"; readonly code: number }
  /** No answer comes until the fault is taken out again. */
  | { readonly _tag: "Stall" }
  /** The connection breaks after this many bytes of the answer's body: in the middle of a page, or of a watch line. */
  | { readonly _tag: "Cut"; readonly afterBytes: number }
  /** List: the continue token has expired. Watch: the version is too old. */
  | { readonly _tag: "Expired" }
  /** Watch: every bookmark comes twice. */
  | { readonly _tag: "BookmarkTwice" }
  /** Watch: the connection stands, and nothing comes through it until the fault is taken out again. */
  | { readonly _tag: "Silence" }

/** One thing that goes wrong: with which requests, how, and how often. */
export interface Fault {
  /** `plural.group` of the type, or `*`. */
  readonly key: string
  readonly verb: "list" | "watch"
  readonly trouble: Trouble
  /** Requests that still meet it; Infinity: all, until it is taken out. */
  readonly times: number
}

type Tag = Trouble["_tag"]

/** The first fault of the wanted sorts that concerns a request; it is used up once. */
export const takeTrouble = <T extends Tag>(
  faults: Array<Fault>,
  key: string,
  verb: Fault["verb"],
  ...tags: ReadonlyArray<T>
): Extract<Trouble, { readonly _tag: T }> | undefined => {
  const wanted: ReadonlyArray<Tag> = tags
  const at = faults.findIndex(
    (fault) => fault.verb === verb && (fault.key === key || fault.key === "*") && wanted.includes(fault.trouble._tag),
  )
  const found = faults[at]
  if (found === undefined) return undefined
  if (found.times <= 1) faults.splice(at, 1)
  else faults[at] = { ...found, times: found.times - 1 }
  return found.trouble as Extract<Trouble, { readonly _tag: T }>
}

/** Whether a lasting fault concerns a request; it is not used up. */
export const meetsTrouble = (faults: ReadonlyArray<Fault>, key: string, verb: Fault["verb"], tag: Tag): boolean =>
  faults.some((fault) => fault.verb === verb && (fault.key === key || fault.key === "*") && fault.trouble._tag === tag)
