/**
 * `meshsync compare`: the safe way in. Runs beside another MeshSync, publishes nothing, and says in what the two would differ.
 * Exit status: 0 everything is equal or explained, 1 something is not, 2 trouble.
 */
import * as Effect from "effect/Effect"
import { meshError } from "../../domain/error.ts"
import { compareEveryMs, compareGraceMs, compareLineEveryMs } from "../../domain/limit.ts"
import { parsePlace, placeDefault } from "../../domain/select/place.ts"
import { countMatched, countTrouble, reportDocument, sumCounts, type Report } from "../../domain/sync/comparisonReport.ts"
import { abandonWaiting, type Pairing } from "../../domain/sync/pairing.ts"
import { coreSubject } from "../../domain/wire/subject.ts"
import { runComparison } from "../comparison.ts"
import { comparisonLine, comparisonTable } from "../comparisonText.ts"
import { columnsOf, layerCluster, listenToBroker } from "../layers.ts"
import { startPeer } from "../peer.ts"
import { durationMs, isOn, listOf, type Values, redactPathsOf } from "../settings.ts"
import type { CommandOptions } from "./commandOptions.ts"
import { renderDocument } from "./format.ts"

const clearLine = "\r\u001b[2K"

/** A line that is rewritten on a terminal, a plain line now and then elsewhere. */
const makeShow = () => {
  const tty = process.stderr.isTTY === true
  let calls = 0
  const show = ({ report, waiting }: Pairing): Effect.Effect<void> =>
    Effect.suspend(() => {
      const line = comparisonLine(report, waiting.size)
      if (!tty) return calls++ % (compareLineEveryMs / compareEveryMs) === 0 ? Effect.logInfo(line) : Effect.void
      process.stderr.write(clearLine + line.slice(0, columnsOf(process.stderr) - 1))
      return Effect.void
    })
  const clear = Effect.sync(() => void (tty && process.stderr.write(clearLine)))
  return { show, clear }
}

/** The peer reads the same cluster and publishes to the same broker. */
const peerEnvironment = ({ brokerUrl, kubeconfig, redact, redactPaths }: Values): Readonly<Record<string, string>> => ({
  BROKER_URL: brokerUrl.text,
  ...(kubeconfig.from === "flag" ? { KUBECONFIG: kubeconfig.text } : {}),
  ...(redact.from === "flag" ? { MESHSYNC_REDACT_SECRETS: redact.text } : {}),
  ...(redactPaths.from === "flag" ? { MESHSYNC_REDACT_PATHS: redactPaths.text } : {}),
})

const printReport = Effect.fnUntraced(function* (report: Report, format: string) {
  const text = yield* renderDocument(format, reportDocument(report), () => comparisonTable(report).trimEnd())
  yield* Effect.promise(() => new Promise<void>((resolve) => process.stdout.write(`${text}\n`, () => resolve())))
  const sum = sumCounts(report)
  if (countTrouble(sum) > 0) process.exitCode = 1
  else if (countMatched(sum) === 0) process.exitCode = 2
})

/** Sets the exit status: 1 where something is neither equal nor explained, 2 where there was nothing to compare. */
export const compare = Effect.fnUntraced(function* ({ own, values, version, words }: CommandOptions) {
  const format = own.get("format") ?? "table"
  yield* renderDocument(format, {}, () => "")
  const peer = own.get("peer")
  const resync = isOn(own.get("resync") ?? "false")
  if (values.brokerUrl.text === "") return yield* Effect.fail(meshError("ErrBrokerUrl", "name the broker to which the other one publishes"))
  const { clear, show } = makeShow()
  let pairing: Pairing | undefined
  const work = runComparison({
    run: {
      version,
      redact: isOn(values.redact.text),
      redactPaths: redactPathsOf(values),
      contentDedup: false,
      outputNamespaces: isOn(own.get("allNamespaces") ?? "false") ? [] : listOf(values.namespaces.text),
      outputResources: words.flatMap((word) => word.split(",")),
      selector: "",
      clusterId: values.clusterId.text,
      customResource: parsePlace(values.customResource.text) ?? placeDefault,
    },
    kindsChosen: words.length > 0,
    resync,
    listen: (ear) => listenToBroker(values, coreSubject, ear),
    ...(peer === undefined ? {} : { startPeer: startPeer(peer, peerEnvironment(values)) }),
    graceMs: compareGraceMs,
    durationMs: durationMs(own.get("duration") ?? "-1ns"),
    began: (begun) => {
      pairing = begun
    },
    show,
  })
  const tell = Effect.suspend(() => {
    if (pairing === undefined) return Effect.void
    abandonWaiting(pairing)
    return Effect.andThen(clear, printReport(pairing.report, format))
  })
  yield* Effect.provide(work, layerCluster(values, version)).pipe(Effect.onInterrupt(() => Effect.ignore(tell)))
  yield* tell
  const heard = pairing === undefined ? 0 : countMatched(sumCounts((pairing as Pairing).report))
  if (heard === 0)
    return yield* Effect.fail(meshError("ErrCompare", `nothing could be compared: no event came from both sides on ${coreSubject}`))
})
