/**
 * Secrets of the program itself: whatever it authenticates with, by whichever way, is in nothing that it shows, writes, or lets `ps` see.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { makeFakeCluster, type ServedCluster } from "../../src/testing.ts"
import { type Broker, startBroker } from "./broker.ts"
import { runMeshsync, type Run } from "./meshsync.ts"
import { freePort, temporaryFolder } from "./program.ts"

/** What a login or its refusal may show in no form. */
const canary = "canary-31d9b0e7c5"
const user = "canary-user-6b2f"
const encodings: ReadonlyArray<string> = ["base64", "base64url", "hex"].map((form) => Buffer.from(canary).toString(form as BufferEncoding))

let served: ServedCluster
/** The API server's token: the kubeconfig's, or what its plugin says. */
let clusterToken: string
let byPassword: Broker
let byToken: Broker

beforeAll(async () => {
  const cluster = makeFakeCluster()
  cluster.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name: "c" }, data: { colour: "blue" } })
  served = await cluster.serve()
  clusterToken = /token: ([^\s}]+)/.exec(served.kubeconfig)?.[1] ?? ""
  byPassword = await startBroker({ configuration: `authorization { user: "${user}", password: "${canary}" }` })
  byToken = await startBroker({ configuration: `authorization { token: "${canary}" }` })
})
afterAll(async () => {
  await byToken?.[Symbol.asyncDispose]()
  await byPassword?.[Symbol.asyncDispose]()
  await served?.close()
})

type Login = (address: string, secret: string) => Readonly<Record<string, string>>

const logins: ReadonlyArray<readonly [string, () => Broker, Login]> = [
  ["a password in BROKER_URL", () => byPassword, (address, secret) => ({ BROKER_URL: `nats://${user}:${secret}@${address}` })],
  ["a token in BROKER_URL", () => byToken, (address, secret) => ({ BROKER_URL: `nats://${secret}@${address}` })],
  ["NATS_PASSWORD", () => byPassword, (address, secret) => ({ BROKER_URL: address, NATS_USER: user, NATS_PASSWORD: secret })],
  ["NATS_TOKEN", () => byToken, (address, secret) => ({ BROKER_URL: address, NATS_TOKEN: secret })],
]

/** A token in the file itself, and a plugin that says it. */
const kubeconfigs: ReadonlyArray<readonly [string, (folder: string) => string]> = [
  ["a kubeconfig's token", () => served.kubeconfig],
  [
    "an exec plugin's token",
    (folder) => {
      const plugin = path.join(folder, "plugin")
      const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token: clusterToken } }
      fs.writeFileSync(plugin, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`, { mode: 0o700 })
      const exec = `exec: {apiVersion: client.authentication.k8s.io/v1, command: ${plugin}, interactiveMode: Never}`
      return served.kubeconfig.replace(`token: ${clusterToken}`, exec)
    },
  ],
]

/** What a person who may see processes sees of these: the program and what it has started. */
const commandLines = (pid: number | undefined): string => execFileSync("ps", ["-ww", "-o", "args=", "-p", `${pid}`], { encoding: "utf8" })

const given: ReadonlySet<string> = new Set(["kubeconfig", "plugin"])

const writtenIn = (folder: string): ReadonlyArray<readonly [string, string]> =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !given.has(entry.name))
    .map((entry) => [entry.name, fs.readFileSync(path.join(entry.parentPath, entry.name), "utf8")])

const expectNothing = (places: ReadonlyArray<readonly [string, string]>): void => {
  for (const [where, text] of places) {
    for (const secret of [canary, ...encodings, clusterToken]) expect(text.includes(secret), `${secret} in ${where}:\n${text}`).toBe(false)
  }
}

const prepare = (write: (folder: string) => string, login: Readonly<Record<string, string>>) => {
  const folder = temporaryFolder()
  fs.writeFileSync(path.join(folder, "kubeconfig"), write(folder))
  const environment = { PATH: process.env["PATH"] ?? "", KUBECONFIG: path.join(folder, "kubeconfig"), DEBUG: "true", ...login }
  return { folder, environment: { ...environment, MESHSYNC_LOG_FORMAT: "json", MESHSYNC_STATE_FILE: path.join(folder, "state") } }
}

const outputOf = async (run: Run): Promise<string> => {
  const { stderr, stdout } = await run.exit
  return `${stdout}${stderr}`
}

describe.each(kubeconfigs)("with %s", (_, write) => {
  it.each(logins)("and %s: a run publishes, and shows neither", async (_name, broker, login) => {
    const { environment, folder } = prepare(write, login(broker().address, canary))
    await using run = await runMeshsync({ args: ["--outputResources", "configmaps,namespaces"], environment, folder })
    await run.awaitStatus("everything is announced", 30_000, ({ settled }) => settled)
    const places = [
      ["ps", commandLines(run.pid)],
      ["/status", await run.fetchText("/status")],
      ["/metrics", await run.fetchText("/metrics")],
    ] as const
    run.signal("SIGTERM")
    const output = await outputOf(run)
    const files = writtenIn(folder)
    expect(files.map(([name]) => name)).toContain("state")
    expect(output).toContain('"level":"debug"')
    expectNothing([...places, ["its output", output], ...files])
  })

  it.each(logins)("and %s: `config view` and `doctor` show neither", async (_name, broker, login) => {
    for (const args of [["config", "view"], ["config", "view", "--format", "json"], ["doctor"]]) {
      const { environment, folder } = prepare(write, login(broker().address, canary))
      await using run = await runMeshsync({ args, environment, folder, health: false })
      const output = await outputOf(run)
      expect(output).toContain(broker().address)
      expectNothing([[args.join(" "), output], ...writtenIn(folder)])
    }
  })
})

describe("a login that fails", () => {
  it.each(logins)("by %s says why, and not with what", async (_name, broker, login) => {
    // The broker wants another one: what is refused is the canary.
    const refusing = broker() === byToken ? byPassword : byToken
    const { environment, folder } = prepare(() => served.kubeconfig, login(refusing.address, `${canary}-wrong`))
    for (const args of [[], ["doctor"]]) {
      await using run = await runMeshsync({ args, environment, folder, health: false })
      const output = await outputOf(run)
      expect((await run.exit).status, output).toBe(1)
      expectNothing([["its output", output], ...writtenIn(folder)])
    }
  })

  it("by an address that cannot be read, or where nobody is, does not repeat it", async () => {
    const absent = `127.0.0.1:${await freePort()}`
    for (const address of [`nats://${user}:${canary}@ho st:4222`, `http://${canary}@x:1`, `nats://${user}:${canary}@${absent}`]) {
      const { environment, folder } = prepare(() => served.kubeconfig, { BROKER_URL: address })
      await using run = await runMeshsync({ args: ["doctor"], environment, folder, health: false })
      const output = await outputOf(run)
      expect((await run.exit).status, output).toBe(1)
      expectNothing([[address, output]])
    }
  })

  it("at the API server, by a token that it refuses, does not show the token", async () => {
    const refused = served.kubeconfig.replace(clusterToken, `${canary}-refused`)
    const { environment, folder } = prepare(() => refused, { BROKER_URL: byToken.address, NATS_TOKEN: canary })
    for (const args of [["doctor"], ["--output", "stdout", "--once", "--stopAfter", "3s"]]) {
      await using run = await runMeshsync({ args, environment, folder, health: false })
      const output = await outputOf(run)
      expect(output).not.toBe("")
      expectNothing([["its output", output]])
    }
  })
})
