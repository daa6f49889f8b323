/**
 * Builds bin/meshsync: one executable that needs neither Node nor node_modules nor a writable disk.
 *
 *   src/app/main.ts --rolldown--> CommonJS chunks, one per import() --warm.cjs--> a V8 code cache for each
 *   chunks + caches as assets, scripts/boot.cjs as main, a stripped copy of this Node --node --build-sea--> bin/meshsync
 *
 * Bundle, caches and executable must be of one Node version, so it runs with the Node of node_modules and copies that.
 * `node scripts/build.ts [ENTRY]`; the version is GIT_VERSION, else `git describe`, else "Not Set".
 */
import { execFileSync, spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { rolldown } from "rolldown"

const entry = process.argv[2] ?? "src/app/main.ts"
const chunks = "build/chunks"
const executable = "bin/meshsync"
const fresh = "bin/meshsync.new"
const warmUpMs = 30_000

/** What the built program says of itself. `process.env.MESHSYNC_BUILD_VERSION` in the sources becomes this text. */
const version = (): string => {
  const given = process.env["GIT_VERSION"]
  if (given) return given
  const described = spawnSync("git", ["describe", "--tags", "--always"], { encoding: "utf8" })
  return described.stdout?.trim() || "Not Set"
}

const bundle = async () => {
  rmSync(chunks, { recursive: true, force: true })
  const result = await rolldown({
    input: { main: entry },
    platform: "node",
    external: ["bufferutil", "utf-8-validate"],
    transform: { define: { "process.env.MESHSYNC_BUILD_VERSION": JSON.stringify(version()) } },
    onLog: (level, log) => {
      if (level === "warn" && log.code !== "EVAL") console.warn(log.message)
    },
  })
  await result.write({
    dir: chunks,
    format: "cjs",
    // A require instead: the script of a vm has no import() of its own.
    dynamicImportInCjs: false,
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name].js",
    // The minifier drops what a plain banner would add.
    postBanner: "(function (exports, require, module, __filename) {",
    postFooter: "\n})",
  })
  await result.close()
}

/** In a process of its own, because evaluating the program may exit, print and listen. */
const warm = () => {
  const run = spawnSync(process.execPath, ["scripts/warm.cjs", chunks], { encoding: "utf8", timeout: warmUpMs })
  if (run.status !== 0) throw new Error(`The bundle did not survive its warm-up (${run.signal ?? run.status}):\n${run.stderr}`)
}

/** Symbols are a fifth of Node. A signed macOS binary must not be touched, and without `strip` the executable is just larger. */
const copyNode = (): string => {
  const copy = "build/node"
  rmSync(copy, { force: true })
  copyFileSync(process.execPath, copy)
  if (process.platform === "linux") spawnSync("strip", [copy])
  return copy
}

const assemble = () => {
  mkdirSync("bin", { recursive: true })
  const config = {
    main: "scripts/boot.cjs",
    output: fresh,
    executable: copyNode(),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    execArgvExtension: "none",
    // Megabytes. An allocating loop took 0.33 s with 8 and 0.32 s with V8's own choice, but 148 MB instead of 254; with 4 it took 0.59 s.
    execArgv: ["--max-semi-space-size=8"],
    assets: Object.fromEntries(readdirSync(chunks).map((name) => [name, `${chunks}/${name}`])),
  }
  writeFileSync("build/sea.json", JSON.stringify(config))
  execFileSync(process.execPath, ["--build-sea", "build/sea.json"], { stdio: ["ignore", "ignore", "inherit"] })
  if (process.platform === "darwin") execFileSync("codesign", ["--sign", "-", "--force", fresh])
}

/** The built program must start, and must use its code caches: V8 rejects them silently. Only then it takes the place of the old one. */
const check = () => {
  const run = spawnSync(fresh, ["--help"], { encoding: "utf8", env: { MESHSYNC_BUILD_CHECK: "1" }, timeout: warmUpMs })
  if (run.status !== 0) throw new Error(`${fresh} --help exits ${run.signal ?? run.status}:\n${run.stderr}`)
  renameSync(fresh, executable)
}

if (!existsSync(entry)) {
  console.error(`build: there is no ${entry}`)
  process.exit(1)
}
const start = performance.now()
await bundle()
warm()
assemble()
check()
const seconds = ((performance.now() - start) / 1000).toFixed(1)
console.log(`${executable}: ${version()}, ${Math.round(statSync(executable).size / 1e6)} MB, built in ${seconds} s`)
