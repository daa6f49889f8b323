/**
 * The broker's monitoring port: whether a broker lives there, and whether somebody subscribes to the messages. Advice only: it may be
 * closed, filtered or another one's, and then nothing depends on it. Plain HTTP, as the broker serves it; no answer is ever an error.
 */
import * as Effect from "effect/Effect"
import * as http from "node:http"
import { monitorAnswerBytesMax, probeAnswerWaitMs } from "../../domain/limit.ts"
import { showHost } from "./address.ts"

/** The port that the Go MeshSync probes, and that the operator's broker Service opens. */
export const monitorPortDefault = 8222

/**
 * GET of one document.
 * @returns the body of an answer with status 200; undefined for everything else, also when it takes longer than `probeAnswerWaitMs`
 */
const fetchText = (host: string, port: number, path: string): Effect.Effect<string | undefined> =>
  Effect.callback<string | undefined>((resume) => {
    const conclude = (text: string | undefined) => resume(Effect.succeed(text))
    const request = http.get(`http://${showHost(host)}:${port}${path}`, { agent: false }, (response) => {
      const pieces: Array<Buffer> = []
      let bytes = 0
      response.on("error", () => conclude(undefined))
      response.on("data", (piece: Buffer) => {
        bytes += piece.byteLength
        if (bytes > monitorAnswerBytesMax) request.destroy()
        else pieces.push(piece)
      })
      response.on("end", () => conclude(response.statusCode === 200 ? Buffer.concat(pieces).toString("utf8") : undefined))
      response.on("close", () => conclude(undefined))
    })
    request.on("error", () => conclude(undefined))
    return Effect.sync(() => request.destroy())
  }).pipe(
    Effect.timeoutOption(probeAnswerWaitMs),
    Effect.map((answer) => (answer._tag === "Some" ? answer.value : undefined)),
  )

/** Whether a broker's monitoring port answers at one of the hosts. */
export const answersAny = (hosts: ReadonlyArray<string>, port: number): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    for (const host of hosts) if ((yield* fetchText(host, port, "/connz")) !== undefined) return true
    return false
  })

const parseTotal = (text: string): number | undefined => {
  try {
    const answer: unknown = JSON.parse(text)
    const total: unknown = typeof answer === "object" && answer !== null && "total" in answer ? answer.total : undefined
    return typeof total === "number" ? total : undefined
  } catch {
    return undefined
  }
}

/**
 * How many subscriptions would get a message on the subject, wildcards and those of other servers of a cluster included.
 * `/subsz` answers that in a few hundred bytes; `/connz?subs=1` would list every connection with all that it subscribes to.
 * @returns undefined when the port does not say
 */
export const countSubscriptions = (host: string, port: number, subject: string): Effect.Effect<number | undefined> =>
  Effect.map(fetchText(host, port, `/subsz?subs=1&test=${encodeURIComponent(subject)}`), (text) =>
    text === undefined ? undefined : parseTotal(text),
  )
