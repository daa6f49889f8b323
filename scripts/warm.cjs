/**
 * Evaluates every chunk of the bundle once, as `meshsync --help` would, and writes the code cache that V8 has after that:
 * functions that have run are in it, so the executable starts without compiling them. `node scripts/warm.cjs CHUNKS`
 */
"use strict"
const fs = require("node:fs")
const path = require("node:path")
const vm = require("node:vm")

const chunks = path.resolve(process.argv[2])
const names = fs.readdirSync(chunks).filter((name) => name.endsWith(".js"))
const scripts = new Map()
const loaded = new Map()

const load = (name) => {
  const known = loaded.get(name)
  if (known !== undefined) return known.exports
  const module = { exports: {} }
  loaded.set(name, module)
  const script = new vm.Script(fs.readFileSync(path.join(chunks, name), "utf8"), { filename: name })
  scripts.set(name, script)
  const requireChunk = (id) => (id.startsWith("./") ? load(id.slice(2)) : require(id))
  script.runInThisContext()(module.exports, requireChunk, module, process.execPath)
  return module.exports
}

// The help command ends the process; what it did not load is loaded then.
process.on("exit", (code) => {
  for (const name of names) load(name)
  for (const [name, script] of scripts) fs.writeFileSync(path.join(chunks, `${name}.cache`), script.createCachedData())
  process.exitCode = code
})
process.argv = [process.argv[0], "main.js", "--help"]
process.stdout.write = () => true
load("main.js")
