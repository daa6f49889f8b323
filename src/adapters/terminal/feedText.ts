/**
 * The lines of the live feed. Pure: times, widths and colours are arguments.
 */
import type { ChangeEvent } from "../../domain/sync/fact.ts"
import type { LaneStatus, Status } from "../../domain/sync/status.ts"
import { cutText, printable, renderCount } from "./text.ts"

export interface FeedStyle {
  /** A terminal: local time of day, lines cut to its width. Else whole lines with a full date. */
  readonly tty: boolean
  readonly colour: boolean
  readonly width: number
}

const signs = {
  Added: { sign: "+", word: "added", colour: "32" },
  Modified: { sign: "~", word: "modified", colour: "33" },
  Deleted: { sign: "-", word: "deleted", colour: "31" },
  Listed: { sign: " ", word: "listed", colour: "36" },
} as const

const wordWidth = 8
const kindWidth = 14

const paint = (text: string, colour: string, { colour: painted }: FeedStyle): string =>
  painted ? `\u001b[${colour}m${text}\u001b[0m` : text

const twoDigits = (value: number): string => String(value).padStart(2, "0")

const timeText = (nowMs: number, { tty }: FeedStyle): string => {
  const now = new Date(nowMs)
  return tty
    ? `${twoDigits(now.getHours())}:${twoDigits(now.getMinutes())}:${twoDigits(now.getSeconds())}`
    : `${now.toISOString().slice(0, 19)}Z`
}

const line = (nowMs: number, what: keyof typeof signs, rest: string, style: FeedStyle): string => {
  const { colour, sign, word } = signs[what]
  const time = timeText(nowMs, style)
  const label = `${sign} ${word.padEnd(wordWidth)}`
  const room = style.tty ? style.width - time.length - label.length - 2 : Infinity
  return `${paint(time, "2", style)} ${paint(label, colour, style)} ${cutText(rest, Math.max(0, room)).trimEnd()}\n`
}

/** One change: time, what happened, kind, namespace/name, and what is different. */
export const changeLine = (
  nowMs: number,
  event: ChangeEvent,
  object: { readonly kind: string; readonly namespace: string; readonly name: string },
  changes: string,
  style: FeedStyle,
): string => {
  const place = printable(object.namespace === "" ? object.name : `${object.namespace}/${object.name}`)
  return line(nowMs, event, `${printable(object.kind).padEnd(kindWidth)} ${place}${changes === "" ? "" : `  ${changes}`}`, style)
}

/** A list in one line: `listed 312 pods in 0.8 s`. A time too short to matter is left out. */
export const listedLine = (
  nowMs: number,
  list: { readonly key: string; readonly count: number; readonly spanMs: number; readonly again: boolean },
  style: FeedStyle,
): string => {
  const time = list.spanMs < 50 ? "" : ` in ${(list.spanMs / 1000).toFixed(1)} s`
  return line(nowMs, "Listed", `${renderCount(list.count)} ${printable(list.key)}${list.again ? " again" : ""}${time}`, style)
}

const activity = ({ published }: LaneStatus): number => published.modified + published.deleted

const counterText = (lane: LaneStatus): string => {
  const { deleted, modified } = lane.published
  const moves = [modified > 0 ? `~${renderCount(modified)}` : "", deleted > 0 ? `-${renderCount(deleted)}` : ""].filter(
    (part) => part !== "",
  )
  return `${printable(lane.key)} ${renderCount(lane.objects)}${moves.length === 0 ? "" : ` (${moves.join(" ")})`}`
}

const troubleText = (lanes: ReadonlyArray<LaneStatus>): ReadonlyArray<string> => {
  const troubled = lanes.filter(({ trouble }) => trouble !== undefined)
  const [first] = troubled
  if (first === undefined) return []
  const more = troubled.length === 1 ? "" : ` and ${troubled.length - 1} more`
  return [`waiting: ${printable(`${first.key} (${first.trouble?.reason ?? ""})`)}${more}`]
}

/**
 * Counters of all kinds in one line, the busiest first: objects now, and how many changes and deletions were seen. Empty before the
 * first.
 */
export const countersText = (status: Status, width: number): string => {
  const lanes = status.lanes.filter(({ state }) => state !== "closed")
  if (lanes.length === 0) return ""
  const shown = lanes
    .filter((lane) => lane.objects > 0 || activity(lane) > 0)
    .toSorted((first, second) => activity(second) - activity(first) || second.objects - first.objects || (first.key < second.key ? -1 : 1))
  const objects = lanes.reduce((sum, lane) => sum + lane.objects, 0)
  return cutText(
    [`${lanes.length} kinds`, `${renderCount(objects)} objects`, ...troubleText(lanes), ...shown.map(counterText)].join(" · "),
    width,
  )
}
