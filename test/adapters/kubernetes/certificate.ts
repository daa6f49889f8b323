/**
 * X.509 certificates for tests, made on the spot: just enough DER for an authority, a server and a client. ECDSA on P-256.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"
import { isIPv4 } from "node:net"

export interface Certificate {
  readonly subject: string
  readonly certificate: string
  readonly key: string
  readonly privateKey: KeyObject
}

const der = (tag: number, ...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const content = Buffer.concat(parts)
  const size = content.length
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

const sequence = (...parts: ReadonlyArray<Uint8Array>) => der(0x30, ...parts)

const objectId = (text: string): Buffer => {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number)
  const bytes = rest.flatMap((arc) => {
    const digits = [arc & 127]
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 127) | 128)
    return digits
  })
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]))
}

const nameOf = (commonName: string) => sequence(der(0x31, sequence(objectId("2.5.4.3"), der(0x0c, Buffer.from(commonName)))))

const time = (date: Date) => der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`))

const extension = (id: string, value: Uint8Array) => sequence(objectId(id), der(0x04, value))

const alternativeName = (name: string) =>
  isIPv4(name) ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name))

const toPem = (label: string, bytes: Buffer) =>
  `-----BEGIN ${label}-----\n${bytes.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`

/**
 * @param issuer who signs; undefined: self-signed
 * @param names DNS names and IPv4 addresses; empty with `authority`
 * @param days validity from yesterday on; negative: expired
 */
export const makeCertificate = (
  subject: string,
  {
    authority = false,
    days = 2,
    issuer,
    names = [],
  }: { authority?: boolean; days?: number; issuer?: Certificate; names?: ReadonlyArray<string> },
): Certificate => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const algorithm = sequence(objectId("1.2.840.10045.4.3.2"))
  const dayMs = 86_400_000
  const extensions = [
    ...(authority ? [extension("2.5.29.19", sequence(der(0x01, Buffer.from([0xff]))))] : []),
    ...(names.length > 0 ? [extension("2.5.29.17", sequence(...names.map(alternativeName)))] : []),
  ]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    nameOf(issuer?.subject ?? subject),
    sequence(time(new Date(Date.now() - 10 * dayMs)), time(new Date(Date.now() + days * dayMs))),
    nameOf(subject),
    publicKey.export({ format: "der", type: "spki" }),
    ...(extensions.length > 0 ? [der(0xa3, sequence(...extensions))] : []),
  )
  const signature = sign("sha256", body, issuer?.privateKey ?? privateKey)
  const certificate = toPem("CERTIFICATE", sequence(body, algorithm, der(0x03, Buffer.from([0]), signature)))
  return { subject, certificate, key: privateKey.export({ format: "pem", type: "pkcs8" }).toString(), privateKey }
}
