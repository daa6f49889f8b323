/**
 * The state file as a run with these settings will find it: writable, free, of this cluster and of this broker. Looks and changes nothing:
 * a file that another process holds is read all the same.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { errorRegistry } from "../domain/error.ts"
import { typeName } from "../domain/select/resource.ts"
import { endReading, makeReading, readChunk, type Recollection } from "../domain/sync/recollection.ts"
import { describeContent } from "../domain/wire/message.ts"
import { failed, ok, skipped, warning, type Check } from "./checks.ts"
import { audienceOf, inspectState } from "./layers.ts"
import { faultOfJournal } from "./recorder.ts"
import { isRedacting, redactPathsOf, type Values } from "./settings.ts"

const subject = "state file"

/**
 * The findings, in the order of a start.
 * @param clusterId as a run would learn it; empty: it cannot be read
 */
export const examineState = (values: Values, clusterId: string): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function* () {
    const path = values.stateFile.text
    if (path === "") return [skipped(subject, "none is named: what is deleted while MeshSync is away is not announced")]
    if (values.output.text === "file") {
      return [failed(subject, "it goes with --output broker and stdout: a snapshot holds everything", "leave --state-file out")]
    }
    const reading = makeReading()
    const inspected = yield* Effect.result(inspectState(path, (piece) => readChunk(reading, piece)))
    if (Result.isFailure(inspected)) return [failed(subject, inspected.failure.detail, errorRegistry.ErrStateFile.remedy)]
    const { bytes, isHeld } = inspected.success
    const held = isHeld
      ? [warning(subject, `${path} is held by another process: a run beside it ends at once`, errorRegistry.ErrStateFileHeld.remedy)]
      : [ok(subject, `${path} can be written, and no process holds it`)]
    if (bytes === 0) return [...held, ok(subject, "it is empty or not there: everything is announced as in a first run")]
    const audience = yield* audienceOf(values)
    const fault = faultOfJournal(audience, clusterId, reading, endReading(reading))
    if (fault !== undefined) {
      const detail = `it ${fault.text}: it will be set aside as ${path}.${fault.ending}, and everything is announced`
      return [...held, warning(subject, detail, "nothing, where that is meant; else look at the cluster, the broker and the path")]
    }
    return [...held, describeContents(values, reading.recollection)]
  })

/** What it knows, and what of that the settings make void. */
const describeContents = (values: Values, { departures, memories }: Recollection): Check => {
  const [redact, paths] = [isRedacting(values), redactPathsOf(values)]
  const known = [...memories.values()]
  const objects = known.reduce((sum, { ledger }) => sum + ledger.size, 0)
  const deletions = departures.entries.length - departures.start
  const other = known.filter(({ content, spec }) => content !== describeContent(spec, redact, paths)).map(({ spec }) => typeName(spec.type))
  const owed = known.some((memory) => memory.owed) ? "; an announcement of everything is owed" : ""
  const told = `it tells of ${objects} objects of ${known.length} kinds and of ${deletions} deletions, for this cluster and this output${owed}`
  return other.length === 0
    ? ok(subject, told)
    : ok(subject, `${told}; other redaction, depth or version: all of ${other.join(", ")} is announced again`)
}
