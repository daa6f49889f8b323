import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { layerBroker, makeBroker } from "../../src/adapters/memory/broker.ts"
import { Requests } from "../../src/ports/Requests.ts"
import { Sink } from "../../src/ports/Sink.ts"
import { describeSinkContract } from "./sink.contract.ts"

describeSinkContract(
  "in this process",
  Effect.gen(function* () {
    const broker = makeBroker()
    const services = yield* Layer.build(layerBroker(broker))
    let last = 0
    return {
      sink: Context.get(services, Sink),
      requests: Context.get(services, Requests),
      subscribe: (subject) => Effect.map(broker.subscribe(subject, `platform-${++last}`), Queue.take),
      publish: (subject, payload) => Effect.orDie(broker.publish(subject, payload)),
    }
  }),
)
