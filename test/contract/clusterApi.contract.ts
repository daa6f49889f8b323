/**
 * The contract of the port ClusterApi: every scenario gives, on every API server, what a real kube-apiserver gave.
 * The answers of the real one are kept in `answers.json`; the integration test asks it anew, and with UPDATE_ANSWERS=1 writes them.
 */
import { expect, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import type { Environment } from "./environment.ts"
import { listScenarios } from "./listScenarios.ts"
import { watchScenarios } from "./watchScenarios.ts"

const scenarios = { ...listScenarios, ...watchScenarios }
const answersFile = new URL("./answers.json", import.meta.url)

type Answers = Readonly<Record<string, unknown>>

const readAnswers = (): Answers => (existsSync(answersFile) ? (JSON.parse(readFileSync(answersFile, "utf8")) as Answers) : {})

/** Runs the contract on one environment. */
export const describeContract = (name: string, environment: Layer.Layer<Environment>, update: boolean): void => {
  layer(environment, { excludeTestServices: true, timeout: "2 minutes" })(`ClusterApi: ${name}`, (it) => {
    for (const [title, scenario] of Object.entries(scenarios)) {
      it.effect(
        title,
        () =>
          Effect.gen(function* () {
            const told: unknown = JSON.parse(JSON.stringify(yield* scenario))
            if (update) writeFileSync(answersFile, `${JSON.stringify({ ...readAnswers(), [title]: told }, null, 2)}\n`)
            expect(told).toEqual(readAnswers()[title])
          }),
        120_000,
      )
    }
  })
}
