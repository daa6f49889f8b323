/**
 * The built program as people call it, rightly and wrongly: exit statuses, one clear message each, help where nothing else works.
 */
import * as Effect from "effect/Effect"
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { describe, expect, it } from "vitest"
import { makeDemoCluster } from "../../src/adapters/memory/demoCluster.ts"
import { serveCluster } from "../../src/adapters/memory/server.ts"
import { binary, type Exit, runMeshsync } from "./meshsync.ts"
import { freePort, temporaryFolder } from "./program.ts"

const kubeconfigFor = (cluster: string): string => `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: ${cluster}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
`

/** A folder with kubeconfigs of every sort, none of which leads anywhere. */
const makeFolder = (): string => {
  const folder = temporaryFolder()
  const files = {
    "sound.yaml": kubeconfigFor('{server: "https://127.0.0.1:1", insecure-skip-tls-verify: true}'),
    "broken.yaml": "clusters: [",
    "no-ca.yaml": kubeconfigFor('{server: "https://127.0.0.1:1", certificate-authority: /nonexistent/ca.crt}'),
    "no-context.yaml": kubeconfigFor('{server: "https://127.0.0.1:1"}').replace("current-context: c", "current-context: other"),
  }
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), text)
  return folder
}

const call = async (args: ReadonlyArray<string>, environment: Readonly<Record<string, string>> = {}): Promise<Exit> => {
  await using run = await runMeshsync({ args, environment, folder: makeFolder(), health: false })
  return await run.exit
}

/** Lines of the log at error level. */
const errorsOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => /level=(error|fatal)/.test(line))

describe("a command line that is wrong: exit status 2, the fault in the first line, then the usage", () => {
  const faults: ReadonlyArray<readonly [string, ReadonlyArray<string>, string]> = [
    ["unknown flag", ["--nope"], "flag provided but not defined: -nope"],
    ["unknown flag, one dash", ["-nope"], "flag provided but not defined: -nope"],
    ["missing value", ["-stopAfter"], "flag needs an argument: -stopAfter"],
    ["bad duration", ["--stopAfter", "8"], 'invalid value "8" for flag -stopAfter: parse error'],
    ["unknown command", ["wach"], 'unknown command "wach": did you mean watch?'],
    ["unknown flag of a command", ["watch", "--nope"], "flag provided but not defined: -nope"],
  ]
  it.each(faults)("%s", async (_, args, message) => {
    const { status, stderr, stdout } = await call(args)
    expect({ status, stdout, first: stderr.split("\n")[0] }).toEqual({ status: 2, stdout: "", first: message })
    expect(stderr).toMatch(/^Usage/m)
  })

  it("a variable of the environment that cannot be meant", async () => {
    const { status, stderr, stdout } = await call([], { MESHSYNC_STOP_AFTER: "8" })
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toBe('invalid value "8" for MESHSYNC_STOP_AFTER: a duration is needed, such as 8s or 1m30s\n')
  })
})

it("an unknown --oversize: exit status 2, and the policies that there are", async () => {
  const { status, stderr } = await call(["--health-port", "0", "--oversize", "split"])
  const errors = errorsOf(stderr)
  expect([status, errors.length]).toEqual([2, 1])
  expect(errors[0]).toContain('oversize \\"split\\" is none of drop, chunks')
})

describe("a run that cannot begin: exit status 1, and one error with its code that names the culprit", () => {
  const quiet = ["--health-port", "0"]
  const file = [...quiet, "--output", "file", "--once"]
  const unwritable = path.join("/nonexistent-folder", "snapshot.yaml")
  const faults: ReadonlyArray<readonly [string, ReadonlyArray<string>, Readonly<Record<string, string>>, string, string]> = [
    ["wrong --output", [...quiet, "--output", "kafka"], {}, "1028", "kafka"],
    ["empty --output", [...quiet, "--output="], {}, "1028", "broker"],
    ["empty BROKER_URL", quiet, { BROKER_URL: "", KUBECONFIG: "sound.yaml" }, "1025", "BROKER_URL is empty"],
    ["BROKER_URL without host", quiet, { BROKER_URL: "nats://", KUBECONFIG: "sound.yaml" }, "1025", "the host is missing"],
    ["broken kubeconfig", [...file, "--kubeconfig", "broken.yaml"], {}, "1007", "broken.yaml"],
    ["absent kubeconfig", [...file, "--kubeconfig", "absent.yaml"], {}, "1007", "absent.yaml"],
    ["no kubeconfig at all", file, {}, "1007", ".kube/config"],
    ["unknown current context", [...file, "--kubeconfig", "no-context.yaml"], {}, "1007", "other"],
    ["unreadable CA", [...file, "--kubeconfig", "no-ca.yaml"], {}, "1007", "/nonexistent/ca.crt"],
    ["unwritable output", [...file, "--kubeconfig", "sound.yaml", "--outputFile", unwritable], {}, "1029", "/nonexistent-folder"],
  ]
  it.each(faults)("%s", async (_, args, environment, code, culprit) => {
    const { durationMs, status, stderr, stdout } = await call(args, environment)
    expect(status, stderr).toBe(1)
    const errors = errorsOf(stderr)
    expect(errors, stderr).toHaveLength(1)
    expect(errors[0]).toContain(` code=${code} `)
    expect(errors[0]).toContain(culprit)
    expect(errors[0]).toContain("Suggested Remediation: ")
    expect(stderr.trimEnd().split("\n")).toHaveLength(1)
    expect(errorsOf(stdout)).toEqual([])
    expect(durationMs).toBeLessThan(10_000)
  })

  it("never shows the broker's credentials", async () => {
    const { status, stderr, stdout } = await call(quiet, { BROKER_URL: "nats://hunter2@ho st:4222", KUBECONFIG: "sound.yaml" })
    expect(status).toBe(1)
    expect(errorsOf(stderr)).toHaveLength(1)
    expect(`${stdout}${stderr}`).not.toContain("hunter2")
  })
})

