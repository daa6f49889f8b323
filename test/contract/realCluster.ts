/**
 * A real kube-apiserver on a real etcd as an environment of the contract: what it remembers can be made to expire, and it can be restarted.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { startControlPlane, tokens } from "../integration/controlPlane.ts"
import { until } from "../integration/program.ts"
import { Environment, openPort, type RawRequest, sendRaw } from "./environment.ts"

const tokenOf = { admin: tokens.admin, stranger: tokens.jane, nobody: "unknown-token" } as const
const expiryLimitMs = 120_000
const namespaceLimitMs = 60_000

/** Compacts etcd, and waits until the API server no longer shows what is older. */
const expire = async (etcdUrl: string, isExpired: () => Promise<boolean>): Promise<void> => {
  const post = async (path: string, body: object): Promise<{ readonly header: { readonly revision: string } }> => {
    const answer = await fetch(`${etcdUrl}/v3/kv/${path}`, { method: "POST", body: JSON.stringify(body) })
    return (await answer.json()) as { readonly header: { readonly revision: string } }
  }
  const key = Buffer.from("compact_rev_key").toString("base64")
  const { revision } = (await post("range", { key })).header
  // API servers tell each other by this key; without it this one would go on showing what it has in memory.
  await post("put", { key, value: Buffer.from(revision).toString("base64") })
  await post("compaction", { revision, physical: true })
  await until("the continue token expires", expiryLimitMs, async () => ((await isExpired()) ? true : undefined))
}

/** A real API server, the port through the Kubernetes adapter. */
export const layerReal: Layer.Layer<Environment> = Layer.effect(
  Environment,
  Effect.gen(function* () {
    const plane = yield* Effect.acquireRelease(
      Effect.promise(() => startControlPlane({ controllers: false })),
      (started) => Effect.promise(() => started[Symbol.asyncDispose]()),
    )
    const request = (asked: RawRequest) => sendRaw(plane.url, tokenOf[asked.as ?? "admin"], asked)
    const statusOf = async (path: string): Promise<number> => (await Effect.runPromise(request({ method: "GET", path }))).status
    const hasNamespace = async () => ((await statusOf("/api/v1/namespaces/default")) === 200 ? true : undefined)
    yield* Effect.promise(() => until("the first namespace is there", namespaceLimitMs, hasNamespace))
    const open = (user: "admin" | "jane") => openPort(readFileSync(plane.kubeconfig(user), "utf8"))
    return {
      admin: yield* open("admin"),
      stranger: yield* open("jane"),
      request,
      expire: (listPath) => Effect.promise(() => expire(plane.etcdUrl, async () => (await statusOf(listPath)) === 410)),
      restart: Effect.promise(async () => {
        await plane.killApiServer()
        await plane.startApiServer()
      }),
    }
  }),
).pipe(Layer.orDie)
