import { spawnSync } from "node:child_process"
import * as path from "node:path"
import { describe, expect, it } from "vitest"

const main = path.resolve(import.meta.dirname, "../../src/app/main.ts")

/** The program as a process of its own, in an environment that holds nothing else. */
const run = (words: ReadonlyArray<string>, env: Record<string, string> = {}) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, ...words], { encoding: "utf8", env, cwd: "/" })
  return { status, stdout, stderr, said: stderr.split("\n")[0] ?? "" }
}

describe("the process", () => {
  it("shows help on stderr with status 0, as the liveness probe of some deployments wants it", () => {
    const { said, status, stdout } = run(["-h"])
    expect({ said, status, stdout }).toEqual({ said: "Usage of meshsync:", status: 0, stdout: "" })
  })

  it("shows a command's help and the version on stdout", () => {
    expect(run(["watch", "--help"]).stdout.split("\n")[0]).toBe("Usage: meshsync watch [KIND ...] [flags]")
    expect(run(["--version"])).toMatchObject({ status: 0, stdout: "Not Set\n", stderr: "" })
  })

  it.each([
    [["--nope"], {}, "flag provided but not defined: -nope"],
    [["dmeo"], {}, 'unknown command "dmeo": did you mean demo?'],
    [["--stopAfter", "8"], {}, 'invalid value "8" for flag -stopAfter: parse error'],
    [["--min-interval", "leases=soon"], {}, 'invalid value "leases=soon" for flag -min-interval: leases: time: invalid duration "soon"'],
    [[], { MESHSYNC_STOP_AFTER: "8" }, 'invalid value "8" for MESHSYNC_STOP_AFTER: a duration is needed, such as 8s or 1m30s'],
  ])("ends with status 2 for %j in %j", (words, env, message) => {
    const { said, status, stdout } = run(words, env)
    expect({ said, status, stdout }).toEqual({ said: message, status: 2, stdout: "" })
  })

  it.each([
    [["--output", "nope"], {}, "1028"],
    [["--output=", "--health-port=0"], {}, "1028"],
    [["--health-port=0", "--kubeconfig=/nonexistent"], {}, "1025"],
    [["--health-port=0", "--output=stdout", "--kubeconfig=/nonexistent"], {}, "1007"],
    [["--health-port=0", "--output=stdout"], { KUBECONFIG: "/nonexistent" }, "1007"],
    [["status", "--address=http://127.0.0.1:1"], {}, "1039"],
  ])("ends with status 1 and one line of the log for %j in %j", (words, env, code) => {
    const { said, status, stderr, stdout } = run(words, env)
    expect({ status, stdout, lines: stderr.split("\n").length }).toEqual({ status: 1, stdout: "", lines: 2 })
    expect(said).toMatch(new RegExp(`^time="[^"]+" level=error msg=".*" app=meshsync code=${code} probable-cause=".+" severity=\\d short-`))
  })

  it.each([[["--log-format=xml"]], [["version", "-o", "xml"]], [["completion", "tcsh"]], [["diff"]]])(
    "ends with status 2 for %j, a wrong command line that the command itself notices",
    (words) => {
      const { said, status, stdout } = run(words)
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(said).toContain(" code=1033 ")
    },
  )

  it.each(["version", "watch --help", "completion bash"])("%s ends with status 0 when nobody reads the answer", (words) => {
    const script = `exec 3>&1; { sleep 0.05; "$0" "$1" ${words}; echo "status $?" >&3; } | exec true`
    const { stderr, stdout } = spawnSync("sh", ["-c", script, process.execPath, main], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] },
    })
    expect({ stdout, stderr }).toEqual({ stdout: "status 0\n", stderr: "" })
  })

  it("says why no running meshsync answers", () => {
    expect(run(["status", "--address=http://127.0.0.1:2"]).said).toContain("ECONNREFUSED")
  })

  it("writes the last error in the form that was asked for", () => {
    const { said } = run(["--output", "nope", "--log-format", "json"])
    expect(JSON.parse(said)).toMatchObject({ level: "error", code: "1028", app: "meshsync" })
  })
})