describe("a resource that nobody knows", () => {
  const shoot = Effect.scoped(
    Effect.gen(function* () {
      const served = yield* serveCluster({ cluster: makeDemoCluster({ seed: 3, nowMs: 1_770_000_000_000 }) })
      const folder = temporaryFolder()
      fs.writeFileSync(path.join(folder, "kubeconfig"), served.kubeconfig())
      const args = [
        "--health-port",
        "0",
        "--output",
        "stdout",
        "--once",
        "--outputResources",
        "podz,services",
        "--kubeconfig",
        "kubeconfig",
      ]
      return yield* Effect.promise(async () => {
        await using run = await runMeshsync({ args, folder, health: false })
        return await run.exit
      })
    }),
  )

  it("gets one warning with the nearest name; the others are read", async () => {
    const { status, stderr, stdout } = await Effect.runPromise(shoot)
    expect(status, stderr).toBe(0)
    const warnings = stderr.split("\n").filter((line) => line.includes("level=warning"))
    expect(warnings, stderr).toHaveLength(1)
    expect(warnings[0]).toContain("podz")
    expect(warnings[0]).toMatch(/\bpods\b/)
    const lines = stdout.trimEnd().split("\n")
    const kinds = lines.map((line) => (JSON.parse(line) as { readonly Object: { readonly kind: string } }).Object.kind)
    expect(new Set(kinds)).toEqual(new Set(["Service"]))
  })
})

describe("help", () => {
  /** Runs a shell line in a file system that is read-only, or where that cannot be had, as it is. */
  const inReadOnlyRoot = (line: string) => {
    const namespaces = process.getuid?.() === 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]
    const script = 'mount -o remount,bind,ro / && ! touch "$1/probe" 2>/dev/null && cd / && shift && exec env -i "$@"'
    const inside = (...words: ReadonlyArray<string>) =>
      spawnSync("unshare", [...namespaces, "sh", "-c", script, "sh", path.dirname(binary), ...words], { encoding: "utf8" })
    const isPossible = inside("/bin/sh", "-c", "exit 0").status === 0
    console.log(`--help on a ${isPossible ? "read-only" : "writable"} file system`)
    return isPossible ? inside(binary, line) : spawnSync(binary, [line], { encoding: "utf8", cwd: "/", env: {} })
  }

  it.each(["-h", "-help", "--help"])("%s from / in an empty environment on a read-only file system: exit status 0, on stderr", (flag) => {
    const { status, stderr, stdout } = inReadOnlyRoot(flag)
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" })
    expect(stderr).toMatch(/^Usage of /)
    for (const name of ["broker-url", "output", "outputFile", "outputNamespaces", "outputResources", "stopAfter"]) {
      expect(stderr).toMatch(new RegExp(`^  --${name}\\b`, "m"))
    }
  })

  it("answers at once", () => {
    const times = Array.from({ length: 5 }, () => {
      const startedMs = performance.now()
      expect(spawnSync(binary, ["--help"], { cwd: "/", env: { HOME: "/nonexistent" } }).status).toBe(0)
      return performance.now() - startedMs
    }).toSorted((a, b) => a - b)
    console.log(`--help took ${times.map((time) => time.toFixed(0)).join(", ")} ms (300 ms are wanted of an idle machine)`)
    expect(times[2]).toBeLessThan(1_000)
  })
})

describe("SIGTERM and SIGINT while the broker cannot be reached", () => {
  it.each(["SIGTERM", "SIGINT"] as const)("%s: exit status 0; /healthz answered, /readyz did not", async (signal) => {
    const environment = { BROKER_URL: `127.0.0.1:${await freePort()}`, KUBECONFIG: "sound.yaml" }
    await using run = await runMeshsync({ args: [], environment, folder: makeFolder() })
    await run.awaitStatus("it tries", 20_000, ({ sink }) => sink.state === "connecting" && run.stdout().includes("level=warning"))
    expect(await run.fetchText("/healthz")).toBe("ok")
    await expect(run.fetchText("/readyz")).rejects.toThrow("answers 503: not ready")
    run.signal(signal)
    const exit = await run.exit
    expect(exit, exit.stderr).toMatchObject({ status: 0, signal: null, stderr: "" })
  })
})
