/** Ways to log in to a real nats-server, and what a person is told when it fails. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { nkeys } from "nats"
import { writeFileSync } from "node:fs"
import * as path from "node:path"
import { parseAddress } from "../../../src/adapters/nats/address.ts"
import type { NatsOptions } from "../../../src/adapters/nats/broker.ts"
import { authOptions } from "../../../src/adapters/nats/credentials.ts"
import { dialServer } from "../../../src/adapters/nats/dial.ts"
import { accepted } from "../../../src/ports/Sink.ts"
import { makeCertificate } from "../kubernetes/certificate.ts"
import { batchOf } from "../message.ts"
import { makeServer, type NatsServer, openPorts, optionsFor } from "./natsServer.ts"

const text = new TextDecoder()

/** Writes a file beside the server's configuration. */
const writeBeside = (server: NatsServer, name: string, content: string | Uint8Array): string => {
  const file = path.join(server.folder, name)
  writeFileSync(file, content)
  return file
}

/** A delivery reaches the server: it counts one message from us and knows us by name. */
const deliverOne = (server: NatsServer, over: Partial<NatsOptions>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { sink } = yield* openPorts(optionsFor(server, over))
      assert.deepStrictEqual(yield* sink.deliver(batchOf("live", { name: "a" })), accepted)
      const { connections } = (yield* server.ask("/connz")) as { readonly connections: ReadonlyArray<Record<string, unknown>> }
      assert.deepStrictEqual(
        connections.map(({ in_msgs, name }) => [name, in_msgs]),
        [["meshsync", 1]],
      )
      return sink.status()
    }),
  )

/** The error with which the adapter refuses to start. */
const refusal = (server: NatsServer, over: Partial<NatsOptions>) => Effect.flip(Effect.scoped(openPorts(optionsFor(server, over))))

const secret = "s3cr&t/ %@:x"

describe("logging in with", () => {
  it.live("a token, in the address or beside it", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(`authorization { token: "${secret}" }`)
      const status = yield* deliverOne(server, { url: `nats://${encodeURIComponent(secret)}@127.0.0.1:${server.port}` })
      assert.strictEqual(status.state, "connected")
      assert.match(status.detail, /^at 127\.0\.0\.1:\d+ \(nats-server \d/)
      yield* deliverOne(server, { token: secret })
      // The address wins over a word of the environment that is wrong.
      yield* deliverOne(server, { url: `${encodeURIComponent(secret)}@127.0.0.1:${server.port}`, token: "wrong" })
    }),
  )

  it.live("a wrong token or none: fatal at once, without the token in the text", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(`authorization { token: "right" }`)
      for (const over of [{ url: `nats://hush@127.0.0.1:${server.port}` }, { token: "hush" }, {}]) {
        const error = yield* refusal(server, over)
        assert.strictEqual(error.key, "ErrBrokerConnect")
        assert.match(error.message, /Authorization Violation/)
        assert.notInclude(error.message, "hush")
      }
    }),
  )

  it.live("user and password, in the address or beside it", () =>
    Effect.gen(function* () {
      const server = yield* makeServer(`authorization { user: "me@x", password: "${secret}" }`)
      yield* deliverOne(server, { url: `nats://me%40x:${encodeURIComponent(secret)}@127.0.0.1:${server.port}` })
      yield* deliverOne(server, { user: "me@x", password: secret })
      assert.strictEqual((yield* refusal(server, { user: "me@x" })).key, "ErrBrokerConnect")
    }),
  )

  it.live("an nkey", () =>
    Effect.gen(function* () {
      const pair = nkeys.createUser()
      const server = yield* makeServer(`authorization { users: [{ nkey: "${pair.getPublicKey()}" }] }`)
      const nkeyPath = writeBeside(server, "user.nk", `${text.decode(pair.getSeed())}\n`)
      yield* deliverOne(server, { nkeyPath })
    }),
  )

  it.live("a credentials file", () =>
    Effect.gen(function* () {
      const { configuration, credentials } = makeAccounts()
      const server = yield* makeServer(configuration)
      yield* deliverOne(server, { credsPath: writeBeside(server, "user.creds", credentials) })
    }),
  )

  it.live("files that are missing or malformed: fatal, naming the file", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      const malformed = writeBeside(server, "malformed", "hush")
      const cases: ReadonlyArray<readonly [Partial<NatsOptions>, RegExp]> = [
        [{ credsPath: "/no/such.creds" }, /NATS_CREDS.*\/no\/such\.creds/],
        [{ credsPath: malformed }, /NATS_CREDS.*malformed/],
        [{ nkeyPath: "/no/such.nk" }, /NATS_NKEY.*\/no\/such\.nk/],
        [{ nkeyPath: malformed }, /NATS_NKEY.*malformed/],
        [{ caPath: "/no/ca.pem" }, /NATS_CA.*\/no\/ca\.pem/],
        [{ certPath: "/no/cert.pem", keyPath: "/no/key.pem" }, /NATS_CERT.*\/no\/cert\.pem/],
      ]
      for (const [over, expected] of cases) {
        const error = yield* refusal(server, over)
        assert.strictEqual(error.key, "ErrBrokerCredentials")
        assert.match(error.detail, expected)
        assert.notInclude(error.detail, "hush")
      }
    }),
  )

  it.live("an address that is none: fatal before anything is dialled", () =>
    Effect.gen(function* () {
      const server = yield* makeServer("", false)
      assert.strictEqual((yield* refusal(server, { url: "nats://u:p@ho st" })).key, "ErrBrokerUrl")
      assert.strictEqual((yield* refusal(server, { url: "" })).key, "ErrBrokerUrl")
    }),
  )
})

