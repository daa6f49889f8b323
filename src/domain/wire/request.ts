/**
 * Requests as they come over the broker, decoded from hostile bytes. Contract of the Go MeshSync: member names in any case, unknown members ignored.
 */

export type Request =
  /** Announce everything again; `origin` says who asked. */
  | { readonly _tag: "Resync"; readonly origin: "request" | "reconnect" | "subscriber" }
  | { readonly _tag: "Meta" }
  /** A verb that this program does not know, or bytes that are no request; counted and named in the log. */
  | { readonly _tag: "Unknown"; readonly entity: string }
  | { readonly _tag: "Invalid"; readonly reason: string }
