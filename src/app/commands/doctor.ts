/**
 * `meshsync doctor`: everything that a run with these settings needs, looked at before the run. Changes nothing, publishes nothing.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { createServer } from "node:net"
import { errorRegistry, meshError } from "../../domain/error.ts"
import { estimateRun, type Estimate } from "../../domain/sync/estimate.ts"
import { failed, ok, renderChecks, renderRows, skipped, warning, type Check } from "../checks.ts"
import { examineCluster, sampleLanes } from "../examineCluster.ts"
import { examineState } from "../examineState.ts"
import { inspectBroker, layerCluster, type ServerInspection } from "../layers.ts"
import { isOn, type Values } from "../settings.ts"
import type { CommandOptions } from "./commandOptions.ts"
import { renderDocument } from "./format.ts"

/** Prints all findings, and fails where a run would lack something. */
export const doctor = Effect.fnUntraced(function* (options: CommandOptions) {
  const { own, values } = options
  const { checks: cluster, clusterId, estimate } = yield* examine(options)
  const broker = yield* checkOutput(values)
  const state = yield* examineState(values, clusterId)
  const checks = [...cluster, ...broker, ...state, yield* checkHealthPort(Number(values.healthPort.text))]
  const table = () => [renderChecks(checks), ...(estimate === undefined ? [] : ["", renderEstimate(estimate)])].join("\n")
  const shown = yield* renderDocument(own.get("format") ?? "table", { checks, estimate }, table)
  yield* Effect.sync(() => void process.stdout.write(`${shown}\n`))
  const failures = checks.filter(({ outcome }) => outcome === "failed")
  if (failures.length > 0) {
    return yield* Effect.fail(meshError("ErrDoctor", `failed: ${failures.map(({ subject }) => subject).join(", ")}`))
  }
})

/** The cluster's findings; an unusable kubeconfig is one of them. */
const examine = Effect.fnUntraced(function* ({ own, values, version, words }: CommandOptions) {
  const wish = { values, words, everywhere: own.get("allNamespaces") }
  const work = Effect.gen(function* () {
    const { checks, clusterId, readable } = yield* examineCluster(wish)
    if (!isOn(own.get("estimate") ?? "false")) return { checks, clusterId, estimate: undefined }
    const samples = yield* sampleLanes(readable.filter(({ hidden }) => !hidden))
    return { checks, clusterId, estimate: estimateRun(samples, values.output.text === "broker" && isOn(values.pace.text)) }
  })
  const found = yield* Effect.result(Effect.provide(work, layerCluster(values, version)))
  if (Result.isSuccess(found)) return found.success
  const { detail, key } = found.failure
  return { checks: [failed("kubeconfig", detail, errorRegistry[key].remedy)], clusterId: "", estimate: undefined }
})

/** Only one output needs somebody else. */
const checkOutput = (values: Values): Effect.Effect<ReadonlyArray<Check>> => {
  switch (values.output.text) {
    case "broker":
      return checkBroker(values)
    case "file":
    case "stdout":
      return Effect.succeed([skipped("broker", `not needed: the output is ${values.output.text}`)])
    default:
      return Effect.succeed([failed("output", `${JSON.stringify(values.output.text)} is no output`, errorRegistry.ErrOutputMode.remedy)])
  }
}

const checkBroker = Effect.fnUntraced(function* (values: Values) {
  const inspected = yield* Effect.result(inspectBroker(values))
  if (Result.isSuccess(inspected)) return inspected.success.flatMap(checksOfServer)
  const { detail, key } = inspected.failure
  return [failed("broker", detail, errorRegistry[key].remedy)]
})

const brokerRemedies = {
  unreachable: "check BROKER_URL and the network: the port must accept connections from here",
  unauthorized: "check the credentials: user info of BROKER_URL, or NATS_USER, NATS_TOKEN, NATS_CREDS, NATS_NKEY",
  refused: "check that a NATS server listens there, and its TLS settings (NATS_CA, tls:// in BROKER_URL)",
  credentials: "the files must exist, be readable and hold what their variable promises",
} as const

const KiB = 1024
/** Objects of etcd's largest size do not pass below this. */
const payloadWantedBytes = 1024 * KiB

const checksOfServer = (server: ServerInspection): ReadonlyArray<Check> => {
  const { address, listeners, monitored, monitorPort, session } = server
  const subject = `broker ${address}`
  if (session._tag === "None") return [failed(subject, session.text, brokerRemedies[session.reason])]
  const size = `max_payload is ${Math.floor(session.payloadBytesMax / KiB)} KiB`
  const login = ok(subject, `nats-server ${session.version} takes the login${session.tls ? " over TLS" : ""}`)
  const payload =
    session.payloadBytesMax >= payloadWantedBytes
      ? ok("max_payload", size)
      : warning("max_payload", `${size}: larger objects are not published`, "raise max_payload of the broker to 1MB or more")
  const jetstream = ok("JetStream", session.jetstream ? "offered (not used)" : "not offered (not needed)")
  if (!monitored) {
    return [
      login,
      payload,
      jetstream,
      warning(
        "monitoring port",
        `no answer at port ${monitorPort}: nobody knows whether somebody listens on meshery.meshsync.core`,
        "start the broker with -m 8222; without it everything works, only less is known",
      ),
    ]
  }
  const audience =
    listeners === undefined
      ? skipped("listeners", "the monitoring port does not tell")
      : listeners === 0
        ? warning(
            "listeners",
            "nobody subscribes to meshery.meshsync.core",
            "connect Meshery Server to this broker; until then nothing is kept",
          )
        : ok("listeners", `${listeners} on meshery.meshsync.core`)
  return [login, payload, jetstream, ok("monitoring port", `answers at port ${monitorPort}`), audience]
}

/** Whether the port could be opened; it is closed again at once. */
const checkHealthPort = (port: number): Effect.Effect<Check> =>
  port === 0
    ? Effect.succeed(ok("health port", "off"))
    : Effect.callback<Check>((resume) => {
        const server = createServer()
        const { remedy } = errorRegistry.ErrHealthPort
        server.once("error", ({ message }) =>
          resume(Effect.succeed(warning("health port", `${port} cannot be opened: ${message}`, remedy))),
        )
        server.listen(port, () => server.close(() => resume(Effect.succeed(ok("health port", `${port} is free`)))))
        return Effect.sync(() => void server.close())
      })

const units = ["B", "KiB", "MiB", "GiB", "TiB"] as const

const sizeText = (bytes: number): string => {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / KiB ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

const renderEstimate = ({ announcementMs, bufferBytesMax, bytes, kinds, ledgerBytes, objects }: Estimate): string => {
  const unknown = kinds.some(({ atLeast }) => atLeast)
  const rows = kinds.map((kind) => [kind.key, `${kind.atLeast ? ">=" : ""}${kind.objects}`, sizeText(kind.bytes)])
  const least = unknown ? "at least " : "about "
  return [
    ...renderRows([["KIND", "OBJECTS", "SIZE"], ...rows, ["all", String(objects), sizeText(bytes)]], new Set([1, 2])),
    "",
    announcementMs === 0
      ? "The first announcement is not paced: it takes what the cluster and the output take."
      : `The first announcement takes ${least}${(announcementMs / 1000).toFixed(1)} s at the pace in force.`,
    `Memory beside the program's own: ${least}${sizeText(ledgerBytes)} for what is remembered, at most ${sizeText(bufferBytesMax)} for buffers.`,
  ].join("\n")
}
