/**
 * Bugs that somebody shipped, as changes of the sources' text: each must be caught by the simulation, or the simulation proves nothing.
 * A change must match exactly one place, and what it leaves must still have sound types.
 */

export interface Canary {
  readonly name: string
  /** Where the public can read of such a bug. */
  readonly shipped: string
  /** Below `src`. */
  readonly file: string
  readonly from: string
  readonly to: string
}

const reflector = "domain/sync/reflector.ts"
const lane = "domain/sync/lane.ts"
const ledger = "domain/sync/ledger.ts"
const turn = "domain/sync/turn.ts"
const holding = "domain/sync/holding.ts"
/** Of marks, which are this program's own. */
const noneKnown = "none known"
const recreations = "adapters/nats/recreations.ts"

export const canaries: ReadonlyArray<Canary> = [
  {
    name: "a completed list sweeps nothing",
    shipped: "kcp-dev/kcp#4364",
    file: reflector,
    from: "announceDepartures(lane, output, sweep(lane.ledger))",
    to: "announceDepartures(lane, output, sweep(lane.ledger).slice(0, 0))",
  },
  {
    name: "every page sweeps",
    shipped: "openyurtio/openyurt#2746",
    file: reflector,
    from: '  if (page.continue !== "") {',
    to: '  if (page.continue !== "") {\n    announceDepartures(lane, output, sweep(lane.ledger))',
  },
  {
    name: "a failed list sweeps",
    shipped: "openyurtio/openyurt#2746",
    file: reflector,
    from: 'retry(lane, failure, "list", nowMs, output)\n}\n\nconst watchFailed',
    to: 'announceDepartures(lane, output, sweep(lane.ledger))\n  retry(lane, failure, "list", nowMs, output)\n}\n\nconst watchFailed',
  },
  {
    name: "a list does not begin a round",
    shipped: "kubernetes/kubernetes#115658",
    file: ledger,
    from: "ledger.round = (ledger.round + 1) & roundMask",
    to: "ledger.round = ledger.round & roundMask",
  },
  {
    name: "another uid counts as a change",
    shipped: "kubernetes/kubernetes#102721",
    file: ledger,
    from: "const sameUid = uidMatches(ledger, slot)",
    to: "const sameUid = uidMatches(ledger, slot) || ledger.size > 0",
  },
  {
    name: "a replaced life is not announced as deleted",
    shipped: "kubernetes/kubernetes#102721",
    file: lane,
    from: "announceDepartures(lane, output, [lane.ledger.replaced as Departed])",
    to: "announceDepartures(lane, output, [lane.ledger.replaced as Departed].slice(1))",
  },
  {
    name: "a type that vanishes leaves its objects",
    shipped: "argoproj/argo-cd#1247",
    file: reflector,
    from: "announceDepartures(lane, output, [...lane.left, ...clear(lane.ledger)])\n      // No list",
    to: "clear(lane.ledger)\n      // No list",
  },
  {
    name: "a watch that is too old is opened again from the same version",
    shipped: "fabric8io/kubernetes-client#1800",
    file: reflector,
    from: "    if (lane.goneInRow === 1) return list(lane, output)",
    to: "    if (lane.goneInRow > 0) return watch(lane, output)",
  },
  {
    name: "a watch that is too old is listed without a pause, again and again",
    shipped: "kubernetes/kubernetes#104171",
    file: reflector,
    from: "if (lane.goneInRow === 1) return list(lane, output)",
    to: "if (lane.goneInRow >= 1) return list(lane, output)",
  },
  {
    name: "a watch that ended without a word is trusted",
    shipped: "FloSch62/Kubus#135",
    file: reflector,
    from: "if (lane.heard) return rest(lane, output)",
    to: "if (lane.heard || lane.synced) return rest(lane, output)",
  },
  {
    name: "one event long ago makes every later watch trusted",
    shipped: "FloSch62/Kubus#135",
    file: reflector,
    from: "  lane.heard = false\n",
    to: "",
  },
  {
    name: "the version of bookmarks is not taken over",
    shipped: "piraeusdatastore/piraeus-ha-controller#6",
    file: lane,
    from: "    if (startOf(records, record, Field.resourceVersion) >= 0) newest = record\n    if (source === Source.bookmark) continue",
    to: "    if (source === Source.bookmark) continue\n    if (startOf(records, record, Field.resourceVersion) >= 0) newest = record",
  },
  {
    name: "an ERROR line is taken for an object",
    shipped: "equinor/gordo#708",
    file: lane,
    from: "if (source === Source.error || flaw === Flaw.notJson) {",
    to: "if (flaw === Flaw.notJson) {",
  },
  {
    name: "after an ERROR line the watch goes on without a version",
    shipped: "kubernetes-sigs/headlamp#7337",
    file: lane,
    from: "      stopped = record\n",
    to: '      stopped = record\n      lane.resourceVersion = ""\n',
  },
  {
    name: "a list reports what has not changed as changed",
    shipped: "fabric8io/kubernetes-client#3969",
    file: lane,
    from: "if (!lane.announcing) lane.counts.unchanged++",
    to: 'if (!lane.announcing) announce(lane, output, "Modified", record)',
  },
  {
    name: "changes are reported as added",
    shipped: "kubernetes-client/javascript#379",
    file: lane,
    from: 'lane.announcing ? "Added" : "Modified"',
    to: 'lane.synced ? "Added" : "Modified"',
  },
  {
    name: "a resync asked for in the middle of a list is lost",
    shipped: "meshery/meshery#20465",
    file: reflector,
    from: "      lane.announceAgain = true\n      lane.announcing = true\n",
    to: "",
  },
  {
    name: "a resync in the middle of a list announces its rest only",
    shipped: "meshery/meshery#20465",
    file: reflector,
    from: "      lane.announceAgain = true\n",
    to: "",
  },
  {
    name: "what is no longer selected stays",
    shipped: "maistra/xns-informer#12",
    file: reflector,
    from: "if (isAnnounced || !sameReach(before, spec)) {",
    to: "if (isAnnounced) {",
  },
  {
    name: "another choice of objects in the middle of a list counts from the next list on",
    shipped: noneKnown,
    file: reflector,
    from: '  if (state._tag === "idle") return\n',
    to: '  if (state._tag === "idle" || state._tag === "listing") return\n',
  },
  {
    name: "a comparison whose list failed deletes what it did not meet",
    shipped: "openyurtio/openyurt#2746",
    file: reflector,
    from: "  lane.comparison = undefined\n  if (failure._tag",
    to: "  if (lane.comparison !== undefined) announceDepartures(lane, output, sweep(lane.ledger))\n  lane.comparison = undefined\n  if (failure._tag",
  },
  {
    name: "a list that only compares is marked as an announcement",
    shipped: noneKnown,
    file: "domain/sync/mark.ts",
    from: "const isFull = lane.announcing ||",
    to: "const isFull = lane.pages === 0 || lane.announcing ||",
  },
  {
    name: "the end of an announcement is said behind its first page",
    shipped: noneKnown,
    file: reflector,
    from: '  if (page.continue !== "") {',
    to: '  if (page.continue !== "") {\n    endEpoch(lane, output)',
  },
  {
    name: "a list that failed ends its announcement",
    shipped: noneKnown,
    file: reflector,
    from: "  lane.comparison = undefined\n  if (failure._tag",
    to: "  lane.comparison = undefined\n  endEpoch(lane, output)\n  if (failure._tag",
  },
  {
    name: "deletions are not repeated after an announcement",
    shipped: "meshery/meshsync#102",
    file: turn,
    from: "if (!output.announced) return",
    to: "if (!output.announced || lane.synced) return",
  },
  {
    name: "a repeated deletion takes the present life of its address",
    shipped: "kubernetes-sigs/headlamp#7337",
    file: turn,
    from: "(gone.type.version !== type.version || !holds(lane.ledger, gone.namespace, gone.name))",
    to: "(gone.type.version !== type.version || !holds(lane.ledger, gone.namespace, gone.uid))",
  },
  {
    name: "the deletions of a type that is no longer selected are repeated although something lives there",
    shipped: "kubernetes-sigs/headlamp#7337",
    file: turn,
    from: 'if (fact._tag === "Deselected") {',
    to: 'if (fact._tag === "Started") {',
  },
  {
    name: "a type that vanishes before it was announced leaves its old deletions",
    shipped: "argoproj/argo-cd#1247",
    file: reflector,
    from: 'output.announced = lane.announcing\n      markClosed(lane, output, "vanished")',
    to: 'output.announced = false\n      markClosed(lane, output, "vanished")',
  },
  {
    name: "names are compared as they are spelt in JSON",
    shipped: "kubernetes/kubernetes#115658",
    file: "domain/sync/slice.ts",
    from: "if (bytes[i] === backslash)",
    to: "if (bytes[i] === backslash && slice.end < slice.start)",
  },
  {
    name: "Retry-After is ignored",
    shipped: "kubernetes/kubernetes#26871",
    file: "domain/sync/backoff.ts",
    from: "pause.retryAfterMs ?? 0",
    to: "0",
  },
  {
    name: "each chunk of a watch is taken for whole lines",
    shipped: "coryodaniel/bonny#43",
    file: "domain/read/frame.ts",
    from: "  } else if (behind < chunk.length) {\n    append(framer, chunk, behind)\n  }",
    to: "  }",
  },
  {
    name: "a type that vanishes is taken for one that is no longer selected",
    shipped: "kubernetes/kubernetes#79610",
    file: "domain/select/plan.ts",
    from: "if (nowMs - sinceMs >= vanishedAfterMs) vanish.push(lane)",
    to: "if (nowMs - sinceMs >= vanishedAfterMs) close.push(lane)",
  },
  {
    name: "another preferred version leaves the objects of the old one",
    shipped: "argoproj/argo-cd#1247",
    file: "domain/select/plan.ts",
    from: "if (!stale) move.push([lane, next])",
    to: "if (!stale && lane.type.kind !== next.type.kind) move.push([lane, next])",
  },
  {
    name: "what is created anew is not repeated for consumers that gather",
    shipped: "eclipse-symphony/symphony#562",
    file: recreations,
    from: "  keep(state, address, message, deletedMs, nowMs + recreationRepeatMs)\n",
    to: "  keep(state, address, message, deletedMs, nowMs + recreationRepeatMs)\n  forget(state, address)\n",
  },
  {
    name: "a repetition outlives the deletion of its object",
    shipped: "kubernetes/client-go#338",
    file: recreations,
    from: "    forget(state, address)\n    state.departed.delete(address)\n    state.departed.set",
    to: "    state.departed.delete(address)\n    state.departed.set",
  },
  {
    name: "what was held back goes out behind its object's deletion",
    shipped: "none known",
    file: holding,
    from: "if (source === Source.deleted) forget(holding, key)",
    to: "if (source === Source.deleted) holding.lives.has(key)",
  },
  {
    name: "what was held back goes out into a running list, which then misses its end",
    shipped: "none known",
    file: holding,
    from: 'if (state._tag === "listing" && wanted !== "end") return undefined',
    to: 'if (state._tag === "closed" && wanted !== "end") return undefined',
  },
  {
    name: "the version of what was held back is taken for the newest",
    shipped: "none known",
    file: reflector,
    from: "return absorbReleased(lane, fact.records, output)",
    to: "return observed(lane, fact.records, nowMs, output)",
  },
  {
    name: "the interval counts from when a state is sent, not from when it is accepted",
    shipped: "none known",
    file: holding,
    from: "if (life === undefined || life.sentMs === nowMs) continue",
    to: "if (life === undefined || life.sentMs <= nowMs) continue",
  },
]
