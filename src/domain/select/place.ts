/** Where the MeshSync custom resource is. */

/** An object's address within its type. */
export interface Place {
  readonly namespace: string
  readonly name: string
}

/** The place that Meshery's operator uses, and the Go MeshSync knows. */
export const placeDefault: Place = { namespace: "meshery", name: "meshery-meshsync" }

/** A place as `NAMESPACE/NAME`; undefined when it is none. */
export const parsePlace = (text: string): Place | undefined => {
  const [, namespace = "", name = ""] = /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(text) ?? []
  return namespace === "" ? undefined : { namespace, name }
}
