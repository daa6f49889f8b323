/** The contract of brokers on a real nats-server. */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import { connectPlatform, makeServer, openPorts, optionsFor, subscribe } from "../adapters/nats/natsServer.ts"
import { describeSinkContract } from "./sink.contract.ts"

describeSinkContract(
  "nats-server",
  Effect.gen(function* () {
    const server = yield* makeServer()
    const platform = yield* connectPlatform(server)
    const { requests, sink } = yield* openPorts(optionsFor(server))
    return {
      sink,
      requests,
      subscribe: (subject) => Effect.map(subscribe(platform, subject), Queue.take),
      publish: (subject, payload) => Effect.promise(() => (platform.publish(subject, payload), platform.flush())),
    }
  }),
)
