/**
 * Two suites. `unit` needs nothing but this repository. `integration` (files with `Integration` in their name) starts real servers:
 * it exists only with INTEGRATION=1, one file at a time, because each file runs a control plane of its own.
 */
import { defineConfig } from "vitest/config"

const integrationFiles = ["test/**/*Integration*.test.ts"]

const unit = {
  extends: true as const,
  // The bound is for a test that hangs: on a machine that does other work the slowest without one of its own took 24 s.
  test: { name: "unit", include: ["test/**/*.test.ts"], exclude: integrationFiles, testTimeout: 60_000 },
}

const integration = {
  extends: true as const,
  test: { name: "integration", include: integrationFiles, fileParallelism: false, testTimeout: 180_000, hookTimeout: 180_000 },
}

export default defineConfig({
  test: {
    projects: process.env["INTEGRATION"] === "1" ? [unit, integration] : [unit],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "html"],
      reportsDirectory: "coverage",
    },
  },
})
