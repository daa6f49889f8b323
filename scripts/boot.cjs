/**
 * The main script of the executable: a module loader over the chunks that travel in it as assets, each with its V8 code cache.
 * Knows nothing of what the chunks do. scripts/build.ts wraps every chunk in a function of (exports, require, module, __filename).
 */
"use strict"
const sea = require("node:sea")
const vm = require("node:vm")

const loaded = new Map()
const load = (name) => {
  const known = loaded.get(name)
  if (known !== undefined) return known.exports
  const module = { exports: {} }
  loaded.set(name, module)
  const script = new vm.Script(sea.getAsset(name, "utf8"), {
    filename: name,
    cachedData: new Uint8Array(sea.getRawAsset(`${name}.cache`)),
  })
  // The build checks itself with this: a rejected cache only costs time, so nothing else would tell.
  if (script.cachedDataRejected && process.env.MESHSYNC_BUILD_CHECK) throw new Error(`code cache of ${name} rejected`)
  const requireChunk = (id) => (id.startsWith("./") ? load(id.slice(2)) : require(id))
  script.runInThisContext()(module.exports, requireChunk, module, process.execPath)
  return module.exports
}
load("main.js")
