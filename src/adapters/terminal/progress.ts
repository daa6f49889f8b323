/**
 * How far a snapshot has come, in one line. Pure: the same status gives the same line; rewriting it in place is the caller's.
 */
import type { LaneStatus, Status } from "../../domain/sync/status.ts"
import { cutText, printable, renderBytes, renderCount } from "./text.ts"

const nameTroubled = (lanes: ReadonlyArray<LaneStatus>): string => {
  const troubled = lanes.filter((lane) => lane.trouble !== undefined)
  const [first] = troubled
  if (first === undefined) return ""
  const more = troubled.length === 1 ? "" : ` and ${troubled.length - 1} more`
  return ` · waiting: ${printable(`${first.key} (${first.trouble?.reason ?? ""})`)}${more}`
}

/**
 * E.g. `12 of 34 kinds · 4,213 objects · 38.2 MB read · waiting: secrets (Forbidden)`.
 * @param width characters at most; without a terminal pass `Infinity`
 */
export const progressText = (status: Status, width: number): string => {
  const lanes = status.lanes.filter((lane) => lane.state !== "closed")
  const synced = lanes.filter((lane) => lane.synced).length
  const objects = lanes.reduce((sum, lane) => sum + lane.objects, 0)
  const bytes = status.lanes.reduce((sum, lane) => sum + lane.bytesRead, 0)
  return cutText(
    `${synced} of ${lanes.length} kinds · ${renderCount(objects)} objects · ${renderBytes(bytes)} read${nameTroubled(lanes)}`,
    width,
  )
}