describe("TLS", () => {
  const authority = makeCertificate("test authority", { authority: true })
  const stranger = makeCertificate("another authority", { authority: true })
  const own = makeCertificate("broker", { issuer: authority, names: ["localhost", "127.0.0.1"] })
  const client = makeCertificate("meshsync", { issuer: authority })

  const makeTlsServer = (verify: boolean, certificate = own): Effect.Effect<NatsServer, never, Scope.Scope> =>
    Effect.gen(function* () {
      // The configuration names files of a folder that exists only with the server, so they lie in that of a server that is never started.
      const files = yield* makeServer("", false)
      const cert = writeBeside(files, "cert.pem", certificate.certificate)
      const key = writeBeside(files, "key.pem", certificate.key)
      const ca = writeBeside(files, "ca.pem", authority.certificate)
      return yield* makeServer(`tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: ${verify} }`)
    })

  /** What a dial is told that finds a server and gets no session with it. */
  const dialFailure = (server: NatsServer, over: Partial<NatsOptions>) =>
    Effect.gen(function* () {
      const options = optionsFor(server, over)
      const [one] = yield* Effect.fromResult(parseAddress(options.url))
      const auth = yield* authOptions(one!, options, true)
      const failure = yield* Effect.flip(dialServer(one!, auth))
      assert.notStrictEqual(failure.kind, "unauthorized")
      return failure.text
    })

  it.live("by name and by address, asked for or not", () =>
    Effect.gen(function* () {
      const server = yield* makeTlsServer(false)
      const caPath = writeBeside(server, "ca.pem", authority.certificate)
      for (const address of [`tls://localhost`, `tls://127.0.0.1`, `nats://localhost`, `nats://127.0.0.1`]) {
        yield* deliverOne(server, { url: `${address}:${server.port}`, caPath })
      }
    }),
  )

  it.live("is refused when the authority, the name or the address is another's", () =>
    Effect.gen(function* () {
      const server = yield* makeTlsServer(false)
      const caPath = writeBeside(server, "stranger.pem", stranger.certificate)
      assert.match(yield* dialFailure(server, { caPath }), /certificate/)
      assert.match(yield* dialFailure(server, {}), /certificate/)
      const elsewhere = yield* makeTlsServer(false, makeCertificate("x", { issuer: authority, names: ["elsewhere", "127.9.9.9"] }))
      const trusted = { caPath: writeBeside(elsewhere, "ca.pem", authority.certificate) }
      assert.match(yield* dialFailure(elsewhere, { ...trusted, url: `tls://localhost:${elsewhere.port}` }), /altnames/)
      assert.match(yield* dialFailure(elsewhere, { ...trusted, url: `tls://127.0.0.1:${elsewhere.port}` }), /altnames/)
    }),
  )

  it.live("with a certificate of our own", () =>
    Effect.gen(function* () {
      const server = yield* makeTlsServer(true)
      const caPath = writeBeside(server, "ca.pem", authority.certificate)
      const certPath = writeBeside(server, "client.pem", client.certificate)
      const keyPath = writeBeside(server, "client.key", client.key)
      yield* deliverOne(server, { url: `tls://localhost:${server.port}`, caPath, certPath, keyPath })
      // TLS 1.3 lets the client finish first: the refusal is an alert, or the reset that overtakes it.
      assert.match(yield* dialFailure(server, { url: `tls://localhost:${server.port}`, caPath }), /certificate|TLS|closed|ECONNRESET/i)
    }),
  )

  it.live("is not given up: a broker without it is no broker for a tls:// address", () =>
    Effect.gen(function* () {
      const server = yield* makeServer()
      assert.match(yield* dialFailure(server, { url: `tls://127.0.0.1:${server.port}` }), /does not offer TLS/)
    }),
  )
})

/** An operator, an account and a user of it, as the configuration of a server and a credentials file. */
const makeAccounts = (): { readonly configuration: string; readonly credentials: string } => {
  const operator = nkeys.createOperator()
  const account = nkeys.createAccount()
  const user = nkeys.createUser()
  const encode = (value: string | Uint8Array) => Buffer.from(value).toString("base64url")
  const sign = (issuer: typeof operator, subject: typeof operator, type: string, claims: object): string => {
    const body = { jti: type, iat: 1_700_000_000, iss: issuer.getPublicKey(), name: type, sub: subject.getPublicKey() }
    const head = encode(JSON.stringify({ typ: "JWT", alg: "ed25519-nkey" }))
    const content = `${head}.${encode(JSON.stringify({ ...body, nats: { ...claims, type, version: 2 } }))}`
    return `${content}.${encode(issuer.sign(new TextEncoder().encode(content)))}`
  }
  const limits = { subs: -1, data: -1, payload: -1, conn: -1, imports: -1, exports: -1, wildcards: true, leaf: -1 }
  const operatorToken = sign(operator, operator, "operator", {})
  const accountToken = sign(operator, account, "account", { limits })
  const userToken = sign(account, user, "user", { pub: {}, sub: {}, subs: -1, data: -1, payload: -1 })
  const section = (name: string, content: string) => `-----BEGIN ${name}-----\n${content}\n------END ${name}------\n`
  return {
    configuration: `operator: "${operatorToken}"\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: "${accountToken}" }`,
    credentials: `${section("NATS USER JWT", userToken)}\n${section("USER NKEY SEED", text.decode(user.getSeed()))}`,
  }
}
