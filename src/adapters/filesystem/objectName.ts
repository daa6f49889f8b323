/**
 * Where an object lies in a folder of objects: `NAMESPACE/PLURAL.GROUP_NAME.yaml`, and `_cluster/...` what belongs to no namespace.
 *
 * Invariants: two objects never share a name, not even where case does not count; no part of a path is `.` or `..`, begins with a dot or
 * is longer than a file system takes. Pure: looks at no disk.
 */
import { createHash } from "node:crypto"
import { join } from "node:path"
import { fileNameBytesMax } from "../../domain/limit.ts"
import { typeKey, type ResourceRef } from "../../domain/select/resource.ts"

/** Names of RBAC and of some custom resources may hold nearly anything; the sign of the escape is escaped too. */
const unsafe = /[^a-z0-9.-]|^\./gu

const escapeText = (text: string): string =>
  text.replace(unsafe, (character) => Buffer.from(character).toString("hex").toUpperCase().replaceAll(/../g, "%$&"))

/** Cuts what is too long and puts a hash of the whole in its place, behind a sign that stands nowhere else. */
const fit = (text: string, ending: string): string => {
  if (text.length + ending.length <= fileNameBytesMax) return text + ending
  const mark = `~${createHash("sha256").update(text).digest("hex").slice(0, 32)}${ending}`
  return text.slice(0, fileNameBytesMax - mark.length) + mark
}

const clusterFolder = "_cluster"

/** The folder of an object within the snapshot's. */
export const objectFolder = ({ namespace }: Pick<ResourceRef, "namespace">): string =>
  namespace === "" ? clusterFolder : fit(escapeText(namespace), "")

/** The path of an object within the snapshot's folder. */
export const objectPath = (object: ResourceRef): string =>
  join(objectFolder(object), fit(`${escapeText(typeKey(object.type))}_${escapeText(object.name)}`, ".yaml"))
