import { describe, expect, it } from "vitest"
import { loadBatch, messagesGoing } from "../../../src/adapters/nats/parcels.ts"
import { oversizeBytesMax } from "../../../src/domain/limit.ts"
import { pieceHeaders } from "../../../src/domain/wire/oversize.ts"
import { makeOversizeDecoder } from "../../../src/sdk.ts"
import { messageOf } from "../message.ts"

const small = messageOf({ name: "small" })
const large = messageOf({ name: "large", spec: { text: "x".repeat(5_000) } })
const huge = { ...messageOf({ name: "huge" }), payload: new Uint8Array(oversizeBytesMax + 1) }
const gone = { ...large, event: "Deleted" as const }
const batch = [small, large, small, gone, huge]
const names = (load: ReturnType<typeof loadBatch>) =>
  (["core", "pieces", "none"] as const).map((way) => messagesGoing(load, way).map(({ event, name }) => `${event} ${name}`))

describe("a batch", () => {
  it("goes on core as far as it fits, and no further where pieces are not wanted", () => {
    const load = loadBatch(batch, 4_096, 0)
    expect(names(load)).toEqual([["Added small", "Added small"], [], ["Added large", "Deleted large", "Added huge"]])
    expect(load.parcels).toEqual([small, small].map(({ payload }) => ({ subject: "meshery.meshsync.core", payload })))
  })

  it("has pieces of what is too large in its place, but of no deletion, and of nothing beyond all bounds", () => {
    const load = loadBatch(batch, 4_096, 3_000)
    expect(names(load)).toEqual([["Added small", "Added small"], ["Added large"], ["Deleted large", "Added huge"]])
    const [core, oversize] = ["meshery.meshsync.core", "meshery.meshsync.oversize"]
    expect(load.parcels.map(({ subject }) => subject)).toEqual([core, oversize, oversize, core])
    const decoder = makeOversizeDecoder()
    const wholes = load.parcels.flatMap(({ headers, payload }) => {
      if (headers === undefined) return []
      return decoder.take({ data: payload, headers: new Map(headers) }) ?? []
    })
    expect(wholes).toEqual([large.payload])
  })

  it("names each message's pieces anew, also when it goes again", () => {
    const ids = [1, 2].flatMap(() => {
      const headers = loadBatch([large, large], 4_096, 3_000).parcels.map((parcel) => new Map(parcel.headers))
      return headers.map((of) => of.get(pieceHeaders.id))
    })
    expect([ids.length, new Set(ids).size]).toEqual([8, 4])
  })
})
