/**
 * Who we are to the broker, and whom we trust: user info of the address, else the words of the nats CLI's environment, and TLS material.
 * Files are read anew at every dial, so that rotated credentials are taken up by the next connection. No text of this file holds a secret.
 */
import * as Effect from "effect/Effect"
import { readFile } from "node:fs/promises"
import { isIP } from "node:net"
import { type ConnectionOptions, credsAuthenticator, nkeyAuthenticator, type TlsOptions } from "nats"
import { meshError, type MeshError } from "../../domain/error.ts"
import type { BrokerServer } from "./address.ts"

/** Each from its variable of the environment; undefined where that is empty. */
export interface Credentials {
  /** NATS_USER, NATS_PASSWORD */
  readonly user: string | undefined
  readonly password: string | undefined
  /** NATS_TOKEN, which the operator sets too */
  readonly token: string | undefined
  /** NATS_CREDS, NATS_NKEY: files */
  readonly credsPath: string | undefined
  readonly nkeyPath: string | undefined
  /** NATS_CERT, NATS_KEY, NATS_CA: files */
  readonly certPath: string | undefined
  readonly keyPath: string | undefined
  readonly caPath: string | undefined
}

/** What `tls.connect` takes beside the package's own words; the package passes it through. */
type Tls = TlsOptions & { readonly servername?: string; readonly host: string }

const readSecret = (word: string, path: string): Effect.Effect<Buffer, MeshError> =>
  Effect.tryPromise({
    try: () => readFile(path),
    catch: (cause) => meshError("ErrBrokerCredentials", `${word}: ${cause instanceof Error ? cause.message : String(cause)}`),
  })

/** An authenticator that has signed once without complaint: the package would find a malformed file only in the middle of a login. */
const tryAuthenticator = (word: string, path: string, make: (bytes: Uint8Array) => ReturnType<typeof credsAuthenticator>) =>
  Effect.flatMap(readSecret(word, path), (bytes) =>
    Effect.try({
      try: () => {
        const authenticator = make(bytes)
        authenticator("trial")
        return authenticator
      },
      catch: () => meshError("ErrBrokerCredentials", `${word}: ${path} holds no usable key`),
    }),
  )

const loginOptions = (server: BrokerServer, words: Credentials): Effect.Effect<ConnectionOptions, MeshError> => {
  if (server.login?._tag === "Token") return Effect.succeed({ token: server.login.token })
  if (server.login?._tag === "User") return Effect.succeed({ user: server.login.user, pass: server.login.password })
  if (words.credsPath !== undefined) {
    return Effect.map(tryAuthenticator("NATS_CREDS", words.credsPath, credsAuthenticator), (authenticator) => ({ authenticator }))
  }
  if (words.nkeyPath !== undefined) {
    const make = (bytes: Uint8Array) => nkeyAuthenticator(new TextEncoder().encode(new TextDecoder().decode(bytes).trim()))
    return Effect.map(tryAuthenticator("NATS_NKEY", words.nkeyPath, make), (authenticator) => ({ authenticator }))
  }
  if (words.user !== undefined) return Effect.succeed({ user: words.user, pass: words.password ?? "" })
  return Effect.succeed(words.token === undefined ? {} : { token: words.token })
}

/** Names the server for the certificate's check: a name is sent along, an address is only compared. */
const tlsFor = (server: BrokerServer): Tls =>
  isIP(server.host) === 0 ? { host: server.host, servername: server.host } : { host: server.host }

const tlsOptions = (server: BrokerServer, words: Credentials, wanted: boolean): Effect.Effect<ConnectionOptions, MeshError> =>
  Effect.gen(function* () {
    const { caPath, certPath, keyPath } = words
    if (!wanted && !server.tls && caPath === undefined && certPath === undefined && keyPath === undefined) return {}
    const tls: { -readonly [Key in keyof Tls]: Tls[Key] } = tlsFor(server)
    if (caPath !== undefined) tls.ca = (yield* readSecret("NATS_CA", caPath)).toString("utf8")
    if (certPath !== undefined) tls.cert = (yield* readSecret("NATS_CERT", certPath)).toString("utf8")
    if (keyPath !== undefined) tls.key = (yield* readSecret("NATS_KEY", keyPath)).toString("utf8")
    return { tls }
  })

/**
 * The `nats` package's options for logging in to a server.
 * @param tlsWanted the server has asked for TLS although the address does not
 * @returns ErrBrokerCredentials when a file is missing, unreadable or malformed
 */
export const authOptions = (server: BrokerServer, words: Credentials, tlsWanted: boolean): Effect.Effect<ConnectionOptions, MeshError> =>
  Effect.zipWith(loginOptions(server, words), tlsOptions(server, words, tlsWanted), (login, tls) => ({ ...login, ...tls }))
