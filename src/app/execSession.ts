/**
 * One terminal in a container: what is typed comes on a subject of the session, what is shown goes out on another.
 * Knows neither other sessions nor why it may run.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { requestBytesMax, sessionBytesPerSecond, sessionIdleMs, terminalChunkBytesMax } from "../domain/limit.ts"
import { unavailable } from "../domain/read/failure.ts"
import { decodeText } from "../domain/read/text.ts"
import { cutStream, decodeInput, encodeTerminal } from "../domain/wire/sessionMessage.ts"
import { execKey, type SessionWish } from "../domain/wire/sessionRequest.ts"
import { encodeText } from "../domain/wire/writer.ts"
import { ApiError, type ClusterApi } from "../ports/ClusterApi.ts"
import type { Terminal } from "../ports/PodSession.ts"
import { joinBytes } from "./logSession.ts"
import type { SessionPorts, Tally } from "./sessionTally.ts"

/**
 * Runs a terminal until its shell ends, or until interrupted. An error, also a shell's status that is not 0, goes to the asker as well.
 * @param rename gives the session the name that its container has made known; interrupts it where another one has that name
 */
export const runTerminal = (ports: SessionPorts, wish: SessionWish, tally: Tally, rename: (id: string) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const container = wish.container === "" ? yield* findContainer(ports.api, wish) : wish.container
    if (wish.container === "") yield* rename(execKey({ ...wish, container }))
    const inputs = yield* ports.requests.subscribe(`input.${tally.id}`)
    const terminal = yield* ports.pods.openTerminal({ ...wish, container })
    const ends = Effect.raceFirst(showOutput(ports, terminal, tally), typeInputs(terminal, inputs, tally))
    yield* Effect.raceFirst(ends, untilIdle(tally, wish))
  }).pipe(Effect.tapError(({ failure }) => ports.requests.reply(tally.id, encodeTerminal("error", failure.text))))

interface PodList {
  readonly items?: ReadonlyArray<{
    readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
    readonly spec?: { readonly containers?: ReadonlyArray<{ readonly name: string }> }
  }>
}

/** The container that kubectl would choose: the one that the pod's annotation names, else its first. Asked with the right to list alone. */
const findContainer = Effect.fnUntraced(function* (api: ClusterApi["Service"], { namespace, pod }: SessionWish) {
  const path = `/api/v1/namespaces/${namespace}/pods?fieldSelector=${encodeURIComponent(`metadata.name=${pod}`)}&limit=1`
  const body = yield* api.read(path)
  const list = yield* Effect.try({
    try: () => JSON.parse(decodeText(body, 0, body.length)) as PodList,
    catch: () => new ApiError({ failure: unavailable("the answer is not JSON"), path }),
  })
  const { metadata, spec } = list.items?.[0] ?? {}
  const container = metadata?.annotations?.["kubectl.kubernetes.io/default-container"] ?? spec?.containers?.[0]?.name
  return container ?? (yield* new ApiError({ failure: unavailable(`pods "${pod}" not found`), path }))
})

const showOutput = Effect.fnUntraced(function* ({ requests }: SessionPorts, terminal: Terminal, tally: Tally) {
  let rest: Uint8Array = new Uint8Array(0)
  for (let bytes = yield* terminal.next; bytes !== undefined; bytes = yield* terminal.next) {
    const cut = cutStream(joinBytes(rest, bytes), terminalChunkBytesMax, false)
    rest = cut.rest
    for (const text of cut.texts) yield* requests.reply(tally.id, encodeTerminal("exec-output", text))
    tally.sentBytes += bytes.length
    tally.saidMs = yield* Clock.currentTimeMillis
    yield* Effect.sleep((bytes.length / sessionBytesPerSecond) * 1000)
  }
})

const typeInputs = (terminal: Terminal, inputs: Queue.Dequeue<Uint8Array>, tally: Tally): Effect.Effect<never> =>
  Effect.forever(
    Effect.gen(function* () {
      const message = yield* Queue.take(inputs)
      const text = message.length > requestBytesMax ? undefined : decodeInput(message)
      if (text === undefined) return
      const line = encodeText(`${text.toWellFormed()}\n`)
      tally.typedBytes += line.length
      tally.saidMs = yield* Clock.currentTimeMillis
      yield* terminal.type(line)
    }),
  )

/** Fails when nothing has been typed or shown for too long. */
const untilIdle = Effect.fnUntraced(function* (tally: Tally, { namespace, pod }: SessionWish) {
  while (true) {
    const leftMs = tally.saidMs + sessionIdleMs - (yield* Clock.currentTimeMillis)
    if (leftMs <= 0) {
      const failure = unavailable(`nothing was typed or shown for ${sessionIdleMs / 60_000} min`)
      return yield* new ApiError({ failure, path: `${namespace}/${pod}` })
    }
    yield* Effect.sleep(leftMs)
  }
})
