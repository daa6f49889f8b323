/** `make audit` against an audit service on loopback that answers what a case says. */
import { execFile } from "node:child_process"
import * as http from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))

interface Outcome {
  readonly status: number
  readonly text: string
}

const runAudit = (registry: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const env = { ...process.env, npm_config_registry: registry, npm_config_update_notifier: "false" }
    execFile(process.execPath, ["scripts/audit.ts"], { cwd: root, env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` })
    })
  })

const auditAgainst = async (status: number, body: string): Promise<Outcome> => {
  const server = http.createServer((request, response) => {
    request.resume()
    const isAudit = request.method === "POST" && request.url === "/-/npm/v1/security/advisories/bulk"
    response.writeHead(isAudit ? status : 404, { "content-type": "application/json" }).end(isAudit ? body : "{}")
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  try {
    return await runAudit(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.close()
  }
}

const advisory = { id: 1, url: "https://example.com/1", title: "made up", severity: "high", vulnerable_versions: "*", cwe: [] }

it("fails when the service knows a vulnerability of a package that is shipped, and names it", async () => {
  const { status, text } = await auditAgainst(200, JSON.stringify({ yaml: [advisory] }))
  expect(status).toBe(1)
  expect(text).toMatch(/^audit: yaml .*: high$/m)
  expect(text).toMatch(/with a known vulnerability$/m)
})

it("passes when the service knows none", async () => {
  const { status, text } = await auditAgainst(200, "{}")
  expect(status, text).toBe(0)
  expect(text).toMatch(/^audit: [1-9]\d+ packages in the lockfile, 0 with a known vulnerability$/m)
})

it("says so and passes when the service refuses, or is not there", async () => {
  const refused = await auditAgainst(405, "")
  expect(refused.status, refused.text).toBe(0)
  expect(refused.text).toContain("NOT DONE, the audit service could not be asked (status 405)")
  const absent = await runAudit("http://127.0.0.1:9/")
  expect(absent.status, absent.text).toBe(0)
  expect(absent.text).toContain("NOT DONE, the audit service could not be asked (no connection)")
})
