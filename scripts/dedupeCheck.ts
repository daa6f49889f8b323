/** Fails when `npm dedupe` would change the tree, and says what. Changes nothing itself. */
import { execFileSync } from "node:child_process"

interface Plan {
  readonly add: ReadonlyArray<unknown>
  readonly change: ReadonlyArray<unknown>
  readonly remove: ReadonlyArray<unknown>
}

const plan = JSON.parse(execFileSync("npm", ["dedupe", "--dry-run", "--json", "--ignore-scripts"], { encoding: "utf8" })) as Plan
const changes = [...plan.add, ...plan.change, ...plan.remove]
if (changes.length > 0) {
  console.error("Dependencies are not deduplicated: run npm dedupe, then npm ci. It would change:")
  console.error(JSON.stringify(changes, null, 2))
  process.exitCode = 1
} else {
  console.log("dependencies: deduplicated")
}
