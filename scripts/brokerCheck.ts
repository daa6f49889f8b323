/**
 * Says before `make run` whether a broker listens at the first address of BROKER_URL, and if not, how to start one.
 * It only advises and never fails: MeshSync itself waits for its broker and reports what it meets.
 */
import * as net from "node:net"

const connectWaitMs = 2_000
const url = process.env["BROKER_URL"] ?? ""
const first = url.split(",")[0] ?? ""
const address = URL.parse(first.includes("://") ? first : `nats://${first}`)

const absent = (reason: string) =>
  console.error(`run: no broker at ${address?.host ?? "BROKER_URL"} yet (${reason}). Start one with: make nats-run`)

if (address === null || address.hostname === "") {
  absent("the address is malformed")
} else {
  const host = address.hostname.replace(/^\[|\]$/g, "")
  const socket = net.connect({ host, port: Number(address.port || 4222), timeout: connectWaitMs })
  socket.once("connect", () => socket.destroy())
  socket.once("timeout", () => socket.destroy(new Error("no answer")))
  socket.once("error", (error) => absent(error.message || "connection refused"))
}
