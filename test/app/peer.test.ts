import * as Effect from "effect/Effect"
import { expect, it } from "vitest"
import { splitCommand, startPeer } from "../../src/app/peer.ts"

it.each([
  ["./meshsync --debug", ["./meshsync", "--debug"]],
  [`'/a path/meshsync' --x="1 2" ''`, ["/a path/meshsync", "--x=1 2", ""]],
  ["   ", []],
])("splits %j", (text, words) => {
  expect(splitCommand(text)).toEqual(words)
})

const quoted = (script: string): string => `'${process.execPath}' -e '${script}'`

it("a peer that ends by itself is told with its last words, and has the environment", async () => {
  const script = 'console.error("url " + process.env.BROKER_URL); process.exit(3)'
  const work = Effect.flatten(startPeer(quoted(script), { BROKER_URL: "nats://x" })).pipe(Effect.scoped, Effect.flip)
  const { key, detail } = await Effect.runPromise(work)
  expect({ key, detail }).toMatchObject({ key: "ErrCompare", detail: expect.stringContaining("status 3: url nats://x") })
})

it("a peer that cannot be started is told", async () => {
  const { detail } = await Effect.runPromise(Effect.flatten(startPeer("/no/such/program", {})).pipe(Effect.scoped, Effect.flip))
  expect(detail).toContain("/no/such/program cannot be started")
})

it("the scope ends the peer", async () => {
  const startedMs = performance.now()
  await Effect.runPromise(startPeer(quoted("setInterval(() => undefined, 1000)"), {}).pipe(Effect.scoped))
  expect(performance.now() - startedMs).toBeLessThan(4_000)
})
