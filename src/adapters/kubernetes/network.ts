/**
 * Says in one line why a connection or an answer failed. The line names the cause and, where a person can act, the remedy; it never
 * holds headers, tokens or bodies. Knows Node's and OpenSSL's codes; does not know what was asked.
 */
import * as Data from "effect/Data"

/** A request that got no whole answer. `reused`: it went out on a kept connection, so that the server may have closed it before. */
export class NetworkError extends Data.TaggedError("NetworkError")<{
  readonly text: string
  readonly tooLarge: boolean
  readonly reused: boolean
}> {
  override get message() {
    return this.text
  }
}

const unknownAuthority =
  "the server's certificate is signed by an authority that is not trusted (set certificate-authority of the cluster in the kubeconfig)"

const causeByCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "the connection was cut",
  ECONNABORTED: "the connection was cut",
  EPIPE: "the connection was cut",
  ETIMEDOUT: "no answer to the attempt to connect",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the network",
  ENETDOWN: "the network is down",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name cannot be resolved for now",
  EMFILE: "too many open files (raise the limit of open files)",
  EPROTO: "TLS is not spoken there, or not in a common version (check the scheme of the server's address)",
  ERR_SSL_WRONG_VERSION_NUMBER: "TLS is not spoken there (check the scheme of the server's address)",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "TLS is not spoken there (check the scheme of the server's address)",
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  CERT_SIGNATURE_FAILURE: unknownAuthority,
  CERT_HAS_EXPIRED: "the server's certificate has expired (renew it)",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet (compare the clocks)",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for other names (set tls-server-name of the cluster in the kubeconfig)",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the server wants a client certificate (set client-certificate of the user in the kubeconfig)",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the server does not accept the client certificate (renew it)",
  ERR_SSL_SSL_TLSV1_ALERT_UNKNOWN_CA: "the server does not accept the client certificate (renew it)",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the server does not accept the client certificate (renew it)",
  ERR_SSL_SSL_ALERT_BAD_CERTIFICATE: "the server does not accept the client certificate (renew it)",
  ERR_PROXY_TUNNEL: "the proxy refuses the connection (check proxy-url of the cluster, or HTTPS_PROXY)",
}

const textMax = 200

/** The first line of a text, cut to 200 characters. */
export const firstLine = (text: string): string => {
  const line = text.trim().split(/[\r\n]/, 1)[0] ?? ""
  return line.length > textMax ? `${line.slice(0, textMax)}…` : line
}

const codeOf = (cause: unknown): string => {
  if (typeof cause !== "object" || cause === null) return ""
  if ("code" in cause && typeof cause.code === "string") return cause.code
  // Several addresses of one name were tried: the first one's fate stands for all.
  if ("errors" in cause && Array.isArray(cause.errors)) return codeOf(cause.errors[0])
  return ""
}

/** Why the network failed, as one line without an address. */
export const explainCause = (cause: unknown): string => {
  const code = codeOf(cause)
  const known = causeByCode[code]
  if (known !== undefined) return known
  if (code.startsWith("HPE_")) return "the answer is not HTTP (check the server's address)"
  const text = firstLine(cause instanceof Error ? cause.message : String(cause))
  return text === "" ? code || "unknown cause" : text
}
