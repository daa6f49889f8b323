/**
 * Asks npm's audit service about what the lockfile says is shipped, and fails when one of these packages has a known vulnerability.
 *
 * Reads package-lock.json alone, so it needs no installation and says the same on every machine. A service that does not answer is no
 * verdict: that is said plainly, and is no failure, so that a build without a way to it can still pass.
 */
import { spawnSync } from "node:child_process"

/** 20 s for the one request, no retry; a minute for npm as a whole. */
const requestMsMax = 20_000
const auditMsMax = 60_000

interface Vulnerability {
  readonly name: string
  readonly severity: string
  readonly range: string
}

/** What `npm audit --json` prints: a verdict, the service's failure (`message`), or npm's own (`error` alone). */
interface Answer {
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>
  readonly metadata?: { readonly dependencies: { readonly prod: number } }
  readonly message?: string
  readonly statusCode?: number
}

const options = ["--package-lock-only", "--omit=dev", "--json", "--fetch-retries=0", `--fetch-timeout=${requestMsMax}`]
const audit = spawnSync("npm", ["audit", ...options], { encoding: "utf8", timeout: auditMsMax, maxBuffer: 64 * 1024 * 1024 })

const sayUnanswered = (reason: string): void => {
  console.log(`audit: NOT DONE, the audit service could not be asked (${reason}): known vulnerabilities of dependencies stay unknown`)
}

const judge = ({ message, metadata, statusCode, vulnerabilities }: Answer): void => {
  if (vulnerabilities === undefined || metadata === undefined) {
    if (message === undefined) throw new Error(`npm audit failed:\n${audit.stderr}`)
    sayUnanswered(statusCode === undefined ? "no connection" : `status ${statusCode}`)
    return
  }
  const found = Object.values(vulnerabilities)
  for (const { name, range, severity } of found) console.error(`audit: ${name} ${range}: ${severity}`)
  if (found.length > 0) process.exitCode = 1
  console.log(`audit: ${metadata.dependencies.prod} packages in the lockfile, ${found.length} with a known vulnerability`)
}

if (audit.error !== undefined && "code" in audit.error && audit.error.code === "ETIMEDOUT")
  sayUnanswered(`no answer in ${auditMsMax / 1000} s`)
else if (audit.error !== undefined) throw audit.error
else judge(JSON.parse(audit.stdout) as Answer)
